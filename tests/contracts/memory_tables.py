"""What an archive in memory is made of: dicts in the place of tables, and changes that keep them sound."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.archive import FileStamp, ImageRow, NewImage, NewRejection, Where
from medneg.archive.rows import Source
from medneg.values import FindingState
from tests.contracts.memory_filters import passes, strongest


@dataclass
class KeptImage:
    """An image with its file; the patient is that of its study, whatever ``row`` says."""

    row: ImageRow
    size: int
    mtime_ns: int
    thumbnail: bytes
    findings: dict[str, FindingState] = field(default_factory=dict)


@dataclass
class Tables:
    """Everything about images. A study is here as long as it has an image or a report.

    Attributes:
        images: by id; ids only ever grow.
        owners: the patient of each study.
        reports: text and findings by study.
        rejected: what was set aside and when, by path.
        vectors: by space and image.
        changes: of each space, how often vectors came, went or were put again.
    """

    images: dict[int, KeptImage] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    reports: dict[str, tuple[str, dict[str, FindingState]]] = field(default_factory=dict)
    rejected: dict[str, tuple[NewRejection, str]] = field(default_factory=dict)
    vectors: dict[str, dict[int, NDArray[float32]]] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    latest: int = 0

    def row(self, image: int) -> ImageRow:
        row = self.images[image].row
        return replace(row, patient=self.owners[row.study])

    def report(self, image: int) -> tuple[str | None, dict[str, FindingState]]:
        kept = self.images.get(image)
        return (None, {}) if kept is None else self.reports.get(kept.row.study, (None, {}))

    def findings(self, image: int, source: Source | None) -> dict[str, FindingState]:
        if image not in self.images:
            return {}
        manifest = {} if source == "report" else self.images[image].findings
        return strongest(manifest, {} if source == "manifest" else self.report(image)[1])

    def passes(self, where: Where, image: int) -> bool:
        if image not in self.images:
            return where.everything
        recorded = {*self.images[image].findings.items(), *self.report(image)[1].items()}
        return passes(where, self.images[image].row, recorded)

    def stamp(self, fingerprint: str) -> str:
        return f"{fingerprint} {self.changes[fingerprint]}"

    # Changes

    def add_images(self, fingerprint: str, batch: Mapping[str, NewImage]) -> None:
        """Those at paths with other content go first, all of them, and take what is empty then with them."""
        same = {}
        for image, path in [(image, kept.row.path) for image, kept in self.images.items()]:
            if path not in batch:
                continue
            file, kept = batch[path].file, self.images[image]
            if kept.row.sha256 == file.sha256:
                kept.size, kept.mtime_ns = file.size, file.mtime_ns
                same[path] = image
            else:
                self.remove(path)
        for path, new in batch.items():
            self.rejected.pop(path, None)
            if path not in same:
                self.owners.setdefault(new.radiograph.study, new.radiograph.patient)
                same[path] = self._add(_kept(new))
        for path, new in batch.items():
            self.put_vector(fingerprint, same[path], new.vector)

    def put_vector(self, fingerprint: str, image: int, vector: NDArray[float32]) -> None:
        self.changes[fingerprint] += 1
        self.vectors.setdefault(fingerprint, {})[image] = np.array(vector, float32)

    def add_twin(self, fingerprint: str, file: FileStamp) -> bool:
        """False, with nothing changed, where the space holds no image of this content."""
        space = self.vectors.get(fingerprint, {})
        twins = [image for image in sorted(space) if self.images[image].row.sha256 == file.sha256]
        if not twins:
            return False
        for image in twins:
            if self.images[image].row.path == file.path:
                self.images[image].mtime_ns = file.mtime_ns
                return True
        self.remove(file.path)
        self.rejected.pop(file.path, None)
        gone = [image for image in twins if not os.path.exists(self.images[image].row.path)]
        moved = gone[0] if gone else self._copy(twins[0])
        kept = self.images[moved]
        kept.row = replace(kept.row, path=file.path)
        kept.size, kept.mtime_ns = file.size, file.mtime_ns
        return True

    def remove(self, path: str) -> None:
        for image in [image for image, kept in self.images.items() if kept.row.path == path]:
            study = self.images.pop(image).row.study
            for fingerprint in self._spaces_of(image):
                self.changes[fingerprint] += 1
                del self.vectors[fingerprint][image]
            used = any(kept.row.study == study for kept in self.images.values())
            if not used and study not in self.reports:
                del self.owners[study]

    def _add(self, kept: KeptImage) -> int:
        self.latest += 1
        self.images[self.latest] = replace(kept, row=replace(kept.row, id=self.latest))
        return self.latest

    def _copy(self, image: int) -> int:
        copy = self._add(replace(self.images[image], findings={}))
        for fingerprint in self._spaces_of(image):
            self.put_vector(fingerprint, copy, self.vectors[fingerprint][image])
        return copy

    def _spaces_of(self, image: int) -> Iterator[str]:
        return (fingerprint for fingerprint, space in list(self.vectors.items()) if image in space)


def _kept(new: NewImage) -> KeptImage:
    known = new.radiograph
    row = ImageRow(
        id=0,
        path=new.file.path,
        sha256=new.file.sha256,
        patient=known.patient,
        study=known.study,
        image=known.image,
        view=known.view,
        sex=known.sex,
        age=known.age,
        study_date=known.study_date,
        modality=known.modality,
        rows=new.rows,
        columns=new.columns,
        grey_scale=known.grey_scale,
        header=dict(known.header),
        phantom=known.phantom,
    )
    return KeptImage(row=row, size=new.file.size, mtime_ns=new.file.mtime_ns, thumbnail=new.thumbnail)
