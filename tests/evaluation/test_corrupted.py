"""Questions clean and corrupted, where the answers are known by construction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medneg.errors import ArchiveError
from medneg.evaluation import spoilt
from medneg.evaluation.asking import Setup
from medneg.evaluation.corrupted import corrupted
from medneg.evaluation.corruption_report import UNREPAIRED, recovered_share
from medneg.evaluation.corruptions import CORRUPTIONS
from medneg.evaluation.page import write_page
from medneg.evaluation.spoilt import unrepaired
from medneg.evaluation.truth import Truth
from medneg.query import parse
from medneg.terminal.corruption import show_corruption
from tests.evaluation.perfect import FINDINGS, Perfect, gallery

NAMES = ("cosine", UNREPAIRED, "subtract")
STREAMED = (*NAMES, "reex-session", "tcr")


@pytest.fixture(scope="module")
def report():
    images, labels = gallery(300)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(spoilt, "MOST", {"affirmed": 18, "negated": 9, "exclusion": 12})
        return corrupted(
            images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=Setup(methods=STREAMED, seed=1)
        )


def precision(report, method, kind, severity, pool="pool"):
    return next(
        row.precision
        for row in report.rows
        if (row.method, row.kind, row.pool, row.severity) == (method, kind, pool, severity)
    )


def test_clean_questions_are_those_of_the_benchmark(report):
    assert report.questions == {"affirmed": 30, "negated": 18, "exclusion": 24}
    assert report.understood[0] == 1.0
    assert precision(report, "subtract", "exclusion", 0).value > 0.95
    for method in NAMES:
        assert precision(report, method, "affirmed", 0, "gallery").value == 1.0


def test_corruption_costs_and_more_of_it_costs_more(report):
    by_severity = [precision(report, UNREPAIRED, "exclusion", severity).value for severity in (0, 3, 5)]
    assert by_severity == sorted(by_severity, reverse=True)
    assert by_severity[0] > by_severity[2] + 0.1


def test_without_negation_the_default_is_plain_cosine_corrupted_or_not(report):
    for severity in range(6):
        plain, default = (
            precision(report, name, "affirmed", severity, "gallery") for name in ("cosine", "subtract")
        )
        assert plain.value == default.value


def test_the_parsers_own_repair_is_told_apart(report):
    row = next(
        row
        for row in report.recovered
        if (row.method, row.reference, row.kind, row.pool, row.severity)
        == ("subtract", UNREPAIRED, "exclusion", "pool", 3)
    )
    assert row.reference_lost.value > row.lost.value
    assert row.share.value == pytest.approx(1 - row.lost.value / row.reference_lost.value)
    assert row.clean.figure.value == 0.0
    assert row.clean.p == 1.0


def test_every_corruption_has_its_loss(report):
    assert {(row.method, row.corruption) for row in report.losses} == {
        (method, name) for method in (*NAMES, "reex-session") for name in CORRUPTIONS
    }


def test_a_stream_is_asked_and_what_cannot_adapt_is_left_out_with_its_reason(report):
    assert precision(report, "reex-session", "exclusion", 0).value > 0.9
    assert [name for name, _ in report.left_out] == ["tcr"]
    assert "no layer norms" in report.left_out[0][1]


def test_unrepaired_takes_the_words_back():
    query = parse("plural efusion but no pneumothorx")
    assert [mention.text for mention in query.mentions] == ["pleural effusion", "pneumothorax"]
    typed = unrepaired(query)
    assert [(mention.text, mention.finding) for mention in typed.mentions] == [
        ("plural efusion", None),
        ("pneumothorx", None),
    ]
    assert unrepaired(parse("effusion but no pneumothorax")) == parse("effusion but no pneumothorax")


def test_a_share_is_that_of_the_means_and_not_defined_where_nothing_is_lost():
    rng = np.random.default_rng(0)
    ours, theirs = np.array([0.1, 0.3, np.nan, 0.0]), np.array([0.4, 0.4, 0.4, 0.0])
    share = recovered_share(ours, theirs, rng)
    assert share.value == pytest.approx(0.5)
    assert share.low <= share.value <= share.high
    assert share.n == 3
    assert recovered_share(ours, -theirs, rng).n == 0
    assert recovered_share(ours[:0], theirs[:0], rng).n == 0


def test_the_report_becomes_json_a_page_and_tables(report, capsys):
    written = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert written["schema_version"] == 1
    page = write_page(report, command="medneg evaluate --preset corruption", made="2026-01-31")
    for words in ("What is recovered", "subtract-unrepaired, raw", "By corruption, severity 3"):
        assert words in page
    assert ">nan" not in page
    show_corruption(report)
    assert "read as meant, clean and by severity: 1.000" in capsys.readouterr().out


def test_a_gallery_that_answers_nothing_is_refused():
    images, labels = gallery(12)
    truth = Truth.from_labels(np.zeros_like(labels), FINDINGS)
    with pytest.raises(ArchiveError, match="answer no question about what is not there"):
        corrupted(images, truth, Perfect(), setup=Setup())
