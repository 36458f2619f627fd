"""A thousand mutated files through ``medneg ingest``: none is lost, nothing crashes, nobody is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from medneg.phantom.writer import write as write_phantoms
from tests.dicom.altering import SECRETS, read_sources
from tests.dicom.mutations import mutated

REAL = Path(__file__).parents[2].parent / "shared" / "real" / "dicom"
FILES = 1000
SECONDS = 300


def medneg(*arguments: object) -> tuple[bytes, bytes]:
    """Run the command as a person would; returns what it prints to both streams."""
    command = [sys.executable, "-c", "from medneg.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A folder of mutated files: half from chest radiographs, half from all that a hospital's discs hold."""
    folder = tmp_path_factory.mktemp("fuzz")
    write_phantoms(folder / "phantoms", studies=20, seed=5, rows=64, workers=0)
    chest = read_sources([*(folder / "phantoms").rglob("*.dcm")])
    if REAL.exists():
        chest += read_sources([*(REAL / "chest").iterdir()], largest=700_000)
        chest += read_sources([path for path in REAL.rglob("*") if path.is_file()])
    (folder / "films").mkdir()
    for name, raw in mutated(chest, count=FILES, seed=1000):
        (folder / "films" / name.replace(" ", "-")).write_bytes(raw)
    return folder / "films"


@pytest.mark.slow
def test_a_thousand_mutated_files_are_searchable_or_set_aside_and_name_nobody(films, tmp_path):
    archive = tmp_path / "archive"
    shown = medneg("ingest", films, "--archive", archive)
    told = medneg("ingest", films, "--archive", archive, "--json")
    report = json.loads(told[0])
    reasons = [one["reason"] for one in report["rejected"]]
    assert report["indexed"] == 0
    assert report["unchanged"] + len(reasons) == FILES
    assert report["unchanged"] > FILES / 10
    assert all(reasons)
    # The reader itself dealt with every file: none had to be given up by the process that watches over it.
    assert [reason for reason in reasons if reason.startswith("reading it")] == []
    kept = [path.read_bytes() for path in sorted(archive.rglob("*")) if path.is_file()]
    seen = b"\n".join([*shown, *told, *kept]).lower()
    assert [secret for secret in SECRETS if secret in seen] == []
    assert b"traceback" not in b"\n".join([*shown, *told]).lower()
