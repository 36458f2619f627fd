"""What a report shows beside its tables: weights of words, regions, failures, probabilities, drawings."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from medneg import encoders
from medneg.diagnostics.drawing import HEIGHT, WIDTH, reliability_curve, scatter
from medneg.diagnostics.failures import worst
from medneg.diagnostics.hearing import hear
from medneg.diagnostics.projection import Map, Trust
from medneg.diagnostics.prompts import draw_prompts
from medneg.diagnostics.regions import show_regions
from medneg.diagnostics.reliability import Reliability, reliabilities
from medneg.diagnostics.sizes import SIZES
from medneg.diagnostics.weighing import weigh
from medneg.evaluation.truth import Truth
from tests.diagnostics.towers import Deaf, Oracle
from tests.evaluation.perfect import FINDINGS, gallery

SIZE = replace(SIZES["small"], carriers=2, pairs=12, weighed=2, coloured=1)


@pytest.fixture(scope="module")
def phantom():
    return encoders.load("phantom")


@pytest.fixture(scope="module")
def asked():
    images, labels = gallery(400)
    truth = Truth.from_labels(labels, FINDINGS, np.arange(400) // 4)
    return images, truth, draw_prompts(truth, SIZE, np.random.default_rng(0))


def test_shares_of_cue_finding_and_rest_make_a_whole(phantom, asked):
    _, truth, _ = asked
    images = np.eye(256, dtype=np.float32)[np.arange(400) % 256]
    found = weigh(0, phantom, images, truth, size=SIZE, seed=0)
    assert [share.baseline for share in found.shares] == ["unknown", "padding", "zero"]
    for share in found.shares:
        assert share.cue.n + share.incomplete == 2
        assert share.cue.value + share.finding.value + share.rest.value == pytest.approx(1)
        assert share.gap < 0.01
    assert len(found.sentences) == 1
    assert found.refused is None


def test_what_cannot_be_seen_inside_of_says_so(asked):
    images, truth, prompts = asked
    message = "oracle gives embeddings only"
    assert message in weigh(0, Oracle(), images, truth, size=SIZE, seed=0).refused
    assert message in show_regions(Oracle(), prompts, SimpleNamespace(), range(400), count=1).refused


def _archive(path):
    return SimpleNamespace(images=lambda ids: [SimpleNamespace(path=str(path))], pseudonym_key=b"k" * 32)


def test_regions_are_drawn_over_an_image_that_shows_both(phantom, asked, tmp_path):
    _, truth, prompts = asked
    grey = np.random.default_rng(0).integers(0, 255, (300, 200), np.uint8)
    Image.fromarray(grey).save(tmp_path / "film.png")
    found = show_regions(phantom, prompts, _archive(tmp_path / "film.png"), range(400), count=1)
    row = found.rows[0]
    prompt = next(prompt for prompt in prompts if prompt.query.raw == row.words)
    assert all(truth.shows(finding)[row.image] for finding in prompt.asked.findings)
    assert [(region.words, region.negated) for region in row.regions] == [
        (prompt.query.affirmed[0].text, False),
        (prompt.query.negated[0].text, True),
    ]
    assert Image.open(BytesIO(base64.b64decode(row.regions[0].jpeg))).size == (171, 256)


def test_files_that_are_gone_leave_no_regions_and_a_reason(phantom, asked, tmp_path):
    _, _, prompts = asked
    found = show_regions(phantom, prompts, _archive(tmp_path / "gone.dcm"), range(400), count=1)
    assert found.rows == ()
    assert found.refused == "the archive's files are not on this machine any more, and maps need them"


def test_failures_are_the_worst_questions_with_their_hits(asked):
    images, _, prompts = asked
    towers = (Deaf(Oracle()), Oracle())
    pictures = SimpleNamespace(thumbnail=lambda image: b"jpeg %d" % image)
    deaf, oracle = (
        worst(
            0,
            tower,
            hear(images, prompts, tower),
            prompts,
            images=images,
            ids=range(1000, 1400),
            archive=pictures,
            count=2,
        )
        for tower in towers
    )
    assert [(row.way, row.kind) for row in deaf.rows] == [("sentence", "no X")] * 2 + [
        ("sentence", "A but no B")
    ] * 2
    for row in deaf.rows:
        prompt = next(prompt for prompt in prompts if prompt.query.raw == row.words)
        for hit in row.hits:
            assert hit.excluded == prompt.excluded[hit.image - 1000]
            assert base64.b64decode(hit.jpeg) == b"jpeg %d" % hit.image
        assert [hit.rank for hit in row.hits] == [1, 2, 3, 4, 5]
        assert row.wrong >= 0.9
    assert oracle.rows == ()


def test_reliability_is_measured_on_patients_that_the_curve_never_saw(asked):
    images, truth, _ = asked
    found = reliabilities(0, images, truth, Oracle())
    assert [row.finding for row in found.rows] == sorted(FINDINGS)
    for row in found.rows:
        assert row.images == sum(count for _, _, count in row.bins) == 400
        gaps = [count * abs(share - chance) for chance, share, count in row.bins]
        assert row.error == pytest.approx(sum(gaps) / 400, abs=0.02)  # fifteen bins there, ten here


def test_a_map_is_drawn_within_its_frame_and_names_each_finding_once():
    points = ((-50.0, 3.0), (-49.0, 4.0), (20.0, -8.0), (21.0, -9.0))
    drawn = scatter(
        Map(
            model=0,
            method="t-SNE",
            points=points,
            findings=("pneumothorax", "pneumothorax", "no such <finding>", "no such <finding>"),
            kinds=("affirmed", "negated", "affirmed", "negated"),
            trust=Trust(runs=1, trustworthiness=1, least=1, agreement=None),
        )
    )
    assert drawn.count("<circle") == drawn.count("<path") == 2
    assert drawn.count(">pneumothorax</text>") == 1
    assert "no such &lt;finding&gt;</text>" in drawn
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', drawn)]
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in places)


def test_a_curve_on_the_diagonal_is_drawn_on_it():
    row = Reliability(
        finding="pneumothorax", error=0.0, images=3, bins=((0.0, 0.0, 1), (0.5, 0.5, 1), (1.0, 1.0, 1))
    )
    assert 'points="10.0,110.0 60.0,60.0 110.0,10.0"' in reliability_curve(row)
