"""The page's part on significance: what is more than chance between methods, and between models."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from medneg.evaluation.gallery import BASE
from medneg.evaluation.markup import figure, section, table
from medneg.evaluation.report import Pool, Report, Superscripts, called
from medneg.evaluation.significance import Difference


def evidence(report: Report) -> Iterator[str]:
    """The default against every other way, every model against the base, and the table with superscripts."""
    if report.comparisons:
        yield from _comparisons(report)
    if report.gains:
        yield from _gains(report)
    for found in report.superscripts:
        yield _superscripts(found, report.about.default)


def _comparisons(report: Report) -> Iterator[str]:
    yield section(
        "Is it more than chance?",
        "Precision at 10 on “A but no B”, the default minus each other method on the same pairs and pools "
        "(both wordings of a pair averaged). Paired permutation test, 50,000 sign flips, Holm's correction "
        "over all rows of a pool.",
    )
    rows = [
        (False, (escape(called(one.method, one.space, one.model)), _where(one.pool), *_told(one.difference)))
        for one in sorted(report.comparisons, key=lambda one: one.pool == "gallery")
    ]
    yield table(("default minus …", "where", "pairs", "difference", "p", "p (Holm)"), rows)


def _gains(report: Report) -> Iterator[str]:
    yield section(
        "What tuning gains and costs",
        "Precision at 10 of a model minus that of the base, by the same method on the same questions and "
        "pools. Paired permutation test, Holm's correction over the rows of a kind, wording and place.",
    )
    rows = [
        (
            False,
            (
                escape(called(one.method, one.space, one.model)),
                f"{one.kind}, {one.wording}",
                "balanced pool" if one.kind == "negated" else _where(one.pool),
                *_told(one.difference),
            ),
        )
        for one in report.gains
    ]
    yield table(("model minus base", "questions", "where", "n", "difference", "p", "p (Holm)"), rows)


def _where(pool: Pool) -> str:
    return "hard pool" if pool == "pool" else "gallery"


def _told(gain: Difference) -> tuple[str, ...]:
    return str(gain.figure.n), figure(gain.figure), f"{gain.p:.5f}", f"{gain.p_holm:.5f}"


def _superscripts(found: Superscripts, default: tuple[str, str]) -> str:
    names = ", ".join(
        f"<sup>{place}</sup> {escape(', '.join(way))}" for place, way in enumerate(found.baselines)
    )
    rows = [
        (
            (method, space, model) == (*default, BASE),
            (
                escape(called(method, space, model)),
                *(f"{cell.value:.3f}<sup>{','.join(map(str, cell.beats))}</sup>" for cell in cells),
            ),
        )
        for method, space, cells, model in found.rows
    ]
    note = (
        f"Superscripts: better than {names} with p &lt; .01 after Holm's correction over the column. "
        "precision@k is what ExclMM calls AP@k."
    )
    cells = table(("method", *found.columns), rows)
    return f'<h3>“A but no B”, {_where(found.pool)}, all measures</h3><p class="note">{note}</p>{cells}'
