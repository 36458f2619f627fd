"""A tuned text tower in place of the base's: every format, and what does not fit is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from medneg import encoders
from medneg.encoders.text_towers import CARD, WEIGHTS, TextTowerCard, find_text_tower, write_text_tower
from medneg.errors import EncoderError, SpaceMismatch, UnknownName

WRITERS = ("write_clip", "write_siglip", "write_open_clip", "write_open_clip_with_bert")
SENTENCES = ["left pleural effusion", "no pneumothorax"]


@pytest.fixture(autouse=True)
def _forget_loaded_encoders():
    encoders.load.cache_clear()


@pytest.fixture
def base(tiny, tmp_path: Path):
    return f"local:{tiny.write_clip(tmp_path / 'base')}"


def tune(base: str, folder: Path, /, **told) -> TextTowerCard:
    """Keep the base's text tower with every tensor moved a little, as a training would."""
    encoder = encoders.load(base)
    torch.manual_seed(1)
    state = {
        name: tensor + 0.1 * torch.randn_like(tensor) if tensor.is_floating_point() else tensor
        for name, tensor in encoder.towers.text_state.items()
    }
    card = TextTowerCard(
        **{
            "name": "tuned",
            "base": base,
            "image_fingerprint": encoder.card.image_fingerprint,
            "licence": "MIT",
            "notice": "For tests.",
            "lineage": ("tuned for a test",),
        }
        | told
    )
    write_text_tower(folder, card, state)
    return card


@pytest.mark.parametrize("writer", WRITERS)
def test_a_tuned_tower_changes_the_texts_and_leaves_the_images(tiny, tmp_path, writer):
    name = f"local:{getattr(tiny, writer)(tmp_path / 'base')}"
    tune(name, tmp_path / "run" / "text_tower")
    base, tuned = encoders.load(name), encoders.load(name, str(tmp_path / "run"))
    pixels = np.random.default_rng(0).random((2, 32, 32), dtype=np.float32)
    assert np.array_equal(base.encode_images(pixels), tuned.encode_images(pixels))
    assert not np.allclose(base.encode_texts(SENTENCES), tuned.encode_texts(SENTENCES))
    assert tuned.card.image_fingerprint == base.card.image_fingerprint
    assert tuned.card.text_fingerprint != base.card.text_fingerprint


def test_the_base_stays_as_it_was(base, tmp_path):
    before = encoders.load(base).encode_texts(SENTENCES)
    tune(base, tmp_path / "tuned")
    encoders.load(base, str(tmp_path / "tuned"))
    assert np.array_equal(encoders.load(base).encode_texts(SENTENCES), before)


def test_the_card_says_whose_tower_it_is_and_under_which_licence(base, tmp_path):
    tune(base, tmp_path / "tuned")
    card = encoders.load(base, str(tmp_path / "tuned")).card
    assert (card.name, card.licence, card.notice) == (f"{base}+tuned", "MIT", "For tests.")


def test_a_tower_of_another_image_tower_is_refused_by_name(base, tmp_path):
    tune(base, tmp_path / "tuned", image_fingerprint="of another", base="local:elsewhere")
    with pytest.raises(SpaceMismatch, match=r"belongs to the image tower of local:elsewhere .*--encoder"):
        encoders.load(base, str(tmp_path / "tuned"))


def test_tensors_that_do_not_fit_are_refused(base, tmp_path):
    card = tune(base, tmp_path / "tuned")
    write_text_tower(tmp_path / "tuned", card, {"one": torch.zeros(1)})
    with pytest.raises(EncoderError, match="it was tuned from"):
        encoders.load(base, str(tmp_path / "tuned"))


@pytest.mark.parametrize("broken", ["{", "[]", json.dumps({"name": "x"})])
def test_a_broken_card_is_refused(base, tmp_path, broken):
    tune(base, tmp_path / "tuned")
    (tmp_path / "tuned" / CARD).write_text(broken)
    with pytest.raises(EncoderError, match="is no card of a text tower"):
        encoders.load(base, str(tmp_path / "tuned"))


def test_weights_that_are_no_safetensors_are_refused(base, tmp_path):
    tune(base, tmp_path / "tuned")
    (tmp_path / "tuned" / WEIGHTS).write_bytes(b"\x80\x04pickle")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        encoders.load(base, str(tmp_path / "tuned"))


def test_an_unknown_name_is_told_what_there_is(tmp_path):
    with pytest.raises(UnknownName, match="phantom-neg"):
        find_text_tower(str(tmp_path))
