"""Printing: with the browser that is there, or not at all."""

from __future__ import annotations

import shutil

import pytest

from medneg.diagnostics import printing
from medneg.diagnostics.printing import print_page


def test_without_a_browser_there_is_no_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not print_page(tmp_path / "page.html", tmp_path / "page.pdf")


def test_a_browser_that_fails_leaves_no_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(printing, "BROWSERS", ("false",))
    assert not print_page(tmp_path / "page.html", tmp_path / "page.pdf")


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, printing.BROWSERS)), reason="no Chromium on this machine")
def test_a_browser_prints_the_page(tmp_path):
    (tmp_path / "page.html").write_text("<h1>no effusion</h1>", encoding="utf-8")
    assert print_page(tmp_path / "page.html", tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
