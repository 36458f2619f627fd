"""A diagnosis as one HTML page for a committee: the verdict in words, four numbers, then the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from medneg.diagnostics.diagnosis import Diagnosis
from medneg.diagnostics.hearing import Way
from medneg.diagnostics.page_evidence import evidence
from medneg.diagnostics.thresholds import CheckName, Status, Threshold
from medneg.diagnostics.verdict import Check, Verdict, reasons
from medneg.evaluation.intervals import Figure
from medneg.evaluation.markup import document, heat_map, section, table
from medneg.evaluation.significance import Difference
from medneg.query import lexicon

CARDS: tuple[tuple[CheckName, str], ...] = (
    ("no_x", "“no X”, top 10 correct"),
    ("exclusion_violation", "“A but no B”, hits that show B"),
    ("affirmed_change", "“X”, change against the base"),
    ("cosine", "cosine of “X” and “no X”"),
)
MARKS = {"passes": "✓ passes", "narrowly": "✓ passes, narrowly", "fails": "✗ fails", "untested": "? untested"}
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


def write_page(diagnosis: Diagnosis, *, command: str, made: str) -> str:
    """The page, whole: no script, nothing to fetch.

    Args:
        diagnosis: what was found.
        command: the command that makes it again.
        made: when, in words.
    """
    style = files("medneg.assets").joinpath("diagnosis", "page.css").read_text(encoding="utf-8")
    names = ", ".join(model.name for model in diagnosis.models)
    body = _body(diagnosis, command=command, made=made)
    return document(f"Does this model hear “no”? {names}", body, more_style=style)


def _body(diagnosis: Diagnosis, *, command: str, made: str) -> Iterator[str]:
    yield from _opening(diagnosis, made)
    yield from _retrieval(diagnosis)
    yield from _by_finding(diagnosis)
    yield from evidence(diagnosis)
    yield from _closing(diagnosis, command)


def _opening(diagnosis: Diagnosis, made: str) -> Iterator[str]:
    tested, models = diagnosis.tested, diagnosis.models
    several = "this model hear" if len(models) == 1 else "these models hear"
    yield f"<h1>{'Does' if len(models) == 1 else 'Do'} {several} “no”?</h1>"
    names = " beside ".join((f"{models[0].name} (base)", *(_plain_name(model.name) for model in models[1:])))
    licences = ", ".join(dict.fromkeys(model.licence for model in models))
    prints = " / ".join(f"{model.text_fingerprint[:8]}…" for model in models)
    yield (
        f'<p class="line">{escape(names)} · {tested.images:,} images of {tested.patients:,} patients, '
        f"{len(tested.findings)} findings, {tested.prompts:,} prompts a model · seed {tested.seed} · "
        f"medneg {escape(tested.version)} · {escape(made)} · licence {escape(licences)} · "
        f"text towers {escape(prints)}</p>"
    )
    if tested.size != "full":
        yield '<p class="line">A quick look with few prompts; a full report tells more, and more surely.</p>'
    yield f'<div class="verdicts">{"".join(_verdict(one) for one in diagnosis.verdicts)}</div>'
    cards = "".join(_card(diagnosis.verdicts, name, title) for name, title in CARDS)
    yield f'<div class="cards">{cards}</div>'
    if tested.phantoms == tested.images:
        yield (
            '<p class="line">Every image is a drawn phantom. <b>Real radiographs: untested.</b> '
            "Nothing here says how the models behave on patients' images.</p>"
        )


def _verdict(verdict: Verdict) -> str:
    kind = verdict.outcome.split()[0]
    sign = {"passes": "✓", "fails": "✗"}.get(kind, "?")
    told = " · ".join(reasons(verdict))
    return (
        f'<div class="{kind}"><h2>{sign} {escape(_plain_name(verdict.name))} {escape(verdict.outcome)}</h2>'
        f'<p>{escape(verdict.words)}</p><p class="grey">{escape(told)}</p></div>'
    )


def _plain_name(name: str) -> str:
    """A tuned tower by its own name: "phantom+phantom-neg" is the base's name and its own."""
    return name.partition("+")[2] or name


