"""The tables of a diagnosis on its page, and how figures are written there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from medneg.diagnostics.diagnosis import Diagnosis
from medneg.diagnostics.hearing import GroupRow, Way
from medneg.diagnostics.prompts import PromptKind
from medneg.evaluation.intervals import Figure
from medneg.evaluation.markup import heat_map, section, table
from medneg.evaluation.significance import Difference
from medneg.evaluation.wordings import Wording
from medneg.query import lexicon

STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


def retrieval(diagnosis: Diagnosis) -> Iterator[str]:
    """By group of prompts: whole sentences, the default method, and what parsing gains."""
    tested = diagnosis.tested
    yield section(
        "Retrieval by kind of prompt",
        "Share of the first ten hits. Pools hold as many images with X as without (chance .5), or, for “A "
        "but no B”, as many of each of the four cells A yes/no × B yes/no (hard pool; chance .25 right, .5 "
        "show B); mean over five pools. 95 % intervals and paired permutation tests over findings or pairs, "
        "because prompts about one finding share their images; Holm's correction over all tests: "
        "*** p < .001, ** p < .01, * p < .05.",
    )
    yield "<h3>Whole sentences, plain cosine</h3>" + _groups(diagnosis, "sentence")
    yield f"<h3>Read by the parser, {escape(tested.method)} ({escape(tested.space)}): the default</h3>"
    yield _groups(diagnosis, "parsed")
    yield "<h3>What parsing gains: default minus whole sentence, same model</h3>"
    yield _gains_by_parsing(diagnosis)


def _groups(diagnosis: Diagnosis, way: Way) -> str:
    names = [model.own_name for model in diagnosis.models]
    heads = ("prompt", "prompts", "n", *names, *(f"{name} − {names[0]}" for name in names[1:]))
    rows = []
    for kind, wording in _asked(diagnosis):
        own = _of_group(diagnosis, way, kind, wording)
        counts = (f"{own[0].prompts:,}", str(own[0].right.n))
        gains = [_gain(row.gain) for row in own[1:]]
        rows.append(
            (False, (_titled(kind, wording), *counts, *(figure_cell(row.right) for row in own), *gains))
        )
        if kind == "A but no B":
            shown = (figure_cell(row.wrong) for row in own)
            title = '<span class="grey">… of these hits, show B</span>'
            rows.append((False, (title, "", "", *shown, *("" for _ in gains))))
    return table(heads, rows)


def _gains_by_parsing(diagnosis: Diagnosis) -> str:
    heads = ("prompt", *(model.own_name for model in diagnosis.models))
    rows = []
    for kind, wording in _asked(diagnosis):
        if kind != "X":  # a query without negation is plain cosine in both ways, bit for bit
            own = _of_group(diagnosis, "parsed", kind, wording)
            rows.append((False, (_titled(kind, wording), *(_gain(row.gain_over_sentence) for row in own))))
    return table(heads, rows)


def _asked(diagnosis: Diagnosis) -> list[tuple[PromptKind, Wording]]:
    return list(dict.fromkeys((row.kind, row.wording) for row in diagnosis.groups))


def _of_group(diagnosis: Diagnosis, way: Way, kind: PromptKind, wording: Wording) -> list[GroupRow]:
    """One row a model."""
    wanted = (way, kind, wording)
    return [row for row in diagnosis.groups if (row.way, row.kind, row.wording) == wanted]


def _titled(kind: PromptKind, wording: Wording) -> str:
    return f"“{kind}”, {wording}{', hard pool' if kind == 'A but no B' else ''}"


def figure_cell(found: Figure) -> str:
    """A figure with its interval; "untested" where it is not defined."""
    if math.isnan(found.value):
        return "untested"
    ends = f"{short(found.low, digits=3)} to {short(found.high, digits=3)}"
    return f"{short(found.value, digits=3)} <small>{ends}</small>"


def _gain(found: Difference | None) -> str:
    if found is None or math.isnan(found.figure.value):
        return "–"
    stars = next((stars for level, stars in STARS if found.p_holm < level), "")
    low, high = (short(end, signed=True, digits=3) for end in (found.figure.low, found.figure.high))
    return f"{short(found.figure.value, signed=True, digits=3)} {stars} <small>{low} to {high}</small>"


def by_finding(diagnosis: Diagnosis) -> Iterator[str]:
    """By finding, for whole sentences and for the default method."""
    yield section(
        "Finding by finding",
        "The same pools, both wordings, dark is good: hits of “X” that show it, hits of “no X” and of “A but "
        "no X” that are free of it.",
    )
    findings = list(dict.fromkeys(row.finding for row in diagnosis.findings))
    yield '<div class="pair">'
    titles: tuple[tuple[Way, str], ...] = (("sentence", "Whole sentences"), ("parsed", "Default method"))
    for way, title in titles:
        values: dict[tuple[str, str], float] = {}
        for row in diagnosis.findings:
            if row.way == way:
                name = diagnosis.models[row.model].own_name
                for words, value in (
                    ("X", row.affirmed),
                    ("no X", row.negated),
                    ("but no X", 1 - row.excluded),
                ):
                    values[row.finding, f"{name}: “{words}”"] = value
        tops = list(dict.fromkeys(top for _, top in values))
        yield f"<div><h3>{title}</h3>" + heat_map(findings, tops, values, corner="", name=called) + "</div>"
    yield "</div>"


def called(key: str) -> str:
    """A finding as people call it; anything else as it is."""
    return lexicon().finding(key).name if key in lexicon() else key


def short(value: float, *, signed: bool = False, digits: int = 2) -> str:
    """ ".94", "−.02", "+.01": as papers print shares; a dash for what is not known."""
    if math.isnan(value):
        return "–"
    told = f"{abs(value):.{digits}f}"
    sign = "" if not float(told) else "−" if value < 0 else "+" if signed else ""
    return sign + told.removeprefix("0")
