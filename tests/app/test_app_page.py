"""The page as its user sees it, without a browser."""

from __future__ import annotations

import dataclasses

import pytest

from medneg import encoders
from tests.app.conftest import SCRIPT
from tests.app.seen import QUERY, hits, html_of, labels


def test_an_empty_page_invites_with_examples(page):
    test = page()
    assert not test.exception
    assert QUERY in labels(test)
    assert "For example" in html_of(test)
    assert "mn-exact" not in html_of(test)


def test_a_click_on_an_example_asks_it(page):
    test = page()
    test.button(key="example_0").click().run()
    assert test.text_input(key="q").value == QUERY
    assert test.query_params["q"] == QUERY
    assert "✓ exact over 6 images" in html_of(test)


def test_an_answer_shows_its_reading_its_promise_and_who_answers(page):
    test = page(q=QUERY)
    assert not test.exception
    shown = html_of(test)
    assert '<mark class="mn-cue mn-negated mn-m1">but no</mark>' in shown
    assert "calcification = " in shown
    assert "✓ exact over 6 images" in shown
    assert "Research use, not a medical device. Model <b>fake</b> (Apache-2.0)." in shown
    assert sorted(hits(test)[:2]) == [1, 4]


def test_plain_clip_stands_below_with_its_violations_marked(page):
    test = page(q=QUERY, compare="true", k="10")
    shown = html_of(test)
    plain = shown[shown.index("plain CLIP") :]
    assert "shows calcification" in plain
    assert "no pleural effusion" in plain


def test_without_comparison_plain_clip_is_not_asked(page):
    test = page(q=QUERY)
    assert list(test.session_state["answers"]) == ["chosen"]


def test_a_filter_that_nothing_passes_says_so(page):
    test = page(q=QUERY, present="pneumothorax")
    assert [element.value for element in test.info] == ["No image passes the filters."]


def test_the_archive_is_asked_once_for_the_same_question(page, archive_folder):
    from medneg.archive import Archive

    test = page(q="cardiomegaly without effusion")
    with Archive.open(archive_folder) as store:
        before = store.counts().searches
        test.run()
        test.toggle(key="compare").set_value(True).run()
        assert store.counts().searches == before + 1  # plain CLIP's
        test.button(key="search").click().run()
        assert store.counts().searches == before + 3


def test_a_card_opens_its_image_with_the_sum_of_its_score(page):
    test = page(q=QUERY)
    first = hits(test)[0]
    test.button(key="open_medneg_1").click().run()
    assert not test.exception
    assert test.query_params["image"] == str(first)
    assert test.query_params["q"] == QUERY
    shown = html_of(test)
    assert "Why it is here · rank 1 of 6" in shown
    assert "(pleural effusion)" in shown
    assert test.button(key="previous").disabled
    test.button(key="next").click().run()
    assert test.query_params["image"] == str(hits(test)[1])
    test.button(key="back").click().run()
    assert "image" not in test.query_params


def test_a_report_is_marked_by_polarity_and_the_header_is_not_personal(page):
    shown = html_of(page(q=QUERY, image="1"))
    assert '<mark class="mn-negated">pneumothorax</mark>' in shown
    assert '<mark class="mn-affirmed">Large left pleural effusion</mark>' in shown
    assert '<mark class="mn-uncertain">edema</mark>' in shown
    assert "Personal fields" in shown
    assert "anna" not in shown.replace("pseudonym anna", "")


def test_text_from_files_and_reports_is_escaped(page):
    for test in (page(q=f"effusion {SCRIPT}"), page(q=QUERY, image="1")):
        assert SCRIPT not in html_of(test)
        assert "&lt;" in html_of(test)


def test_the_prior_of_a_patient_stands_beside(page):
    test = page(q=QUERY, image="1")
    assert test.toggle(key="beside").label == "Prior of 2023-09-02 beside"
    test.toggle(key="beside").set_value(True).run()
    assert html_of(test).count("mn-overlay") == 2
    assert "current · PA · F 61 · 2024-05-11" in html_of(test)
    assert "prior · PA · F 60 · 2023-09-02" in html_of(test)
    assert "beside" not in [toggle.key for toggle in page(q=QUERY, image="2").toggle]


@pytest.mark.parametrize("image", ["999", "-1", "1 OR 1=1", "9" * 40, ""])
def test_an_address_that_names_no_image_is_told_so(image, page):
    test = page(q=QUERY, image=image)
    assert not test.exception
    assert [error.value for error in test.error] == ["There is no such image in this archive."]


def test_an_image_can_be_opened_by_its_address_alone(page):
    test = page(image="3")
    assert not test.exception
    assert "Why it is here" not in html_of(test)
    assert "Header" in html_of(test)


def test_a_file_that_is_gone_leaves_its_thumbnail(page, archive_folder):
    path = archive_folder.parent / "3.png"
    kept = path.read_bytes()
    path.unlink()
    try:
        test = page(image="4")
        assert [warning.value for warning in test.warning] == [
            "Only the thumbnail is left. The file cannot be read: it is not a file"
        ]
    finally:
        path.write_bytes(kept)


def test_the_phantom_model_on_another_image_raises_an_alarm(page, encoder, monkeypatch):
    import copy

    phantom = copy.copy(encoder)
    phantom.card = dataclasses.replace(encoder.card, name="phantom")
    monkeypatch.setattr(encoders, "load", lambda name, text_encoder=None: phantom)
    test = page(q="clear lungs")
    assert len(test.error) == 1
    assert "1 of these 6 images are no phantom" in test.error[0].value
    assert "This image is no phantom." in page(q="clear lungs", image="6").error[0].value
    assert not page(q="clear lungs", image="1").error


def test_a_page_without_an_archive_says_how_to_start_it(page, monkeypatch):
    monkeypatch.delenv("MEDNEG_ARCHIVE")
    assert "medneg ui --archive ARCHIVE" in page().error[0].value
    monkeypatch.setenv("MEDNEG_ARCHIVE", "/nowhere/at/all")
    assert "there is no archive at" in page().error[0].value


def test_weights_that_are_missing_are_told_and_nothing_breaks(page, monkeypatch):
    from medneg.errors import WeightsMissing

    def missing(name, text_encoder=None):
        raise WeightsMissing("run: hf download someone/model")

    monkeypatch.setattr(encoders, "load", missing)
    test = page(q=QUERY)
    assert not test.exception
    assert [error.value for error in test.error] == ["run: hf download someone/model"]
