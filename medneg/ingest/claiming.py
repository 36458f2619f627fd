"""Which files this process reads while others read the rest."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medneg.archive import Archive

SHARD = 64
"""Files that are claimed at once: few enough that the last of them are shared among all processes."""

SECONDS = 900.0
"""How long a claim holds without a sign of life; every new shard is one."""


class Claims:
    """The claims of one ingest on an archive.

    Attributes:
        left: the files that others had claimed when it was this process's turn to.
    """

    def __init__(self, archive: Archive, fingerprint: str) -> None:
        self._archive, self._fingerprint = archive, fingerprint
        self._owner = f"{_this_machine()}:{os.getpid()}:{_began(os.getpid()):.0f}:{secrets.token_hex(4)}"
        self.left: list[str] = []

    def take(self, paths: Sequence[str]) -> Iterator[Sequence[str]]:
        """Claim shard after shard, each when it is asked for, and give the files of it that are ours."""
        for start in range(0, len(paths), SHARD):
            shard = paths[start : start + SHARD]
            ours = self._archive.claim(
                self._fingerprint, shard, owner=self._owner, seconds=SECONDS, gone=_gone
            )
            self.left += [path for path in shard if path not in ours]
            yield [path for path in shard if path in ours]

    def release(self) -> None:
        """Let go of what was claimed and not read, and of what others left behind."""
        self._archive.release(self._owner, _gone)


def _this_machine() -> str:
    """A name of this machine that tells nothing about it."""
    return hashlib.sha256(f"{platform.node()} {_boot()}".encode()).hexdigest()[:12]


def _boot() -> str:
    """Differs between boots, and between containers whose processes cannot see each other."""
    told = []
    for source in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            told.append(os.readlink(source) if source.endswith("pid") else _first_line(source))
        except OSError:
            told.append("")
    return " ".join(told)


def _first_line(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.readline().strip()


def _began(process: int) -> float:
    """When a process of this machine began, in seconds; 0 when there is none."""
    import psutil

    try:
        return float(psutil.Process(process).create_time())
    except psutil.Error:
        return 0.0


def _gone(owner: str) -> bool:
    """Whether the owner of a claim was a process of this machine and is one no more."""
    machine, process, began, _ = owner.split(":")
    return machine == _this_machine() and f"{_began(int(process)):.0f}" != began
