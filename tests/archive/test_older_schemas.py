"""Archives that an older medneg wrote, on every engine."""

import numpy as np
import pytest

from medneg.archive import Archive
from medneg.archive.schema import REVISION
from medneg.scoring import Calibration
from tests.archive.new_images import SPACE, WIDTH, new_image, unit_vector
from tests.archive.old_archives import make_old_archive, some_images
from tests.fake_encoder import FakeEncoder

CARD = FakeEncoder().card
OLDER = [f"{number:04}" for number in range(1, int(REVISION))]


@pytest.mark.parametrize("revision", OLDER)
def test_an_older_archive_is_brought_up_to_date_with_all_it_holds(location, revision):
    vectors = np.stack([unit_vector(n) for n in range(3)])
    rows = [vector.astype("<f4").tobytes() for vector in vectors]
    make_old_archive(location, revision, some_images(SPACE, rows))
    with Archive.open(location) as opened:
        opened.register(CARD)
        assert opened.counts().images == 3
        np.testing.assert_array_equal(opened.vectors(SPACE, [1, 2, 3]), vectors)


def test_matrices_and_calibrations_of_the_first_schema_are_stale_only_when_vectors_change(location):
    rows = [unit_vector(n).astype("<f4").tobytes() for n in range(3)]
    make_old_archive(location, "0001", some_images(SPACE, rows))
    zeros, squares = np.zeros(WIDTH, np.float32), np.zeros((WIDTH, WIDTH), np.float32)
    known = Calibration(
        mean_text=zeros, mean_image=zeros, covariance={"raw": squares, "centred": squares}, curves={}
    )
    with Archive.open(location) as opened:
        opened.register(CARD)
        assert opened.matrix(SPACE).stamp == f"{SPACE} 3 3"  # count and greatest id, as it was then
        opened.save_calibration(CARD, known, ())
        assert opened.calibration(CARD).stale is False
        opened.store(SPACE, images=[new_image(7)])
        assert opened.calibration(CARD).stale is True
        assert len(opened.matrix(SPACE)) == 4
