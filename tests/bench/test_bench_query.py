"""How long the grammar takes to read a query, in processor time, after a warm-up."""

import json
import time
from pathlib import Path

import pytest

from medneg.query import parse

ROWS = Path(__file__).parents[1] / "query" / "everyday.jsonl"

pytestmark = pytest.mark.bench


def test_19_of_20_queries_take_less_than_a_millisecond():
    queries = [json.loads(line)["query"] for line in ROWS.read_text(encoding="utf-8").splitlines()]
    for query in queries:
        parse(query)
    taken = []
    for _ in range(5):
        for query in queries:
            began = time.process_time()
            parse(query)
            taken.append(time.process_time() - began)
    taken.sort()
    median, late = taken[len(taken) // 2], taken[len(taken) * 19 // 20]
    print(f"{len(queries)} queries: median {1e3 * median:.2f} ms, 95 % under {1e3 * late:.2f} ms")
    assert late < 1e-3
