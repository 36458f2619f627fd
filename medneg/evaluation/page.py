"""The report as one HTML page: the verdict in words, four numbers against their thresholds, the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from statistics import fmean
from typing import NamedTuple

from medneg.evaluation.con2 import Con2Report
from medneg.evaluation.intervals import UNDEFINED, Figure
from medneg.evaluation.markup import document, figure, heat_map, section, table
from medneg.evaluation.report import About, Pair, Pool, Report, Superscripts
from medneg.query import lexicon
from medneg.search import PLAIN

BASELINE = ("affirmed-only", "raw")


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


def write_page(report: Report | Con2Report, *, command: str, made: str) -> str:
    """The page, whole: no script, nothing to fetch.

    Args:
        report: what was found.
        command: the command that measures it again.
        made: when, in words.
    """
    if isinstance(report, Con2Report):
        return document(f"CON2 protocol: {report.about.encoder}", _con2_body(report, command, made))
    return document(f"ExclusionBench: {report.about.encoder}", _body(report, command, made))


def _con2_body(report: Con2Report, command: str, made: str) -> Iterator[str]:
    yield f"<h1>Top-10 retrieval accuracy of {escape(report.about.encoder)}</h1>"
    yield _subtitle(report.about, made)
    for title, which in (("Pleural effusion, as in the paper", "papers"), ("Every labelled finding", "all")):
        yield section(
            title,
            "Share of the first ten of 70 pictures (35 with the finding, 35 without; five draws) that a "
            "prompt describes; mean over prompts, 95 % interval over prompts; chance .5.",
        )
        groups = list(dict.fromkeys(row.group for row in report.rows))
        ways = dict.fromkeys((row.method, row.space) for row in report.rows)
        found = {(row.method, row.space, row.group): getattr(row, which) for row in report.rows}
        rows = [
            (
                way == report.about.default,
                (escape(", ".join(way)), *(figure(found[*way, group]) for group in groups)),
            )
            for way in ways
        ]
        yield table(("method", *groups), rows)
    yield from _ending(report.about, command)


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
    yield from _evidence(report)
    yield from _maps(report)
    yield from _closing(report, command)


def _opening(report: Report, made: str) -> Iterator[str]:
    about = report.about
    yield f"<h1>Does “no” mean no? ExclusionBench on {escape(about.encoder)}</h1>"
    yield _subtitle(about, made)
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


def _subtitle(about: About, made: str) -> str:
    how = "read by the parser" if about.parse == "real" else "their meaning given, without the parser"
    return (
        f'<p class="note">{about.pictures:,} pictures of {about.patients:,} patients · '
        f"{escape(about.truth)} · questions {how} · seed {about.seed} · "
        f"medneg {escape(about.version)} · {escape(made)} · licence {escape(about.licence)}</p>"
    )


def _ending(about: About, command: str) -> Iterator[str]:
    yield "<h2>Measure it again</h2>"
    yield f"<pre>{escape(command)}</pre>"
    yield (
        f"<footer>{escape(about.encoder)}: {escape(about.licence)}. {escape(about.notice)} "
        f"Probability curves from {escape(about.curves)}. Research use, not a medical device.</footer>"
    )


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
            hard = report.row(row.method, row.space, "exclusion", wording, "pool")
            found = hard.figures if hard else {}
            people = hard.by_patient["precision@10"] if hard else UNDEFINED
            cells = [
                escape(f"{row.method}, {row.space}"),
                str(row.figures["precision@10"].n),
                figure(row.figures["precision@10"]),
                figure(row.figures["violation@10"]),
                figure(found.get("precision@10")),
                "–" if math.isnan(people.value) else f"<small>{people.low:.3f} to {people.high:.3f}</small>",
                figure(found.get("violation@10")),
            ]
            rows.append(((row.method, row.space) == report.about.default, cells))
    return table(heads, rows)


def _kinds_table(report: Report) -> str:
    kinds = [
        kind
        for kind in dict.fromkeys(row.kind for row in report.exclusion)
        if kind not in ("exclusion", "affirmed", "two-affirmed")
    ]
    rows = []
    for way in _ways(report):
        cells = [escape(", ".join(way))]
        for kind in kinds:
            both = [report.row(*way, kind, wording, "pool") for wording in ("structured", "natural")]
            cells.append("<br>".join(figure(one.figures["precision@10"] if one else None) for one in both))
        rows.append((way == report.about.default, cells))
    return table(("method", *kinds), rows)


def _ways(report: Report) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.method, row.space) for row in report.exclusion))


def _evidence(report: Report) -> Iterator[str]:
    yield section(
        "Is it more than chance?",
        "Precision at 10 on “A but no B”, the default minus each other method on the same pairs and pools "
        "(both wordings of a pair averaged). Paired permutation test, 50,000 sign flips, Holm's correction "
        "over all rows of a pool.",
    )
    rows = []
    for one in sorted(report.comparisons, key=lambda one: one.pool == "gallery"):
        gain = one.difference
        pool = "hard pool" if one.pool == "pool" else "gallery"
        name = escape(f"{one.method}, {one.space}")
        numbers = (str(gain.figure.n), figure(gain.figure), f"{gain.p:.5f}", f"{gain.p_holm:.5f}")
        rows.append((False, (name, pool, *numbers)))
    yield table(("default minus …", "where", "pairs", "difference", "p", "p (Holm)"), rows)
    for found in report.superscripts:
        yield _superscripts(found, report.about.default)


def _superscripts(found: Superscripts, default: tuple[str, str]) -> str:
    where = "hard pool" if found.pool == "pool" else "gallery"
    names = ", ".join(
        f"<sup>{place}</sup> {escape(', '.join(way))}" for place, way in enumerate(found.baselines)
    )
    rows = [
        (
            (method, space) == default,
            (
                escape(f"{method}, {space}"),
                *(f"{cell.value:.3f}<sup>{','.join(map(str, cell.beats))}</sup>" for cell in cells),
            ),
        )
        for method, space, cells in found.rows
    ]
    note = (
        f"Superscripts: better than {names} with p &lt; .01 after Holm's correction over the column. "
        "precision@k is what ExclMM calls AP@k."
    )
    cells = table(("method", *found.columns), rows)
    return f'<h3>“A but no B”, {where}, all measures</h3><p class="note">{note}</p>{cells}'


def _maps(report: Report) -> Iterator[str]:
    yield section(
        "Pair by pair, on hard pools",
        "Rows: what is wanted; columns: what is not to be there. Darker is more. Where precision is pale, or "
        "violation dark, the encoder cannot keep the two apart.",
    )
    shown = dict.fromkeys((report.about.default, BASELINE, PLAIN))
    for way in shown:
        pairs = [pair for pair in report.pairs if (pair.method, pair.space) == way]
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
            (", ".join(way), finding): _mean_of(report.pairs, way, role, finding)
            for way in _ways(report)
            for finding in findings
        }
        sides = [", ".join(way) for way in _ways(report)]
        yield f"<h3>{role}</h3>" + heat_map(sides, findings, values, corner="", name=_called)


def _pair_maps(way: tuple[str, str], pairs: Sequence[Pair]) -> Iterator[str]:
    findings = _findings(pairs)
    corner = "wanted ↓ unwanted →"
    yield '<div class="pair">'
    for title, measure in (("precision at 10", "hard_precision"), ("violation at 10", "hard_violation")):
        values = {(pair.wanted, pair.unwanted): float(getattr(pair, measure)) for pair in pairs}
        yield f"<div><h3>{escape(', '.join(way))}: {title}</h3>"
        yield heat_map(findings, findings, values, corner=corner, name=_called) + "</div>"
    yield "</div>"


def _findings(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(finding for pair in pairs for finding in (pair.wanted, pair.unwanted)))


def _mean_of(pairs: Sequence[Pair], way: tuple[str, str], role: str, finding: str) -> float:
    values = [
        pair.hard_precision
        for pair in pairs
        if (pair.method, pair.space) == way
        and getattr(pair, role) == finding
        and not math.isnan(pair.hard_precision)
    ]
    return fmean(values) if values else math.nan


def _called(key: str) -> str:
    return lexicon().finding(key).name if key in lexicon() else key


def _closing(report: Report, command: str) -> Iterator[str]:
    yield section("What the encoder knows", "AUC of each finding's sentence by plain cosine, raw space.")
    lines = [
        (False, (escape(_called(line.concept)), f"{line.positives:,}", figure(line.auc)))
        for line in report.zero_shot
    ]
    mean = (True, ("mean over labelled findings", str(report.mean_auc.n), figure(report.mean_auc)))
    yield table(("finding", "pictures that show it", "zero-shot AUC"), [*lines, mean])
    yield section("How the questions were read", _reading(report))
    if report.reading.misread:
        yield f"<p>{'<br>'.join(escape(words) for words in report.reading.misread)}</p>"
    for method, space, why in report.left_out:
        yield f"<p>Left out: {escape(method)}, {escape(space)}: {escape(why)}.</p>"
    yield from _ending(report.about, command)


def _reading(report: Report) -> str:
    reading, controls = report.reading, report.controls
    how = "by the parser" if report.about.parse == "real" else "as they are meant, without the parser"
    return (
        f"Read {how}: {reading.understood:,} of {reading.asked:,} as meant. Without negation, "
        f"{controls.identical:,} of {controls.asked:,} rankings are plain cosine's, bit for bit."
    )
