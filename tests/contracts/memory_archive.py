"""An archive of dicts and arrays, without SQL: the slow twin that archives on an engine must agree with."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import numpy as np
from numpy import bool_, float32, int64
from numpy.typing import NDArray

from medneg import __version__
from medneg.archive import (
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
    SpaceRow,
    StoredCalibration,
    Where,
    audit,
)
from medneg.archive.matrices import Progress
from medneg.archive.matrix import ScanMatrix
from medneg.archive.rows import Source
from medneg.errors import ArchiveError
from medneg.scoring import Calibration
from medneg.values import EncoderCard, FindingState
from tests.contracts.memory_claims import Claims
from tests.contracts.memory_indexes import MemoryIndexes
from tests.contracts.memory_tables import Tables


class MemoryArchive:
    """Has every public name of ``medneg.archive.Archive``, and means the same by it."""

    _made: ClassVar[dict[str, MemoryArchive]] = {}

    def __init__(self) -> None:
        self.pseudonym_key = secrets.token_bytes(32)
        self._tables = Tables()
        self._cards: dict[tuple[str, str], EncoderCard] = {}
        self._claims = Claims()
        self._searches: list[SearchRow] = []
        self._calibrations: dict[tuple[str, str], tuple[str, StoredCalibration]] = {}
        self._matrices: dict[str, ScanMatrix] = {}

    @classmethod
    def open(cls, location: str | Path, *, create: bool = False) -> MemoryArchive:
        name = str(location)
        if name not in cls._made and not create:
            raise ArchiveError(f"there is no archive at {name}; make one with `medneg ingest PATH`")
        return cls._made.setdefault(name, cls())

    def close(self) -> None:
        self._matrices.clear()

    def __enter__(self) -> MemoryArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What a search needs

    def matrix(self, image_fingerprint: str, progress: Progress | None = None) -> ScanMatrix:
        width, space = self._width(image_fingerprint), self._tables.vectors.get(image_fingerprint, {})
        if not space:
            raise ArchiveError("the archive in memory holds nothing to search yet")
        stamp, held = self._tables.stamp(image_fingerprint), self._matrices.get(image_fingerprint)
        if held is None or held.stamp != stamp:
            rows = self.vectors(image_fingerprint, sorted(space)).reshape(-1, width)
            halves = rows.astype(np.float16)
            apart = np.linalg.norm(rows.astype(np.float64) - halves.astype(np.float64), axis=1)
            held = ScanMatrix(
                vectors=halves,
                ids=np.array(sorted(space), int64),
                mean=(rows.sum(axis=0, dtype=np.float64) / len(rows)).astype(float32),
                rounding=float(apart.max()),
                stamp=stamp,
            )
            if progress is not None:
                progress(len(rows), len(rows))
        self._matrices[image_fingerprint] = held
        return held

    def indexes(self, image_fingerprint: str) -> MemoryIndexes:
        return MemoryIndexes(self, image_fingerprint)

    def vectors(self, image_fingerprint: str, ids: Sequence[int]) -> NDArray[float32]:
        space = self._tables.vectors.get(image_fingerprint, {})
        for image in ids:
            if image not in space:
                raise ArchiveError(f"image {image} has no embedding in space {image_fingerprint!r}")
        width = self._width(image_fingerprint)
        return np.array([space[int(image)] for image in ids], float32).reshape(len(ids), width)

    def mask(self, where: Where, ids: NDArray[int64]) -> NDArray[bool_]:
        return np.array([self._tables.passes(where, int(image)) for image in ids], bool)

    def record_search(
        self, query: str, *, method: str, encoder: str, k: int, considered: int, who: str | None = None
    ) -> None:
        self._searches.append(
            SearchRow(
                when=_now(),
                who=audit.account(self.pseudonym_key, who),
                query=query.replace("\0", "").encode("utf-8", "replace").decode(),
                method=method,
                encoder=encoder,
                k=k,
                considered=considered,
            )
        )

    # What is known

    def images(self, ids: Sequence[int]) -> tuple[ImageRow, ...]:
        for image in ids:
            if image not in self._tables.images:
                raise ArchiveError(f"this archive has no image {image}")
        return tuple(self._tables.row(int(image)) for image in ids)

    def images_of_patient(self, pseudonym: str) -> tuple[ImageRow, ...]:
        rows = [row for row in map(self._tables.row, sorted(self._tables.images)) if row.patient == pseudonym]
        return tuple(sorted(rows, key=lambda row: row.study_date or "9999"))

    def findings(
        self, ids: Sequence[int], source: Source | None = None
    ) -> dict[int, dict[str, FindingState]]:
        return {int(image): self._tables.findings(int(image), source) for image in ids}

    def report(self, image_id: int) -> str | None:
        return self._tables.report(image_id)[0]

    def thumbnail(self, image_id: int) -> bytes | None:
        return self._tables.images[image_id].thumbnail if image_id in self._tables.images else None

    def find_thumbnail(self, pseudonym: str, content: str = "") -> bytes | None:
        rows = [kept.row for kept in self._tables.images.values()]
        alike = [row.id for row in rows if row.image == pseudonym and row.sha256.startswith(content)]
        return self.thumbnail(max(alike)) if alike else None

    def ping(self) -> None:
        pass

    def spaces(self) -> tuple[SpaceRow, ...]:
        names = dict.fromkeys([name for name, _ in self._cards] + list(self._tables.vectors))
        rows = [
            SpaceRow(
                image_fingerprint=name,
                count=len(self._tables.vectors.get(name, ())),
                cards=tuple(card for card in self._cards.values() if card.image_fingerprint == name),
            )
            for name in names
        ]
        return tuple(sorted((row for row in rows if row.count or row.cards), key=lambda row: -row.count))

    def counts(self) -> Counts:
        return Counts(
            patients=len(set(self._tables.owners.values())),
            studies=len(self._tables.owners),
            images=len(self._tables.images),
            phantoms=sum(kept.row.phantom for kept in self._tables.images.values()),
            reports=len(self._tables.reports),
            rejected=len(self._tables.rejected),
            searches=len(self._searches),
        )

    def values(self, column: str) -> tuple[str, ...]:
        known = {getattr(kept.row, column) for kept in self._tables.images.values()}
        return tuple(sorted(known - {None}))

    def rejections(self) -> tuple[RejectedRow, ...]:
        return tuple(
            RejectedRow(path=path, reason=refused.reason, when=when)
            for path, (refused, when) in sorted(self._tables.rejected.items())
        )

    def searches(self, limit: int = 100) -> tuple[SearchRow, ...]:
        return tuple(self._searches[::-1][:limit])

    def problems(self) -> tuple[str, ...]:
        return (*self._problems_of_files(), *self._problems_of_spaces(), *self._problems_of_calibrations())

    # What calibrating needs

    def labels(self, findings: Sequence[str]) -> dict[Source, dict[int, dict[str, FindingState]]]:
        found: dict[Source, dict[int, dict[str, FindingState]]] = {"manifest": {}, "report": {}}
        for source, of_source in found.items():
            for image in self._tables.images:
                states = {
                    name: state
                    for name, state in self._tables.findings(image, source).items()
                    if name in findings
                }
                if states:
                    of_source[image] = states
        return found

    def patients(self, ids: NDArray[int64]) -> NDArray[int64]:
        numbers = {
            name: number for number, name in enumerate(sorted(set(self._tables.owners.values())), start=1)
        }
        return np.array([numbers[row.patient] for row in self.images(ids.tolist())], int64)

    def save_calibration(
        self, card: EncoderCard, calibration: Calibration, findings: Sequence[FindingScores]
    ) -> None:
        spaces = ("raw", "centred")
        curves = {
            space: {each.finding: each.curve for each in findings if each.space == space and each.curve}
            for space in spaces
        }
        kept = StoredCalibration(
            calibration=replace(calibration, curves=curves),
            findings=tuple(sorted(findings, key=lambda each: each.finding)),
            embeddings=len(self._tables.vectors.get(card.image_fingerprint, ())),
            stale=False,
        )
        key = (card.image_fingerprint, card.text_fingerprint)
        self._calibrations[key] = (self._tables.stamp(card.image_fingerprint), kept)

    def calibration(self, card: EncoderCard) -> StoredCalibration | None:
        key = (card.image_fingerprint, card.text_fingerprint)
        if key not in self._calibrations:
            return None
        stamp, kept = self._calibrations[key]
        return replace(kept, stale=stamp != self._tables.stamp(card.image_fingerprint))

    # What ingesting needs

    def known_files(self, paths: Sequence[str], image_fingerprint: str) -> dict[str, KnownFile]:
        known = {
            path: KnownFile(
                image_id=None,
                sha256=refused.sha256,
                size=refused.size,
                mtime_ns=refused.mtime_ns,
                reason=refused.reason,
                version=__version__,
            )
            for path, (refused, _) in self._tables.rejected.items()
        }
        for image, kept in self._tables.images.items():
            known[kept.row.path] = KnownFile(
                image_id=image,
                sha256=kept.row.sha256,
                size=kept.size,
                mtime_ns=kept.mtime_ns,
                embedded=image in self._tables.vectors.get(image_fingerprint, {}),
            )
        return {path: known[path] for path in paths if path in known}

    def hashes_of_size(self, sizes: Sequence[int], image_fingerprint: str) -> dict[int, frozenset[str]]:
        here = [self._tables.images[image] for image in self._tables.vectors.get(image_fingerprint, {})]
        found = {size: frozenset(kept.row.sha256 for kept in here if kept.size == size) for size in sizes}
        return {size: hashes for size, hashes in found.items() if hashes}

    def paths_without_embedding(self, image_fingerprint: str) -> tuple[str, ...]:
        lacking = self._tables.images.keys() - self._tables.vectors.get(image_fingerprint, {}).keys()
        return tuple(self._tables.images[image].row.path for image in sorted(lacking))

    def claim(
        self,
        image_fingerprint: str,
        paths: Sequence[str],
        *,
        owner: str,
        seconds: float,
        gone: Callable[[str], bool] = lambda owner: False,
    ) -> frozenset[str]:
        return self._claims.claim(image_fingerprint, paths, owner=owner, seconds=seconds, gone=gone)

    def release(self, owner: str, gone: Callable[[str], bool] = lambda owner: False) -> None:
        self._claims.release(owner, gone)

    def register(self, card: EncoderCard) -> None:
        self._cards[card.image_fingerprint, card.text_fingerprint] = card

    def store(
        self,
        image_fingerprint: str,
        *,
        images: Sequence[NewImage] = (),
        twins: Sequence[FileStamp] = (),
        rejected: Sequence[NewRejection] = (),
    ) -> tuple[str, ...]:
        batch = {new.file.path: new for new in images}
        for new in batch.values():
            _require_unit(new.vector)
        self._tables.add_images(image_fingerprint, batch)
        lonely = [twin.path for twin in twins if not self._tables.add_twin(image_fingerprint, twin)]
        for refused in rejected:
            self._tables.remove(refused.path)
            self._tables.rejected[refused.path] = (refused, _now())
        read = {*batch, *(refused.path for refused in rejected)}
        read |= {twin.path for twin in twins if twin.path not in lonely}
        self._claims.settle(image_fingerprint, read)
        return tuple(lonely)

    def add_vectors(self, image_fingerprint: str, ids: Sequence[int], vectors: NDArray[float32]) -> int:
        for row in vectors:
            _require_unit(row)
        here = {
            int(image): row for image, row in zip(ids, vectors, strict=True) if image in self._tables.images
        }
        for image, row in here.items():
            self._tables.put_vector(image_fingerprint, image, row)
        return len(here)

    def label(self, labels: Mapping[str, Label]) -> int:
        here = [kept for kept in self._tables.images.values() if kept.row.path in labels]
        for kept in here:
            told = labels[kept.row.path]
            gaps = {
                name: getattr(told, name)
                for name in ("view", "sex", "age", "study_date")
                if getattr(kept.row, name) is None
            }
            kept.row = replace(kept.row, **gaps)
            kept.findings = dict(told.findings)
            if told.patient is not None and kept.row.study == kept.row.image:
                self._tables.owners[kept.row.study] = told.patient
        return len(here)

    def reports(self, studies: Sequence[str]) -> dict[str, str | None]:
        return {
            name: self._tables.reports.get(name, (None, {}))[0]
            for name in studies
            if name in self._tables.owners
        }

    def add_reports(self, reports: Iterable[tuple[str, str, Mapping[str, FindingState]]]) -> int:
        batch = {study: (text, dict(states)) for study, text, states in reports}
        here = {study: told for study, told in batch.items() if study in self._tables.owners}
        self._tables.reports |= here
        return len(here)

    # What the public names are made of

    def _width(self, fingerprint: str) -> int:
        for card in self._cards.values():
            if card.image_fingerprint == fingerprint:
                return card.width
        raise ArchiveError(f"this archive holds no embeddings of space {fingerprint!r}")

    def _problems_of_files(self) -> Iterator[str]:
        missing = [path for path in self._paths() if not os.path.exists(path)]
        if missing:
            files = "1 file" if len(missing) == 1 else f"{len(missing)} files"
            yield f"{files} no longer where it was indexed, the first {missing[0]}"

    def _problems_of_spaces(self) -> Iterator[str]:
        for space in self.spaces():
            lacking = len(self.paths_without_embedding(space.image_fingerprint))
            if lacking:
                images = "1 image" if lacking == 1 else f"{lacking} images"
                yield f"{images} without an embedding of {space.name}"

    def _problems_of_calibrations(self) -> Iterator[str]:
        for (fingerprint, _), (stamp, kept) in self._calibrations.items():
            if stamp != self._tables.stamp(fingerprint):
                names = [card.name for card in self._cards.values() if card.image_fingerprint == fingerprint]
                count = len(self._tables.vectors.get(fingerprint, ()))
                yield (
                    f"the calibration of {[*names, fingerprint][0]} was made over {kept.embeddings:,} "
                    f"images, the archive now holds {count:,}; run `medneg calibrate` again"
                )

    def _paths(self) -> list[str]:
        return [self._tables.images[image].row.path for image in sorted(self._tables.images)]


def _require_unit(vector: NDArray[float32]) -> None:
    length = float(np.linalg.norm(vector))
    if not math.isclose(length, 1, abs_tol=1e-3):
        raise ValueError(f"an image embedding must have unit length; got {length!r}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
