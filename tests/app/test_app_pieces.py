"""The page's own arithmetic: chips as text, bars, windows, words to sentences."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from app.argument import Point, arithmetic, lacks, points, scale, violations
from app.chips import decode, encode, explanations, rebuilt, sentence
from app.markup import bar, marked, picture, tag
from app.picture_view import Look, part, render, windowed
from app.report_marks import report_html
from medneg.query import lexicon, parse
from medneg.values import Contribution


def test_chips_go_into_the_address_and_come_back():
    query = parse("left effusion without edema")
    chips = encode(query.mentions)
    assert chips == ["wanted:left pleural effusion", "unwanted:pulmonary edema"]
    again = rebuilt(query, [decode(chip) for chip in chips], lexicon())
    assert [m.finding for m in again.affirmed] == ["pleural_effusion"]
    assert again.affirmed[0].modifiers == query.affirmed[0].modifiers
    assert [m.finding for m in again.negated] == ["pulmonary_edema"]


@pytest.mark.parametrize("chip", ["effusion", "liked:effusion", "wanted:", ":", "unwanted:  "])
def test_a_chip_without_a_known_polarity_is_wanted_as_it_stands(chip):
    assert decode(chip) == ("affirmed", chip)


def test_a_phrase_that_the_sentence_lacked_is_named_by_the_lexicon():
    query = rebuilt(parse("effusion"), [("negated", "pacemaker")], lexicon())
    (mention,) = query.negated
    assert (mention.finding, mention.origin, mention.strength) == ("pacemaker", "user", "strong")
    assert query.raw == "no pacemaker"
    assert query.counterfactuals == ("pacemaker",)


def test_a_sentence_asks_for_what_chips_ask_and_not_for_the_uncertain():
    query = rebuilt(
        parse("effusion"),
        [("affirmed", "effusion"), ("uncertain", "edema"), ("negated", "mass"), ("negated", "nodule")],
        lexicon(),
    )
    assert query.raw == "effusion but no mass and no nodule"
    assert sentence((), ()) == ""


def test_a_parent_says_what_it_stands_for_in_this_model():
    query = parse("no calcification")
    known = ("calcified_granuloma", "aortic_calcification")
    (line,) = explanations(query, lexicon(), known)
    assert line == "calcification = calcified granuloma or aortic calcification"
    (line,) = explanations(query, lexicon(), None)
    assert line.endswith("or …")


def test_bars_follow_the_chips_and_sum_what_a_mention_added():
    query = parse("effusion but no calcification")
    wanted, unwanted = query.affirmed[0], query.negated[0]
    terms = (
        Contribution(label="calcified granuloma", value=-0.1, mention=unwanted),
        Contribution(label="effusion", value=0.6, mention=wanted),
        Contribution(label="aortic calcification", value=-0.2, mention=unwanted),
        Contribution(label="whole sentence", value=0.05),
    )
    found = points(query, terms)
    assert [(p.label, p.polarity) for p in found] == [
        ("pleural effusion", "affirmed"),
        ("calcification", "negated"),
        ("whole sentence", None),
    ]
    assert [p.value for p in found] == pytest.approx([0.6, -0.3, 0.05])
    assert scale([found]) == pytest.approx(0.6)
    assert scale([]) == 0


def test_the_sum_in_words_begins_with_a_minus_where_it_must():
    assert arithmetic([Point(label="mass", value=-0.5)], -0.5) == "score −0.500 = − 0.500 (mass)"


def test_violations_count_kinds_of_an_unwanted_finding_and_only_certain_ones():
    query, words = parse("effusion but no calcification"), lexicon()
    assert violations(query, {"aortic_calcification": "present"}, words) == ["calcification"]
    assert violations(query, {"aortic_calcification": "uncertain"}, words) == []
    assert violations(query, {}, words) == []
    assert lacks(query, {"pleural_effusion": "absent"}, words) == ["pleural effusion"]
    assert lacks(query, {}, words) == []


def test_markup_escapes_everything_it_is_given():
    hostile = '"><script>alert(1)</script>'
    for made in (
        tag("div", "", kind=hostile, style=hostile),
        bar(hostile, hostile, 0.5, scale=1, polarity=None),
        picture(b"", hostile),
        marked(hostile, [(0, 4, hostile)]),
        report_html(hostile),
    ):
        assert "<script" not in made


def test_spans_that_overlap_or_leave_the_text_are_left_out():
    assert marked("abc", [(0, 2, "x"), (1, 3, "y"), (2, 9, "z")]) == '<mark class="x">ab</mark>c'


def test_what_is_normal_is_marked_once_and_quietly():
    shown = report_html("The lungs are clear. No effusion.")
    assert shown.count("<mark") == 2
    assert '<mark class="mn-normal">' in shown


def test_window_level_and_invert_are_linear():
    ramp = np.linspace(0, 1, 5, dtype=np.float32)[None]
    np.testing.assert_allclose(windowed(ramp, Look()), ramp, atol=1e-6)
    np.testing.assert_allclose(windowed(ramp, Look(window=50)), [[0, 0, 0.5, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(windowed(ramp, Look(inverted=True)), 1 - ramp, atol=1e-6)


@pytest.mark.parametrize("zoom", [1.0, 2.0, 6.0])
@pytest.mark.parametrize("middle", [0, 33, 100])
def test_a_zoomed_part_stays_inside_and_has_its_size(zoom, middle):
    rows, columns = part((120, 60), Look(zoom=zoom, across=middle, down=middle))
    assert rows.stop - rows.start == round(120 / zoom)
    assert columns.stop - columns.start == round(60 / zoom)
    assert min(rows.start, columns.start) >= 0
    assert rows.stop <= 120
    assert columns.stop <= 60


def test_a_large_image_is_sent_no_larger_than_a_screen_shows():
    sent = Image.open(io.BytesIO(render(np.zeros((2000, 3200), np.float32), Look())))
    assert sent.size == (1600, 1000)
    assert sent.mode == "L"
