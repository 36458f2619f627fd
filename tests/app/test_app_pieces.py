"""The page's own arithmetic: chips as text, bars, windows, words to sentences."""

from __future__ import annotations

import io
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from app import hands
from app.argument import Point, arithmetic, chances, lacks, points, scale, violations
from app.chips import completions, details
from app.edits import decode, encode, read_phrase, rebuilt, turned
from app.field_filters import age_value, date_value, with_filter, without
from app.markup import bar, marked, picture, plain, tag
from app.picture_view import Look, part, render, windowed
from app.reading import doubts_html, link_css, notes, other_meanings, sentence_html, why
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


def test_a_chip_says_how_firmly_it_is_unwanted():
    query = parse("probably no effusion")
    assert encode(query.mentions) == ["unwanted weak:pleural effusion"]
    assert decode("unwanted weak:pleural effusion") == ("negated", "weak", "pleural effusion")
    assert decode("unwanted:pleural effusion") == ("negated", "strong", "pleural effusion")


@pytest.mark.parametrize(
    "chip",
    ["effusion", "liked:effusion", "wanted:", ":", "unwanted:  ", "wanted weak:mass", "unwanted hard:mass"],
)
def test_a_chip_without_a_known_polarity_is_wanted_as_it_stands(chip):
    assert decode(chip) == ("affirmed", None, chip)


def test_a_phrase_that_the_sentence_lacked_is_named_by_the_lexicon():
    query = rebuilt(parse("effusion"), [("negated", "strong", "pacemaker")], lexicon())
    (mention,) = query.negated
    assert (mention.finding, mention.origin, mention.strength) == ("pacemaker", "user", "strong")
    assert query.raw == "no pacemaker"
    assert query.counterfactuals == ("chest x-ray with pacemaker",)


def test_a_synonym_in_a_link_is_asked_for_by_the_finding_that_it_names():
    (mention,) = rebuilt(parse("effusion"), [("negated", "weak", "mass")], lexicon()).negated
    assert (mention.text, mention.finding, mention.strength) == ("lung mass", "lung_mass", "weak")


@pytest.mark.parametrize("words", ["unicorn sign", "no effusion and mass", "<b>", "view:PA"])
def test_words_that_name_no_single_finding_are_asked_for_as_they_are(words):
    query = rebuilt(parse("effusion"), [("negated", "strong", words)], lexicon())
    (mention,) = query.negated
    assert (mention.text, mention.finding, mention.span) == (words, None, (3, 3 + len(words)))
    assert details(mention).endswith("free words")


def test_what_is_added_is_read_like_a_sentence():
    (left,) = read_phrase("no left effusion", lexicon())
    assert (left.text, left.finding, left.polarity) == (
        "left pleural effusion",
        "pleural_effusion",
        "negated",
    )
    (repaired,) = read_phrase("pnuemothorax", lexicon())
    assert (repaired.finding, repaired.origin) == ("pneumothorax", "fuzzy")


def test_a_sentence_asks_for_what_chips_ask_and_not_for_the_uncertain():
    chips = [
        ("affirmed", None, "pleural effusion"),
        ("uncertain", None, "pulmonary edema"),
        ("negated", "strong", "lung mass"),
        ("negated", "weak", "lung nodule"),
    ]
    query = rebuilt(parse("effusion view:PA"), chips, lexicon())
    assert query.raw == "pleural effusion but no lung mass and no lung nodule view:PA"
    assert query.sentence == "pleural effusion but no lung mass and no lung nodule"
    for mention in query.affirmed + query.negated:
        assert query.raw[slice(*mention.span)] == mention.text
    assert [query.raw[slice(*mention.cue_span)] for mention in query.negated] == ["no", "no"]
    assert query.raw[slice(*query.filters[0].span)] == "view:PA"
    assert query.uncertain[0].span is None
    again = parse(query.raw)
    assert [(m.text, m.polarity) for m in again.mentions] == [
        (m.text, m.polarity) for m in query.affirmed + query.negated
    ]


