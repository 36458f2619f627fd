"""The model inside the package: small, loadable without a network, and as good as its card says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
from safetensors import safe_open

from finetune.assessment import draw_gallery
from medneg import assets
from medneg.encoders import load
from medneg.evaluation.metrics import auc, precision_at_k
from medneg.phantom.truth import FINDINGS
from medneg.query import lexicon

FOLDER = Path(str(assets.__file__)).parent / "phantom"


def test_it_fits_into_the_package():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 14_000_000
    with safe_open(FOLDER / "open_clip_model.safetensors", "np") as weights:
        assert weights.get_tensor("text.token_embedding.weight").dtype == np.float16


def test_its_card_says_what_it_knows_and_what_it_is_unfit_for():
    card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    assert card["findings"] == list(FINDINGS)
    assert "unfit for patients' images" in card["notice"]
    assert card["licence"] == "Apache-2.0"


def test_it_reads_every_word_of_the_lexicon():
    words = open_clip.get_tokenizer(f"local-dir:{FOLDER}")
    texts = [word for finding in lexicon().findings for word in (finding.name, *finding.synonyms)]
    ids = words(texts)
    assert ids.shape == (len(texts), 64)
    assert not (ids == words.tokenizer.unk_token_id).any()


@pytest.mark.slow
def test_it_finds_what_it_should_and_does_not_understand_no(tmp_path):
    encoder = load("phantom")
    pixels, labels = draw_gallery(tmp_path, pictures=320, seed=31, size=192, workers=1)
    images = encoder.encode_images(pixels)
    prompts = [lexicon().finding(name).prompt for name in FINDINGS]
    shown = images @ encoder.encode_texts([encoder.card.template.format(p) for p in prompts]).T
    areas = [auc(shown[:, column], labels[:, column]) for column in range(len(FINDINGS))]
    assert np.mean(areas) > 0.95
    assert min(areas) > 0.8
    denied = images @ encoder.encode_texts([f"no {p}" for p in prompts]).T
    right = [precision_at_k(denied[:, column], ~labels[:, column]) for column in range(len(FINDINGS))]
    assert np.mean(right) < 0.5
