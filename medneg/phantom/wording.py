"""The words of phantom reports: templates filled with the side, size and place of one finding."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from numpy.random import Generator

from medneg.phantom.truth import FindingTruth


@lru_cache(maxsize=1)
def templates() -> Mapping[str, Any]:
    """``assets/report_templates.json``."""
    text = files("medneg.assets").joinpath("report_templates.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def choose(options: Sequence[str], rng: Generator) -> str:
    """One of the options, each as likely."""
    return options[int(rng.integers(len(options)))]


def present(truth: FindingTruth, rng: Generator) -> str:
    """A sentence that says that the finding is there."""
    words = _of(truth.finding)
    options = words.get("present_both") if truth.side == "bilateral" else None
    return fill(choose(options or words["present_one"], rng), truth, rng)


def uncertain(truth: FindingTruth, rng: Generator) -> str | None:
    """A sentence that leaves open whether the finding is there; None for devices."""
    options = _of(truth.finding).get("uncertain")
    return fill(choose(options, rng), truth, rng) if options else None


def changed(truth: FindingTruth, change: str, rng: Generator) -> str:
    """A sentence on how the finding compares with the study before.

    Args:
        truth: the finding as it is now; as it was, where ``change`` is "resolved" or "removed".
        change: "new", "unchanged", "larger", "smaller", "resolved" or "removed".
    """
    return fill(choose(templates()["changes"][change], rng), truth, rng)


def absent(finding: str, rng: Generator) -> str:
    """A sentence that denies one finding."""
    return choose(_of(finding)["absent"], rng)


def jointly_absent(findings: Sequence[str], rng: Generator) -> str:
    """A sentence that denies several findings at once.

    Example:
        >>> import numpy as np
        >>> jointly_absent(["pleural_effusion", "pneumothorax"], np.random.default_rng(1))
        'No pleural effusion or pneumothorax is seen.'
    """
    names = [name(finding) for finding in findings]
    listed = " or ".join([", ".join(names[:-1]), names[-1]])
    return choose(templates()["joined_absent"], rng).format(list=listed)


def impression(truth: FindingTruth, manner: str, rng: Generator) -> str:
    """The finding as an item of the impression.

    Args:
        manner: "present", "uncertain", or a change as ``changed`` takes it.
    """
    if manner in templates()["changes"]:
        return changed(truth, manner, rng)
    return fill("Possible {phrase}." if manner == "uncertain" else "{Phrase}.", truth, rng)


def name(finding: str) -> str:
    """What the finding is called in a sentence."""
    return str(_of(finding)["name"])


def is_device(finding: str) -> bool:
    """Whether it is removed rather than resolved."""
    return bool(_of(finding).get("device", False))


def fill(template: str, truth: FindingTruth, rng: Generator) -> str:
    """Fill one template; the first letter becomes a capital.

    Fields: ``size``, ``side``, ``zone``, ``level``, ``name``, ``phrase`` (size, side and place in one noun
    phrase), ``a_…`` and ``the_…`` with an article, ``is``/``has`` in the right number, ``prior``; any of
    them with a capital begins a sentence.
    """
    words = _of(truth.finding)
    both = truth.side == "bilateral"
    fields = _place_words(truth, rng)
    fields["name"] = words["name"]
    fields["phrase"] = choose(words["both" if both else "one"], rng).format(**fields).strip()
    plural = words.get("plural", False) or (both and words.get("plural_when_both", False))
    fields["a_name"] = _with_article(fields["name"]) if words["article"] else fields["name"]
    fields["a_phrase"] = (
        _with_article(fields["phrase"]) if words["article"] and not plural else fields["phrase"]
    )
    fields["a_size"] = _with_article(fields["size"])
    fields["the_phrase"] = f"the {fields['phrase']}"
    fields["is"], fields["has"] = ("are", "have") if plural else ("is", "has")
    fields["prior"] = choose(templates()["prior"], rng)
    fields |= {_capital(key): _capital(value) for key, value in fields.items()}
    return _capital(template.format(**fields))


def _place_words(truth: FindingTruth, rng: Generator) -> dict[str, str]:
    sizes = templates()["sizes"].get(truth.finding, templates()["sizes"]["default"])
    side = truth.side or ""
    zones = templates()["zones"][truth.place or "none"]["both" if side == "bilateral" else "one"]
    return {
        "size": choose(sizes[truth.size], rng) if truth.size else "",
        "side": side,
        "zone": choose(zones, rng).format(side=side),
        "level": templates()["levels"].get(truth.place or "", ""),
    }


def _of(finding: str) -> Mapping[str, Any]:
    words: Mapping[str, Any] = templates()["findings"][finding]
    return words


def _with_article(words: str) -> str:
    return f"{'an' if words[:1] in tuple('aeiou') else 'a'} {words}" if words else "a"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
