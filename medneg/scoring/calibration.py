"""What is known of an encoder on an archive: where its embeddings lie, and what its scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SpaceName = Literal["raw", "centred"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """P(finding | image) = σ(slope · z + intercept), Platt (1999); z is the image's projection x·a.

    Attributes:
        slope, intercept: of the logistic curve, fitted on all labelled images.
        present, absent: how many labelled images of each kind it was fitted on.
        error: expected calibration error on held-out folds.
    """

    slope: float
    intercept: float
    present: int
    absent: int
    error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """An encoder's two towers on one archive.

    Attributes:
        mean_text: mean of the vocabulary's text embeddings, shape (d,), not of unit length.
        mean_image: mean of the archive's image embeddings, shape (d,), not of unit length.
        covariance: of the archive's image embeddings, shape (d, d), by space: with the mean it gives the
            mean and the spread of the scores of any text. Empty until somebody asks for it.
        curves: by space, then by lexicon id: the probability of a finding. Empty without labels.
    """

    mean_text: NDArray[np.float32]
    mean_image: NDArray[np.float32]
    covariance: Mapping[SpaceName, NDArray[np.float32]] = field(default_factory=dict)
    curves: Mapping[SpaceName, Mapping[str, Curve]] = field(default_factory=dict)
