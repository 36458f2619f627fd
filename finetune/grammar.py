"""Training sentences that are composed: the same words around both polarities, by a small grammar.

A list of carriers teaches a tower its own few cues and surroundings. Here any subject, verb, preposition
or command meets any other, and now and then one of these is a word that does not exist: what a tower does
not know must not sound like "no".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeVar

from numpy.random import Generator

Choice = TypeVar("Choice")
Piece = tuple[str, str]
"""A part of a sentence about the finding ``{x}``: affirmed, and negated in the same surroundings."""

MADE_UP = 0.15
"""How often a word of the surroundings gives way to one that does not exist."""

TURNED = 0.35
"""How often the second of two findings is named first."""


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """The grammar's words, by the part that they play."""
    found: dict[str, Any] = json.loads(
        files("finetune").joinpath("assets", "grammar.json").read_text(encoding="utf-8")
    )
    return found


def pick(choices: Sequence[Choice], rng: Generator) -> Choice:
    """One of several, all alike."""
    return choices[int(rng.integers(len(choices)))]


def one_finding(rng: Generator) -> Piece:
    """A sentence about one finding, ``{x}``, in both polarities."""
    affirmed, negated = pick(PARTS, rng)(rng)
    return _tidy(affirmed), _tidy(negated)


def two_findings(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """A sentence about ``{a}`` and ``{b}``; the same forms whatever is wanted.

    Args:
        a_wanted, b_wanted: whether the sentence affirms them.
    """
    form = pick(FORMS if a_wanted else FORMS[:-2], rng)
    return _tidy(form(a_wanted, b_wanted, rng))


def _said(piece: Piece, wanted: bool, blank: str) -> str:
    return piece[0 if wanted else 1].replace("{x}", blank)


def _known(kind: str, rng: Generator) -> str:
    """A word of the surroundings, or one that does not exist."""
    return _made_up(rng) if rng.random() < MADE_UP else pick(words()[kind], rng)


def _made_up(rng: Generator) -> str:
    return "".join(pick(words()["syllables"], rng) for _ in range(int(rng.integers(2, 4))))


def _phrase(rng: Generator) -> Piece:
    """Some {x} | no {x}."""
    affirmed, negated = pick(words()["determiners"], rng)
    adjective = f"{_known('adjectives', rng)} " if rng.random() < 0.3 else ""
    return f"{affirmed}{adjective}{{x}}", f"{negated}{adjective}{{x}}"


def _attribute(rng: Generator) -> Piece:
    """With {x} | without {x}."""
    known = words()["prepositions"]
    adjective = f"{_known('adjectives', rng)} " if rng.random() < 0.2 else ""
    return (
        f"{pick(known['affirmed'], rng)} {adjective}{{x}}",
        f"{pick(known['negated'], rng)} {adjective}{{x}}",
    )


def _headed(rng: Generator) -> Piece:
    """Films with {x} | films without {x}."""
    head, (affirmed, negated) = _known("heads", rng), _attribute(rng)
    return f"{head} {affirmed}", f"{head} {negated}"


def _passive(rng: Generator) -> Piece:
    """{x} was seen | {x} was not seen."""
    auxiliary, participle = pick(words()["auxiliaries"], rng), _known("participles", rng)
    adverb = f"{_made_up(rng)} " if rng.random() < 0.1 else ""
    affirmed, negated = (f"{{x}} {aux} {adverb}{participle}" for aux in auxiliary)
    return affirmed, negated


def _verdict(rng: Generator) -> Piece:
    """{x} present | {x} absent."""
    verdict = pick(words()["verdicts"], rng)
    link = pick((" ", " ", ": ", " is ", " was ", " – ", " = ", " remains ", " considered ", " now "), rng)
    return f"{{x}}{link}{verdict[0]}", f"{{x}}{link}{verdict[1]}"


def _predicate(rng: Generator, *, plural: bool) -> Piece:
    """Shows {x} | does not show {x}."""
    prefix = "plural " if plural else ""
    known = words()
    verb = [_made_up(rng)] * 4 if rng.random() < MADE_UP else pick(known["verbs"], rng)
    affirmed, negated = (
        pick(known[f"{prefix}{kind}"], rng).format(*verb) for kind in ("assertions", "denials")
    )
    return f"{affirmed} {{x}}", f"{negated} {{x}}"


def _sentence(rng: Generator) -> Piece:
    """The film shows {x} | the film does not show {x}."""
    plural = bool(rng.random() < 0.5)
    subject = _known("plurals" if plural else "subjects", rng)
    affirmed, negated = _predicate(rng, plural=plural)
    return f"{subject} {affirmed}", f"{subject} {negated}"


def _relative(rng: Generator) -> Piece:
    """Films that show {x} | films that do not show {x}."""
    head, (affirmed, negated) = _known("heads", rng), _predicate(rng, plural=True)
    which = pick(("that", "which", "who"), rng)
    return f"{head} {which} {affirmed}", f"{head} {which} {negated}"


def _command(rng: Generator) -> Piece:
    """Keep {x} | drop {x}."""
    known = words()["commands"]
    head = f"{_known('heads', rng)} with " if rng.random() < 0.3 else ""
    return f"{pick(known['affirmed'], rng)} {head}{{x}}", f"{pick(known['negated'], rng)} {head}{{x}}"


PARTS: tuple[Callable[[Generator], Piece], ...] = (
    _phrase, _phrase, _headed, _headed, _passive, _passive,
    _sentence, _sentence, _verdict, _relative, _command, _attribute,
)  # fmt: skip
"""What is said of one finding, the frequent ways more than once."""

CLAUSES = (_phrase, _phrase, _passive, _passive, _verdict, _sentence)


def _joined(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """Two parts side by side: "{a} was seen, no {b}"."""
    first, second = (
        _said(pick(CLAUSES, rng)(rng), a_wanted, "{a}"),
        _said(pick(CLAUSES, rng)(rng), b_wanted, "{b}"),
    )
    return _side_by_side(first, second, rng)


def _alike(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """Two parts of the same kind: "keep {a}, drop {b}", "{a} present, {b} absent"."""
    part = pick((_phrase, _passive, _verdict, _command, _verdict, _attribute), rng)
    return _side_by_side(_said(part(rng), a_wanted, "{a}"), _said(part(rng), b_wanted, "{b}"), rng)


def _one_subject(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """Two predicates of one subject: "the film shows {a} but does not show {b}"."""
    plural = bool(rng.random() < 0.5)
    subject = _known("plurals" if plural else "subjects", rng)
    first, second = (
        _said(_predicate(rng, plural=plural), wanted, blank)
        for wanted, blank in ((a_wanted, "{a}"), (b_wanted, "{b}"))
    )
    return f"{subject} {_side_by_side(first, second, rng)}"


def _one_head(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """Two attributes of one head: "films with {a} and without {b}"."""
    first, second = (
        _said(_attribute(rng), wanted, blank) for wanted, blank in ((a_wanted, "{a}"), (b_wanted, "{b}"))
    )
    return f"{_known('heads', rng)} {_side_by_side(first, second, rng)}"


def _attributed(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """{a} without {b}."""
    return f"{_said(_phrase(rng), a_wanted, '{a}')} {_said(_attribute(rng), b_wanted, '{b}')}"


def _placed(a_wanted: bool, b_wanted: bool, rng: Generator) -> str:
    """{a} in films that do not show {b}."""
    place = pick((_headed, _relative), rng)
    first, second = _said(_phrase(rng), a_wanted, "{a}"), _said(place(rng), b_wanted, "{b}")
    return f"{first} {pick(('in', 'among', 'on', 'from'), rng)} {second}"


FORMS = (_joined, _joined, _alike, _alike, _one_subject, _one_head, _attributed, _placed)
"""What is said of two findings; the last two have no sense when the first is denied."""


def _side_by_side(first: str, second: str, rng: Generator) -> str:
    halves = (second, first) if rng.random() < TURNED else (first, second)
    joint: str = pick(words()["joints"], rng)
    return joint.join(halves)


def _tidy(sentence: str) -> str:
    return " ".join(sentence.split())
