"""A diagnostic report on the screen: verdicts in words, four numbers each, and the page itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import streamlit as st

from app.markup import tag, text
from app.reports import StoredReport, checks_of

HEIGHT = 1200
"""Pixels of the frame that the report is read in."""

STATES = {"passes": "✓ passes", "narrowly": "≈ narrowly", "fails": "✗ fails", "untested": "– untested"}

_FRAME = Template(Path(__file__).with_name("assets").joinpath("frame.html").read_text(encoding="utf-8"))


def show_report(report: StoredReport) -> None:
    """Draw the verdicts, offer the files, and show the page."""
    verdicts = "".join(_verdict(verdict) for verdict in report.told["verdicts"])
    st.html(tag("div", verdicts, kind="mn-verdicts"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="files"):
        st.html(tag("div", text(_tested(report)), kind="mn-note"), width="content")
        for path in (report.html, report.json, report.pdf):
            if path is not None:
                kind = path.suffix[1:].upper()
                name = f"{report.name}{path.suffix}"
                st.download_button(
                    kind, path.read_bytes, file_name=name, key=f"get_{kind}", on_click="ignore"
                )
    st.iframe(framed(report.html.read_text(encoding="utf-8")), height=HEIGHT, alt=f"Report {report.name}")


def framed(page: str) -> str:
    """A page inside a frame that runs no script, sends no request and sees nothing of what is around it.

    The file lies in a folder that others may write to, and Streamlit's own frames trust what they show.
    """
    return _FRAME.substitute(page=text(page))


def _tested(report: StoredReport) -> str:
    tested = report.told["tested"]
    images = f"{tested['images']:,} images" if isinstance(tested.get("images"), int) else "images"
    return f"{images} · {report.when:%Y-%m-%d %H:%M} UTC · medneg {tested.get('version', '?')}"


def _verdict(verdict: Mapping[str, Any]) -> str:
    outcome = str(verdict["outcome"])
    kind = {"passes": "good", "fails": "bad"}.get(outcome, "open")
    name = str(verdict["name"]).rpartition("+")[2]  # a tuned text tower puts its name behind its base's
    title = tag("b", text(f"{name} {'is ' if outcome == 'untested' else ''}{outcome}"))
    words = tag("p", text(str(verdict["words"])))
    untested = ", ".join(map(str, verdict.get("untested", ())))
    rest = tag("p", text(f"Untested: {untested}"), kind="mn-dim") if untested else ""
    numbers = "".join(_number(check) for check in checks_of(verdict))
    return tag(
        "section", title + words + rest + tag("div", numbers, kind="mn-numbers"), kind=f"mn-verdict mn-{kind}"
    )


def _number(check: Mapping[str, Any]) -> str:
    threshold, found = check["threshold"], check["found"]
    state = str(check["status"])
    limit = f"{'at least' if threshold['at_least'] else 'at most'} {decimal(threshold['limit'])}"
    return tag(
        "div",
        tag("span", text(str(threshold["title"])))
        + tag("b", f"{decimal(found['value'])} {tag('small', text(_interval(found)))}")
        + tag("em", text(f"{limit} · {STATES.get(state, state)}"), kind=f"mn-{state}"),
    )


def decimal(value: float | None) -> str:
    """A number as the report has it.

    Example:
        >>> decimal(0.9), decimal(-0.024), decimal(None), decimal(1.0)
        ('.90', '−.02', '–', '1.00')
    """
    if value is None:
        return "–"
    sign = "−" if value < -0.005 else ""
    return sign + f"{abs(value):.2f}".removeprefix("0")


def _interval(found: Mapping[str, Any]) -> str:
    if found["low"] is None or found["high"] is None:
        return ""
    return f"{decimal(found['low'])} to {decimal(found['high'])}"
