"""A tuning goes on from a text tower that was tuned before, and says so."""

from __future__ import annotations

import pytest
import torch

from finetune.starting import lineage_before, load_towers
from finetune.tuning_recipe import TuningRecipe
from medneg.encoders.text_towers import find_text_tower, read_text_tower
from medneg.errors import UnknownName


def recipe(start: str | None) -> TuningRecipe:
    return TuningRecipe(method="label-aware", base="phantom", start=start)


def test_a_tuning_starts_at_the_bases_own_tower_or_at_the_one_named():
    ids = None
    for start, same in ((None, True), ("phantom-neg", False)):
        base, tuned = load_towers(recipe(start))
        ids = base.towers.tokenize(["no pleural effusion"])
        kept, changed = (encoder.towers.encode_tokens(ids) for encoder in (base, tuned))
        assert torch.equal(kept, changed) == same
    with pytest.raises(UnknownName, match="text encoder 'nowhere'"):
        load_towers(recipe("nowhere"))


def test_the_lineage_goes_on_from_the_towers_own():
    base, _ = load_towers(recipe(None))
    assert lineage_before(base.card, recipe(None)) == (
        f"base phantom, text tower {base.card.text_fingerprint}",
    )
    before = read_text_tower(find_text_tower("phantom-neg")).lineage
    assert lineage_before(base.card, recipe("phantom-neg")) == before
