"""The automaton of phrases, read by several threads at once as a service does."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from medneg.query.cues import Phrases

WORDS = ["no", "sign", "of", "any", "acute", "or", "old", "effusion", "but", "without"]
READERS = 8


def phrases(seed):
    """Sixty random phrases; the value of each is its pattern."""
    draw, made = random.Random(seed), Phrases()
    for _ in range(60):
        pattern = " ".join(draw.choices(WORDS, k=draw.randint(1, 6)))
        made.add(pattern, pattern)
    return made


@pytest.fixture
def hurried():
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried")
def test_threads_that_read_first_all_read_right():
    for seed in range(40):
        draw = random.Random(1000 + seed)
        texts = [draw.choices(WORDS, k=12) for _ in range(20)]
        alone, shared, together = phrases(seed), phrases(seed), Barrier(READERS)
        wanted = [alone.longest(text, place) for text in texts for place in range(12)]

        def read(shared=shared, together=together, texts=texts):
            together.wait()
            return [shared.longest(text, place) for text in texts for place in range(12)]

        with ThreadPoolExecutor(READERS) as pool:
            answers = [future.result() for future in [pool.submit(read) for _ in range(READERS)]]
        assert answers == [wanted] * READERS
