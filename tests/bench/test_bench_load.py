"""Twenty readers for two minutes at `medneg serve` over PostgreSQL, the database restarted in the middle.

Alone: ``python -m pytest -m bench -s tests/bench/test_bench_load.py``. MEDNEG_LOAD_ARCHIVE names an archive
that is copied and served instead of a few phantoms; MEDNEG_LOAD_READERS and MEDNEG_LOAD_SECONDS change the
size of the crowd and how long it stays.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.serving.conftest import phantom_archive
from tests.serving.load import RECOVERY_SECONDS, read_under_load, service_on_postgresql
from tests.serving.readers import table

__all__ = ["phantom_archive"]

MOST_GROWTH = 1.1
PAUSE_SECONDS = 10.0
"""A reader looks at what was found for five seconds on average."""


@pytest.mark.bench
def test_twenty_readers_for_two_minutes_and_a_restart(request, tmp_path):
    named = os.environ.get("MEDNEG_LOAD_ARCHIVE")
    archive = Path(named) if named else request.getfixturevalue("phantom_archive")
    readers = int(os.environ.get("MEDNEG_LOAD_READERS", "20"))
    seconds = float(os.environ.get("MEDNEG_LOAD_SECONDS", "120"))
    before = os.getloadavg()[0]
    with service_on_postgresql(archive, tmp_path) as (service, server):
        load = read_under_load(service, server, readers=readers, seconds=seconds, pause=PAUSE_SECONDS)
    sizes = [size >> 20 for share, size in load.memory if share >= 0.4]
    print(f"\n{readers} readers, {seconds:g} s, {os.cpu_count()} cores, load average before {before:.1f}")
    print(table(load.seen))
    print(
        f"well again {load.recovered:.1f} s after the database; memory from two fifths on: "
        f"{sizes[0]} to {sizes[-1]} MiB, at most {max(sizes)}"
    )
    assert load.wrong() == []
    assert load.recovered < RECOVERY_SECONDS
    assert load.growth() < MOST_GROWTH
