"""The page as the service shows it: its searches take turns, its reader is known, its errors are quiet."""

from __future__ import annotations

import json
import logging

import streamlit as st

from app import answers, resources
from app.once import forget_all
from app.serving import application, logs
from medneg import search as searching
from medneg.archive import Archive
from medneg.errors import ArchiveUnavailable
from tests.app.seen import QUERY, html_of


def test_the_page_waits_for_a_turn_like_everybody_and_says_when_many_search(page, monkeypatch):
    monkeypatch.setenv("MEDNEG_SERVE", json.dumps({"searches": 1, "waiting": 0}))
    held = []

    def ask():
        test = page(q=QUERY)
        held.append(resources.turns())
        return test

    assert not ask().warning
    held[0].join()
    busy = page(q="cardiomegaly")
    assert [warning.value for warning in busy.warning] == [
        "Many are searching at this moment; try again in 2 seconds."
    ]
    assert not busy.exception
    assert resources.turns().refused == 1


def test_a_search_on_the_page_is_counted_and_takes_the_index_that_was_named(page, monkeypatch):
    monkeypatch.setenv("MEDNEG_SERVE", json.dumps({"index": "scan"}))
    taken = []
    real = searching.search
    monkeypatch.setattr(answers, "search", lambda *a, **k: taken.append(k["index"]) or real(*a, **k))
    page(q=QUERY)
    assert taken == ["scan"]
    assert (
        'medneg_searches_total{door="page",index="scan of float16 rows"} 1.0'
        in resources.meters().text().decode()
    )


def test_the_reader_whom_a_proxy_signed_in_is_kept_as_a_pseudonym(page, monkeypatch, archive_folder):
    def who():
        assert not page(q=QUERY).exception
        with Archive.open(archive_folder) as store:
            return store.searches(1)[0].who

    account = who()
    forget_all()
    monkeypatch.setenv("MEDNEG_SERVE", json.dumps({"user_header": "X-Forwarded-User"}))
    monkeypatch.setattr(type(st.context), "headers", {"X-Forwarded-User": "anna"})
    assert who() != account


def test_pictures_are_asked_for_by_pseudonym_and_content(page):
    html = html_of(page(q=QUERY))
    assert '<img src="thumb/image-0?content=' in html
    assert "data:image" not in html


def test_a_database_that_is_gone_is_told_without_its_place(page, monkeypatch):
    def gone(self):
        raise ArchiveUnavailable("postgresql://10.1.2.3: connection refused")

    monkeypatch.setattr(Archive, "spaces", gone)
    test = page(q=QUERY)
    assert [error.value for error in test.error] == ["The archive cannot be reached just now. Try again."]
    assert not test.exception


def test_an_unexpected_error_of_the_page_is_logged_by_type_and_place_only(caplog, monkeypatch):
    shown = []
    monkeypatch.setattr(st, "error", shown.append)
    with caplog.at_level(logging.INFO, logs.NAME):
        assert application._page_failed(RuntimeError("Anna Karenina"))
    (record,) = caplog.records
    assert record.fields["error"] == "RuntimeError"
    assert "Anna" not in json.dumps(record.fields) + shown[0]
