"""Why there is no flat index of FAISS beside the scan: what it would gain, on one core, over 100,000 images.

Its kernel for float16 rows is faster, but it gives one query one core only, keeps a copy of the rows in
memory, and knows a single product, so that it bounds no plan in a centred space.
"""

import time

import numpy as np
import pytest
import torch

from medneg.archive.matrix import threads
from medneg.archive.scan import top_k
from tests.bench.galleries import BLOCK, make_gallery, plans

pytestmark = [pytest.mark.bench, pytest.mark.slow]

COUNT, K, ROUNDS = 100_000, 10, 25


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return make_gallery(tmp_path_factory.mktemp("flat"), COUNT)


def test_a_flat_index_of_faiss_gains_at_most_a_factor_of_two_on_one_core(gallery, capsys):
    faiss = pytest.importorskip("faiss", reason="faiss-cpu is not installed")
    plan = plans(gallery)["plain"]
    direction = plan.terms[0].direction[None]
    rounded, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    flat = faiss.IndexScalarQuantizer(gallery.matrix.width, rounded, inner)
    for start in range(0, COUNT, BLOCK):
        flat.add(gallery.matrix.vectors[start : start + BLOCK].astype(np.float32))

    def scan():
        return top_k(plan, gallery.matrix, K, fetch=lambda ids: np.asarray(gallery.truth[ids]))

    def find():
        return flat.search(direction, K)

    with threads(1):
        assert torch.get_num_threads() == 1
        assert scan().ids.tolist() == find()[1][0].tolist()
        turns = np.array([(taken(scan), taken(find)) for _ in range(1 + ROUNDS)])[1:]
    ours, theirs = 1e3 * np.median(turns, axis=0)
    ratio = float(np.median(turns[:, 0] / turns[:, 1]))
    with capsys.disabled():
        print(f"\ncertified scan {ours:.1f} ms, FAISS flat {theirs:.1f} ms, ratio {ratio:.2f}, n = {ROUNDS}")
    assert ratio <= 2


def taken(work):
    """Seconds of processor time."""
    started = time.process_time()
    work()
    return time.process_time() - started
