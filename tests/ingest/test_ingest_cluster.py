"""An ingest on a Ray cluster of two cores does what an ingest in this process does, whatever dies."""

import contextlib
import functools
import os
import shutil
import time

import numpy as np
import psutil
import pytest
from PIL import Image
from sqlalchemy import inspect, text

from medneg.archive import Archive
from medneg.archive.engines import connect
from medneg.archive.places import locate
from medneg.errors import ClusterError, EncoderError, WeightsMissing
from medneg.ingest import ingest
from medneg.ingest.cluster import RayRunner, ray_runner
from medneg.phantom.writer import write
from medneg.workers import Limits
from tests.fake_encoder import FakeEncoder
from tests.ingest.quick_reader import read_quickly

ray = pytest.importorskip("ray", reason="Ray is not installed (medneg[ray])")

pytestmark = pytest.mark.slow

MOMENTS = {"indexed_at", "rejected_at"}
STATES = "space_states"  # it names what an index was built from, at random


@pytest.fixture(scope="module")
def cluster():
    """Two cores, one of which a runner's encoder takes."""
    with ray_runner("local", FakeEncoder, cores=2) as runner:
        runner.close()
        yield


@pytest.fixture
def start(cluster):
    """Make a runner on the cluster."""
    with contextlib.ExitStack() as stack:
        yield lambda *how, **limits: stack.enter_context(contextlib.closing(RayRunner(*how, **limits)))


@pytest.fixture
def films(tmp_path):
    """A hundred and twenty small pictures, and one file that is none."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(120):
        grey = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(grey).save(folder / f"{number:03}.png")
    (folder / "noise").write_bytes(b"noise")
    return folder


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "archive", create=True) as archive:
        yield archive


def nothing():
    pass


def read_slowly(job):
    time.sleep(0.05)
    return read_quickly(job)


def rows(location):
    """Every row of every table but for the moments at which they were written."""
    engine = connect(locate(location))
    with engine.connect() as connection:
        found = {}
        for table in sorted(set(inspect(engine).get_table_names()) - {STATES}):
            kept = [c["name"] for c in inspect(engine).get_columns(table) if c["name"] not in MOMENTS]
            columns = ", ".join(f'"{name}"' for name in kept)
            found[table] = sorted(map(repr, connection.execute(text(f"SELECT {columns} FROM {table}"))))
    engine.dispose()
    return found


def test_the_archive_is_the_same_row_for_row(start, tmp_path):
    runner = start(FakeEncoder)
    folder = tmp_path / "phantoms"
    write(folder, studies=12, seed=4, rows=128, workers=0)
    one = sorted(folder.rglob("*.dcm"))[0]
    (folder / "broken.dcm").write_bytes(one.read_bytes()[:3000])
    (folder / "noise.dcm").write_bytes(b"noise" * 100)
    shutil.copy(one, folder / "twin.dcm")
    key = bytes(range(32))
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pseudonym.key").write_bytes(key)
    with Archive.open(tmp_path / "here", create=True) as here:
        alone = ingest([folder], here, FakeEncoder(), workers=0)
    with Archive.open(tmp_path / "there", create=True) as there:
        together = ingest([folder], there, FakeEncoder(), runner=runner)
        again = ingest([folder], there, FakeEncoder(), runner=runner)
    assert (together.indexed, together.rejected) == (alone.indexed, alone.rejected)
    assert (again.indexed, again.unchanged, again.rejected) == (0, alone.indexed, alone.rejected)
    assert len(alone.rejected) == 2
    assert rows(tmp_path / "there") == rows(tmp_path / "here")


def test_decoders_and_encoders_that_are_killed_cost_nothing(start, archive, films):
    runner = start(FakeEncoder, read=read_slowly, warm=nothing)
    killed = []

    def kill(done, _total):
        if done in (20, 80):
            killed.append(kill_one("ray::_read"))
        elif done == 50:
            killed.append(kill_one("ray::_Tower"))

    report = ingest([films], archive, FakeEncoder(), runner=runner, progress=kill)
    assert report.indexed == 120
    assert [rejection.reason for rejection in report.rejected] == ["it is no picture"]
    assert archive.problems() == ()
    assert all(killed)


def kill_one(kind):
    """Kill a process of our cluster that is at such work, which Ray writes into its command line."""
    for _ in range(100):
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if (process.cmdline() or [""])[0].startswith(kind):
                    process.kill()
                    return True
        time.sleep(0.05)
    return False


def test_a_file_that_crashes_hangs_or_eats_is_set_aside_and_the_rest_goes_on(start, archive, films):
    for number, name in enumerate(("crash", "hang", "eat", "raise")):
        shutil.copy(films / f"{number:03}.png", films / f"{name}.png")
    runner = start(FakeEncoder, read=read_quickly, warm=nothing, limits=Limits(seconds=2))
    report = ingest([films], archive, FakeEncoder(), runner=runner)
    assert report.indexed == 120
    ended = "reading it ended two processes: it crashes them, or takes too long"
    assert {rejection.file.rpartition("/")[2]: rejection.reason for rejection in report.rejected} == {
        "crash.png": ended,
        "hang.png": ended,
        "eat.png": "reading it needs too much memory",
        "raise.png": "reading it failed unexpectedly (LookupError)",
        "noise": "it is no picture",
    }


def elsewhere(here, how):
    """An encoder in the process ``here``; in any other one it is missing, or another one."""
    if os.getpid() == here or how == "other":
        return FakeEncoder(name="here" if os.getpid() == here else "there")
    raise WeightsMissing("the weights are not on this machine")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "cannot load the encoder: the weights are not on this machine"),
        ("other", "has other weights for this encoder, or another version of medneg"),
    ],
)
def test_an_encoder_that_a_machine_lacks_is_named_before_anything_is_read(start, how, message):
    with pytest.raises(EncoderError, match=message):
        start(functools.partial(elsewhere, os.getpid(), how))


def test_a_cluster_that_does_not_answer_is_an_error():
    with (
        pytest.raises(ClusterError, match=r"no Ray cluster answers at '127\.0\.0\.1:1'"),
        ray_runner("127.0.0.1:1", FakeEncoder),
    ):
        pass
