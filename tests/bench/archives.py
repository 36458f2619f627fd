"""Whole archives for timing searches: rows of every table in bulk, vectors as in ``galleries``, no files.

Paths, views, ages, dates and labels are drawn; two images make a study and two studies a patient, and what a
study's images show is what its report says.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert

from medneg.archive import Archive
from medneg.archive.engines import connect, transaction
from medneg.archive.halfvec import HalfVector
from medneg.archive.places import locate
from medneg.archive.schema import Embedding, Finding, Half, Image, Patient, Study
from medneg.values import EncoderCard, InputSpec
from tests.bench.galleries import BLOCK, WIDTH, World, unit

NAMES = {
    "pleural_effusion": "pleural effusion",
    "consolidation": "consolidation",
    "atelectasis": "atelectasis",
    "pulmonary_edema": "pulmonary edema",
    "cardiomegaly": "cardiomegaly",
    "pneumothorax": "pneumothorax",
    "lung_nodule": "lung nodule",
    "pleural_thickening": "pleural thickening",
    "hernia": "hiatal hernia",
    "emphysema": "emphysema",
    "rib_fracture": "rib fracture",
    "scoliosis": "scoliosis",
    "pneumonia": "pneumonia",
    "lung_mass": "lung mass",
}
"""The lexicon's findings that stand for those of the ``World``, with the words that name them in a text."""

CARD = EncoderCard(
    name="bench",
    width=WIDTH,
    input=InputSpec(size=32),
    image_fingerprint="bench",
    text_fingerprint="bench",
    licence="Apache-2.0",
    notice="For timing only.",
    findings=tuple(NAMES),
)
FIRST_DAY = np.datetime64("2015-01-01")
Progress = Callable[[int, int], None]


class BenchEncoder:
    """Texts in a narrow cone of their own, each leaning to the findings that it names; sees no pictures."""

    card = CARD

    def __init__(self) -> None:
        self._world = World()

    def encode_texts(self, texts):
        rows = []
        for text in texts:
            named = [j for j, words in enumerate(NAMES.values()) if words in text.lower()]
            parts = self._world.parts[named] + 0.3 * self._world.text_parts[named]
            rows.append(1.2 * self._world.text_axis + parts.sum(axis=0))
        return unit(np.stack(rows))


def make_archive(location: str | Path, count: int, progress: Progress = lambda done, total: None) -> None:
    """Make an archive of ``count`` images, or go on with one that was stopped."""
    with Archive.open(location, create=True) as archive:
        archive.register(CARD)
        world, done = World(), archive.counts().images
        for start in range(done, count, BLOCK):
            size = min(BLOCK, count - start)
            vectors, shown = world.images(size, seed=start + 1)
            _write_rows(location, start, shown, vectors)
            progress(start + size, count)


def _write_rows(location: str | Path, start: int, shown: np.ndarray, vectors: np.ndarray) -> None:
    draw, numbers = np.random.default_rng([start, 7]), range(start, start + len(shown))
    people = [{"id": n // 4 + 1, "pseudonym": f"p{n // 4}"} for n in numbers if n % 4 == 0]
    studies = [
        {"id": n // 2 + 1, "patient_id": n // 4 + 1, "pseudonym": f"s{n // 2}"} for n in numbers if n % 2 == 0
    ]
    images, findings = _image_rows(draw, numbers), list(_finding_rows(draw, start, shown))
    own = {"image_fingerprint": CARD.image_fingerprint}
    truth = [
        {"image_id": n + 1, **own, "vector": row.astype("<f4").tobytes()}
        for n, row in zip(numbers, vectors, strict=True)
    ]
    place = locate(location)
    engine = connect(place)
    with transaction(engine, place, writes=True) as connection:
        fill = _copy_in if engine.dialect.name == "postgresql" else _insert
        for table, rows in ((Patient, people), (Study, studies), (Image, images), (Finding, findings)):
            fill(connection, table, rows)
        fill(connection, Embedding, truth)
        if engine.dialect.name == "postgresql":
            halves = [
                row
                | {"vector": HalfVector(np.frombuffer(row["vector"], "<f4").astype(np.float16)).to_bytes()}
                for row in truth
            ]
            fill(connection, Half, halves)
    engine.dispose()


def _insert(connection: Connection, table: Any, rows: list[dict]) -> None:
    connection.execute(insert(table), rows)


def _copy_in(connection: Connection, table: Any, rows: list[dict]) -> None:
    """PostgreSQL's COPY, a tenth of the time of inserts."""
    names = list(rows[0])
    binary = "vector" in names
    known = {"image_id": "int8", "image_fingerprint": "text", "vector": "bytea"}
    statement = f"COPY {table.__tablename__} ({', '.join(names)}) FROM STDIN"
    cursor = connection.connection.cursor()
    with cursor.copy(statement + " (FORMAT BINARY)" * binary) as copy:
        if binary:
            copy.set_types([known[name] for name in names])
        for row in rows:
            copy.write_row(
                [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
            )


def _image_rows(draw, numbers) -> list[dict]:
    count, names = len(numbers), ("PA", "AP", "LATERAL")
    views, ages = draw.choice(3, count, p=(0.5, 0.3, 0.2)), np.clip(draw.normal(58, 18, count), 18, 90)
    days, sexes = draw.integers(0, 3650, count), draw.choice(["F", "M"], count)
    same = {
        "modality": "DX",
        "rows": 2048,
        "columns": 2048,
        "grey_scale": "modality LUT, window 2048/4096, inversion",
        "header": {"BitsStored": "12", "BodyPartExamined": "CHEST", "Manufacturer": "none"},
        "phantom": True,
        "indexed_at": datetime(2026, 1, 1, tzinfo=UTC),
        "size": 8_400_000,
        "mtime_ns": 1,
    }
    return [
        {
            "id": n + 1,
            "study_id": n // 2 + 1,
            "pseudonym": f"i{n}",
            "path": f"/archive/films/{n // 1000:06}/{n:09}.dcm",
            "sha256": f"{n:064x}",
            "view": names[views[row]],
            "sex": str(sexes[row]),
            "age": round(float(ages[row]), 1),
            "study_date": str(FIRST_DAY + int(days[row])),
            **same,
        }
        for row, n in enumerate(numbers)
    ]


def _finding_rows(draw, start: int, shown: np.ndarray) -> Iterator[dict]:
    """What the reports say: all that a study's images show, and two findings that are denied."""
    names = list(NAMES)
    studies = shown.reshape(-1, 2, shown.shape[1]).any(axis=1)
    for study, here in enumerate(studies, start=start // 2 + 1):
        absent = draw.permutation(np.flatnonzero(~here))[:2]
        for j in (*np.flatnonzero(here), *absent):
            state = "present" if here[j] else "absent"
            yield {"study_id": study, "finding": names[j], "state": state, "source": "report"}
