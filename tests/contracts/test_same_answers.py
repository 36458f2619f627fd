"""A question has the same answer wherever the archive is: the same images, to the last bit of a score."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medneg.archive import Archive, NewRejection
from medneg.archive.copying import copy_archive
from medneg.calibration import calibrate_archive
from medneg.embedding import derive_codes
from medneg.search import parse_where, search
from medneg.values import Hit
from tests.axis_gallery import AxisEncoder, fill, new_image
from tests.conftest import ENGINES, database
from tests.contracts.conftest import opener
from tests.contracts.indexed import methods_and_spaces
from tests.toy_head import toy_head

ENCODER = AxisEncoder(noise=10)
SPACE = ENCODER.card.image_fingerprint
HEAD = toy_head(ENCODER.card)
METHOD_AND_SPACE = pytest.mark.parametrize(("method", "space"), methods_and_spaces())


@pytest.fixture(scope="module")
def memory(request, tmp_path_factory) -> Iterator[Archive]:
    """What the others are compared with."""
    with opener(request, tmp_path_factory.mktemp("memory"), "memory") as opening, opening() as archive:
        ingest(archive)
        yield archive


@pytest.fixture(scope="module")
def others(request, postgresql, tmp_path_factory) -> Iterator[dict[str, Archive]]:
    """Filled one by one and calibrated each for itself; and the one on SQLite copied to PostgreSQL."""
    with ExitStack() as stack:
        opened, folders = {}, {engine: tmp_path_factory.mktemp(engine) for engine in ENGINES}
        for gone, (engine, folder) in enumerate(folders.items(), start=1):
            opening = stack.enter_context(opener(request, folder, engine))
            opened[engine] = stack.enter_context(opening())
            count_on(opened[engine], gone)
            ingest(opened[engine])
        url = stack.enter_context(database(postgresql, tmp_path_factory.mktemp("copy")))
        copy_archive(folders["sqlite"] / "archive", url)
        opened["copy on postgresql"] = stack.enter_context(Archive.open(url))
        yield opened


def count_on(archive: Archive, images: int) -> None:
    """Let images come and go, so that the ids of the next ones need not be those of another archive."""
    archive.register(ENCODER.card)
    films = [new_image(ENCODER, 1000 + number, ()) for number in range(images)]
    archive.store(SPACE, images=films)
    rejected = [NewRejection(path=film.file.path, size=1, mtime_ns=1, reason="gone") for film in films]
    archive.store(SPACE, rejected=rejected)


def ingest(archive: Archive) -> None:
    fill(archive, ENCODER, 240)
    calibrate_archive(archive, ENCODER)
    derive_codes(archive, ENCODER.card, HEAD)


def answer(archive: Archive, words: str, **more: Any) -> tuple[list[Hit], bool, int]:
    """The hits without their ids, which are an archive's own affair."""
    found = search(archive, words, ENCODER, k=50, index="scan", head=HEAD, **more)
    return [replace(hit, image_id=0) for hit in found.hits], found.exact, found.considered


@METHOD_AND_SPACE
def test_every_archive_finds_the_same_fifty(memory, others, method, space):
    words, asked = "effusion, no calcification, no edema", {"method": method, "space": space}
    wanted = answer(memory, words, **asked)
    assert wanted[1:] == (True, 240)
    for name, archive in others.items():
        assert answer(archive, words, **asked) == wanted, name


@pytest.mark.parametrize("text", ["view=PA, age>=60", "effusion=absent, calcification=present"])
def test_every_archive_finds_the_same_under_a_filter(memory, others, text):
    wanted = answer(memory, "edema, no granuloma", where=parse_where(text))
    assert 0 < wanted[2] < 240
    for name, archive in others.items():
        assert answer(archive, "edema, no granuloma", where=parse_where(text)) == wanted, name


def test_every_archive_makes_the_same_promise(memory, others):
    wanted = search(memory, "effusion, no edema", ENCODER, exclude_risk=0.3)
    for name, archive in others.items():
        found = search(archive, "effusion, no edema", ENCODER, exclude_risk=0.3)
        assert found.promise == wanted.promise, name
        assert [hit.image for hit in found.hits] == [hit.image for hit in wanted.hits], name


@pytest.mark.slow
@METHOD_AND_SPACE
def test_a_query_without_negation_is_plain_cosine_on_every_archive(memory, others, method, space):
    text = ENCODER.encode_texts(["pulmonary edema"])[0].astype(np.float64)
    for archive in (memory, *others.values()):
        found = search(
            archive, "pulmonary edema", ENCODER, method=method, space=space, k=50, index="scan", head=HEAD
        )
        stored = archive.vectors(SPACE, [hit.image_id for hit in found.hits])
        cosines = [float(np.add.reduce(vector.astype(np.float64) * text)) for vector in stored]
        assert [hit.score for hit in found.hits] == cosines


def test_every_archive_is_calibrated_alike(memory, others):
    wanted = memory.calibration(ENCODER.card)
    for name, archive in others.items():
        found = archive.calibration(ENCODER.card)
        np.testing.assert_array_equal(found.calibration.mean_image, wanted.calibration.mean_image)
        for space, covariance in wanted.calibration.covariance.items():
            np.testing.assert_array_equal(found.calibration.covariance[space], covariance)
        assert found.calibration.curves == wanted.calibration.curves, name
