"""``kill -9`` at random moments, again and again: nothing is lost, nothing is doubled."""

import contextlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import create_engine, text

from medneg.archive import Archive
from tests.fake_encoder import FakeEncoder

PICTURES = 120
SCRIPT = """
import sys, time
from medneg.archive import Archive
from medneg.ingest import ingest, running
from tests.fake_encoder import FakeEncoder
from tests.ingest.quick_reader import read_quickly

class Slow(FakeEncoder):
    def encode_images(self, pixels):
        time.sleep(0.03)
        return super().encode_images(pixels)

running.read_file, running.warm_up, running.SLOW_IMPORTS, running.BATCH = read_quickly, None, (), 6
with Archive.open(sys.argv[2], create=True) as archive:
    print(ingest([sys.argv[1]], archive, Slow(), workers=int(sys.argv[3])).to_json(), flush=True)
"""


def start(films, archive, root, workers):
    command = [sys.executable, "-c", SCRIPT, str(films), str(archive), str(workers)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def rows(archive):
    """How many rows each table has."""
    engine = create_engine(f"sqlite:///{archive}/archive.db")
    with engine.connect() as connection:
        tables = ("images", "embeddings", "thumbnails", "studies", "patients", "rejected")
        counted = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() for name in tables}
    engine.dispose()
    return counted


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_moments_and_run_again_nothing_is_lost_or_doubled(tmp_path, pytestconfig, workers):
    films, archive = tmp_path / "films", tmp_path / "archive"
    films.mkdir()
    for number in range(PICTURES):
        grey = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(grey).save(films / f"{number:03}.png")
    for number in range(5):
        (films / f"broken{number}").write_bytes(b"noise")

    began = time.monotonic()
    start(films, tmp_path / "undisturbed", pytestconfig.rootpath, workers).communicate(timeout=120)
    whole = time.monotonic() - began
    moments = random.Random(workers)
    kills = 0
    for _ in range(12):
        running = start(films, archive, pytestconfig.rootpath, workers)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.communicate(timeout=moments.uniform(0.2, 0.9) * whole)
            break
        running.send_signal(signal.SIGKILL)
        running.communicate()
        kills += 1
    last = start(films, archive, pytestconfig.rootpath, workers)
    printed, _ = last.communicate(timeout=120)
    assert last.returncode == 0
    assert printed.count("it is no picture") == 5
    assert rows(archive) == {
        **dict.fromkeys(("images", "embeddings", "thumbnails", "studies", "patients"), PICTURES),
        "rejected": 5,
    }
    with Archive.open(archive) as opened:
        assert opened.problems() == ()
        assert len(opened.matrix(FakeEncoder().card.image_fingerprint)) == PICTURES
    assert kills > 0
