"""The page for people: whole, still, readable, and safe with what encoders say of themselves."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from medneg.evaluation.asking import Setup
from medneg.evaluation.benchmark import evaluate_gallery
from medneg.evaluation.con2 import con2
from medneg.evaluation.markup import INK, PAPER, contrast, figure, heat_map
from medneg.evaluation.page import write_page
from medneg.evaluation.truth import Truth
from tests.evaluation.perfect import FINDINGS, Perfect, gallery

VOID = {"meta", "br"}


class Balance(HTMLParser):
    """Every element that is opened is closed, in its order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report():
    images, labels = gallery(400)
    setup = Setup(methods=("cosine", "affirmed-only", "subtract"))
    return evaluate_gallery(images, Truth.from_labels(labels, FINDINGS), Perfect(), setup=setup)


@pytest.fixture(scope="module")
def page(report):
    return write_page(report, command="medneg evaluate --archive 'A & B'", made="2026-01-31")


def test_the_page_is_whole_and_needs_nothing(page):
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert not {"script", "img", "link", "iframe"} & set(balance.seen)
    assert not re.search(r"https?://|url\(|@import", page)


def test_the_page_says_what_was_measured_and_how(page):
    for words in (
        "400 pictures of 400 patients",
        "seed 0",
        "2026-01-31",
        "medneg evaluate --archive &#x27;A &amp; B&#x27;",
        "For tests &lt;only&gt;.",
        "Apache-2.0",
        "thresholds are met by subtract, raw",
        "cosine, raw: violation at 10",
        "Holm&#x27;s correction",
        "n = 12",
    ):
        assert words in page
    assert "<only>" not in page
    assert ">nan" not in page


def test_the_default_stands_out(page, report):
    assert '<tr class="default"><td>subtract, raw</td>' in page


def test_what_was_not_asked_is_a_dash(report):
    bare = write_page(replace(report, exclusion=(), pairs=()), command="x", made="y")
    assert "0 of 4 thresholds are met" in bare
    assert "an unknown share" in bare


def test_numbers_in_cells_can_be_read_on_every_colour():
    values = {("a", f"t{n}"): n / 50 for n in range(51)}
    html = heat_map(["a"], [top for _, top in values] + ["none"], values, corner="x")
    cells = re.findall(
        r"background:rgb\((\d+),(\d+),(\d+)\);color:rgb\((\d+), (\d+), (\d+)\)\">([\d.]+)<", html
    )
    assert len(cells) == 51
    for *colours, shown in cells:
        back, letters = tuple(map(int, colours[:3])), tuple(map(int, colours[3:]))
        assert letters in (INK, PAPER)
        assert contrast(back, letters) >= 4.5, shown
    assert cells[-1][-1] == "1.0"
    assert '<td class="none">–</td>' in html


def test_an_undefined_figure_is_a_dash(report):
    assert figure(None) == "–"
    assert figure(replace(report.mean_auc, value=math.nan)) == "–"


def test_the_con2_protocol_has_its_page():
    images, labels = gallery(400)
    truth = Truth.from_labels(labels, FINDINGS)
    found = con2(images, truth, Perfect(), setup=Setup(methods=("cosine", "subtract")))
    page = write_page(found, command="medneg evaluate --preset con2", made="2026-01-31")
    assert "Pleural effusion, as in the paper" in page
    assert "natural negative" in page
    Balance().feed(page)
