"""A finding by itself, as a direction: what a query that wants nothing else looks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medneg.scoring.calibration import Calibration, SpaceName
from medneg.scoring.mixtures import direction
from medneg.scoring.reading import Setting, TextTower, read
from medneg.scoring.sentences import Expand
from medneg.values import Mention, Query


def finding_direction(
    mention: Mention, *, tower: TextTower, centre: Calibration | None, expand: Expand
) -> NDArray[np.float32]:
    """a, shape (d,): the direction that a query wanting only this mention projects images on.

    Args:
        mention: affirmed.
        tower: encodes its phrases.
        centre: holds the means of the centred space; None for the raw one.
        expand: the phrases that the mention stands for; a parent is the normalised mean of its kinds.
    """
    query = Query(raw=mention.text, affirmed=(mention,))
    space: SpaceName = "raw" if centre is None else "centred"
    setting = Setting(tower=tower, calibration=centre, space=space, expand=expand)
    reading = read(query, setting, ("wanted",))
    return direction(reading.wanted).astype(np.float32)
