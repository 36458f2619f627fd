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
from sqlalchemy import text

from medneg.archive import Archive
from medneg.archive.engines import connect
from medneg.archive.places import locate
from tests.fake_encoder import FakeEncoder

PICTURES = 120
WHOLE = {
    **dict.fromkeys(("images", "embeddings", "thumbnails", "studies", "patients"), PICTURES),
    **{"rejected": 5, "claims": 0},
}
SCRIPT = """
import sys, time
from medneg.archive import Archive
from medneg.ingest import ingest, runners, running
from tests.fake_encoder import FakeEncoder
from tests.ingest.quick_reader import read_quickly

class Slow(FakeEncoder):
    def encode_images(self, pixels):
        time.sleep(0.03)
        return super().encode_images(pixels)

running.BATCH = 6
runners.read_file, runners.warm_up, runners.SLOW_IMPORTS = read_quickly, None, ()
with Archive.open(sys.argv[2], create=True) as archive:
    print(ingest([sys.argv[1]], archive, Slow(), workers=int(sys.argv[3])).to_json(), flush=True)
"""


def start(films, archive, root, workers):
    command = [sys.executable, "-c", SCRIPT, str(films), str(archive), str(workers)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def rows(archive):
    """How many rows each table has."""
    engine = connect(locate(archive))
    with engine.connect() as connection:
        tables = ("images", "embeddings", "thumbnails", "studies", "patients", "rejected", "claims")
        counted = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() for name in tables}
    engine.dispose()
    return counted


def draw(films):
    """Small pictures, and five files that are none."""
    films.mkdir()
    for number in range(PICTURES):
        grey = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(grey).save(films / f"{number:03}.png")
    for number in range(5):
        (films / f"broken{number}").write_bytes(b"noise")
    return films


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_moments_and_run_again_nothing_is_lost_or_doubled(tmp_path, pytestconfig, workers):
    films, archive = draw(tmp_path / "films"), tmp_path / "archive"
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
    assert rows(archive) == WHOLE
    with Archive.open(archive) as opened:
        assert opened.problems() == ()
        assert len(opened.matrix(FakeEncoder().card.image_fingerprint)) == PICTURES
    assert kills > 0


@pytest.mark.slow
def test_four_ingests_of_one_archive_of_which_one_is_killed_again_and_again(location, tmp_path, pytestconfig):
    films = draw(tmp_path / "films")
    Archive.open(location, create=True).close()
    moments = random.Random(7)
    running = [start(films, location, pytestconfig.rootpath, 0) for _ in range(4)]
    kills = 0
    while kills < 8 and rows(location)["images"] < PICTURES:
        time.sleep(moments.uniform(0.5, 1.5))
        victim = running.pop(moments.randrange(4))
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        kills += 1
        running.append(start(films, location, pytestconfig.rootpath, 0))
    printed = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert all(text.count("it is no picture") == 5 for text in printed)
    assert rows(location) == WHOLE
    with Archive.open(location) as opened:
        assert opened.problems() == ()
    assert kills > 0
