"""The lexicon: what can be seen on a chest radiograph, in a radiologist's words.

The data are ``medneg/assets/findings.json``; ``docs/reference/lexicon.md`` describes its fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from medneg.errors import UnknownName
from medneg.query.normalise import tokenise
from medneg.values import FindingState

Kind = Literal["finding", "device", "normal", "generic"]
Key = tuple[str, ...]
ARTICLES = frozenset({"a", "an", "the"})
_FUZZY_FROM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One concept of the lexicon.

    Attributes:
        id: snake_case name, stable across releases.
        name: how people call it.
        kind: a finding, a device, a statement of normality, or a generic word ("abnormality").
        synonyms: other words for the very same thing.
        kinds: names of kinds of it that have no entry of their own ("traction bronchiectasis").
        parents: ids of the concepts that it is a kind of.
        prompt: the phrase for a text encoder.
        verbatim: whether a query's own words go to the encoder in place of ``prompt``, as they always do
            for ``kinds``; so it is with rare findings.
        normal: what one says when it is not there ("sharp costophrenic angles"), or None.
        labels: its name in public data sets, by "chexpert", "nih", "vindr" and "padchest".
        absent_synonyms: words that say it is not there ("extubated").
        parts: for statements of normality, the anatomy they speak of ("heart size").
        states: words that call these parts normal, beyond those that suit any part ("sharp").
        implies_absent: ids of what a statement of normality denies.
    """

    id: str
    name: str
    kind: Kind
    synonyms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    prompt: str
    verbatim: bool = False
    normal: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    absent_synonyms: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    implies_absent: tuple[str, ...] = ()


@lru_cache(maxsize=8192)
def key(words: str) -> Key:
    """The normal form in which words are compared: singular stems without articles.

    Example:
        >>> key("Calcification of the Aortic Arch")
        ('calcification', 'of', 'aortic', 'arch')
    """
    return tuple(token.stem for token in tokenise(words, {}) if token.text not in ARTICLES)


class Lexicon:
    """All findings, by id, by any of their words, and by kinship."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        self._by_id = {finding.id: finding for finding in self.findings}
        self._by_key: dict[Key, str] = {}
        for finding in self.findings:
            for words in (finding.name, *finding.synonyms, *finding.kinds):
                self._by_key.setdefault(key(words), finding.id)
        self._children: dict[str, list[str]] = {}
        for finding in self.findings:
            for parent in finding.parents:
                self._children.setdefault(parent, []).append(finding.id)

    def __contains__(self, finding_id: str) -> bool:
        return finding_id in self._by_id

    def finding(self, finding_id: str) -> Finding:
        """The finding with this id.

        Raises:
            UnknownName: the lexicon has no such id.
        """
        if finding_id not in self._by_id:
            raise UnknownName("finding", finding_id, tuple(self._by_id))
        return self._by_id[finding_id]

    def resolve(self, words: str) -> str | None:
        """The id that a name or synonym stands for, in any case and number; None when there is none.

        Example:
            >>> lexicon().resolve("Central lines"), lexicon().resolve("unicorn")
            ('central_venous_catheter', None)
        """
        return words if words in self._by_id else self._by_key.get(key(words))

    def complete(self, prefix: str, limit: int = 8) -> tuple[Finding, ...]:
        """Findings that the beginning of a word may become, best first, each once.

        A name that begins so comes first, then a synonym that does, then a later word that does, then words
        with a letter or two wrong.

        Example:
            >>> [finding.name for finding in lexicon().complete("pneumot", limit=2)]
            ['pneumothorax', 'hydropneumothorax']
        """
        typed = " ".join(key(prefix))
        if not typed:
            return ()
        ranked: dict[str, tuple[float, int]] = {}
        for words, finding_id in self._by_key.items():
            rank = _completes(typed, " ".join(words), self._by_id[finding_id])
            if rank is not None:
                ranked[finding_id] = min(ranked.get(finding_id, rank), rank)
        order = {finding.id: place for place, finding in enumerate(self.findings)}
        best = sorted(ranked, key=lambda finding_id: (*ranked[finding_id], order[finding_id]))
        return tuple(self._by_id[finding_id] for finding_id in best[:limit])

    def descendants(self, finding_id: str) -> tuple[str, ...]:
        """Everything that is a kind of this finding, children of children too, without itself.

        Example:
            >>> lexicon().descendants("vascular_calcification")
            ('aortic_calcification', 'coronary_calcification')
        """
        self.finding(finding_id)
        found: dict[str, None] = {}
        waiting = list(self._children.get(finding_id, ()))
        while waiting:
            child = waiting.pop(0)
            if child not in found:
                found[child] = None
                waiting.extend(self._children.get(child, ()))
        return tuple(found)

    def ancestors(self, finding_id: str) -> tuple[str, ...]:
        """Everything that this finding is a kind of, parents of parents too, without itself."""
        found: dict[str, None] = {}
        waiting = list(self.finding(finding_id).parents)
        while waiting:
            parent = waiting.pop(0)
            if parent not in found:
                found[parent] = None
                waiting.extend(self.finding(parent).parents)
        return tuple(found)

    def state(self, finding_id: str, states: Mapping[str, FindingState]) -> FindingState | None:
        """What is known of a finding where the states of some findings are: its kin speak for it.

        It is present when it or a kind of it is, else uncertain when one of them is, else absent when one
        of them, or what it is a kind of, is said to be; None when nothing is said.

        Example:
            >>> lexicon().state("calcification", {"calcified_granuloma": "present", "pneumothorax": "absent"})
            'present'
            >>> lexicon().state("consolidation", {"lung_opacity": "absent"})
            'absent'
        """
        said = {states[kind] for kind in (finding_id, *self.descendants(finding_id)) if kind in states}
        if any(states.get(above) == "absent" for above in self.ancestors(finding_id)):
            said.add("absent")
        order: tuple[FindingState, ...] = ("present", "uncertain", "absent")
        return next((state for state in order if state in said), None)


def _completes(typed: str, words: str, finding: Finding) -> tuple[float, int] | None:
    """How well ``words`` of a finding complete what was typed, lowest best; None when they do not."""
    if words.startswith(typed):
        named = words == " ".join(key(finding.name))
        return (0.0 if words == typed else 1.0 if named else 2.0, len(words))
    if f" {typed}" in words:
        return 3.0, len(words)
    if len(typed) < _FUZZY_FROM:
        return None
    from rapidfuzz.distance import OSA

    limit = 1 if len(typed) < 2 * _FUZZY_FROM - 1 else 2
    # Two lengths of the beginning, for a letter may be missing or too many.
    edits = min(OSA.distance(typed, words[: len(typed) + more], score_cutoff=limit) for more in (-1, 0, 1))
    return (3.0 + edits, len(words)) if edits <= limit else None


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that ships with medneg."""
    text = files("medneg.assets").joinpath("findings.json").read_text(encoding="utf-8")
    return Lexicon(_finding(row) for row in json.loads(text)["findings"])


def _finding(row: Mapping[str, Any]) -> Finding:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return Finding(**values)
