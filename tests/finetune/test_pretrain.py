"""A tiny training: it learns, it can be killed, and what it exports is an open_clip model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import open_clip
import pytest
import torch
from typer.testing import CliRunner

from finetune.cli import app
from finetune.curve import draw_curve
from finetune.dual_encoder import Learner, Shape, export
from finetune.pictures import read_part
from finetune.pretrain import Training, prompts
from finetune.recipe import Recipe, load_recipe
from finetune.refit import refit_text
from finetune.wordpieces import CONTEXT, corpus, encode, train_tokenizer
from medneg.encoders import load
from medneg.errors import EncoderError

TINY = Shape(size=64, image_layers=(1, 1, 1, 1), image_width=8, text_layers=1, text_width=64, embedding=32)
RECIPE = Recipe(pictures=16, presentations=48, batch=8, first=0.34, first_size=64, shape=TINY)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("finetune.pretrain.corpus", lambda seed: corpus(seed, captions=200))
    torch.set_num_threads(1)


def training(drawn, name):
    return Training(drawn / name, RECIPE, drawn / "pictures", drawn / "valid")


def test_a_killed_run_resumes_to_the_same_weights(drawn):
    whole = training(drawn, "whole")
    whole.run()
    part = training(drawn, "part")
    part.run(until=3)
    with pytest.raises(KeyboardInterrupt):
        training(drawn, "part").run(progress=lambda done, total: (_ for _ in ()).throw(KeyboardInterrupt))
    resumed = training(drawn, "part")
    assert resumed.step == 4
    resumed.run()
    assert resumed.step == whole.step == 6
    pairs = zip(whole.learner.state_dict().items(), resumed.learner.state_dict().values(), strict=True)
    assert all(torch.equal(mine, theirs) for (_, mine), theirs in pairs)


def test_a_run_keeps_its_recipe_metrics_and_curve(drawn):
    run = training(drawn, "run")
    shown = []
    run.run(progress=lambda done, total: shown.append((done, total)))
    assert shown == [(8 * step, 48) for step in range(1, 7)]
    assert load_recipe(drawn / "run" / "recipe.json") == RECIPE
    row = json.loads(run.metrics_file.read_text().splitlines()[-1])
    assert (row["step"], row["presentations"]) == (6, 48)
    assert set(row["loss"]) == {
        "any_cell",
        "contrastive",
        "fine_places",
        "places",
        "presence",
        "sides",
    }
    assert (drawn / "run" / "curve.svg").read_text().startswith("<svg")
    assert run.state_file.exists()


def test_refitting_changes_the_text_tower_alone_and_starts_from_the_earlier_one(drawn):
    run = training(drawn, "run")
    run.run(until=4)
    earlier = {name: value.clone() for name, value in run.learner.state_dict().items()}
    run.state_file.rename(drawn / "earlier.pt")
    run.run()
    before = {name: value.clone() for name, value in run.learner.state_dict().items()}
    refit_text(run, drawn / "earlier.pt", steps=1, batch=8)
    after = run.learner.state_dict()
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("clip.text.") for name in changed)
    moved = [(after[name] - earlier[name]).abs().max() for name in changed]
    assert float(max(moved)) < 1e-3


def test_the_loss_falls(drawn):
    run = Training(
        drawn / "longer",
        replace(RECIPE, presentations=120, first=0.0, rate=5e-3),
        drawn / "pictures",
        drawn / "valid",
    )
    losses = []
    while run.step < run.recipe.steps:
        losses.append(sum(run._learn().values()))
        run.step += 1
    assert np.mean(losses[-4:]) < np.mean(losses[:4])


def test_the_export_loads_in_open_clip_with_equal_embeddings(drawn_once, tmp_path):
    tokenizer = train_tokenizer(corpus(0, captions=100), pieces=600)
    torch.manual_seed(0)
    learner = Learner(TINY, tokenizer.get_vocab_size()).eval()
    export(learner, tokenizer, TINY, tmp_path)
    learner.clip.load_state_dict({k: v.half().float() for k, v in learner.clip.state_dict().items()})
    model = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    words = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    texts = ["Effusion but no calcification.", "xylophone", "left nodule " * 60, "x"]
    with torch.inference_mode():
        got = model.encode_text(words(texts), normalize=True)
        want = learner.embed_texts(torch.from_numpy(encode(tokenizer, texts)))
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    pixels = read_part(drawn_once / "valid" / "part-00000.npz").pixels[:2].astype(np.float32) / 255
    with torch.inference_mode():
        features = learner.pool(learner.stages(torch.from_numpy(pixels)[:, None])[0])
    unit = torch.nn.functional.normalize(features, dim=1)
    encoder = load(f"local:{tmp_path}")
    np.testing.assert_allclose(encoder.encode_images(pixels), unit.numpy(), atol=1e-5)
    assert encoder.card.licence == "Apache-2.0"
    assert encoder.card.input.size == 64


def test_short_and_long_texts_read_alike_together_and_alone():
    torch.manual_seed(0)
    learner = Learner(TINY, 300).eval()
    rng = np.random.default_rng(0)
    ids = np.zeros((50, CONTEXT), np.int64)
    for row in ids:
        end = int(rng.integers(2, CONTEXT))
        row[:end] = rng.integers(4, 300, end)
        row[end - 1] = 3
    together = learner.embed_texts(torch.from_numpy(ids))
    alone = torch.cat([learner.embed_texts(torch.from_numpy(row[None])) for row in ids])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_any_word_can_be_written():
    tokenizer = train_tokenizer(corpus(0, captions=100))
    words = ["but", "pneumonoultramicroscopicsilicovolcanoconiosis", "left-sided", "12 mm", *prompts()]
    assert not any("[UNK]" in tokenizer.encode(word).tokens for word in words)
    assert "effusion" in tokenizer.encode("Effusion").tokens


def test_a_curve_needs_a_measurement():
    with pytest.raises(ValueError, match="the training has made none yet"):
        draw_curve([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures": 4}, "a batch of 8 needs at least as many pictures; got 4"),
        ({"presentations": 4}, "presentations must fill a batch of 8; got 4"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


def test_the_command_line_refuses_to_overwrite_a_run(tmp_path):
    RECIPE.save(tmp_path / "recipe.json")
    result = CliRunner().invoke(app, ["pretrain", "--out", str(tmp_path)])
    assert "add --resume to go on with it" in str(result.exception)
    result = CliRunner().invoke(app, ["pretrain", "--out", str(tmp_path / "none"), "--resume"])
    assert "holds no run to resume" in str(result.exception)
    result = CliRunner().invoke(app, ["pretrain", "--out", str(tmp_path / "new"), "--size", "100"])
    assert "must be a multiple of 32; got 100" in str(result.exception)
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path)])
    assert isinstance(result.exception, EncoderError)
    assert "holds no model" in str(result.exception)
