"""What calibrating an encoder on an archive found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medneg.terminal.screen import console, titled

if TYPE_CHECKING:
    from medneg.calibration import CalibrationReport


def show_calibration(report: CalibrationReport) -> None:
    """Print one line per finding, in the space that searches use by default, and which have no curve."""
    from medneg.calibration.curves import LEAST
    from medneg.search import DEFAULT_SPACE

    rows = [scores for scores in report.findings if scores.space == DEFAULT_SPACE]
    table = titled(
        f"{report.encoder} over {report.images:,} images ({DEFAULT_SPACE} space)",
        *("finding", "present", "absent", "reported", "AUC", "ECE", "isotonic"),
    )
    table.columns[0].no_wrap = True
    for scores in (each for each in rows if each.curve):
        assert scores.curve is not None
        table.add_row(
            scores.finding,
            *(str(count) for count in (scores.present, scores.absent, scores.reported)),
            _figure(scores.auc),
            _figure(scores.curve.error),
            _figure(scores.isotonic_error),
        )
    console.print(table)
    without = [f"{each.finding} ({each.present}/{each.absent})" for each in rows if each.curve is None]
    if without:
        console.print(
            f"no probability for want of {LEAST} labelled images of either kind (present/absent): "
            f"{', '.join(without)}",
            style="dim",
        )
    console.print(
        "reported: labels from reports only · ECE: expected calibration error of the logistic curve "
        "on held-out patients, 15 bins of equal mass · a probability holds for images like those of this "
        "archive, and is no diagnosis",
        style="dim",
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
