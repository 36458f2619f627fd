"""Chips and filters as their user edits them, and who reads the sentence."""

from __future__ import annotations

import dataclasses
from datetime import date

from app import resources
from medneg.query import parse
from tests.app.conftest import SCRIPT
from tests.app.seen import QUERY, asked, chips, hits, html_of, key_of


def test_flipping_a_chip_asks_the_edited_query_and_keeps_it_in_the_address(page):
    test = page(q=QUERY)
    test.button(key="flip_1").click().run()
    assert chips(test) == ["wanted:pleural effusion", "uncertain:calcification"]
    assert asked(test).raw == "pleural effusion"
    test.button(key="flip_1").click().run()
    assert [mention.text for mention in asked(test).affirmed] == ["pleural effusion", "calcification"]
    assert not asked(test).negated
    test.button(key="as_typed").click().run()
    assert "chip" not in test.query_params
    assert asked(test).raw == QUERY


def test_a_chip_offers_every_polarity_and_how_firmly_it_excludes(page):
    test = page(q=QUERY)
    test.segmented_control(key=key_of(test.segmented_control, "strength_1")).select("weak").run()
    assert chips(test) == ["wanted:pleural effusion", "unwanted weak:calcification"]
    assert asked(test).negated[0].strength == "weak"
    test.segmented_control(key=key_of(test.segmented_control, "polarity_0")).select("uncertain").run()
    assert chips(test) == ["uncertain:pleural effusion", "unwanted weak:calcification"]
    assert not asked(test).affirmed


def test_every_change_can_be_taken_back(page):
    test = page(q=QUERY)
    assert "undo" not in [button.key for button in test.button]
    test.button(key="flip_0").click().run()
    test.button(key="drop_0").click().run()
    assert chips(test) == ["unwanted:calcification"]
    test.button(key="undo").click().run()
    assert chips(test) == ["unwanted:pleural effusion", "unwanted:calcification"]
    test.button(key="as_typed").click().run()
    test.button(key="undo").click().run()
    test.button(key="undo").click().run()
    assert "chip" not in test.query_params
    assert "undo" not in [button.key for button in test.button]


def test_a_chip_tells_why_it_is_there(page):
    shown = html_of(page(q="effussion but no calcification"))
    assert "⊘ unwanted, because of “but no”" in shown
    assert "“effussion” was read so; in the lexicon as pleural effusion" in shown
    assert "<sup>1</sup> interpreted" in shown


def test_an_edited_query_is_shown_as_the_sentence_that_runs(page):
    shown = html_of(page(q=QUERY, chip=["wanted:pleural effusion", "unwanted weak:cardiomegaly"]))
    assert "asked now" in shown
    assert '<mark class="mn-cue mn-negated mn-m1">no</mark>' in shown
    assert "asked now" not in html_of(page(q=QUERY))


def test_removing_all_chips_empties_the_query_but_for_its_filters(page):
    test = page(q="effusion")
    test.button(key="drop_0").click().run()
    assert test.text_input(key="q").value == ""
    assert not test.exception
    test = page(q="effusion sex:F")
    test.button(key="drop_0").click().run()
    assert test.text_input(key="q").value == "sex:F"
    assert "exact over 3 images" in html_of(test)


def test_an_added_finding_becomes_a_wanted_chip(page):
    test = page(q="effusion")
    test.selectbox(key="add_finding").select("enlarged heart").run()
    assert chips(test) == ["wanted:pleural effusion", "wanted:cardiomegaly"]
    test.selectbox(key="add_finding").select("pacemaker").run()
    assert chips(test)[-1] == "wanted:pacemaker"


def test_words_that_the_lexicon_lacks_are_marked_with_what_they_may_mean(page):
    test = page(q="effusion", chip=["wanted:pleural effusion", "wanted:pneumot"])
    assert "free words, which the lexicon lacks" in html_of(test)
    test.button(key="mean_1_0").click().run()
    assert chips(test) == ["wanted:pleural effusion", "wanted:pneumothorax"]


def test_a_link_with_chips_gives_the_same_question(page):
    test = page(q=QUERY, chip=["unwanted:pleural effusion", "wanted:calcification"])
    assert asked(test).raw == "calcification but no pleural effusion"
    assert asked(test).counterfactuals == ("calcification and pleural effusion",)
    assert hits(test)[0] == 3


def test_a_link_with_the_same_chip_twice_is_no_error(page):
    test = page(q=QUERY, chip=["wanted:mass", "wanted:mass", "nonsense", f"unwanted:{SCRIPT}"])
    assert not test.exception
    assert SCRIPT not in html_of(test)


def test_a_chip_too_long_to_be_read_is_told(page):
    test = page(q=QUERY, chip="wanted:" + "x" * 3000)
    assert not test.exception
    assert "at most 2,000 characters" in test.error[0].value or "2000" in test.error[0].value


