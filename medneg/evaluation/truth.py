"""What is known of a gallery: which findings each picture shows, which it does not, and where nobody said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medneg.query import lexicon
from medneg.values import FindingState

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """States of findings over n pictures.

    Attributes:
        findings: lexicon ids of the columns.
        present, absent: shape (n, findings); where neither holds, the state is uncertain or unknown.
        patients: shape (n,), a number for each person; pictures of one person are not independent.
    """

    findings: tuple[str, ...]
    present: Flags
    absent: Flags
    patients: NDArray[np.int64]
    _kept: dict[str, tuple[Flags, Flags]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for finding in self.findings:
            lexicon().finding(finding)
        shape = (len(self.patients), len(self.findings))
        if self.present.shape != shape or self.absent.shape != shape:
            raise ValueError(
                f"present and absent must have shape {shape}; "
                f"got {self.present.shape} and {self.absent.shape}"
            )

    def __len__(self) -> int:
        return len(self.patients)

    @classmethod
    def from_labels(
        cls, labels: Flags, findings: Sequence[str], patients: NDArray[np.int64] | None = None
    ) -> Truth:
        """From labels that say of every picture and finding whether it is there, shape (n, findings)."""
        people = np.arange(len(labels)) if patients is None else patients
        return cls(findings=tuple(findings), present=labels, absent=~labels, patients=people)

    @classmethod
    def from_states(cls, states: Sequence[Mapping[str, FindingState]], patients: NDArray[np.int64]) -> Truth:
        """From one mapping a picture, as archives keep them; a finding that nobody names has no column."""
        findings = tuple(sorted({finding for known in states for finding in known}))
        present, absent = (
            np.array([[known.get(name) == state for name in findings] for known in states], bool)
            for state in ("present", "absent")
        )
        return cls(findings=findings, patients=patients, present=present, absent=absent)

    def shows(self, concept: str) -> Flags:
        """Pictures that show a concept of the lexicon or any kind of it, shape (n,)."""
        return self._states(concept)[0]

    def lacks(self, concept: str) -> Flags:
        """Pictures known not to show it, shape (n,).

        A picture lacks a concept if its labels say so of the concept or of something that it is a kind of, or
        of every kind of it that any label speaks of; and if nothing says that it shows it.
        """
        return self._states(concept)[1]

    def knows(self, concept: str) -> bool:
        """Whether the labels speak of a concept or of a kind of it."""
        return bool(self._columns((concept, *lexicon().descendants(concept))))

    def all_known(self, concepts: Sequence[str]) -> Flags:
        """Pictures of which every one of some concepts is known to be there or not, shape (n,)."""
        known = np.ones(len(self), bool)
        for concept in concepts:
            known &= self.shows(concept) | self.lacks(concept)
        return known

    def _states(self, concept: str) -> tuple[Flags, Flags]:
        if concept not in self._kept:
            words = lexicon()
            own, kinds = self._columns((concept,)), self._columns(words.descendants(concept))
            wider = self._columns(words.ancestors(concept))
            shown: Flags = np.asarray(self.present[:, own + kinds].any(axis=1))
            lacked: Flags = np.asarray(self.absent[:, own + wider].any(axis=1))
            if kinds and not own:
                lacked |= self.absent[:, kinds].all(axis=1)
            self._kept[concept] = shown, lacked & ~shown
        return self._kept[concept]

    def _columns(self, concepts: Sequence[str]) -> list[int]:
        return [column for column, finding in enumerate(self.findings) if finding in concepts]


def related(one: str, other: str) -> bool:
    """Whether two findings are the same, or one is a kind of the other."""
    words = lexicon()
    return one == other or one in words.descendants(other) or other in words.descendants(one)
