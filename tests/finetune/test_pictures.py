"""Drawn pictures: kept in parts, the same again, and twins that differ in one finding."""

from __future__ import annotations

import json

import numpy as np
import pytest

from finetune import pictures
from finetune.batches import Gallery, make_batch, truth_table, twin_row
from finetune.captions import Caption, Claim
from finetune.pictures import LOCAL, draw_part, draw_parts, picture_of, read_part, without, write_part
from finetune.wordpieces import train_tokenizer
from medneg.phantom.truth import FINDINGS

SIZE = 64


@pytest.fixture
def folder(drawn):
    return drawn / "pictures"


def test_the_same_seed_draws_the_same_part():
    first, again = (draw_part(4, 0, size=SIZE, twins=False) for _ in range(2))
    assert (first.pixels == again.pixels).all()
    assert first.pictures == again.pictures


def test_a_part_reads_as_it_was_drawn(folder):
    drawn, read = draw_part(4, 1, size=SIZE, frontal=True), read_part(folder / "part-00001.npz")
    assert read.pictures == drawn.pictures
    assert (read.pixels == drawn.pixels).all()
    assert (read.places == drawn.places).all()
    assert read.labels.shape == (len(drawn.pictures), len(FINDINGS))


def test_a_twin_lacks_one_finding_and_differs_where_it_was(folder):
    part = read_part(folder / "part-00000.npz")
    rows = np.flatnonzero(part.located >= 0)
    assert len(part.pictures) == 8 + len(rows) > 8
    for row in rows:
        twin = twin_row(part, int(row))
        finding = FINDINGS[part.located[row]]
        assert finding in LOCAL
        assert part.pictures[twin] == without(part.pictures[row], finding)
        change = np.abs(part.pixels[row].astype(int) - part.pixels[twin])
        at_most = np.kron(part.places[row], np.ones((8, 8)))
        assert at_most[np.unravel_index(change.argmax(), change.shape)] == 1


def test_sides_are_the_patients_and_both_where_bilateral(folder):
    part = read_part(folder / "part-00000.npz")
    for picture, sides in zip(part.pictures, part.sides, strict=True):
        for truth in picture.findings:
            left, right = sides[FINDINGS.index(truth.finding)]
            assert left == (truth.side in ("left", "bilateral"))
            assert right == (truth.side in ("right", "bilateral"))
    assert not part.sides[~part.labels].any()


def test_parts_that_are_there_are_not_drawn_again(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    told = []
    draw_parts(folder, seed=4, pictures=16, size=SIZE, workers=1, progress=lambda *x: told.append(x))
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert told == []


def test_plates_keep_their_long_side_and_frontal_means_frontal():
    many = [picture_of(1, index, size=SIZE, frontal=True) for index in range(60)]
    assert {max(p.technique.rows, p.technique.columns) for p in many} == {SIZE}
    assert {p.technique.view for p in many} == {"PA", "AP"}
    assert "LATERAL" in {picture_of(1, index, size=SIZE).technique.view for index in range(60)}


def test_a_gallery_takes_in_parts_that_appear_later(folder):
    gallery = Gallery(folder)
    assert len(gallery) == 16
    write_part(folder, 4, 2, SIZE, frontal=True)
    assert gallery.take_new() == 1
    assert (len(gallery), gallery.take_new()) == (24, 0)


def test_a_batch_holds_twins_and_is_the_same_for_the_same_stream(folder):
    gallery = Gallery(folder)
    tokenizer = train_tokenizer(["effusion edema calcification normal chest line tube"] * 3)
    batches = []
    for _ in range(2):
        rng = np.random.default_rng(3)
        drawn = gallery.sample(12, rng)
        batches.append(make_batch(drawn, tokenizer, rng, size=64))
    one, other = batches
    assert len(drawn.pictures) == 12
    assert (one.pixels == other.pixels).all()
    assert (one.ids == other.ids).all()
    assert one.pixels.shape == (12, 1, 64, 64)
    assert 0 <= float(one.pixels.min()) <= float(one.pixels.max()) <= 1
    assert bool(one.true.any(dim=1).all())
    assert bool(one.true.any(dim=0).all())


def test_a_denying_caption_counts_for_its_own_picture_only(folder):
    shown = read_part(folder / "part-00000.npz").pictures[:3]
    anything = Caption(text="chest x-ray")
    denying = Caption(text="no edema", negated=True)
    nobody = Caption(text="x", claims=(Claim(findings=frozenset()),))
    table = truth_table(shown, [anything, denying, nobody])
    assert json.loads(json.dumps(table.tolist())) == [
        [True, False, False],
        [True, True, False],
        [True, False, True],
    ]


def test_cells_are_marked_where_two_pictures_differ():
    shown, twin = np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)
    shown[9, 17] = 0.5
    marked = pictures.changed_cells(shown, twin)
    assert np.argwhere(marked).tolist() == [[1, 2]]
