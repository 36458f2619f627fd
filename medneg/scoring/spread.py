"""How the scores of a text spread over an archive, from the moments of its image embeddings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medneg.scoring.calibration import Calibration, SpaceName
from medneg.scoring.mixtures import SMALLEST_NORM


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """Mean μ, shape (d,), and covariance C, shape (d, d), of the image embeddings of one space.

    The scores x·v of a text v then have the mean μ·v and the variance vᵀCv; no image is looked at again.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def centre(self, vector: NDArray[np.float64]) -> float:
        """The mean score of a text."""
        return float(self.mean @ vector)

    def deviation(self, vector: NDArray[np.float64]) -> float:
        """The standard deviation of a text's scores; 0 where rounding would decide it."""
        deviation = math.sqrt(max(float(vector @ self.covariance @ vector), 0.0))
        return deviation if deviation > SMALLEST_NORM else 0.0

    def correlation(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        """How two texts' scores go together over the archive, in [−1, 1]; 0 where one of them is constant."""
        product = self.deviation(one) * self.deviation(other)
        if product == 0.0:
            return 0.0
        return float(np.clip(one @ self.covariance @ other / product, -1.0, 1.0))


def spread_of(calibration: Calibration | None, space: SpaceName) -> Spread | None:
    """What a calibration says of a space, or None where it says nothing.

    The mean of the centred embeddings is taken as zero. It is not quite, for they are normalised after the
    mean image was taken from them; on 2,540 phantoms it moves scores by less than .02 of their deviation.
    """
    if calibration is None or space not in calibration.covariance:
        return None
    mean = calibration.mean_image.astype(np.float64)
    return Spread(
        mean=mean if space == "raw" else np.zeros_like(mean),
        covariance=calibration.covariance[space].astype(np.float64),
    )
