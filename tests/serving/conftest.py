"""A small archive with the embedded model, for services to serve."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def phantom_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty phantom studies, embedded by the model that comes with medneg."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.ingest import ingest
    from medneg.phantom.writer import write

    folder = tmp_path_factory.mktemp("served")
    write(folder / "phantoms", studies=20, seed=3, rows=96, workers=0)
    with Archive.open(folder / "archive", create=True) as archive:
        ingest([folder / "phantoms"], archive, encoders.load("phantom"), workers=0)
    return folder / "archive"
