"""Why a hit is where it is: arithmetic, counter-examples, and what the text encoder heard."""

from __future__ import annotations

import dataclasses

import pytest

from app import counterexamples, heard
from app.counterexamples import counter_examples
from medneg.archive import Archive
from medneg.diagnostics.attribution import TokenAttribution, Word
from medneg.query import lexicon
from tests.app.conftest import IMAGES, SCRIPT
from tests.app.seen import QUERY, hits, html_of

HEARD = TokenAttribution(
    sentence="effusion but no calcification",
    words=(
        Word(text="effusion", span=(0, 8), role="finding", polarity="affirmed", score=0.30),
        Word(text="but", span=(9, 12), role="cue", polarity="negated", score=0.0),
        Word(text="no", span=(13, 15), role="cue", polarity="negated", score=-0.05),
        Word(text=SCRIPT, span=(16, 29), role="finding", polarity="negated", score=0.15),
    ),
    baseline="unknown",
    score=0.5,
    baseline_score=0.1,
    gap=0.004,
    points=32,
)


def test_the_nearest_image_that_differs_in_one_thing_stands_beside_and_opens(page):
    test = page(q=QUERY, image="1")
    shown = html_of(test)
    assert "Most alike, and yet another answer" in shown
    assert "⊘ shows calcification" in shown
    assert "● no pleural effusion" in shown
    assert "What images show: as labels or reports have it." in shown
    test.button(key="open_counter_1").click().run()
    assert not test.exception
    assert test.query_params["image"] == "2"
    assert "⊘ no calcification" in html_of(test)


def test_a_counter_example_agrees_in_everything_else(page, archive_folder, encoder):
    request = page(q=QUERY).session_state["answers"]["chosen"][0]
    with Archive.open(archive_folder) as store:

        def shown(image_id):
            states = store.findings([image_id])[image_id]
            asked = (mention.finding for mention in request.query.mentions)
            return {finding for finding in asked if lexicon().state(finding, states) == "present"}

        for image_id in range(1, len(IMAGES) + 1):
            for each in counter_examples(store, encoder, request, image_id):
                assert shown(image_id) ^ shown(each.row.id) == {each.mention.finding}
                assert each.shows == (each.mention.finding in shown(each.row.id))


def test_without_labels_probabilities_tell_which_images_differ(calibrated, monkeypatch):
    monkeypatch.setattr(counterexamples, "_recorded", lambda store, query, matrix: {})
    test = calibrated(q=QUERY, k="10")
    test.button(key="open_medneg_1").click().run()
    assert not test.exception
    assert "What images show: as probabilities have it." in html_of(test)


def test_where_nothing_is_known_there_is_no_counter_example(page, monkeypatch):
    monkeypatch.setattr(counterexamples, "_recorded", lambda store, query, matrix: {})
    shown = html_of(page(q=QUERY, image="1"))
    assert "Why it is here" in shown
    assert "yet another answer" not in shown
    assert "yet another answer" not in html_of(page(q="unicorn sign", image="1"))


def test_an_image_beyond_the_hits_has_its_arithmetic_too(page):
    test = page(q=f"{QUERY} sex:F", image="3")
    assert 3 not in hits(test)
    shown = html_of(test)
    assert "Not among the 3 hits" in shown
    assert "(calcification). Method subtract." in shown


def test_an_encoder_that_hides_its_inside_has_no_panel_of_words(page):
    test = page(q=QUERY, image="1")
    assert not test.exception
    assert "What the text encoder heard" not in html_of(test)


def test_the_words_of_the_sentence_say_what_they_add(page, monkeypatch):
    asked = []

    def attribute(encoder, sentences, target):
        asked.append((sentences, target.shape))
        return (HEARD,)

    monkeypatch.setattr(heard, "attribute", attribute)
    shown = html_of(page(q=f"{QUERY} sex:F", image="1"))
    assert "What the text encoder heard" in shown
    assert '<span class="mn-word mn-affirmed" style="--mn-strength: 49%">effusion <b>.60</b></span>' in shown
    assert asked == [([QUERY], (64,))]


def test_words_are_escaped_and_what_takes_away_is_marked():
    shown = heard.heard_html(HEARD)
    assert SCRIPT not in shown
    assert 'mn-word mn-cue mn-less" style="--mn-strength: 16%">no <b>−.10</b>' in shown
    assert "0.4% unaccounted for" in shown
    assert "not to be trusted" not in shown


@pytest.mark.parametrize(("gap", "said"), [(0.2, "20.0%"), (float("inf"), "most")])
def test_shares_that_do_not_add_up_are_not_trusted(gap, said):
    shown = heard.heard_html(dataclasses.replace(HEARD, gap=gap))
    assert f"{said} unaccounted for" in shown
    assert "not to be trusted" in shown
