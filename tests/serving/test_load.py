"""A few readers for a short time, with the database restarted under them."""

from __future__ import annotations

import pytest

from tests.serving.load import RECOVERY_SECONDS, read_under_load, service_on_postgresql
from tests.serving.readers import table

pytestmark = pytest.mark.slow

MOST_GROWTH = 1.15
"""Memory at the end, over memory after two fifths of the time: two dozen seconds do not show less."""


def test_readers_are_served_while_the_database_restarts_and_memory_stays_flat(phantom_archive, tmp_path):
    with service_on_postgresql(phantom_archive, tmp_path) as (service, server):
        load = read_under_load(service, server, readers=6, seconds=24, pause=2)
        assert service.alive()
    assert load.wrong() == [], table(load.seen)
    assert load.recovered < RECOVERY_SECONDS
    assert load.growth() < MOST_GROWTH
    for kind in ("open page", "thumbnail"):
        assert any(each.kind == kind and each.outcome == "ok" for each in load.seen)
    assert any(each.outcome == "ok" and each.at > load.down[1] - RECOVERY_SECONDS for each in load.seen)
    log = (tmp_path / "log").read_text().lower()
    assert "traceback" not in log
    assert not [word for word in ("effusion", "calcification", "pacemaker", "postgres:") if word in log]
