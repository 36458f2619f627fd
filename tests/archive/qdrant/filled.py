"""What the tests of Qdrant do over and over."""

import numpy as np

from medneg.archive.indexes.qdrant import QDRANT
from medneg.archive.indexes.qdrant.collection import Collection

COUNT = 600


def build(source):
    """Build the index and say how many images were uploaded."""
    uploaded = []
    QDRANT.build(source, lambda done, total: uploaded.append((done, total)))
    assert not uploaded or uploaded[-1][0] == uploaded[-1][1]
    return uploaded[-1][0] if uploaded else 0


def held(source):
    return np.concatenate([ids for ids, _ in Collection(source).pages()]).tolist()
