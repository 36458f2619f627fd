"""Ingest runs at 0.8 or more of the rate of a bare loop that decodes and encodes the same files."""

import time

import pytest

from medneg.archive import Archive
from medneg.dicom import prepare, read
from medneg.ingest import ingest
from medneg.phantom.writer import write
from tests.fake_encoder import FakeEncoder

STUDIES = 300


@pytest.mark.bench
def test_ingest_keeps_up_with_a_bare_loop(tmp_path):
    write(tmp_path / "phantoms", studies=STUDIES, seed=11, workers=2)
    files = sorted((tmp_path / "phantoms").rglob("*.dcm"))
    encoder = FakeEncoder(size=128)
    with Archive.open(tmp_path / "archive", create=True) as archive:
        key, spec = archive.pseudonym_key, encoder.card.input
        prepare(read(files[0], key=key), spec)
        began = time.perf_counter()
        for file in files:
            encoder.encode_images(prepare(read(file, key=key), spec)[None])
        bare = len(files) / (time.perf_counter() - began)
        report = ingest([tmp_path / "phantoms"], archive, encoder)
    assert report.indexed == len(files)
    assert report.rate / bare >= 0.8, f"{report.rate:.1f} against {bare:.1f} images a second"
