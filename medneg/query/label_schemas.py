"""Label schemas: which findings of the lexicon a data set's label covers, and how its lists are written.

The data are ``medneg/assets/label_schemas.json`` and the labels of the lexicon.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from medneg.errors import UnknownName
from medneg.query.lexicon import lexicon
from medneg.values import FindingState

NAMES = ("chexpert", "nih", "openi", "mesh", "lexicon")


@dataclass(frozen=True, slots=True)
class SchemaLabel:
    """One label.

    Attributes:
        name: as the data set writes it; in MeSH a heading with qualifiers that it must have.
        roots: the findings that it names.
        findings: those and their kinds, as far as no label of their own or an exception takes them out.
    """

    name: str
    roots: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """All labels of a data set.

    Attributes:
        name: "chexpert", "nih", "openi", "mesh" or "lexicon".
        labels: in the order of its columns, without ``normal``.
        normal: the label of a report in which no other is present or uncertain, or None.
        beside: labels that may be present beside ``normal``.
        unknown: terms which say that nothing is known, in lower case.
    """

    name: str
    labels: tuple[SchemaLabel, ...]
    normal: str | None = None
    beside: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all labels, ``normal`` last."""
        return (*(label.name for label in self.labels), *((self.normal,) if self.normal else ()))

    def states(self, said: Mapping[str, FindingState]) -> dict[str, FindingState]:
        """The state of each label where the states of some findings are said; others are left out.

        A label is present when a finding of its is, else uncertain when one is, else absent when a finding
        that it names, or what that is a kind of, is absent.

        Example:
            >>> label_schema("nih").states({"empyema": "present"})
            {'Effusion': 'present'}
        """
        found = {label.name: state for label in self.labels if (state := _state(label, said)) is not None}
        if self.normal is not None and said:
            pathological = (
                name for name, state in found.items() if state != "absent" and name not in self.beside
            )
            if next(pathological, None) is None:
                found[self.normal] = "present"
        return found

    def named(self, cell: str) -> frozenset[str] | None:
        """The labels that a list such as ``Effusion|Mass`` or ``Calcinosis/aorta; normal`` names.

        Terms are separated by ``|`` or ``;``; those that the schema lacks are passed over.

        Returns:
            None when the list says that nothing is known.

        Example:
            >>> sorted(label_schema("mesh").named("Calcinosis/aorta/mild; Spine/degenerative") or ())
            ['Calcinosis', 'Calcinosis/aorta', 'Spine/degenerative']
        """
        terms = [term.strip().lower() for term in re.split(r"[|;]", cell) if term.strip()]
        if any(term in self.unknown for term in terms):
            return None
        return frozenset(name for term in terms for name in _names(self, term))

    def findings_named(self, cell: str) -> frozenset[str] | None:
        """The lexicon ids that a list names, with all that they are kinds of; None when nothing is known."""
        named = self.named(cell)
        if named is None:
            return None
        roots = {root for label in self.labels if label.name in named for root in label.roots}
        return frozenset(finding for root in roots for finding in (root, *lexicon().ancestors(root)))


@lru_cache(maxsize=len(NAMES))
def label_schema(name: str) -> LabelSchema:
    """The schema of that name.

    "chexpert" has CheXpert's labels; "nih" ChestX-ray14's; "openi" the same as NegBio's gold standard of
    Open-i uses them; "mesh" the headings that index Open-i's reports; "lexicon" one label a finding.

    Raises:
        UnknownName: there is no such schema.
    """
    if name not in NAMES:
        raise UnknownName("label schema", name, NAMES)
    if name == "lexicon":
        ids = [finding.id for finding in lexicon().findings if finding.kind in ("finding", "device")]
        return LabelSchema(
            name, tuple(SchemaLabel(one, (one,), (one, *lexicon().descendants(one))) for one in ids)
        )
    row: dict[str, Any] = _data()[name]
    labels = _mesh(row["labels"]) if "labels" in row else _of_data_set(row)
    beside, unknown = tuple(row.get("beside", ())), tuple(term.lower() for term in row.get("unknown", ()))
    return LabelSchema(name, tuple(labels), row.get("normal"), beside, unknown)


def _data() -> dict[str, Any]:
    text = files("medneg.assets").joinpath("label_schemas.json").read_text(encoding="utf-8")
    schemas: dict[str, Any] = json.loads(text)["schemas"]
    return schemas


def _mesh(rows: Mapping[str, str]) -> Iterator[SchemaLabel]:
    for heading, finding in rows.items():
        yield SchemaLabel(heading, (finding,), (finding, *lexicon().descendants(finding)))


def _of_data_set(row: Mapping[str, Any]) -> Iterator[SchemaLabel]:
    """The labels in alphabetical order; a finding without one has that of its nearest kin above."""
    roots: dict[str, list[str]] = {}
    covered: dict[str, list[str]] = {}
    for finding in lexicon().findings:
        own = finding.labels.get(row["from"])
        if own is not None:
            roots.setdefault(own, []).append(finding.id)
        for label in {own} if own is not None else _inherited(finding.id, row["from"]):
            if finding.id not in row.get("without", {}).get(label, ()):
                covered.setdefault(label, []).append(finding.id)
    for label in sorted(roots):
        if label != "No Finding":
            yield SchemaLabel(label, tuple(roots[label]), tuple(covered[label]))


def _inherited(finding_id: str, data_set: str) -> set[str]:
    labels = set()
    for parent in lexicon().finding(finding_id).parents:
        own = lexicon().finding(parent).labels.get(data_set)
        labels |= {own} if own is not None else _inherited(parent, data_set)
    return labels


def _state(label: SchemaLabel, said: Mapping[str, FindingState]) -> FindingState | None:
    states = {said[finding] for finding in label.findings if finding in said}
    if "present" in states:
        return "present"
    if "uncertain" in states:
        return "uncertain"
    above = {finding for root in label.roots for finding in (root, *lexicon().ancestors(root))}
    return "absent" if any(said.get(finding) == "absent" for finding in above) else None


def _names(schema: LabelSchema, term: str) -> Iterator[str]:
    """The labels of a term: its heading's, those that ask for no other qualifiers than it has."""
    heading, *qualifiers = term.split("/")
    for name in schema.columns:
        wanted_heading, *wanted = name.lower().split("/")
        if heading == wanted_heading and set(wanted) <= set(qualifiers):
            yield name
