"""A diagnosis as one HTML page for a committee: the verdict in words, four numbers, then the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from medneg.diagnostics.diagnosis import Diagnosis
from medneg.diagnostics.page_evidence import evidence
from medneg.diagnostics.page_tables import by_finding, called, figure_cell, retrieval, short
from medneg.diagnostics.thresholds import CheckName, Status, Threshold
from medneg.diagnostics.verdict import Verdict, reasons
from medneg.evaluation.markup import document, section, table

CARDS: tuple[tuple[CheckName, str], ...] = (
    ("no_x", "“no X”, top 10 correct"),
    ("exclusion_violation", "“A but no B”, hits that show B"),
    ("affirmed_change", "“X”, change against the base"),
    ("cosine", "cosine of “X” and “no X”"),
)
MARKS = {"passes": "✓ passes", "narrowly": "✓ passes, narrowly", "fails": "✗ fails", "untested": "? untested"}


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
    yield from retrieval(diagnosis)
    yield from by_finding(diagnosis)
    yield from evidence(diagnosis)
    yield from _closing(diagnosis, command)


def _opening(diagnosis: Diagnosis, made: str) -> Iterator[str]:
    tested, models = diagnosis.tested, diagnosis.models
    several = "this model hear" if len(models) == 1 else "these models hear"
    yield f"<h1>{'Does' if len(models) == 1 else 'Do'} {several} “no”?</h1>"
    names = " beside ".join((f"{models[0].name} (base)", *(model.own_name for model in models[1:])))
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
    yield f'<div class="verdicts">{"".join(_verdict(diagnosis, one) for one in diagnosis.verdicts)}</div>'
    cards = "".join(_card(diagnosis, name, title) for name, title in CARDS)
    yield f'<div class="cards">{cards}</div>'
    if tested.phantoms == tested.images:
        yield (
            '<p class="line">Every image is a drawn phantom. <b>Real radiographs: untested.</b> '
            "Nothing here says how the models behave on patients' images.</p>"
        )


def _verdict(diagnosis: Diagnosis, verdict: Verdict) -> str:
    kind = verdict.outcome.split()[0]
    name = diagnosis.models[verdict.model].own_name
    sign = {"passes": "✓", "fails": "✗"}.get(kind, "?")
    told = " · ".join(reasons(verdict))
    return (
        f'<div class="{kind}"><h2>{sign} {escape(name)} {escape(verdict.outcome)}</h2>'
        f'<p>{escape(verdict.words)}</p><p class="grey">{escape(told)}</p></div>'
    )


def _card(diagnosis: Diagnosis, name: CheckName, title: str) -> str:
    """One number of each model: base → tuned in large where there are two, line by line where more."""
    checks = {
        diagnosis.models[verdict.model].own_name: check
        for verdict in diagnosis.verdicts
        for check in verdict.checks
        if (check.threshold.way, check.threshold.name) == ("sentence", name)
    }
    change = name == "affirmed_change"
    if not checks:
        return f'<div class="card"><p>{escape(title)}</p><b>–</b><p>needs a second model</p></div>'
    large = ""
    if len(checks) <= 2:
        *_, last = (check.found for check in checks.values())
        numbers = " → ".join(short(check.found.value, signed=change) for check in checks.values())
        ends = f"{short(last.low, signed=change)} to {short(last.high, signed=change)}"
        large = f"<b>{numbers}<small>{'' if math.isnan(last.value) else ends}</small></b>"
    lines = "".join(
        f'<p class="{_tone(check.status)}">{escape(model)}: '
        f"{'' if large else short(check.found.value, signed=change) + ' '}"
        f"{_limit(check.threshold)} · {MARKS[check.status]}</p>"
        for model, check in checks.items()
    )
    return f'<div class="card"><p>{escape(title)}</p>{large}{lines}</div>'


def _limit(threshold: Threshold) -> str:
    return f"{'≥' if threshold.at_least else '≤'} {short(threshold.limit)}"


def _tone(status: Status) -> str:
    return {"passes": "good", "narrowly": "good", "fails": "bad"}.get(status, "grey")


def _closing(diagnosis: Diagnosis, command: str) -> Iterator[str]:
    yield section(
        "All thresholds",
        "A gate may set its own. “Narrowly”: the figure holds, the worse end of its interval does not.",
    )
    rows = [
        (
            False,
            (
                escape(diagnosis.models[verdict.model].own_name),
                f"<code>{escape(check.threshold.key)}</code>",
                escape(check.threshold.title),
                figure_cell(check.found),
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
    judged = ", ".join(gate.judged)
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
