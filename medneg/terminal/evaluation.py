"""What an evaluation found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from medneg.evaluation.gallery import BASE
from medneg.evaluation.report import called
from medneg.terminal.screen import console, foreign, titled

if TYPE_CHECKING:
    from medneg.evaluation.con2 import Con2Report
    from medneg.evaluation.published import PublishedReport
    from medneg.evaluation.report import About, Pool, Report, Row, Superscripts

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def show_report(report: Report) -> None:
    """Print what an evaluation found: the findings it knows, the methods side by side, the comparisons."""
    show_about(report.about)
    known = titled("What the encoder knows", "concept", "pictures that show it", "zero-shot AUC")
    for line in report.zero_shot:
        known.add_row(Text(line.concept.replace("_", " ")), f"{line.positives:,}", str(line.auc))
    for one in report.known:
        known.add_row(f"mean, {one.model}", f"{one.mean_auc.n} findings", str(one.mean_auc), style="bold")
    console.print(known)
    for wording in ("structured", "natural"):
        console.print(_exclusion_table(report, wording))
    console.print(_kinds_table(report))
    console.print(_superscripts_table(report.superscripts[-1]))
    if report.comparisons:
        console.print(_comparisons_table(report))
    if report.gains:
        console.print(_gains_table(report))
    if report.examples:
        console.print(_examples_table(report))
    for words in _closing_lines(report):
        console.print(Text(words, style="dim"), soft_wrap=True)


def show_con2(report: Con2Report) -> None:
    """Print the CON2 paper's protocol: accuracy by group of prompts, for its finding and for all."""
    show_about(report.about)
    groups = list(dict.fromkeys(row.group for row in report.rows))
    ways = dict.fromkeys((row.method, row.space, row.model) for row in report.rows)
    for which, title in (("papers", "pleural effusion"), ("all", f"{len(report.findings)} findings")):
        found = {(row.method, row.space, row.model, row.group): getattr(row, which) for row in report.rows}
        shown = titled(f"Top-10 accuracy of prompts about {title}; chance .5", "method", *groups)
        for way in ways:
            cells = (str(found[*way, group]) for group in groups)
            shown.add_row(called(*way), *cells, style=_style(way, report.about))
        console.print(shown)


def show_published(report: PublishedReport) -> None:
    """Print what a published benchmark gave, one row a method."""
    console.print(
        Text(
            f"{report.encoder} on {report.table}: {report.questions:,} questions ({report.task}), "
            f"{report.pictures:,} pictures in grey; seed {report.seed}; 95 % intervals over questions. "
            f"{report.licence}. {report.notice}",
            style="dim",
        )
    )
    names = list(report.rows[0].figures) if report.rows else []
    shown = titled(f"NegBench, {report.task}", "method", "n", *(foreign(name).plain for name in names))
    for row in report.rows:
        figures = [row.figures[name] for name in names]
        shown.add_row(f"{row.method}, {row.space}", str(figures[0].n), *map(str, figures))
    console.print(shown)
    for method, space, why in report.left_out:
        console.print(Text(f"left out: {method}, {space}: {why}", style="dim"))


def show_about(about: About) -> None:
    """Print what was measured, on what, and what the weights allow."""
    lines = (
        f"{about.encoder} on {about.pictures:,} pictures of {about.patients:,} patients, {about.truth}; "
        f"questions read by {'the parser' if about.parse == 'real' else 'no parser: their meaning is given'}",
        f"seed {about.seed}; 95 % intervals over questions; probability curves from {about.curves}; medneg "
        f"{about.version}",
        *(f"{card.model} ({card.encoder}): {card.licence}. {card.notice}" for card in about.models),
    )
    for words in lines:
        console.print(Text(words, style="dim"))


def _style(way: tuple[str, str, str], about: About) -> str | None:
    """The default stands out."""
    return "bold" if way == (*about.default, BASE) else None


def _exclusion_table(report: Report, wording: str) -> Table:
    """One row a method: precision and violation among ten, on the whole gallery and on the hard pools."""
    table = titled(
        f"“A but no B”, {wording} wording",
        "method",
        "n",
        "precision@10",
        "violation@10",
        "hard p@10",
        "hard v@10",
    )
    for row in _rows(report, "exclusion", wording, "gallery"):
        hard = report.row(row.method, row.space, "exclusion", wording, "pool", row.model)
        figures = [row.figures["precision@10"], row.figures["violation@10"]]
        figures += [hard.figures["precision@10"], hard.figures["violation@10"]] if hard else []
        way = (row.method, row.space, row.model)
        cells = (str(figures[0].n), *map(str, figures))
        table.add_row(called(*way), *cells, style=_style(way, report.about))
    return table


