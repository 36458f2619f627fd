"""The runner of one machine: an encoder moves to a GPU for as long as an ingest takes, where there is one."""

import numpy as np
import pytest

from medneg import encoders
from medneg.ingest.runners import local_runner, move_to_gpu
from tests.fake_encoder import FakeEncoder


class Moving(FakeEncoder):
    """Notes where it was told to go."""

    def __init__(self):
        super().__init__()
        self.places = []

    def to(self, device):
        self.places.append(device)


@pytest.mark.parametrize(("gpu", "places"), [(True, ["cuda", "cpu"]), (False, [])])
def test_an_encoder_is_on_the_gpu_for_as_long_as_the_runner_lasts(monkeypatch, gpu, places):
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    encoder = Moving()
    with local_runner(encoder, 0):
        assert encoder.places == places[:1]
    assert encoder.places == places


def test_an_encoder_that_cannot_move_stays(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert move_to_gpu(FakeEncoder()) is None


def test_a_moved_encoder_gives_numpy_rows_still():
    tower = encoders.load("phantom")
    pixels = np.random.default_rng(0).random((2, *[tower.card.input.size] * 2), np.float32)
    before = tower.encode_images(pixels), tower.encode_texts(["effusion"])
    tower.to("cpu")
    np.testing.assert_array_equal(tower.encode_images(pixels), before[0])
    np.testing.assert_array_equal(tower.encode_texts(["effusion"]), before[1])
