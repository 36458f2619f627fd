"""Findings of lung, pleura and vessel walls from the front, as what they do to the air.

Everything composes through four maps, so two findings together look as two findings do: an effusion hides
the consolidation under it, vessels end where a lung has collapsed.
"""

from __future__ import annotations

import numpy as np
from numpy import float32

from medneg.phantom import airspace, lesions
from medneg.phantom.anatomy import Chest
from medneg.phantom.build import Build
from medneg.phantom.findings import Opacities
from medneg.phantom.geometry import Field
from medneg.phantom.truth import Picture

_PAINTERS = {
    "pleural_effusion": airspace.paint_effusion,
    "pneumothorax": airspace.paint_pneumothorax,
    "consolidation": airspace.paint_consolidation,
    "pulmonary_edema": airspace.paint_edema,
    "atelectasis": airspace.paint_atelectasis,
    "lung_nodule": lesions.paint_nodule,
    "lung_mass": lesions.paint_mass,
    "calcified_granuloma": lesions.paint_granuloma,
    "aortic_calcification": lesions.paint_aortic_calcification,
}


def opacities_of(picture: Picture, field: Field, build: Build, chest: Chest) -> Opacities:
    """Draw every finding of lung, pleura and vessel walls that the picture has."""
    zero = np.zeros(field.shape, dtype=float32)
    out = Opacities(zero + 1, zero.copy(), zero.copy(), zero.copy())
    for truth in picture.findings:
        paint = _PAINTERS.get(truth.finding)
        if paint is not None:
            paint(out, truth, (field, build, chest))
    return out
