"""What an approximate index is asked for in the place of a plan: the images nearest to one vector.

The vector bounds the plan's score from above (docs/explanation/one-plan.md, eq. 3), so its nearest images
hold the plan's best, and the products of those that were found tell how good one that was passed over may be.
Where to touch the responses is chosen on a sample of the truth, which is kept as long as the archive is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from medneg.archive import reading
from medneg.archive.bounds import products, sampled_shares
from medneg.archive.engines import transaction
from medneg.archive.indexes.kinds import Source
from medneg.archive.matrix import ScanMatrix
from medneg.archive.schema import Embedding
from medneg.errors import ArchiveError
from medneg.scoring import plan as arithmetic
from medneg.values import Plan

if TYPE_CHECKING:
    from medneg.archive.store import Archive

_SAMPLE, _ENOUGH = 2000, 1500
_ROUNDS = 16
_NEAREST_TO_MEAN = 1e-3  # an image closer to the mean than this has no direction to speak of
_GROWN = 2  # a space that has grown by this factor is sampled anew

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_kept: WeakKeyDictionary[Archive, dict[str, tuple[int, ScanMatrix]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """One vector whose nearest images, by inner product, are the candidates of a plan.

    Attributes:
        plan: what is searched for.
        vector: float32, shape (d,).
        shares: the λ of every term, shape (terms,), see ``medneg.scoring.plan.bound``.
        constant: what the bound adds to a product.
        pull: how much of the space's mean is in the vector; 0 in the raw space.
        offset: the product of the bounding vector with the mean; 0 in the raw space.
        lean, distances: x·mean and ‖x − mean‖ of the sample's images, shape (s,); empty in the raw space.
    """

    plan: Plan
    vector: Floats
    shares: Doubles
    constant: float
    pull: float
    offset: float
    lean: Doubles
    distances: Doubles

    def ceiling(self, product: float) -> float:
        """About the highest score of an image whose inner product with the vector is at most this.

        It is a bound in the raw space, but for the rounding of the product. In a centred one it supposes
        that no image lies farther from the mean, or nearer to it, than those of the sample.
        """
        if not len(self.lean):
            return product + self.constant
        return float(((product - self.pull * self.lean - self.offset) / self.distances).max()) + self.constant


def aim(plan: Plan, sample: ScanMatrix, *, k: int, count: int) -> Probe:
    """The probe for the best k of ``count`` images, of which some are the sample.

    In a centred space a bound is x ↦ ((x − m)·u)/‖x − m‖, which no single product orders. Where it has the
    value t, at a distance r, its gradient over unit x points towards u + (t/r)·m; t and r are those of the
    sample's best images.
    """
    shares = sampled_shares(plan, sample, k=k, count=count)
    vector, constant = arithmetic.bound(plan, shares.tolist())
    pull, offset, lean, distances = 0.0, 0.0, np.empty(0), np.empty(0)
    if plan.space.mean is not None:
        mean = plan.space.mean.astype(np.float64)
        distances = sample.distances(plan.space.mean).astype(np.float64)
        # Of vectors of unit length, how far they lie from the mean tells their product with it.
        lean, offset = (1 + float(mean @ mean) - distances**2) / 2, float(vector @ mean)
        distances = np.maximum(distances, _NEAREST_TO_MEAN)
        values = (products(sample, vector).numpy() - offset) / distances
        best = np.argsort(-values)[: max(1, k * len(sample) // count)]
        pull = float((values[best] / distances[best]).mean())
        vector = vector + pull * mean
    return Probe(
        plan=plan,
        vector=vector.astype(np.float32),
        shares=shares,
        constant=constant,
        pull=pull,
        offset=offset,
        lean=lean,
        distances=distances,
    )


def sample(source: Source, count: int) -> ScanMatrix:
    """Some images of a space that holds ``count``, spread over the time in which they came; kept.

    Raises:
        ArchiveError: if the space holds none.
    """
    held = _kept.setdefault(source.archive, {})
    known, found = held.get(source.fingerprint, (0, None))
    if found is None or not known <= count < known * _GROWN:
        with transaction(source.engine, source.place) as connection:
            found = _draw(connection, source.fingerprint)
        held[source.fingerprint] = count, found
    return found


def _draw(connection: Connection, fingerprint: str) -> ScanMatrix:
    """About ``_SAMPLE`` images, or all where there are fewer: drawn by keys at random, which costs the same
    of a thousand and of a hundred million, and the first ones where keys are too sparse to be hit."""
    width = reading.width(connection, fingerprint)
    own = Embedding.image_fingerprint == fingerprint
    ends = (select(end(Embedding.image_id)).where(own).scalar_subquery() for end in (func.min, func.max))
    first, last = connection.execute(select(*ends)).one()  # each from an index by itself
    if first is None:
        raise ArchiveError("this archive holds nothing to search yet; bring images in with `medneg ingest`")
    wanted = select(Embedding.image_id, Embedding.vector).where(own)
    rows: dict[int, bytes] = {}
    random = np.random.default_rng(0)
    for _ in range(_ROUNDS if last - first >= _SAMPLE else 0):
        for some in reading.chunks(random.integers(first, last + 1, _SAMPLE).tolist()):
            rows |= {row[0]: row[1] for row in connection.execute(wanted.where(Embedding.image_id.in_(some)))}
        if len(rows) >= _ENOUGH:
            break
    if len(rows) < _ENOUGH:
        rows |= {row[0]: row[1] for row in connection.execute(wanted.limit(_SAMPLE))}
    vectors = np.frombuffer(b"".join(rows.values()), "<f4").reshape(len(rows), width)
    halves = vectors.astype(np.float16)
    return ScanMatrix(
        vectors=halves,
        ids=np.fromiter(rows, np.int64),
        mean=vectors.mean(axis=0, dtype=np.float32),
        rounding=float(np.linalg.norm(vectors - halves.astype(np.float32), axis=1).max()),
        stamp="sample",
    )
