"""The ingest itself: find the files, read and encode what is new, store it batch by batch.

It may be killed at any moment: every batch is one transaction, so at most one batch is read again by the
next run. Any number of ingests may fill one archive at once: each claims what it reads. Decoding happens in
worker processes, encoding in this one.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medneg import __version__
from medneg.archive import FileStamp, NewImage, NewRejection
from medneg.archive.matrix import threads
from medneg.errors import UnreadableImage
from medneg.ingest.claiming import Claims
from medneg.ingest.decoding import SLOW_IMPORTS, Job, Prepared, read_file, warm_up
from medneg.ingest.files import FoundFiles, find_files
from medneg.ingest.summary import IngestReport, Rejection
from medneg.ingest.tables import add_labels, add_reports, read_tables
from medneg.workers import Lost, each

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from medneg.archive import Archive, KnownFile
    from medneg.encoders import Encoder

Progress = Callable[[int, int], None]

BATCH = 32
"""Images that are encoded and stored together: what a kill can cost."""

CHUNK = 500
"""Files that the archive is asked about at once."""

FILES_PER_WORKER = 16
"""A process needs seconds to start; it should have that much work at least."""

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
    run = _Run(archive, encoder, progress)
    cores = os.cpu_count() or 1
    # Decoding keeps every core busy: an encoder with as many threads would wait for them at each step.
    with threads(max(1, cores // 2)) if workers != 0 else contextlib.nullcontext(), contextlib.closing(run):
        run.read(run.survey(found), workers=cores if workers is None else workers)
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


class _Run:
    """One ingest under way: what it has counted, and the batch that it is filling."""

    def __init__(self, archive: Archive, encoder: Encoder, progress: Progress | None) -> None:
        self._archive = archive
        self._encoder = encoder
        self._space = encoder.card.image_fingerprint
        self._progress = progress or (lambda done, total: None)
        self._done = self._total = 0
        self._images: list[Prepared] = []
        self._twins: list[FileStamp] = []
        self._set_aside: list[NewRejection] = []
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
                    spec=self._encoder.card.input,
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

    def read(self, paths: Sequence[str], *, workers: int) -> None:
        """Read, encode and store in batches, until no file is left for this or another process."""
        while paths:
            self._read(paths, min(workers, math.ceil(len(paths) / FILES_PER_WORKER)))
            claimed, self._claims.left = self._claims.left, []
            paths = [*self._again, *self._unsettled(claimed)]
            self._total += len(self._again)
            # A file with the content of one that is gone by now must be read whatever the archive knows.
            self._alone, self._again = self._again, set()
            if claimed and len(paths) == len(claimed):
                time.sleep(PATIENCE)  # others are reading the rest

    def _read(self, paths: Sequence[str], processes: int) -> None:
        given: deque[Job] = deque()

        def give() -> Iterator[Job]:
            for job in self._jobs(paths):
                given.append(job)
                yield job

        running = each(read_file, give(), workers=processes, prepare=warm_up, preload=SLOW_IMPORTS)
        with contextlib.closing(running) as results:
            for result in results:
                self._take(given.popleft(), result)
                if len(self._images) + len(self._twins) + len(self._set_aside) >= BATCH:
                    self._store()
            self._store()

    def _take(self, job: Job, result: Prepared | Lost) -> None:
        self.read_files += 1
        if isinstance(result, Lost) or result.reason is not None:
            reason = result.reason or ""
            self.rejected.append(Rejection(file=job.path, reason=reason))
            stamp = None if isinstance(result, Lost) else result.stamp
            self._set_aside.append(_rejection(job.path, reason, stamp))
        elif result.known and result.stamp is not None:
            self._twins.append(result.stamp)
            self.unchanged += result.stamp.sha256 == job.was
            self.indexed += result.stamp.sha256 != job.was
        else:
            self._images.append(result)
            self.indexed += 1
        self._step()

    def _step(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)

    def _store(self) -> None:
        """Encode the batch and store it in one transaction."""
        images = []
        if self._images:
            radiographs = [one.radiograph for one in self._images if one.radiograph is not None]
            vectors = self._encoder.encode_images(np.stack([one.pixels for one in radiographs]))
            images = [_new_image(*pair) for pair in zip(self._images, vectors, strict=True)]
        again = self._archive.store(self._space, images=images, twins=self._twins, rejected=self._set_aside)
        self.indexed -= len(again)
        self._again.update(again)
        self._images, self._twins, self._set_aside = [], [], []
