"""The CON2 paper's protocol: its split, its figures against slow twins, and its table."""

from __future__ import annotations

import numpy as np
import pytest

from finetune.embedded import Embedded
from finetune.prompt_figures import silhouette, text_geometry, top_accuracy
from finetune.reproducing import OTHERS, part, reproduce
from finetune.tuning_recipe import TuningRecipe
from medneg.encoders.registry import load_alone
from medneg.errors import ArchiveError
from medneg.evaluation.truth import Truth

FINDINGS = ("pleural_effusion", "pneumothorax")


def gallery(images: int = 400, width: int = 256) -> Embedded:
    rng = np.random.default_rng(0)
    present = rng.random((images, 2)) < 0.4
    vectors = rng.normal(size=(images, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = Truth(findings=FINDINGS, present=present, absent=~present, patients=np.arange(images) // 2)
    return Embedded(vectors=vectors, truth=truth, concepts=FINDINGS[:1])


def test_both_parts_are_balanced_and_share_nobody():
    learnt, asked = part(gallery(), 60, seed=3)
    assert (len(learnt), len(asked)) == (60, 70)
    assert learnt.truth.shows("pleural_effusion").sum() == 30
    assert asked.truth.shows("pleural_effusion").sum() == 35
    assert not set(learnt.truth.patients) & set(asked.truth.patients)


def test_an_archive_without_35_of_each_is_refused():
    with pytest.raises(ArchiveError, match="too few images with or without pleural_effusion; it takes 35"):
        part(gallery(40), 8, seed=0)


def test_silhouette_is_the_mean_over_rows_of_the_definition():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kinds = np.array([True] * 4 + [False] * 5)
    found = []
    for i in range(9):
        to_own = [1 - rows[i] @ rows[j] for j in range(9) if j != i and kinds[j] == kinds[i]]
        to_rest = [1 - rows[i] @ rows[j] for j in range(9) if kinds[j] != kinds[i]]
        a, b = np.mean(to_own), np.mean(to_rest)
        found.append((b - a) / max(a, b))
    assert silhouette(rows.astype(np.float32), kinds) == pytest.approx(np.mean(found), abs=1e-6)


def negates(texts) -> np.ndarray:
    """A tower that points to (1, 0), or away from it where a sentence denies."""
    denied = [
        any(word in f" {text} " for word in (" no ", " not ", " without ", " absent ")) for text in texts
    ]
    return np.array([(-1.0, 0.0) if no else (1.0, 0.0) for no in denied], np.float32)


def test_accuracy_counts_what_each_group_of_prompts_describes():
    there = np.arange(40) < 20
    images = np.where(there[:, None], (1.0, 0.0), (-1.0, 0.0)).astype(np.float32)
    found = top_accuracy(lambda texts: negates(texts)[:, :2], "pleural_effusion", images, there)
    assert list(found) == [
        "structured positive", "structured negative", "natural positive", "natural negative",
    ]  # fmt: skip
    assert found["structured positive"] == 1.0
    assert found["structured negative"] > 0.7
    assert text_geometry(negates, "pleural_effusion")["text cosine"] < -0.5


@pytest.mark.slow
def test_the_table_has_a_row_a_model_and_a_run_folder_each(tmp_path, monkeypatch):
    monkeypatch.setattr("finetune.prompt_figures.APART", 25)
    recipes = [
        TuningRecipe(method=method, base="phantom", findings=FINDINGS[:1], images=32, epochs=1, batch=16)
        for method in ("con1", "con2")
    ]
    shown = []
    table = reproduce(
        tmp_path, gallery(), lambda: load_alone("phantom"), recipes, progress=lambda *now: shown.append(now)
    )
    assert list(table.rows) == ["base", "con1", "con2"]
    assert list(table.gained) == ["con1", "con2"]
    assert table.rows["con2"][OTHERS].n == 1
    assert shown == [(1, 2), (2, 2)]
    assert (tmp_path / "con2-seed0" / "metrics.jsonl").is_file()
    assert table.to_json()["finding"] == "pleural_effusion"