def test_chips_that_are_all_uncertain_are_named_for_want_of_others():
    query = rebuilt(parse("effusion"), [("uncertain", None, "pleural effusion")], lexicon())
    assert (query.raw, query.uncertain[0].span) == ("pleural effusion", (0, 16))


def test_every_name_and_synonym_completes_to_a_finding():
    shown = completions()
    assert shown["chf"] == "chf → heart failure"
    assert shown["heart failure"] == "heart failure"
    for words in shown:
        assert lexicon().resolve(words) is not None


def test_a_filter_is_written_in_place_of_those_on_its_field():
    assert with_filter("effusion", "view", "PA|AP") == "effusion view:PA|AP"
    assert with_filter("age:>60 effusion age:<80", "age", "40..80") == "age:40..80 effusion"
    assert with_filter("effusion view:PA no edema", "view", None) == "effusion no edema"
    assert without("effusion view:PA sex:F", 0) == "effusion sex:F"
    assert (age_value(0, 120, 120), age_value(60, 120, 120), age_value(0, 17, 120)) == (None, ">=60", "<=17")
    assert date_value(date(2024, 6, 1), date(2024, 1, 1)) == "2024-01-01..2024-06-01"
    for value in (age_value(60, 120, 120), age_value(0, 17, 120), age_value(18, 65, 120)):
        assert parse(f"effusion age:{value}").filters[0].text == value


def test_the_sentence_links_every_chip_with_its_phrase_and_its_cue():
    shown = sentence_html(parse("effusion but no mass or nodule"))
    assert '<mark class="mn-affirmed mn-m0">effusion</mark>' in shown
    assert '<mark class="mn-cue mn-negated mn-m1 mn-m2">but no</mark>' in shown
    assert '<mark class="mn-negated mn-m1">mass</mark>' in shown
    css = link_css(3, 0)
    for place in range(3):
        assert f'st-key-chip_{place}_"]:is(:hover, :focus-within)' in css
        assert f".mn-sentence .mn-m{place}" in css


def test_a_doubt_stands_by_its_number_behind_its_words():
    query = parse("effussion without edema and mass")
    shown = sentence_html(query)
    assert '<mark class="mn-affirmed mn-m0 mn-doubt mn-w1">effussion</mark><sup>1</sup>' in shown
    assert '<mark class="mn-negated mn-m2 mn-doubt mn-w2">mass</mark><sup>2</sup>' in shown
    lines = doubts_html(query)
    assert "<sup>1</sup> interpreted" in lines
    assert lines.index("<sup>1</sup>") < lines.index("<sup>2</sup>")
    assert doubts_html(parse("effusion")) == ""


def test_a_chip_says_why_it_is_what_it_is():
    words = lexicon()
    typed = parse("effussion but no calcification")
    known = ("calcified_granuloma", "aortic_calcification")
    assert why(typed.affirmed[0], typed, words, known) == [
        "● wanted, as nothing denies it",
        "“effussion” was read so; in the lexicon as pleural effusion",
    ]
    assert why(typed.negated[0], typed, words, known) == [
        "⊘ unwanted, because of “but no”",
        "in the lexicon as calcification",
        "it stands for calcified granuloma or aortic calcification; all are excluded",
    ]
    weaker = turned(typed.negated[0], "negated", "weak")
    assert why(weaker, typed, words, ())[0] == (
        "⊘ unwanted: set by hand; the sentence says unwanted, strong, because of “but no”"
    )
    assert why(read_phrase("pacemaker", words)[0], typed, words, ())[0] == "● wanted: added by hand"


def test_reasons_beyond_a_cue_are_told_in_words():
    words = lexicon()
    normal = parse("clear lungs")
    assert why(normal.negated[0], normal, words, ())[0] == (
        "⊘ unwanted: what “clear lungs” calls normal does not show it"
    )
    past = parse("h/o tuberculosis")
    assert "speaks of the past" in why(past.uncertain[0], past, words, ())[0]
    free = parse("unicorn sign")
    assert "which the lexicon lacks" in why(free.affirmed[0], free, words, ())[1]


