"""What an ingest has to say when it is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A file that is not searchable, and why, in plain words."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What an ingest waited for, in seconds: it shows whether more cores or another encoder would help.

    Attributes:
        decoding: for files to be found, claimed, read and decoded, beyond what went on meanwhile.
        encoding: for the image tower.
        storing: for the database.
    """

    decoding: float = 0.0
    encoding: float = 0.0
    storing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        indexed: files that became searchable in this run.
        unchanged: files that were searchable already.
        rejected: files that are not searchable, those set aside by earlier runs included.
        labelled: images that a table of labels speaks of.
        reports: reports whose study is in the archive.
        warnings: what was left out of the tables.
        seconds: how long it took.
        rate: files read per second.
        stages: what of that time was spent waiting for what.
    """

    indexed: int
    unchanged: int
    rejected: tuple[Rejection, ...]
    labelled: int = 0
    reports: int = 0
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    rate: float = 0.0
    stages: Stages = Stages()

    def to_json(self) -> dict[str, Any]:
        """What ``medneg ingest --json`` prints; its shape is kept stable.

        Example:
            >>> IngestReport(indexed=1, unchanged=0, rejected=(Rejection(file="a", reason="b"),)).to_json()
            {'indexed': 1, 'unchanged': 0, 'rejected': [{'file': 'a', 'reason': 'b'}], \
'seconds': {'whole': 0.0, 'decoding': 0.0, 'encoding': 0.0, 'storing': 0.0}}
        """
        rejected = [{"file": rejection.file, "reason": rejection.reason} for rejection in self.rejected]
        seconds = {"whole": self.seconds} | asdict(self.stages)
        return {
            "indexed": self.indexed,
            "unchanged": self.unchanged,
            "rejected": rejected,
            "seconds": {name: round(spent, 3) for name, spent in seconds.items()},
        }
