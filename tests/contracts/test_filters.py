import numpy as np
import pytest

from medneg.archive import FindingFilter, Label, Where
from tests.archive.new_images import SPACE, new_image
from tests.fake_encoder import FakeEncoder

KNOWN = [
    {"view": "PA", "sex": "F", "age": 30.0, "study_date": "2020-01-01", "modality": "DX"},
    {"view": "AP", "sex": "M", "age": 60.0, "study_date": "2020-06-01", "modality": "CR"},
    {"view": "LATERAL", "sex": "O", "age": 90.0, "study_date": "2021-01-01", "modality": "CR"},
    {},
]


@pytest.fixture(scope="module")
def archive(open_shared_archive):
    with open_shared_archive() as archive:
        archive.register(FakeEncoder().card)
        images = [new_image(n, study=f"study{n}", **known) for n, known in enumerate(KNOWN)]
        archive.store(SPACE, images=images)
        archive.label({
            "/films/0.dcm": Label(findings={"granuloma": "present", "aorta": "absent"}),
            "/films/1.dcm": Label(findings={"granuloma": "absent", "aorta": "absent"}),
            "/films/2.dcm": Label(findings={"granuloma": "uncertain", "aorta": "absent"}),
        })  # fmt: skip
        archive.add_reports([("study1", "", {"effusion": "present"}), ("study2", "", {"effusion": "absent"})])
        yield archive


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (Where(), [0, 1, 2, 3]),
        (Where(views=("PA", "AP")), [0, 1]),
        (Where(sexes=("O",)), [2]),
        (Where(modalities=("CR",)), [1, 2]),
        (Where(age_min=60), [1, 2]),
        (Where(age_max=60), [0, 1]),
        (Where(date_from="2020-06-01"), [1, 2]),
        (Where(date_to="2020-06-01"), [0, 1]),
        (Where(age_min=31, date_to="2020-12-31"), [1]),
        (Where(findings=(FindingFilter(ids=("granuloma", "aorta"), state="present"),)), [0]),
        (Where(findings=(FindingFilter(ids=("granuloma", "aorta"), state="absent"),)), [1]),
        (Where(findings=(FindingFilter(ids=("granuloma", "aorta"), state="uncertain"),)), [2]),
        (Where(findings=(FindingFilter(ids=("aorta",), state="absent"),)), [0, 1, 2]),
        (Where(findings=(FindingFilter(ids=("effusion",), state="present"),)), [1]),
        (Where(findings=(FindingFilter(ids=("granuloma",), state="absent", above=("aorta",)),)), [1]),
        (Where(findings=(FindingFilter(ids=("nodule",), state="absent", above=("aorta",)),)), [0, 1, 2]),
        (Where(findings=(FindingFilter(ids=("effusion",), state="absent"),), sexes=("O",)), [2]),
        (Where(findings=(FindingFilter(ids=("unheard_of",), state="present"),)), []),
    ],
    ids=str,
)
def test_a_filter_becomes_a_row_mask(archive, where, rows):
    mask = archive.mask(where, archive.matrix(SPACE).ids)
    assert mask.dtype == bool
    assert list(np.flatnonzero(mask)) == rows


def test_the_mask_is_aligned_to_the_ids_given(archive):
    backwards = archive.matrix(SPACE).ids[::-1]
    assert list(archive.mask(Where(views=("PA",)), backwards)) == [False, False, False, True]


def test_the_values_that_occur_are_listed_for_menus(archive):
    assert archive.values("view") == ("AP", "LATERAL", "PA")
    assert archive.values("modality") == ("CR", "DX")
