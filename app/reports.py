"""Diagnostic reports in a folder: which there are, and what their machine-readable twins say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medneg.diagnostics.writing import PAGE, PDF, TWIN

LARGEST = 30_000_000
"""Bytes of a page that a browser is still asked to show; reports have at most half of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A report: its folder's name, when it was written, its pages, and what it found in plain values."""

    name: str
    when: datetime
    html: Path
    json: Path
    pdf: Path | None
    told: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Which models it is about, and how large it is."""
        names = ", ".join(str(verdict["name"]).rpartition("+")[2] for verdict in self.told["verdicts"])
        return f"{names} · {self.told['tested']['size']}"


def stored_reports(folder: Path) -> tuple[StoredReport, ...]:
    """All whole reports of a folder, each in a folder of its own, the latest first."""
    if not folder.is_dir():
        return ()
    found = [report for each in folder.iterdir() if (report := _report(each)) is not None]
    return tuple(sorted(found, key=lambda report: (report.when, report.name), reverse=True))


def checks_of(verdict: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The verdict's figures for whole sentences: those that decide."""
    return [check for check in verdict["checks"] if check["threshold"]["way"] == "sentence"]


def _report(folder: Path) -> StoredReport | None:
    """None where there is no report, or one that another version wrote in another shape."""
    html, told, pdf = folder / PAGE, folder / TWIN, folder / PDF
    try:
        known: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        state = html.stat()
        if state.st_size > LARGEST or not _is_whole(known):
            return None
    except (OSError, ValueError):
        return None
    return StoredReport(
        name=folder.name,
        when=datetime.fromtimestamp(state.st_mtime, tz=UTC),
        html=html,
        json=told,
        pdf=pdf if pdf.is_file() else None,
        told=known,
    )


def _is_whole(told: Any) -> bool:
    try:
        return bool(told["tested"]["size"]) and all(
            {"name", "outcome", "words"} <= verdict.keys()
            and all(
                {"title", "limit", "at_least"} <= check["threshold"].keys() for check in checks_of(verdict)
            )
            for verdict in told["verdicts"]
        )
    except (KeyError, TypeError, AttributeError):
        return False