def test_other_meanings_are_offered_for_abbreviations_and_free_words():
    words = lexicon()
    short = parse("clear lungs with no PE")
    assert other_meanings(short, short.negated[1], words) == ["pulmonary embolism", "pleural effusion"]
    cut = rebuilt(parse("effusion"), [("affirmed", None, "pneumot")], words)
    assert other_meanings(cut, cut.affirmed[0], words)[0] == "pneumothorax"
    known = parse("effusion")
    assert other_meanings(known, known.affirmed[0], words) == []


def test_a_parent_says_what_it_stands_for_in_this_model():
    query = parse("no calcification")
    known = ("calcified_granuloma", "aortic_calcification")
    (line,) = notes(query, lexicon(), known)
    assert line == "calcification = calcified granuloma or aortic calcification"
    (line,) = notes(query, lexicon(), None)
    assert line.endswith("or …")


def test_words_without_use_are_named():
    (line,) = notes(parse("portable film with effusion"), lexicon(), None)[-1:]
    assert line.startswith(("no findings, so not searched for: ", "not used: "))
    assert "portable" in line


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


def test_a_probability_is_never_written_as_a_certainty():
    points_ = [
        Point(label=str(chance), value=0.0, chance=chance) for chance in (0.0, 0.004, 0.026, 0.93, 0.996)
    ]
    assert [said.split(") ")[1] for said in chances(points_)] == ["<.01", "<.01", ".03", ".93", ">.99"]
    assert chances([Point(label="mass", value=1.0)]) == []


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
        picture(hostile, hostile),
        marked(hostile, [(0, 4, hostile)], {4: hostile}),
        sentence_html(parse(hostile)),
        doubts_html(parse(f"effusion {hostile}")),
        report_html(hostile),
    ):
        assert "<script" not in made


def test_words_under_two_spans_have_the_classes_of_both():
    assert marked("abc", [(0, 2, "x"), (1, 3, "y x"), (2, 9, "z")]) == (
        '<mark class="x">a</mark><mark class="x y">b</mark><mark class="y x">c</mark>'
    )


def test_a_label_shows_markdown_as_it_stands():
    assert plain("**no** [a](b)") == r"\*\*no\*\* \[a\]\(b\)"


def test_what_is_normal_is_marked_once_and_quietly():
    shown = report_html("The lungs are clear. No effusion.")
    assert [shown.count(f'<mark class="mn-{kind}">') for kind in ("normal", "negated", "affirmed")] == [
        2,
        2,
        0,
    ]


def test_the_legend_of_a_report_names_the_marks_that_it_has():
    legend = report_html("Large effusion. No mass.").partition("mn-legend")[2]
    assert '<mark class="mn-affirmed">affirmed</mark><mark class="mn-negated">denied</mark>' in legend
    assert "left open" not in legend
    assert "<mark" not in report_html("Nothing to see here.")


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


def test_what_the_mouse_says_is_kept_within_what_the_sliders_can_show(monkeypatch):
    said = {"window": 999, "level": -3, "zoom": 2, "across": "50", "down": None, "q": "mine"}
    state = {"hand": SimpleNamespace(look=said)}
    monkeypatch.setattr(hands, "st", SimpleNamespace(session_state=state, query_params={}))
    hands._take()
    assert state == {"hand": state["hand"], "window": 200, "level": 0, "zoom": 2.0}


def test_a_whole_image_is_nowhere_to_be_moved_to(monkeypatch):
    state = {"hand": SimpleNamespace(look={"zoom": 1})}
    address = {"across": "20", "down": "30", "q": "effusion"}
    monkeypatch.setattr(hands, "st", SimpleNamespace(session_state=state, query_params=address))
    hands._take()
    assert address == {"q": "effusion"}
