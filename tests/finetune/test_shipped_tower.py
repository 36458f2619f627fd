"""The tuned text tower inside the package: small, inherited papers, and it hears "no"."""

from __future__ import annotations

import numpy as np

from medneg import encoders
from medneg.encoders.text_towers import WEIGHTS, find_text_tower


def test_it_is_listed_with_its_lineage_and_at_most_eight_megabytes():
    card = next(card for card in encoders.text_towers() if card.name == "phantom-neg")
    assert (card.base, card.licence) == ("phantom", encoders.load("phantom").card.licence)
    assert "medneg-finetune label-aware" in card.lineage[1]
    assert "medneg-finetune average" in card.lineage[-1]
    assert (find_text_tower("phantom-neg") / WEIGHTS).stat().st_size <= 8_000_000


def test_it_tells_no_effusion_from_effusion_and_the_base_does_not():
    said = ["pleural effusion", "no pleural effusion"]
    base, tuned = (encoders.load("phantom", tower).encode_texts(said) for tower in (None, "phantom-neg"))
    assert base[0] @ base[1] > 0.8
    assert tuned[0] @ tuned[1] < 0.5
    assert np.isclose(base[0] @ tuned[0], 1.0, atol=0.1)