def _card(verdicts: Sequence[Verdict], name: CheckName, title: str) -> str:
    checks = [
        check
        for verdict in verdicts
        for check in verdict.checks
        if (check.threshold.way, check.threshold.name) == ("sentence", name)
    ]
    change = name == "affirmed_change"
    if not checks:
        return f'<div class="card"><p>{escape(title)}</p><b>–</b><p>needs a second model</p></div>'
    numbers = " → ".join(_short(check.found.value, signed=change) for check in checks)
    last = checks[-1]
    between = f"{_short(last.found.low, signed=change)} to {_short(last.found.high, signed=change)}"
    style = ' class="many"' if len(checks) > 2 else ""
    spread = "" if math.isnan(last.found.value) else f" <small>{between}</small>"
    lines = "".join(f'<p class="{_tone(check.status)}">{_held(check, verdicts)}</p>' for check in checks[-2:])
    return f'<div class="card"><p>{escape(title)}</p><b{style}>{numbers}{spread}</b>{lines}</div>'


def _held(check: Check, verdicts: Sequence[Verdict]) -> str:
    owner = next(
        one
        for one in verdicts
        if check in one.checks and check is one.check("sentence", check.threshold.name)
    )
    name = f"{escape(_plain_name(owner.name))}: " if len(verdicts) > 1 else ""
    return f"{name}{_limit(check.threshold)} · {MARKS[check.status]}"


def _limit(threshold: Threshold) -> str:
    return f"{'≥' if threshold.at_least else '≤'} {_short(threshold.limit)}"


def _tone(status: Status) -> str:
    return {"passes": "good", "narrowly": "good", "fails": "bad"}.get(status, "grey")


def _short(value: float, *, signed: bool = False, digits: int = 2) -> str:
    """ ".94", "−.02", "+.01": as papers print shares; a dash for what is not known."""
    if math.isnan(value):
        return "–"
    told = f"{abs(value):.{digits}f}"
    sign = "" if not float(told) else "−" if value < 0 else "+" if signed else ""
    return sign + told.removeprefix("0")


def _retrieval(diagnosis: Diagnosis) -> Iterator[str]:
    tested = diagnosis.tested
    yield section(
        "Retrieval by kind of prompt",
        "Share of the first ten hits. Pools hold as many images with X as without (chance .5), or, for “A "
        "but no B”, as many of each of the four cells A yes/no × B yes/no (hard pool; chance .25 right, .5 "
        "show B); mean over five pools. 95 % intervals and paired permutation tests over findings or pairs, "
        "because prompts about one finding share their images; Holm's correction over both tables.",
    )
    yield "<h3>Whole sentences, plain cosine</h3>" + _groups(diagnosis, "sentence")
    yield f"<h3>Read by the parser, {escape(tested.method)} ({escape(tested.space)}): the default</h3>"
    yield _groups(diagnosis, "parsed")
    yield '<p class="note">*** p &lt; .001, ** p &lt; .01, * p &lt; .05, corrected; n: findings or pairs.</p>'


def _groups(diagnosis: Diagnosis, way: Way) -> str:
    names = [_plain_name(model.name) for model in diagnosis.models]
    base, *others = names
    heads = ["prompt", "prompts", "n", *names, *(f"{name} − {base}" for name in others)]
    if way == "parsed":
        heads += [f"{name}: default − sentence" for name in names]
    rows = []
    for group in dict.fromkeys((row.kind, row.wording) for row in diagnosis.groups):
        own = [row for row in diagnosis.groups if (row.kind, row.wording) == group and row.way == way]
        pool = ", hard pool" if group[0] == "A but no B" else ""
        gains = [_gain(row.gain) for row in own[1:]]
        if way == "parsed":
            gains += [_gain(row.gain_over_sentence) for row in own]
        counts = (f"{own[0].prompts:,}", str(own[0].right.n))
        title = f"“{group[0]}”, {group[1]}{pool}"
        rows.append((False, (title, *counts, *(_figure(row.right) for row in own), *gains)))
        if group[0] == "A but no B":
            shown = (_figure(row.wrong) for row in own)
            rows.append(
                (
                    False,
                    (
                        '<span class="grey">… of these hits, show B</span>',
                        "",
                        "",
                        *shown,
                        *("" for _ in gains),
                    ),
                )
            )
    return table(heads, rows)


