"""Reports that come in become states that filters ask for."""

from __future__ import annotations

import pytest

from medneg.archive import Archive
from medneg.dicom import pseudonym
from medneg.ingest.tables import add_reports
from medneg.search import parse_where
from tests.archive.new_images import SPACE, new_image
from tests.fake_encoder import FakeEncoder

REPORTS = (
    "FINDINGS: Small left effusion. No calcification. IMPRESSION: Effusion.",
    "Left effusion. Calcified granuloma.",
    "HISTORY: Effusion. FINDINGS: The lungs are clear. No pleural effusion.",
    "Subpulmonic effusion; possible calcification of the aorta.",
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with Archive.open(tmp_path_factory.mktemp("archive"), create=True) as archive:
        archive.register(FakeEncoder().card)
        studies = [pseudonym(archive.pseudonym_key, f"1.2.{number}") for number in range(len(REPORTS))]
        archive.store(SPACE, images=[new_image(n, study=study) for n, study in enumerate(studies)])
        assert add_reports(archive, {f"1.2.{n}": report for n, report in enumerate(REPORTS)}) == len(REPORTS)
        yield archive


@pytest.mark.parametrize(
    ("where", "reports"),
    [
        ("effusion=present", [0, 1, 3]),
        ("effusion=absent", [2]),
        ("effusion=present, calcification=absent", [0]),
        ("calcification=present", [1]),
        ("calcification=uncertain", [3]),
        ("aortic calcification=absent", [0]),
        ("consolidation=absent", [2]),
        ("loculated effusion=absent", [2]),
    ],
)
def test_filters_honour_kinds_in_both_directions(archive, where, reports):
    ids = archive.matrix(SPACE).ids
    assert [int(row) for row in archive.mask(parse_where(where), ids).nonzero()[0]] == reports
