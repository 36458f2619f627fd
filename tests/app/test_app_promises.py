"""Probabilities and the exclusion promise on the page, over an archive that is calibrated."""

from __future__ import annotations

from tests.app.calibrated import COUNT
from tests.app.seen import QUERY, html_of


def test_probabilities_stand_calmly_at_each_hit_and_in_the_detail_view(calibrated):
    test = calibrated(q=QUERY, k="10", compare="true")
    assert not test.exception
    shown = html_of(test)
    assert shown.count('<div class="mn-chances"><span>P(pleural effusion) ') == 20
    assert "<span>P(calcification) " in shown
    test.button(key="open_medneg_1").click().run()
    assert not test.exception
    assert "no diagnosis" in html_of(test)


def test_without_a_calibration_no_probability_is_shown(page):
    assert "P(" not in html_of(page(q=QUERY))


def test_a_promise_that_holds_says_how_many_images_remain(calibrated):
    test = calibrated(q=QUERY, promise="10%")
    assert not test.exception
    found = test.session_state["answers"]["chosen"][1]
    made = found.promise
    assert 0 < made.remaining < made.fitting
    shown = html_of(test)
    assert f"<b>{made.remaining:,} of {made.fitting:,} images remain</b>" in shown
    assert f"✓ exact over {made.remaining:,} images</span> · at most 10% carry what is excluded" in shown
    assert "At most 10% of the images that remain carry what is excluded (95% confidence)." in [
        caption.value for caption in test.caption
    ]


def test_a_promise_that_cannot_be_kept_shows_no_hits_but_the_reason(calibrated):
    test = calibrated(q=QUERY, promise="1%")
    assert not test.exception
    assert "cannot promise that at most 1.0% carry calcification" in test.warning[0].value
    assert "mn-picture" not in html_of(test)
    test.button(key="no_promise").click().run()
    assert not test.warning
    assert f"✓ exact over {COUNT} images" in html_of(test)


def test_an_archive_without_calibration_says_what_a_promise_needs(page):
    assert "medneg calibrate" in page(q=QUERY, promise="5%").warning[0].value


def test_a_query_that_excludes_nothing_is_searched_without_a_promise(calibrated):
    test = calibrated(q="effusion", promise="5%")
    assert not test.warning
    assert "The query excludes nothing: there is nothing to promise." in html_of(test)
    assert f"✓ exact over {COUNT} images" in html_of(test)


def test_plain_clip_makes_no_promise(calibrated):
    test = calibrated(q=QUERY, promise="10%", compare="true")
    assert test.session_state["answers"]["plain"][1].promise is None
