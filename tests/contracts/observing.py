"""Everything that an archive tells through its public names, in words that do not depend on its ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medneg.archive import Archive, FindingFilter, Where
from medneg.errors import ArchiveError
from medneg.scoring import SpaceName
from medneg.values import EncoderCard, Linear, Plan, Repulsion, Space, Term
from tests.archive.new_images import unit_vector

FILTERS = (
    Where(views=("PA", "AP"), age_min=40),
    Where(sexes=("F",), date_from="2020-01-01"),
    *(
        Where(findings=(FindingFilter(ids=("nodule",), state=state, above=("opacity",)),))
        for state in ("present", "uncertain", "absent")
    ),
)
PLAN_TERMS = (
    Term(direction=unit_vector(100), response=Linear(weight=1.0), label="wanted"),
    Term(direction=unit_vector(101), response=Repulsion(weight=0.7), label="not wanted"),
)


def observe(archive: Archive, paths: Sequence[str], cards: Sequence[EncoderCard]) -> dict[str, Any]:
    """What an archive says of some paths and encoders, by topic."""
    ids = {known.image_id for known in archive.known_files(paths, "").values()} - {None}
    rows = archive.images(sorted(ids))
    path_of = {row.id: row.path for row in rows}
    fingerprints = dict.fromkeys(card.image_fingerprint for card in cards)
    return {
        "images in their order": [replace(row, id=0) for row in rows],
        **{f"space {name}": _space(archive, name, paths, path_of) for name in fingerprints},
        **{f"calibration {card.text_fingerprint}": _calibration(archive, card) for card in cards},
        "spaces": sorted(archive.spaces(), key=lambda space: (-space.count, space.image_fingerprint)),
        "findings": {path_of[image]: found for image, found in archive.findings(sorted(ids)).items()},
        "labels": _labels(archive, path_of),
        "studies": archive.reports(sorted({row.study for row in rows} | {"unheard of"})),
        "patients": _patients(archive, path_of),
        "pictures": [(archive.thumbnail(row.id), archive.find_thumbnail(row.image)) for row in rows],
        "reports": [archive.report(row.id) for row in rows],
        "counts": archive.counts(),
        "values": [archive.values(column) for column in ("view", "sex", "modality")],
        "rejections": [(row.path, row.reason) for row in archive.rejections()],
        "searches": [replace(row, when="", who="") for row in archive.searches(limit=3)],
        "problems": _problems(archive),
    }


def _problems(archive: Archive) -> list[str]:
    """In no certain order, without the name of one missing file and without matrices, which are on disk."""
    told = [re.sub(", the first .*", "", problem) for problem in archive.problems()]
    return sorted(problem for problem in told if "scan matrix" not in problem)


def _space(archive: Archive, name: str, paths: Sequence[str], path_of: dict[int, str]) -> dict[str, Any]:
    known = archive.known_files(paths, name)
    return {
        "files": {path: replace(file, image_id=file.image_id and 1) for path, file in known.items()},
        "hashes": archive.hashes_of_size(range(1, 9), name),
        "lacking": archive.paths_without_embedding(name),
        "rows": _told(lambda: _rows(archive, name, path_of)),
        "found": _told(lambda: _found(archive, name, path_of)),
    }


def _rows(archive: Archive, name: str, path_of: dict[int, str]) -> list[Any]:
    matrix = archive.matrix(name)
    truth = archive.vectors(name, matrix.ids.tolist())
    filtered = [archive.mask(where, matrix.ids).tolist() for where in (Where(), *FILTERS)]
    images = [path_of[image] for image in matrix.ids.tolist()]
    arrays = [array.tobytes() for array in (truth, matrix.vectors, matrix.mean)]
    return [images, filtered, arrays, matrix.rounding]


def _found(archive: Archive, name: str, path_of: dict[int, str]) -> list[Any]:
    plan = Plan(terms=PLAN_TERMS, space=Space(image_fingerprint=name))
    found = archive.indexes(name).open().search(plan, 3, where=FILTERS[0])
    ranking = found.ranking
    best = [path_of[image] for image in ranking.ids.tolist()]
    return [best, ranking.scores.tolist(), ranking.contributions.tolist(), ranking.exact, found.considered]


def _told(ask: Callable[[], Any]) -> Any:
    """The answer, or that there is none: how an archive is called in an error differs."""
    try:
        return ask()
    except ArchiveError:
        return ArchiveError


def _calibration(archive: Archive, card: EncoderCard) -> Any:
    kept = archive.calibration(card)
    if kept is None:
        return None
    spaces: tuple[SpaceName, ...] = ("raw", "centred")
    known = kept.calibration
    arrays = (known.mean_text, known.mean_image, *(known.covariance[space] for space in spaces))
    findings = sorted(kept.findings, key=lambda each: (each.space, each.finding))
    return [np.concatenate([array.ravel() for array in arrays]).tobytes(), known.curves, findings,
            kept.embeddings, kept.stale]  # fmt: skip


def _labels(archive: Archive, path_of: dict[int, str]) -> dict[str, Any]:
    return {
        source: {path_of[image]: states for image, states in of_source.items()}
        for source, of_source in archive.labels(["nodule", "effusion"]).items()
    }


def _patients(archive: Archive, path_of: dict[int, str]) -> list[Any]:
    ids = np.array(sorted(path_of), np.int64)
    numbers = archive.patients(ids).tolist()
    names = sorted({row.patient for row in archive.images(ids.tolist())})
    return [
        [numbers.index(number) for number in numbers],
        {name: [row.path for row in archive.images_of_patient(name)] for name in names},
    ]
