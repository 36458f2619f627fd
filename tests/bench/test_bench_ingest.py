"""What an ingest costs beyond reading and encoding: its rate against a bare loop over the same files."""

import time

import numpy as np
import pytest

from medneg import encoders
from medneg.archive import Archive
from medneg.dicom import prepare, read
from medneg.ingest import ingest
from medneg.phantom.writer import write

STUDIES = 400
BATCH = 32
SLOWEST = 0.8

pytestmark = pytest.mark.bench


def test_ingest_keeps_pace_with_a_bare_decode_and_encode_loop(tmp_path, capsys):
    write(tmp_path / "phantoms", studies=STUDIES, seed=11, workers=2)
    files = sorted((tmp_path / "phantoms").rglob("*.dcm"))
    tower = encoders.load("phantom")
    bare_loop(files[:BATCH], tower)  # imports and first calls are nobody's rate
    with Archive.open(tmp_path / "first", create=True) as archive:
        start = seconds(lambda: ingest(files[:1], archive, tower))

    bare = len(files) / seconds(lambda: bare_loop(files, tower))
    with Archive.open(tmp_path / "archive", create=True) as archive:
        whole = len(files) / seconds(lambda: ingest([tmp_path / "phantoms"], archive, tower))

    with capsys.disabled():
        print(f"\n{len(files)} files: bare loop {bare:.1f}/s, ingest {whole:.1f}/s, ratio {whole / bare:.2f}")
        print(f"the first file of a process, workers started: {start:.1f} s")
    assert whole >= SLOWEST * bare


def bare_loop(files, tower):
    for start in range(0, len(files), BATCH):
        radiographs = (read(file, key=b"k" * 32) for file in files[start : start + BATCH])
        tower.encode_images(np.stack([prepare(one, tower.card.input) for one in radiographs]))


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