def _figure(found: Figure) -> str:
    if math.isnan(found.value):
        return "untested"
    ends = f"{_short(found.low, digits=3)} to {_short(found.high, digits=3)}"
    return f"{_short(found.value, digits=3)} <small>{ends}</small>"


def _gain(found: Difference | None) -> str:
    if found is None or math.isnan(found.figure.value):
        return "–"
    stars = next((stars for level, stars in STARS if found.p_holm < level), "")
    low, high = (_short(end, signed=True, digits=3) for end in (found.figure.low, found.figure.high))
    return f"{_short(found.figure.value, signed=True, digits=3)} {stars} <small>{low} to {high}</small>"


def _by_finding(diagnosis: Diagnosis) -> Iterator[str]:
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
                name = _plain_name(diagnosis.models[row.model].name)
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


def _closing(diagnosis: Diagnosis, command: str) -> Iterator[str]:
    yield section(
        "All thresholds",
        "A gate may set its own. “Narrowly”: the figure holds, the worse end of its interval does not.",
    )
    rows = [
        (
            False,
            (
                escape(_plain_name(verdict.name)),
                f"<code>{escape(check.threshold.key)}</code>",
                escape(check.threshold.title),
                _figure(check.found),
                _limit(check.threshold),
                f'<span class="{_tone(check.status)}">{MARKS[check.status]}</span>',
            ),
        )
        for verdict in diagnosis.verdicts
        for check in verdict.checks
    ]
    yield table(("model", "threshold", "what", "found", "asked for", ""), rows)
    if diagnosis.gate is not None:
        yield f"<p>{escape(_gate_words(diagnosis))}</p>"
    yield from _what_was_tested(diagnosis)
    yield "<h2>Make it again</h2>"
    yield f"<pre>{escape(command)}</pre>"
    notices = " ".join(dict.fromkeys(f"{model.name}: {model.notice}" for model in diagnosis.models))
    yield f"<footer>{escape(notices)} Research use, not a medical device.</footer>"


def _gate_words(diagnosis: Diagnosis) -> str:
    gate = diagnosis.gate
    if gate is None:
        return ""
    judged = ", ".join(map(_plain_name, gate.judged))
    if gate.open:
        return f"The gate is open: {judged} holds all {gate.thresholds} thresholds that the gate names."
    return f"The gate is closed for {judged}: " + "; ".join(gate.missed) + "."


def _what_was_tested(diagnosis: Diagnosis) -> Iterator[str]:
    tested = diagnosis.tested
    yield "<h2>What was tested</h2>"
    drawn = f"{tested.phantoms:,} of them drawn phantoms" if tested.phantoms else "none of them a phantom"
    asked, left_out = (escape(", ".join(map(called, some))) for some in (tested.findings, tested.left_out))
    yield (
        f"<p>{tested.images:,} labelled images of {tested.patients:,} patients, {drawn}; "
        f"{escape(tested.truth)}. Asked about: {asked}. Labelled, but shown or lacked by too few images to "
        f"be asked about: {left_out or 'none'}. {tested.prompts:,} prompts a model, each once as a whole "
        f"sentence and once through the parser and {escape(tested.method)}, {escape(tested.space)}.</p>"
    )
    rows = [
        (
            False,
            (
                escape(model.name),
                escape(model.licence),
                f"<code>{escape(model.image_fingerprint)}</code>",
                f"<code>{escape(model.text_fingerprint)}</code>",
            ),
        )
        for model in diagnosis.models
    ]
    yield table(("model", "licence", "image tower", "text tower"), rows)
