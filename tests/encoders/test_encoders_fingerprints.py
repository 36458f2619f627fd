"""A fingerprint names what a tower computes: it stays across loads and changes with one weight."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from medneg import encoders
from medneg.encoders.checkpoint import preprocessing_of
from medneg.encoders.fingerprints import image_fingerprint
from medneg.values import EncoderCard


@pytest.fixture(scope="module")
def original(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_open_clip_with_bert(tmp_path_factory.mktemp("original") / "model")


def card_of(folder: Path) -> EncoderCard:
    encoders.load.cache_clear()
    return encoders.load(f"local:{folder}").card


def changed(
    original: Path, target: Path, tensor: str, change: Callable[[torch.Tensor], torch.Tensor]
) -> EncoderCard:
    shutil.copytree(original, target)
    state = load_file(target / "open_clip_model.safetensors")
    state[tensor] = change(state[tensor])
    save_file(state, target / "open_clip_model.safetensors")
    return card_of(target)


def add_to_one(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.clone()
    tensor.view(-1)[0] += 1e-3
    return tensor


def test_another_load_from_another_folder_gives_the_same_fingerprints(original, tmp_path):
    first = card_of(original)
    shutil.copytree(original, tmp_path / "copy")
    second = card_of(tmp_path / "copy")
    assert first.image_fingerprint == second.image_fingerprint
    assert first.text_fingerprint == second.text_fingerprint
    assert len(first.image_fingerprint) == 32


def test_one_weight_of_the_image_tower_changes_only_its_fingerprint(original, tmp_path):
    before, after = card_of(original), changed(original, tmp_path / "c", "visual.proj", add_to_one)
    assert after.image_fingerprint != before.image_fingerprint
    assert after.text_fingerprint == before.text_fingerprint


def test_one_weight_of_the_text_tower_leaves_the_image_fingerprint(original, tmp_path):
    before, after = card_of(original), changed(original, tmp_path / "c", "text.proj.0.weight", add_to_one)
    assert after.image_fingerprint == before.image_fingerprint
    assert after.text_fingerprint != before.text_fingerprint


def test_the_logit_scale_belongs_to_neither(original, tmp_path):
    before, after = (
        card_of(original),
        changed(original, tmp_path / "c", "logit_scale", lambda scale: scale + 1),
    )
    assert (after.image_fingerprint, after.text_fingerprint) == (
        before.image_fingerprint,
        before.text_fingerprint,
    )


@pytest.mark.parametrize("change", [{"mean": [0.4] * 3}, {"interpolation": "bicubic"}])
def test_other_preprocessing_is_another_image_tower(change, original, tmp_path):
    shutil.copytree(original, tmp_path / "c")
    path = tmp_path / "c" / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["preprocess_cfg"] |= change
    path.write_text(json.dumps(config))
    assert card_of(tmp_path / "c").image_fingerprint != card_of(original).image_fingerprint


def test_another_context_is_another_text_tower(original, tmp_path):
    folder = shutil.copytree(original, tmp_path / "c")
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"]["text_cfg"]["context_length"] = 8
    path.write_text(json.dumps(config))
    before, after = card_of(original), card_of(folder)
    assert after.text_fingerprint != before.text_fingerprint
    assert after.image_fingerprint == before.image_fingerprint


def test_type_shape_name_and_value_all_count():
    preprocessing = preprocessing_of({}, 32)

    def name_of(**state: torch.Tensor) -> str:
        return image_fingerprint(state, architecture={}, preprocessing=preprocessing)

    ones = torch.ones(4)
    names = [
        name_of(a=ones),
        name_of(b=ones),
        name_of(a=ones.view(2, 2)),
        name_of(a=ones.to(torch.bfloat16)),
        name_of(a=ones + 1e-7),
        name_of(a=ones, b=ones),
    ]
    assert len(set(names)) == 6
    assert name_of(a=ones, b=ones) == name_of(b=ones, a=ones)
