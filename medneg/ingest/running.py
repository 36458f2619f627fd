"""The ingest itself: find the files, read and encode what is new, store it batch by batch.

It may be killed at any moment: every batch is one transaction, so at most one batch is read again by the
next run. Any number of ingests may fill one archive at once: each claims what it reads. Decoding happens in
worker processes and encoding in this one, or both on a cluster: a ``Runner`` does them.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from medneg import __version__
from medneg.archive import FileStamp, NewImage, NewRejection
from medneg.errors import UnreadableImage
from medneg.ingest.claiming import Claims
from medneg.ingest.decoding import Job, Prepared
from medneg.ingest.files import FoundFiles, find_files
from medneg.ingest.runners import Runner, local_runner
from medneg.ingest.summary import IngestReport, Rejection, Stages
from medneg.ingest.tables import add_labels, add_reports, read_tables
from medneg.workers import Lost

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from medneg.archive import Archive, KnownFile
    from medneg.encoders import Encoder
    from medneg.values import EncoderCard

Progress = Callable[[int, int], None]

BATCH = 32
"""Images that are encoded and stored together: what a kill can cost."""

CHUNK = 500
"""Files that the archive is asked about at once."""

PATIENCE = 0.5
"""Seconds between two looks whether other processes have read what they claimed."""

MANY_TWINS = 64
"""A file of a size that more stored contents share is read without looking for its twin first."""


def ingest(
    paths: Iterable[str | Path],
    archive: Archive,
    encoder: Encoder,
    *,
    workers: int | None = None,
    runner: Runner | None = None,
    progress: Progress | None = None,
    manifests: Sequence[Path] = (),
    reports: Sequence[Path] = (),
) -> IngestReport:
    """Bring radiographs into an archive. Run again, it only does what is new.

    Images that the archive already holds without an embedding of this encoder get one too, wherever they are.

    Args:
        paths: files and folders; folders are searched whole, hidden files left out.
        archive: where to.
        encoder: what makes the embeddings.
        workers: processes that decode; None for one per core; 0 decodes in this one, where a file that
            crashes a decoder ends everything.
        runner: reads and encodes in place of such processes and of ``encoder`` here.
        progress: called with (files done, files in all).
        manifests: tables of labels besides those found in the folders.
        reports: tables of reports besides those found in the folders.

    Returns:
        What was done.

    Raises:
        UnreadableImage: if a path does not exist.
        ManifestError: if a table cannot be used; nothing is read in that case.
    """
    began = time.perf_counter()
    try:
        found = find_files(paths)
    except FileNotFoundError as error:
        raise UnreadableImage(str(error)) from None
    tables, texts = read_tables(found.tables, manifests, reports)
    archive.register(encoder.card)
    working = contextlib.nullcontext(runner) if runner is not None else local_runner(encoder, workers)
    with working as chosen, contextlib.closing(_Run(archive, encoder.card, chosen, progress)) as run:
        run.read(run.survey(found))
    labelled, warnings = add_labels(archive, found.images, tables)
    stored = add_reports(archive, texts)
    if run.indexed or run.unchanged:
        archive.matrix(encoder.card.image_fingerprint)  # so that the first search need not wait for it
    seconds = time.perf_counter() - began
    return IngestReport(
        indexed=run.indexed,
        unchanged=run.unchanged,
        rejected=tuple(sorted(run.rejected, key=lambda rejection: rejection.file)),
        labelled=labelled,
        reports=stored,
        warnings=tuple(warnings),
        seconds=seconds,
        rate=run.read_files / seconds,
        stages=Stages(**run.spent),
    )


def _look(path: str) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds; zeros when the file has gone meanwhile."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _rejection(path: str, reason: str, stamp: FileStamp | None) -> NewRejection:
    size, mtime_ns = (stamp.size, stamp.mtime_ns) if stamp else _look(path)
    sha256 = stamp.sha256 if stamp else None
    return NewRejection(path=path, reason=reason, sha256=sha256, size=size, mtime_ns=mtime_ns)


def _new_image(prepared: Prepared, vector: NDArray[float32]) -> NewImage:
    assert prepared.stamp is not None
    assert prepared.radiograph is not None
    return NewImage(
        file=prepared.stamp,
        radiograph=prepared.radiograph,
        rows=prepared.rows,
        columns=prepared.columns,
        vector=vector,
        thumbnail=prepared.thumbnail,
    )


@dataclass(slots=True, eq=False)
class _Batch:
    """What is encoded and stored together: radiographs, files with known content, files set aside."""

    images: list[Prepared] = field(default_factory=list)
    twins: list[FileStamp] = field(default_factory=list)
    set_aside: list[NewRejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.images) + len(self.twins) + len(self.set_aside)


class _Run:
    """One ingest under way: what it has counted, the batch that it is filling, those with the encoders."""

    def __init__(
        self, archive: Archive, card: EncoderCard, runner: Runner, progress: Progress | None
    ) -> None:
        self._archive = archive
        self._input, self._space = card.input, card.image_fingerprint
        self._runner = runner
        self._progress = progress or (lambda done, total: None)
        self._done = self._total = 0
        self._batch = _Batch()
        self._sent: deque[tuple[_Batch, Callable[[], NDArray[float32]] | None]] = deque()
        self.spent = dict.fromkeys(("decoding", "encoding", "storing"), 0.0)
        self._again: set[str] = set()
        self._alone: set[str] = set()
        self._claims = Claims(archive, self._space)
        self.indexed = self.unchanged = self.read_files = 0
        self.rejected: list[Rejection] = []

    def close(self) -> None:
        """Let other processes have what this one claimed and did not read."""
        self._claims.release()

    def survey(self, found: FoundFiles) -> list[str]:
        """Compare the files with what the archive knows; returns what has to be read."""
        lacking = self._archive.paths_without_embedding(self._space)
        elsewhere = set(lacking).difference(found.images)
        paths = [*found.images, *(path for path in lacking if path in elsewhere and os.path.exists(path))]
        self._total = len(paths) + len(found.unnameable)
        for path in found.unnameable:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            self.rejected.append(Rejection(file=shown, reason="its name is not Unicode; rename it"))
            self._step()
        return list(self._unsettled(paths))

    def _unsettled(self, paths: Sequence[str]) -> dict[str, KnownFile | None]:
        """The files that must be read, each with what the archive knows of it."""
        left: dict[str, KnownFile | None] = {}
        for start in range(0, len(paths), CHUNK):
            some = paths[start : start + CHUNK]
            known = self._archive.known_files(some, self._space)
            left |= {path: known.get(path) for path in some if not self._settled(path, known.get(path))}
        return left

    def _jobs(self, paths: Sequence[str]) -> Iterator[Job]:
        """Claim the files shard by shard; what another process has read meanwhile is left out."""
        for shard in self._claims.take(paths):
            known = self._unsettled(shard)
            sizes = {path: _look(path)[0] for path in known}
            twins = self._archive.hashes_of_size(sorted(set(sizes.values())), self._space)
            for path, size in sizes.items():
                before = known[path]
                was = before.sha256 if before and before.embedded else None
                contents = twins.get(size, frozenset())
                if path in self._alone:
                    contents = frozenset()
                elif len(contents) > MANY_TWINS:
                    contents = frozenset({was} if was else ())
                yield Job(
                    path=path,
                    key=self._archive.pseudonym_key,
                    spec=self._input,
                    was=was,
                    known=contents,
                )

    def _settled(self, path: str, known: KnownFile | None) -> bool:
        """Whether a file needs no reading: it is as it was, and was either embedded or set aside."""
        if known is None or (known.size, known.mtime_ns) != _look(path):
            return False
        if known.embedded:
            self.unchanged += 1
        elif known.reason is not None and known.version == __version__:
            self.rejected.append(Rejection(file=path, reason=known.reason))
        else:
            return False
        self._step()
        return True

    def read(self, paths: Sequence[str]) -> None:
        """Read, encode and store in batches, until no file is left for this or another process."""
        while paths:
            self._read(paths)
            claimed, self._claims.left = self._claims.left, []
            paths = [*self._again, *self._unsettled(claimed)]
            self._total += len(self._again)
            # A file with the content of one that is gone by now must be read whatever the archive knows.
            self._alone, self._again = self._again, set()
            if claimed and len(paths) == len(claimed):
                time.sleep(PATIENCE)  # others are reading the rest

    def _read(self, paths: Sequence[str]) -> None:
        given: deque[Job] = deque()

        def give() -> Iterator[Job]:
            for job in self._jobs(paths):
                given.append(job)
                yield job

        with contextlib.closing(self._runner.read(give(), files=len(paths))) as results:
            while True:
                with self._timed("decoding"):
                    result = next(results, None)
                if result is None:
                    break
                self._take(given.popleft(), result)
                if len(self._batch) >= BATCH:
                    self._send()
            self._send()
            while self._sent:
                self._store()

    def _take(self, job: Job, result: Prepared | Lost) -> None:
        self.read_files += 1
        if isinstance(result, Lost) or result.reason is not None:
            reason = result.reason or ""
            self.rejected.append(Rejection(file=job.path, reason=reason))
            stamp = None if isinstance(result, Lost) else result.stamp
            self._batch.set_aside.append(_rejection(job.path, reason, stamp))
        elif result.known and result.stamp is not None:
            self._batch.twins.append(result.stamp)
            self.unchanged += result.stamp.sha256 == job.was
            self.indexed += result.stamp.sha256 != job.was
        else:
            self._batch.images.append(result)
            self.indexed += 1
        self._step()

    def _step(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)

    def _send(self) -> None:
        """Give the batch to the encoders, and store those that went before it."""
        rows = self._runner.encode(self._batch.images) if self._batch.images else None
        self._sent.append((self._batch, rows))
        self._batch = _Batch()
        while len(self._sent) > self._runner.ahead:
            self._store()

    def _store(self) -> None:
        """Store the batch that was sent first, in one transaction."""
        batch, rows = self._sent.popleft()
        with self._timed("encoding"):
            vectors = rows() if rows is not None else ()
        images = [_new_image(*pair) for pair in zip(batch.images, vectors, strict=True)]
        with self._timed("storing"):
            again = self._archive.store(
                self._space, images=images, twins=batch.twins, rejected=batch.set_aside
            )
        self.indexed -= len(again)
        self._again.update(again)

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[stage] += time.perf_counter() - began
