"""The report as one HTML page: the verdict in words, four numbers against their thresholds, the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from statistics import fmean
from typing import NamedTuple

from medneg.evaluation.con2 import Con2Report
from medneg.evaluation.con2_page import con2_body
from medneg.evaluation.corruption_page import corruption_body
from medneg.evaluation.corruption_report import CorruptionReport
from medneg.evaluation.evidence import evidence
from medneg.evaluation.gallery import BASE, TUNED_WAYS
from medneg.evaluation.intervals import UNDEFINED, Figure
from medneg.evaluation.markup import document, figure, heat_map, section, table
from medneg.evaluation.page_frame import ending, subtitle
from medneg.evaluation.report import Pair, Pool, Report, called
from medneg.query import lexicon
from medneg.search import PLAIN

Called = tuple[str, str, str]
"""Method, space and model."""

BASELINE = ("affirmed-only", "raw", BASE)


class Threshold(NamedTuple):
    """A headline figure and what it should reach."""

    title: str
    kind: str
    pool: Pool
    measure: str
    at_least: float | None = None
    at_most: float | None = None


THRESHOLDS = (
    Threshold("“A but no B”, hard pool, right", "exclusion", "pool", "precision@10", at_least=0.86),
    Threshold("“A but no B”, hard pool, shows B", "exclusion", "pool", "violation@10", at_most=0.075),
    Threshold("“A but no B”, gallery, right", "exclusion", "gallery", "precision@10", at_least=0.92),
    Threshold("“no X”, balanced pool, right", "negated", "pool", "precision@10", at_least=0.95),
)
"""What the default method was built to reach on phantoms, in structured wording."""


def write_page(report: Report | Con2Report | CorruptionReport, *, command: str, made: str) -> str:
    """The page, whole: no script, nothing to fetch.

    Args:
        report: what was found.
        command: the command that measures it again.
        made: when, in words.
    """
    if isinstance(report, Con2Report):
        return document(f"CON2 protocol: {report.about.encoder}", con2_body(report, command, made))
    if isinstance(report, CorruptionReport):
        return document(
            f"Corrupted questions: {report.about.encoder}", corruption_body(report, command, made)
        )
    return document(f"ExclusionBench: {report.about.encoder}", _body(report, command, made))


def _body(report: Report, command: str, made: str) -> Iterator[str]:
    yield from _opening(report, made)
    for wording in ("structured", "natural"):
        yield section(
            f"“A but no B”, {wording} wording",
            "Share of the first ten hits: mean over ordered pairs of findings, 95 % interval over questions; "
            "for the hard pool also over patients. Hard pool: 20 pictures of each of the four cells A yes/no "
            "× B yes/no; chance .25 right, .50 show B.",
        )
        yield _exclusion_table(report, wording)
    yield section(
        "Other questions",
        "Precision at 10, structured wording over natural. Absence and normality on pools with as many "
        "pictures with as without (chance .5); two findings wanted or excluded, and doubt, on hard pools.",
    )
    yield _kinds_table(report)
    yield from evidence(report)
    yield from _maps(report)
    yield from _closing(report, command)


def _opening(report: Report, made: str) -> Iterator[str]:
    about = report.about
    yield f"<h1>Does “no” mean no? ExclusionBench on {escape(about.encoder)}</h1>"
    yield subtitle(about, made)
    ours = [_headline(report, about.default, threshold) for threshold in THRESHOLDS]
    plain = _headline(report, PLAIN, THRESHOLDS[0])
    passed = sum(_passes(found, threshold) for found, threshold in zip(ours, THRESHOLDS, strict=True))
    yield (
        f'<div class="verdict"><strong>{passed} of {len(THRESHOLDS)} thresholds are met by '
        f"{escape(', '.join(about.default))}.</strong><br>"
        f"Asked for “A but no B” among pictures chosen to be hard, {_of_hundred(ours[0])} of its first ten "
        f"hits are right; plain CLIP: {_of_hundred(plain)}.</div>"
    )
    cards = (_card(*pair) for pair in zip(THRESHOLDS, ours, strict=True))
    yield f'<div class="cards">{"".join(cards)}</div>'


def _headline(report: Report, way: tuple[str, str], wanted: Threshold) -> Figure:
    row = report.row(*way, wanted.kind, "structured", wanted.pool)
    return UNDEFINED if row is None else row.figures[wanted.measure]


def _passes(found: Figure, wanted: Threshold) -> bool:
    if wanted.at_least is not None:
        return found.value >= wanted.at_least
    return wanted.at_most is not None and found.value <= wanted.at_most


def _of_hundred(found: Figure) -> str:
    return "an unknown share" if math.isnan(found.value) else f"{100 * found.value:.1f} of 100"


def _card(wanted: Threshold, found: Figure) -> str:
    limit = f"≥ {wanted.at_least}" if wanted.at_least is not None else f"≤ {wanted.at_most}"
    passed = _passes(found, wanted)
    verdict = ("good", "✓ passes") if passed else ("bad", "✗ fails")
    return (
        f'<div class="card"><p>{escape(wanted.title)}</p><b>{found.value:.3f}</b>'
        f'<p class="interval">{found.low:.3f} to {found.high:.3f}, n = {found.n}</p>'
        f'<p class="{verdict[0]}">threshold {limit} · {verdict[1]}</p></div>'
    )


def _exclusion_table(report: Report, wording: str) -> str:
    heads = ("method", "n", "right", "shows B", "hard: right", "over patients", "hard: shows B")
    rows = []
    for row in report.exclusion:
        if (row.kind, row.wording, row.pool) == ("exclusion", wording, "gallery"):
            hard = report.row(row.method, row.space, "exclusion", wording, "pool", row.model)
            found = hard.figures if hard else {}
            people = hard.by_patient["precision@10"] if hard else UNDEFINED
            cells = [
                escape(called(row.method, row.space, row.model)),
                str(row.figures["precision@10"].n),
                figure(row.figures["precision@10"]),
                figure(row.figures["violation@10"]),
                figure(found.get("precision@10")),
                "–" if math.isnan(people.value) else f"<small>{people.low:.3f} to {people.high:.3f}</small>",
                figure(found.get("violation@10")),
            ]
            rows.append(((row.method, row.space, row.model) == (*report.about.default, BASE), cells))
    return table(heads, rows)


def _kinds_table(report: Report) -> str:
    kinds = [
        kind
        for kind in dict.fromkeys(row.kind for row in report.exclusion)
        if kind not in ("exclusion", "affirmed", "two-affirmed")
    ]
    rows = []
    for way in _ways(report):
        method, space, model = way
        cells = [escape(called(*way))]
        for kind in kinds:
            both = [
                report.row(method, space, kind, wording, "pool", model)
                for wording in ("structured", "natural")
            ]
            cells.append("<br>".join(figure(one.figures["precision@10"] if one else None) for one in both))
        rows.append((way == (*report.about.default, BASE), cells))
    return table(("method", *kinds), rows)


def _ways(report: Report) -> list[Called]:
    return list(dict.fromkeys((row.method, row.space, row.model) for row in report.exclusion))


def _maps(report: Report) -> Iterator[str]:
    yield section(
        "Pair by pair, on hard pools",
        "Rows: what is wanted; columns: what is not to be there. Darker is more. Where precision is pale, or "
        "violation dark, the encoder cannot keep the two apart.",
    )
    tuned = [
        (*way, card.model) for card in report.about.models if card.model != BASE for way in TUNED_WAYS[:1]
    ]
    shown = dict.fromkeys(((*report.about.default, BASE), BASELINE, (*PLAIN, BASE), *tuned))
    for way in shown:
        pairs = [pair for pair in report.pairs if _of(pair) == way]
        if pairs:
            yield from _pair_maps(way, pairs)
    yield section(
        "Finding by finding, on hard pools",
        "Mean precision at 10 over all pairs in which a finding is wanted, then over all in which it is "
        "unwanted.",
    )
    findings = _findings(report.pairs)
    for role in ("wanted", "unwanted"):
        values = {
            (called(*way), finding): _mean_of(report.pairs, way, role, finding)
            for way in _ways(report)
            for finding in findings
        }
        sides = [called(*way) for way in _ways(report)]
        yield f"<h3>{role}</h3>" + heat_map(sides, findings, values, corner="", name=_finding_name)


def _pair_maps(way: Called, pairs: Sequence[Pair]) -> Iterator[str]:
    findings = _findings(pairs)
    corner = "wanted ↓ unwanted →"
    yield '<div class="pair">'
    for title, measure in (("precision at 10", "hard_precision"), ("violation at 10", "hard_violation")):
        values = {(pair.wanted, pair.unwanted): float(getattr(pair, measure)) for pair in pairs}
        yield f"<div><h3>{escape(called(*way))}: {title}</h3>"
        yield heat_map(findings, findings, values, corner=corner, name=_finding_name) + "</div>"
    yield "</div>"


def _findings(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(finding for pair in pairs for finding in (pair.wanted, pair.unwanted)))


def _of(pair: Pair) -> Called:
    return pair.method, pair.space, pair.model


def _mean_of(pairs: Sequence[Pair], way: Called, role: str, finding: str) -> float:
    values = [
        pair.hard_precision
        for pair in pairs
        if _of(pair) == way and getattr(pair, role) == finding and not math.isnan(pair.hard_precision)
    ]
    return fmean(values) if values else math.nan


def _finding_name(key: str) -> str:
    return lexicon().finding(key).name if key in lexicon() else key


def _closing(report: Report, command: str) -> Iterator[str]:
    yield section("What the encoder knows", "AUC of each finding's sentence by plain cosine, raw space.")
    lines = [
        (False, (escape(_finding_name(line.concept)), f"{line.positives:,}", figure(line.auc)))
        for line in report.zero_shot
    ]
    means = [
        (one.model == BASE, (f"mean, {escape(one.model)}", str(one.mean_auc.n), figure(one.mean_auc)))
        for one in report.known
    ]
    yield table(("finding", "pictures that show it", "zero-shot AUC"), [*lines, *means])
    yield section("How the questions were read", _reading(report))
    if report.reading.misread:
        yield f"<p>{'<br>'.join(escape(words) for words in report.reading.misread)}</p>"
    for method, space, why, model in report.left_out:
        yield f"<p>Left out: {escape(called(method, space, model))}: {escape(why)}.</p>"
    yield from ending(report.about, command)


def _reading(report: Report) -> str:
    reading, controls = report.reading, report.controls
    how = "by the parser" if report.about.parse == "real" else "as they are meant, without the parser"
    return (
        f"Read {how}: {reading.understood:,} of {reading.asked:,} as meant. Without negation, "
        f"{controls.identical:,} of {controls.asked:,} rankings are plain cosine's, bit for bit."
    )
