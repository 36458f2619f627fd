"""The Diagnostics page: stored reports, safely framed, and a small one on demand."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest

from app import diagnosing
from app.diagnostics_view import decimal, framed
from app.reports import stored_reports
from tests.app.conftest import SCRIPT
from tests.app.seen import html_of

PAGE = f'<!doctype html><h1>Does this model hear “no”?</h1>{SCRIPT}<img src="http://elsewhere/x.png">'


def verdict(name="phantom", outcome="fails", **more):
    threshold = {"way": "sentence", "title": "“no X”, first ten without X", "limit": 0.85, "at_least": True}
    return {
        "model": 0,
        "name": name,
        "outcome": outcome,
        "words": f"Asked for “no X” it returns images that show X. {SCRIPT}",
        "checks": [
            {
                "threshold": threshold,
                "found": {"value": 0.04, "low": 0.02, "high": 0.06, "n": 14},
                "status": "fails",
            },
            {
                "threshold": {**threshold, "title": "change against the base", "limit": -0.02},
                "found": {"value": None, "low": None, "high": None, "n": 0},
                "status": "untested",
            },
            {"threshold": {**threshold, "way": "parsed"}, "found": {}, "status": "passes"},
        ],
        "untested": ["real radiographs"],
    }


def told(*verdicts):
    return {
        "verdicts": list(verdicts),
        "tested": {"size": "small", "images": 2540, "version": "0.1.0"},
    }


def write(folder, name, *verdicts, when=datetime(2026, 11, 22, 11, 0, tzinfo=UTC)):
    place = folder / name
    place.mkdir(parents=True)
    (place / "report.html").write_text(PAGE, encoding="utf-8")
    (place / "report.json").write_text(json.dumps(told(*verdicts)), encoding="utf-8")
    os.utime(place / "report.html", (when.timestamp(),) * 2)
    return place


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "reports"


@pytest.fixture
def diagnostics(page, folder, monkeypatch):
    monkeypatch.setenv("MEDNEG_REPORTS", str(folder))

    def open_page(**parameters):
        return page(**parameters).switch_page("diagnostics_page.py").run()

    return open_page


def frames(test):
    return [element.proto.srcdoc for element in test.get("iframe")]


def test_a_folder_without_reports_says_how_to_make_one(diagnostics):
    test = diagnostics()
    assert not test.exception
    assert "medneg diagnose --archive ARCHIVE" in test.info[0].value


def test_a_stored_report_opens_with_its_verdict_and_its_numbers(diagnostics, folder):
    write(
        folder, "first", verdict(), verdict(name="phantom+phantom-neg", outcome="passes with a reservation")
    )
    test = diagnostics()
    assert not test.exception
    shown = html_of(test)
    assert "<b>phantom fails</b>" in shown
    assert "<b>phantom-neg passes with a reservation</b>" in shown
    assert "<b>.04 <small>.02 to .06</small></b>" in shown
    assert '<em class="mn-fails">at least .85 · ✗ fails</em>' in shown
    assert '<em class="mn-untested">at least −.02 · – untested</em>' in shown
    assert shown.count("<em") == 4
    assert "Untested: real radiographs" in shown
    assert "2,540 images · 2026-11-22 11:00 UTC · medneg 0.1.0" in shown
    assert SCRIPT not in shown


def test_the_page_of_a_report_can_run_nothing_and_ask_for_nothing(diagnostics, folder):
    write(folder, "first", verdict())
    (frame,) = frames(diagnostics())
    assert SCRIPT not in frame
    assert '<iframe sandbox title="report" srcdoc="&lt;!doctype html&gt;' in frame
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in frame
    assert framed('"><script>').count("<script") == 0


def test_the_latest_report_comes_first_and_the_address_names_another(diagnostics, folder):
    write(folder, "old", verdict(), when=datetime(2026, 1, 1, tzinfo=UTC))
    write(folder, "new", verdict(name="tuned", outcome="passes"))
    test = diagnostics()
    assert test.radio(key="report").value == "new"
    assert list(test.radio(key="report").proto.captions) == [
        "2026-11-22 11:00 · tuned · small",
        "2026-01-01 00:00 · phantom · small",
    ]
    test.radio(key="report").set_value("old").run()
    assert "phantom fails" in html_of(test)


@pytest.mark.parametrize("name", ["../first", "/etc", "nothing"])
def test_an_address_reaches_no_other_folder(diagnostics, folder, name):
    write(folder, "kept", verdict())
    write(folder.parent, "first", verdict(name="elsewhere"))
    test = diagnostics(report=name)
    assert not test.exception
    assert "elsewhere" not in html_of(test)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"verdicts": 3}', '{"verdicts": [{}], "tested": {"size": "x"}}']
)
def test_what_is_no_report_is_left_out(folder, content):
    write(folder, "broken", verdict())
    (folder / "broken" / "report.json").write_text(content, encoding="utf-8")
    (folder / "parts").mkdir()
    (folder / "note.txt").write_text("hello", encoding="utf-8")
    assert stored_reports(folder) == ()
    assert stored_reports(folder / "nowhere") == ()


def test_reports_lie_in_the_archive_unless_the_operator_says_otherwise(archive_folder, monkeypatch):
    monkeypatch.delenv("MEDNEG_REPORTS", raising=False)
    monkeypatch.setenv("MEDNEG_ARCHIVE", str(archive_folder))
    assert diagnosing.reports_folder() == archive_folder / "diagnoses"
    monkeypatch.setenv("MEDNEG_ARCHIVE", "postgresql://somewhere/chest")
    assert diagnosing.reports_folder() is None
    monkeypatch.setenv("MEDNEG_REPORTS", "/kept/here")
    assert str(diagnosing.reports_folder()) == "/kept/here"


def test_a_small_report_is_made_on_demand_and_shown(diagnostics, folder, monkeypatch):
    asked = []

    def diagnose(store, encoders, *, size, parts, progress):
        asked.append(([encoder.card.name for encoder in encoders], size, parts))
        progress(1, 2)
        return told(verdict(name="fresh"))

    monkeypatch.setattr(diagnosing, "diagnose", diagnose)

    def write_report(found, place, *, command, pdf):
        assert command == "medneg diagnose --archive ARCHIVE --encoder fake --size small --out FOLDER"
        write(place.parent, place.name, *found["verdicts"])

    monkeypatch.setattr(diagnosing, "write_report", write_report)
    test = diagnostics()
    test.button[0].click().run()
    assert not test.exception
    assert asked == [(["fake"], "small", folder / "parts")]
    assert "<b>fresh fails</b>" in html_of(test)
    assert not test.info


def test_a_diagnosis_that_cannot_be_made_is_told(diagnostics, monkeypatch):
    from medneg.errors import ArchiveError

    def diagnose(*_, **__):
        raise ArchiveError("no image has labels")

    monkeypatch.setattr(diagnosing, "diagnose", diagnose)
    test = diagnostics()
    test.button[0].click().run()
    assert not test.exception
    assert [error.value for error in test.error] == ["no image has labels"]


def test_numbers_are_written_as_in_the_report():
    assert [decimal(value) for value in (0.046, 0.0, -0.004, -0.5, 1.0)] == [
        ".05",
        ".00",
        ".00",
        "−.50",
        "1.00",
    ]
