"""The real files beside the project: every one is searchable or set aside with its reason."""

from pathlib import Path

import pytest

from medneg.archive import Archive
from medneg.ingest import ingest
from tests.fake_encoder import FakeEncoder

REAL = Path(__file__).parents[3] / "shared" / "real"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.exists(), reason="../shared/real is not here"),
]


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "archive", create=True) as archive:
        yield archive


def test_every_dicom_file_is_searchable_or_set_aside(archive):
    folder = REAL / "dicom"
    files = {str(path) for path in folder.rglob("*") if path.is_file() and path.suffix != ".txt"}
    report = ingest([folder], archive, FakeEncoder(), workers=2)
    rejected = {rejection.file: rejection.reason for rejection in report.rejected}
    assert report.indexed + len(rejected) == len(files)
    assert not any(file.startswith(str(folder / "chest") + "/") for file in rejected)
    assert report.indexed >= 5
    assert all(rejected.values())
    assert archive.problems() == ()
    again = ingest([folder], archive, FakeEncoder(), workers=2)
    assert (again.indexed, again.unchanged, again.rejected) == (0, report.indexed, report.rejected)


def test_every_image_of_the_manifest_is_searchable_with_its_labels(archive):
    report = ingest([REAL / "images"], archive, FakeEncoder(), workers=2, manifests=[REAL / "manifest.csv"])
    assert (report.indexed, report.rejected) == (827, ())
    assert report.labelled == 827
    ids = archive.matrix(FakeEncoder().card.image_fingerprint).ids
    rows = archive.images(ids)
    assert len({row.patient for row in rows}) == 496
    assert {row.view for row in rows} == {"AP", "PA"}
    states = archive.findings(ids, "manifest")
    effusions = [image for image in ids if states[image].get("pleural_effusion") == "present"]
    assert 0 < len(effusions) < 200
    assert archive.problems() == ()
