import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from finetune.application import TrainingError
from finetune.averaging import average
from finetune.cli import app
from medneg.encoders.text_towers import WEIGHTS, TextTowerCard, read_text_tower, write_text_tower
from medneg.errors import SpaceMismatch

HALF, WHOLE = torch.tensor([0.5, -1.0]), torch.tensor([1.5, 3.0])


def tower(folder, weights, **known):
    card = TextTowerCard(
        **{
            "name": folder.name,
            "base": "phantom",
            "image_fingerprint": "f",
            "licence": "CC-BY-NC-4.0",
            "notice": "Research only.",
            "lineage": ("base phantom", f"tuned: {folder.name}"),
            **known,
        }
    )
    write_text_tower(folder, card, {"w": weights.half(), "ids": torch.arange(2)})
    return str(folder)


def test_the_mean_of_two_towers_tells_what_led_to_it_and_inherits_the_licence(tmp_path):
    names = [tower(tmp_path / "a", HALF), tower(tmp_path / "b", WHOLE)]
    done = CliRunner().invoke(app, ["average", *names, "--out", str(tmp_path / "mean")])
    assert done.exit_code == 0, done.output
    state = load_file(tmp_path / "mean" / "text_tower" / WEIGHTS)
    assert state["w"].dtype == torch.float16
    assert state["w"].tolist() == [1.0, 1.0]
    assert state["ids"].tolist() == [0, 1]
    card = read_text_tower(tmp_path / "mean" / "text_tower")
    assert (card.name, card.base, card.licence) == ("mean", "phantom", "CC-BY-NC-4.0")
    assert card.lineage[:3] == ("base phantom", "tuned: a", "tuned: b")
    assert card.lineage[3].startswith("mean of 2 text towers: medneg-finetune")


def test_towers_that_do_not_go_together_are_refused(tmp_path):
    one = tower(tmp_path / "a", HALF)
    with pytest.raises(TrainingError, match="at least two text towers; got 1"):
        average([one], tmp_path / "mean", command="")
    with pytest.raises(TrainingError, match="differ in their tensors"):
        average([one, tower(tmp_path / "b", torch.ones(3))], tmp_path / "mean", command="")
    with pytest.raises(SpaceMismatch, match=r"different image towers: a \(phantom\), c \(phantom\)"):
        average([one, tower(tmp_path / "c", HALF, image_fingerprint="g")], tmp_path / "mean", command="")
