"""What negation costs: plain and negated plans over the same 100,000 vectors, in turns, in one run.

``make bench`` runs it. The searches are timed in turns, so that a busy machine slows all of them alike; the
figure is the ratio of medians.
"""

import statistics
import time

import numpy as np
import pytest

from medneg.archive.matrix import ScanMatrix
from medneg.archive.scan import top_k
from medneg.scoring import Calibration, compile_plan
from medneg.scoring.plan import score
from medneg.values import EncoderCard, InputSpec, Mention, Query

IMAGES, WIDTH, ROUNDS, WARM_UP = 100_000, 512, 25, 3
MOST = 1.2

pytestmark = [pytest.mark.bench, pytest.mark.slow]

QUERY = Query(
    raw="effusion but no calcification",
    affirmed=(Mention(text="effusion", polarity="affirmed"),),
    negated=(Mention(text="calcification", polarity="negated", strength="strong"),),
    counterfactuals=("effusion and calcification",),
)
PLAIN = Query(raw="effusion", affirmed=QUERY.affirmed)


class CrowdedTower:
    """Texts in a narrow cone, as the text towers of CLIP models have them."""

    def __init__(self, axis):
        self.axis = axis
        self.card = EncoderCard(
            name="crowded",
            width=WIDTH,
            input=InputSpec(size=1),
            image_fingerprint="bench",
            text_fingerprint="bench",
            licence="",
            notice="",
        )

    def encode_texts(self, texts):
        draws = (np.random.default_rng(len(text)).standard_normal(WIDTH) for text in texts)
        rows = np.stack([self.axis + 0.6 * draw / np.linalg.norm(draw) for draw in draws])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """100,000 unit vectors in a cone of their own, with a lean towards the texts."""
    draw = np.random.default_rng(0)
    axis = draw.standard_normal(WIDTH) / np.sqrt(WIDTH)
    truth = draw.standard_normal((IMAGES, WIDTH), dtype=np.float32) / np.float32(np.sqrt(WIDTH))
    truth += (draw.standard_normal(WIDTH) / np.sqrt(WIDTH) + 0.3 * axis).astype(np.float32)
    truth /= np.linalg.norm(truth, axis=1, keepdims=True)
    folder = tmp_path_factory.mktemp("bench")
    matrix = ScanMatrix.write(folder, ids=range(IMAGES), blocks=[truth], stamp="", width=WIDTH)
    return truth, matrix, CrowdedTower(axis / np.linalg.norm(axis))


def plans(matrix, tower):
    mean = tower.encode_texts([f"finding {'x' * k}" for k in range(40)]).mean(axis=0)
    means = Calibration(mean_text=mean, mean_image=matrix.mean)
    made = {"plain": compile_plan(PLAIN, "cosine", tower=tower)}
    for method in ("subtract", "drc"):
        made[f"{method} raw"] = compile_plan(QUERY, method, tower=tower)
        made[f"{method} centred"] = compile_plan(
            QUERY, method, tower=tower, calibration=means, space="centred"
        )
    return made


def test_a_negated_search_costs_at_most_a_fifth_more_than_a_plain_one(gallery, capsys):
    truth, matrix, tower = gallery
    made = plans(matrix, tower)
    times = {name: [] for name in made}
    rescored = {}
    for turn in range(WARM_UP + ROUNDS):
        for name, plan in made.items():
            started = time.perf_counter()
            rescored[name] = top_k(plan, matrix, 10, fetch=lambda ids: truth[ids]).rescored
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(found) for name, found in times.items()}
    ratios = {name: median / medians["plain"] for name, median in medians.items()}
    with capsys.disabled():
        print(f"\n{IMAGES:,} × {WIDTH} float16, top 10, exact; median of {ROUNDS} turns")
        for name, median in medians.items():
            line = (
                f"{name:18} {median * 1000:7.1f} ms  {ratios[name]:.2f} × plain  {rescored[name]:5} rescored"
            )
            print(line)
    assert max(ratios.values()) <= MOST


def test_the_timed_searches_are_exact(gallery):
    truth, matrix, tower = gallery
    for plan in plans(matrix, tower).values():
        got = top_k(plan, matrix, 10, fetch=lambda ids: truth[ids])
        scores = score(plan, truth)
        want = np.lexsort((matrix.ids, -scores))[:10]
        assert got.exact
        assert got.ids.tolist() == want.tolist()
        assert got.scores.tolist() == scores[want].tolist()
