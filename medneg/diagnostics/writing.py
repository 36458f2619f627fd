"""A report on disk: a page, its JSON twin, and a PDF where a Chromium is at hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from medneg.diagnostics.diagnosis import Diagnosis
from medneg.diagnostics.page import write_page
from medneg.diagnostics.printing import print_page

PAGE, TWIN, PDF = "report.html", "report.json", "report.pdf"
PARTS = "parts"
"""Where in a report's folder its finished parts are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The files of a report; ``pdf`` is None where no browser could print it."""

    page: Path
    twin: Path
    pdf: Path | None


def write_report(diagnosis: Diagnosis, folder: Path, *, command: str, pdf: bool = True) -> Written:
    """Write a report into a folder, which is made if need be.

    Args:
        diagnosis: what was found.
        folder: gets ``report.html``, ``report.json`` and ``report.pdf``; earlier ones are overwritten.
        command: the command that makes the report again, for the reader.
        pdf: whether to print it too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, twin, printed = folder / PAGE, folder / TWIN, folder / PDF
    made = date.today().isoformat()
    page.write_text(write_page(diagnosis, command=command, made=made), encoding="utf-8")
    told = {**diagnosis.to_json(), "made": made, "command": command}
    twin.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    printed.unlink(missing_ok=True)  # never an older report's PDF beside this page
    done = pdf and print_page(page, printed)
    return Written(page=page, twin=twin, pdf=printed if done else None)