def _rows(report: Report, kind: str, wording: str, pool: Pool) -> Iterator[Row]:
    for row in report.exclusion:
        if (row.kind, row.wording, row.pool) == (kind, wording, pool):
            yield row


def _kinds_table(report: Report) -> Table:
    """Precision@10 of the other kinds of question, structured and natural wording."""
    kinds = list(dict.fromkeys(row.kind for row in report.exclusion if row.kind != "exclusion"))
    heads = (Text(f"{kind}\n{_pool(kind)}") for kind in kinds)
    table = titled("Precision@10 of other questions: structured / natural wording", "method")
    for head in heads:
        table.add_column(head, justify="right")
    for way in dict.fromkeys((row.method, row.space, row.model) for row in report.exclusion):
        cells = [_two_wordings(report, way, kind) for kind in kinds]
        table.add_row(called(*way), *cells, style=_style(way, report.about))
    return table


def _pool(kind: str) -> Pool | str:
    from medneg.evaluation.measuring import UNNEGATED

    if kind in UNNEGATED:
        return "gallery"
    return "balanced" if kind in ("negated", "normality") else "hard"


def _two_wordings(report: Report, way: tuple[str, str, str], kind: str) -> str:
    pool: Pool = "gallery" if _pool(kind) == "gallery" else "pool"
    method, space, model = way
    rows = [report.row(method, space, kind, wording, pool, model) for wording in ("structured", "natural")]
    return " / ".join(f"{row.figures['precision@10'].value:.3f}" if row else "–" for row in rows)


def _superscripts_table(found: Superscripts) -> Table:
    where = "hard pool" if found.pool == "pool" else "gallery"
    names = ", ".join(
        f"{str(number).translate(SUPERSCRIPTS)} {method} {space}"
        for number, (method, space) in enumerate(found.baselines)
    )
    table = titled(
        f"“A but no B”, {where}; better with p < .01 (Holm) than {names}", "method", *found.columns
    )
    for method, space, cells, model in found.rows:
        marks = (
            f"{cell.value:.3f}{''.join(str(number).translate(SUPERSCRIPTS) for number in cell.beats)}"
            for cell in cells
        )
        table.add_row(called(method, space, model), *marks)
    return table


def _comparisons_table(report: Report) -> Table:
    default = ", ".join(report.about.default)
    table = titled(
        f"Precision@10 on “A but no B”: {default}, minus …",
        "method",
        "pool",
        "n",
        "difference",
        "p",
        "p (Holm)",
    )
    for other in report.comparisons:
        gain = other.difference
        pool = "hard" if other.pool == "pool" else "gallery"
        name = called(other.method, other.space, other.model)
        p_values = (f"{gain.p:.5f}", f"{gain.p_holm:.5f}")
        table.add_row(name, pool, str(gain.figure.n), str(gain.figure), *p_values)
    return table


def _gains_table(report: Report) -> Table:
    """Every model against the base, by the same method."""
    heads = ("model", "questions", "pool", "n", "difference", "p", "p (Holm)")
    table = titled("Precision@10 of a model, minus the base's by the same method", *heads)
    for one in report.gains:
        gain = one.difference
        pool = "gallery" if one.pool == "gallery" else _pool(one.kind)
        cells = (f"{one.kind}, {one.wording}", pool, str(gain.figure.n), str(gain.figure))
        name = called(one.method, one.space, one.model)
        table.add_row(name, *cells, f"{gain.p:.5f}", f"{gain.p_holm:.5f}")
    return table


def _examples_table(report: Report) -> Table:
    table = titled("Named queries", "query", "method", "p@10", "v@10", "hard p@10", "hard v@10")
    for one in report.examples:
        figures = (one.precision, one.violation, one.hard_precision, one.hard_violation)
        name = called(one.method, one.space, one.model)
        table.add_row(one.query, name, *(f"{figure:.2f}" for figure in figures))
    return table


def _closing_lines(report: Report) -> Iterator[str]:
    reading, controls = report.reading, report.controls
    yield f"understood {reading.understood:,} of {reading.asked:,} questions"
    for words in reading.misread[:5]:
        yield f"  not as meant: {words}"
    same = f"{controls.identical:,} of {controls.asked:,}"
    yield f"without negation: {same} rankings are plain cosine's, bit for bit"
    for method, space, why, model in report.left_out:
        yield f"left out: {called(method, space, model)}: {why}"
