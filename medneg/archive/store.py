"""The archive: a plain SQL database of radiographs, their embeddings and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Engine

from medneg.archive import audit, calibrations, checking, claims, opening, reading, writing
from medneg.archive.engines import transaction
from medneg.archive.matrices import Matrices, Progress, quietly
from medneg.archive.places import Place

if TYPE_CHECKING:
    from numpy import bool_, float32, int64
    from numpy.typing import NDArray

    from medneg.archive.filters import Where
    from medneg.archive.indexes import Indexes
    from medneg.archive.matrix import ScanMatrix
    from medneg.archive.rows import (
        Counts,
        FileStamp,
        FindingScores,
        ImageRow,
        KnownFile,
        Label,
        NewImage,
        NewRejection,
        RejectedRow,
        SearchRow,
        Source,
        SpaceRow,
        StoredCalibration,
    )
    from medneg.scoring import Calibration
    from medneg.values import EncoderCard, FindingState


class Archive:
    """One archive, open. Use it as a context manager, or close it; it may be shared by threads.

    Attributes:
        pseudonym_key: the secret behind every pseudonym; it never leaves this machine.
    """

    def __init__(self, engine: Engine, place: Place, key: bytes) -> None:
        self._engine = engine
        self._place = place
        self._matrices = Matrices(place)
        self.pseudonym_key = key

    @classmethod
    def open(cls, location: str | Path, *, create: bool = False) -> Archive:
        """Open an archive; one that an older medneg wrote is brought up to date first.

        Args:
            location: a folder, or any SQLAlchemy URL.
            create: make the archive when there is none.

        Raises:
            ArchiveError: if there is none, a newer medneg wrote it, or its key is missing.
        """
        return cls(*opening.open_place(location, create=create))

    def close(self) -> None:
        """Let go of the database."""
        self._matrices.clear()
        self._engine.dispose()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Archive({self._place.shown!r})"

    # What a search needs

    def matrix(self, image_fingerprint: str, progress: Progress | None = None) -> ScanMatrix:
        """The float16 scan matrix of a space, mapped from disk; written anew when it is stale.

        Args:
            image_fingerprint: names the space.
            progress: called with (rows written, rows to write) when it is stale.

        Raises:
            ArchiveError: if the archive holds no embedding of this space.
        """
        with self._matrices.lock, transaction(self._engine, self._place) as connection:
            return self._matrices.current(connection, image_fingerprint, progress or quietly)

    def indexes(self, image_fingerprint: str) -> Indexes:
        """The indexes of a space: ways to find the best images of a plan."""
        from medneg.archive.indexes import Indexes, Source

        folder = self._matrices.folder(image_fingerprint)
        return Indexes(
            Source(
                archive=self,
                engine=self._engine,
                place=self._place,
                folder=folder,
                fingerprint=image_fingerprint,
            )
        )

    def vectors(self, image_fingerprint: str, ids: Sequence[int]) -> NDArray[float32]:
        """The stored embeddings of some images, float32, shape (m, d), in the order asked.

        Raises:
            ArchiveError: if an image has no embedding in this space.
        """
        with transaction(self._engine, self._place) as connection:
            return reading.vectors(connection, image_fingerprint, [int(image) for image in ids])

    def mask(self, where: Where, ids: NDArray[int64]) -> NDArray[bool_]:
        """Which of some images a filter lets through: booleans, shape (n,), aligned to ``ids`` (n,)."""
        if where.everything:
            return np.ones(len(ids), bool)
        with transaction(self._engine, self._place) as connection:
            return np.isin(ids, reading.image_ids(connection, where))

    def record_search(
        self, query: str, *, method: str, encoder: str, k: int, considered: int, who: str | None = None
    ) -> None:
        """Write a search into the audit trail, with the time and a pseudonym of who asked.

        Args:
            query: the words that were asked.
            method: the scoring method.
            encoder: the encoder's name.
            k: how many hits were asked for.
            considered: how many images the filter let through.
            who: the reader whom a service has signed in; None for the account that runs this process.
        """
        from medneg.archive.rows import SearchRow

        row = SearchRow(
            when=datetime.now(UTC).isoformat(),
            who=audit.account(self.pseudonym_key, who),
            query=query,
            method=method,
            encoder=encoder,
            k=k,
            considered=considered,
        )
        with transaction(self._engine, self._place, writes=True, alone=False) as connection:
            audit.record(connection, row)

    # What is known

    def images(self, ids: Sequence[int]) -> tuple[ImageRow, ...]:
        """What is known of some images, in the order asked.

        Raises:
            ArchiveError: if an id is not in the archive.
        """
        with transaction(self._engine, self._place) as connection:
            return reading.images(connection, [int(image) for image in ids])

    def images_of_patient(self, pseudonym: str) -> tuple[ImageRow, ...]:
        """All images of one patient, the oldest study first."""
        with transaction(self._engine, self._place) as connection:
            return reading.images_of_patient(connection, pseudonym)

    def findings(
        self, ids: Sequence[int], source: Source | None = None
    ) -> dict[int, dict[str, FindingState]]:
        """State by finding of some images, from manifests, from their studies' reports, or both.

        Where sources disagree, present outranks uncertain and uncertain outranks absent.
        """
        with transaction(self._engine, self._place) as connection:
            return reading.findings(connection, [int(image) for image in ids], source)

    def report(self, image_id: int) -> str | None:
        """The report of an image's study; None when there is none."""
        with transaction(self._engine, self._place) as connection:
            return reading.report(connection, int(image_id))

    def thumbnail(self, image_id: int) -> bytes | None:
        """An image's JPEG, at most 256 pixels wide or high; None when there is no such image."""
        with transaction(self._engine, self._place) as connection:
            return reading.thumbnail(connection, int(image_id))

    def find_thumbnail(self, pseudonym: str, content: str = "") -> bytes | None:
        """The JPEG of the latest image with a pseudonym whose SHA-256 begins so; None when there is none."""
        with transaction(self._engine, self._place) as connection:
            return reading.find_thumbnail(connection, pseudonym, content)

    def ping(self) -> None:
        """Ask the database for next to nothing.

        Raises:
            ArchiveUnavailable: if it does not answer.
        """
        with transaction(self._engine, self._place) as connection:
            checking.ping(connection)

    def spaces(self) -> tuple[SpaceRow, ...]:
        """Every embedding space of the archive, the fullest first."""
        with transaction(self._engine, self._place) as connection:
            return reading.spaces(connection)

    def counts(self) -> Counts:
        """How much the archive holds."""
        with transaction(self._engine, self._place) as connection:
            return reading.counts(connection)

    def values(self, column: str) -> tuple[str, ...]:
        """The different values of ``view``, ``sex`` or ``modality`` that occur, sorted."""
        with transaction(self._engine, self._place) as connection:
            return reading.values(connection, column)

    def rejections(self) -> tuple[RejectedRow, ...]:
        """Every file that was set aside, by path."""
        with transaction(self._engine, self._place) as connection:
            return reading.rejections(connection)

    def searches(self, limit: int = 100) -> tuple[SearchRow, ...]:
        """The latest searches of the audit trail, the newest first."""
        with transaction(self._engine, self._place) as connection:
            return audit.searches(connection, limit=limit)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the archive, one sentence each; empty when it is sound."""
        with transaction(self._engine, self._place) as connection:
            found = [*checking.problems(connection, self._place), *calibrations.stale(connection)]
            for space in reading.spaces(connection):
                stamp, count = reading.stamp(connection, space.image_fingerprint)
                if count and self._matrices.stamp_on_disk(space.image_fingerprint) != stamp:
                    found.append(f"the scan matrix of {space.name} is stale; the next search rebuilds it")
        return tuple(found)

    # What calibrating needs

    def labels(self, findings: Sequence[str]) -> dict[Source, dict[int, dict[str, FindingState]]]:
        """By source and image id the recorded states of some findings; a report speaks for all its study."""
        with transaction(self._engine, self._place) as connection:
            return reading.labels(connection, findings)

    def patients(self, ids: NDArray[int64]) -> NDArray[int64]:
        """Whose some images are: a number for each patient, shape (n,), aligned to ``ids`` (n,).

        Raises:
            ArchiveError: if an id is not in the archive.
        """
        with transaction(self._engine, self._place) as connection:
            return reading.patients(connection, ids)

    def save_calibration(
        self, card: EncoderCard, calibration: Calibration, findings: Sequence[FindingScores]
    ) -> None:
        """Keep what is known of an encoder here, in the place of an earlier calibration of its two towers.

        Args:
            card: of the encoder; both fingerprints name the calibration.
            calibration: with a covariance in both spaces.
            findings: what its findings' scores look like, each once a space.
        """
        with transaction(self._engine, self._place, writes=True) as connection:
            calibrations.save(connection, card, calibration, tuple(findings))

    def calibration(self, card: EncoderCard) -> StoredCalibration | None:
        """What is known of an encoder here; None when `medneg calibrate` never ran with its two towers."""
        with transaction(self._engine, self._place) as connection:
            return calibrations.load(connection, card)

    # What ingesting needs

    def known_files(self, paths: Sequence[str], image_fingerprint: str) -> dict[str, KnownFile]:
        """What the archive knows of some absolute paths; paths that it has never seen are left out."""
        with transaction(self._engine, self._place) as connection:
            return reading.known_files(connection, paths, image_fingerprint)

    def hashes_of_size(self, sizes: Sequence[int], image_fingerprint: str) -> dict[int, frozenset[str]]:
        """For each file size, the SHA-256 of the images of that size that a space holds."""
        with transaction(self._engine, self._place) as connection:
            return reading.hashes_of_size(connection, sizes, image_fingerprint)

    def paths_without_embedding(self, image_fingerprint: str) -> tuple[str, ...]:
        """Paths of the images that a space lacks."""
        with transaction(self._engine, self._place) as connection:
            return reading.paths_without_embedding(connection, image_fingerprint)

    def claim(
        self,
        image_fingerprint: str,
        paths: Sequence[str],
        *,
        owner: str,
        seconds: float,
        gone: Callable[[str], bool] = lambda owner: False,
    ) -> frozenset[str]:
        """Claim files, so that no other process reads them meanwhile; see ``medneg.archive.claims.claim``.

        Returns:
            The paths that are the owner's now.
        """
        with transaction(self._engine, self._place, writes=True) as connection:
            return claims.claim(connection, image_fingerprint, paths, owner=owner, seconds=seconds, gone=gone)

    def release(self, owner: str, gone: Callable[[str], bool] = lambda owner: False) -> None:
        """End all claims of a process, and those that have run out or whose owners are gone."""
        with transaction(self._engine, self._place, writes=True) as connection:
            claims.release(connection, owner, gone)

    def register(self, card: EncoderCard) -> None:
        """Keep an encoder's card, with its licence, beside the embeddings it makes."""
        with transaction(self._engine, self._place, writes=True) as connection:
            writing.register(connection, card)

    def store(
        self,
        image_fingerprint: str,
        *,
        images: Sequence[NewImage] = (),
        twins: Sequence[FileStamp] = (),
        rejected: Sequence[NewRejection] = (),
    ) -> tuple[str, ...]:
        """Store one batch in one transaction: all of it is there afterwards, or nothing. Its claims end.

        Args:
            image_fingerprint: the space of the images' vectors.
            images: what was read and encoded; it replaces whatever its path held before.
            twins: files with the very content of an image that this space holds. Where that image's own
                file is gone, it has moved: its row takes the new path. The path may also hold that
                image already, with other file times.
            rejected: files that are set aside.

        Returns:
            Paths of the twins that were not stored because no image with their content is left.
        """
        with transaction(self._engine, self._place, writes=True) as connection:
            writing.add_images(connection, images, fingerprint=image_fingerprint)
            lonely = [
                twin.path
                for twin in twins
                if writing.add_twin(connection, twin, fingerprint=image_fingerprint) is None
            ]
            for rejection in rejected:
                writing.reject(connection, rejection)
            read = [new.file.path for new in images] + [refused.path for refused in rejected]
            read += [twin.path for twin in twins if twin.path not in lonely]
            claims.settle(connection, image_fingerprint, read)
        return tuple(lonely)

    def add_vectors(self, image_fingerprint: str, ids: Sequence[int], vectors: NDArray[float32]) -> int:
        """Store unit vectors (m, d) of images that are here already, in one transaction; returns how many."""
        with transaction(self._engine, self._place, writes=True) as connection:
            return writing.add_vectors(connection, image_fingerprint, ids, vectors)

    def label(self, labels: Mapping[str, Label]) -> int:
        """Record what manifests say of images, by absolute path; returns how many are in the archive."""
        with transaction(self._engine, self._place, writes=True) as connection:
            return writing.label(connection, labels)

    def reports(self, studies: Sequence[str]) -> dict[str, str | None]:
        """Reports by study pseudonym, None where there is none; unknown studies are left out."""
        with transaction(self._engine, self._place) as connection:
            return reading.reports(connection, studies)

    def add_reports(self, reports: Iterable[tuple[str, str, Mapping[str, FindingState]]]) -> int:
        """Store reports as (study pseudonym, text, state by finding); returns how many found their study."""
        with transaction(self._engine, self._place, writes=True) as connection:
            return writing.add_reports(connection, reports)
