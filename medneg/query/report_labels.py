"""Reports to labels: one state a finding, with the words and the sentence that say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medneg.query.report import read_sections
from medneg.query.report_text import SectionName
from medneg.values import FindingState, Mention, Span

_STATES: dict[str, FindingState] = {"affirmed": "present", "uncertain": "uncertain", "negated": "absent"}
_ORDER: tuple[FindingState, ...] = ("present", "uncertain", "absent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFinding:
    """What a report says of one finding.

    Attributes:
        finding: its id in the lexicon.
        state: present, uncertain or absent.
        mention: the words that decided it; its spans are offsets into the report.
        sentence: offsets of the sentence that they stand in.
        section: "findings", "impression", or "body" without a heading.
    """

    finding: str
    state: FindingState
    mention: Mention
    sentence: Span
    section: SectionName


def label_report(text: str) -> dict[str, ReportFinding]:
    """The state of each finding that a report speaks of, as it is said; ``Lexicon.state`` adds kinship.

    Present outranks uncertain, and uncertain outranks absent, wherever they stand: a report that denies a
    finding in one place and describes it in another speaks of two places or of two sizes. Among equals the
    first mention decides.

    Args:
        text: a report, with or without section headings.

    Returns:
        By lexicon id, in the order in which the report first speaks of them.

    Example:
        >>> labels = label_report("No effusion. Possible atelectasis.")
        >>> [(label.finding, label.state) for label in labels.values()]
        [('pleural_effusion', 'absent'), ('atelectasis', 'uncertain')]
    """
    found: dict[str, ReportFinding] = {}
    for said in _said(text):
        before = found.get(said.finding)
        if before is None or _ORDER.index(said.state) < _ORDER.index(before.state):
            found[said.finding] = said
    return found


def _said(text: str) -> Iterator[ReportFinding]:
    for section, sentence, mention in read_sections(text):
        if mention.finding is not None:
            yield ReportFinding(
                finding=mention.finding,
                state=_STATES[mention.polarity],
                mention=mention,
                sentence=sentence,
                section=section,
            )