def test_a_new_sentence_forgets_edited_chips(page):
    test = page(q=QUERY, chip=["wanted:calcification"])
    test.text_input(key="q").input("cardiomegaly").run()
    assert "chip" not in test.query_params
    assert hits(test)[0] == 5


def test_filters_in_the_sentence_are_those_of_the_sidebar(page):
    test = page(q=f"{QUERY} sex:F age:>=61")
    assert "exact over 2 images" in html_of(test)
    assert test.pills(key="sex").value == ["F"]
    assert test.slider(key="age").value == (61, 120)
    assert "sex F" in html_of(test)
    test.button(key="unfilter_0").click().run()
    assert test.text_input(key="q").value == f"{QUERY} age:>=61"
    assert test.pills(key="sex").value == []
    assert "exact over 3 images" in html_of(test)


def test_the_sidebar_writes_into_the_sentence(page):
    test = page(q=QUERY)
    test.pills(key="sex").set_value(["M"]).run()
    assert test.text_input(key="q").value == f"{QUERY} sex:M"
    test.slider(key="age").set_value((40, 80)).run()
    assert test.text_input(key="q").value == f"{QUERY} sex:M age:40..80"
    assert test.query_params["q"] == f"{QUERY} sex:M age:40..80"
    assert "exact over 2 images" in html_of(test)
    test.date_input(key="from").set_value(date(2021, 1, 1)).run()
    assert test.text_input(key="q").value == f"{QUERY} sex:M age:40..80 date:>=2021-01-01"
    assert "exact over 1 images" in html_of(test)
    test.pills(key="sex").set_value([]).run()
    assert test.text_input(key="q").value == f"{QUERY} age:40..80 date:>=2021-01-01"


def test_filters_stay_when_chips_are_edited(page):
    test = page(q=f"{QUERY} sex:F")
    test.button(key="drop_1").click().run()
    assert asked(test).raw == "pleural effusion sex:F"
    assert "exact over 3 images" in html_of(test)
    test.pills(key="sex").set_value(["M"]).run()
    assert asked(test).raw == "pleural effusion sex:M"
    assert chips(test) == ["wanted:pleural effusion"]


def test_a_filter_that_cannot_be_read_is_told_beside_its_words(page):
    test = page(q="effusion view:XX age:>80 age:<20")
    assert not test.exception
    shown = html_of(test)
    assert '<mark class="mn-doubt mn-w1">view:XX</mark><sup>1</sup>' in shown
    assert "view must be one of PA, AP, LATERAL" in shown


def test_labels_and_reports_filter_by_state_and_honour_kinds(page):
    assert "exact over 2 images" in html_of(page(q=QUERY, present="calcification"))
    assert "exact over 4 images" in html_of(page(q=QUERY, absent="calcification"))
    both = page(q=QUERY, present="pleural effusion", absent="calcification")
    assert "exact over 2 images" in html_of(both)
    test = page(q=QUERY)
    test.multiselect(key="present").select("cardiomegaly").run()
    assert "exact over 1 images" in html_of(test)


class OtherParser:
    """Stands for a language model: reads as the grammar does, in its own name."""

    def parse(self, text):
        read = parse(text)
        signed = tuple(dataclasses.replace(m, origin="language_model") for m in read.negated)
        return dataclasses.replace(read, negated=signed, parser="tiny <model>")


def test_the_page_says_when_a_language_model_read_the_sentence(page, monkeypatch):
    monkeypatch.setattr(resources, "parser", lambda settings: OtherParser())
    test = page(q=QUERY)
    shown = html_of(test)
    assert "read by tiny &lt;model&gt;" in shown
    assert "so reads tiny &lt;model&gt;, a language model" in shown
    test.button(key="flip_0").click().run()
    assert "asked now" in html_of(test)
    assert asked(test).parser == "tiny <model>"


def test_a_language_model_that_does_not_answer_is_told_and_asked_once(page, monkeypatch):
    monkeypatch.setenv("MEDNEG_PARSER", "always")
    monkeypatch.setenv("MEDNEG_PARSER_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MEDNEG_PARSER_MODEL", "nobody")
    test = page(q=QUERY)
    assert "nobody did not read this" in html_of(test)
    assert "✓ exact over 6 images" in html_of(test)
    held = test.session_state["read"][1]
    test.button(key="flip_0").click().run()
    assert test.session_state["read"][1] is held
    test.button(key="search").click().run()
    assert test.session_state["read"][1] is not held


def test_a_language_model_that_may_not_be_used_is_told(page, monkeypatch):
    monkeypatch.setenv("MEDNEG_PARSER", "always")
    test = page(q=QUERY)
    assert not test.exception
    assert "needs a model" in test.error[0].value
