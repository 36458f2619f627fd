"""Query + text embeddings → Plan: one negation method a file, a registry, and the plan's own arithmetic."""

from medneg.scoring import (
    affirmed_only,
    cosine,
    drc,
    drc_printed,
    log_odds,
    paired,
    projection,
    rotate,
    spacevlm,
    subtract,
    z_score,
)
from medneg.scoring.calibration import Calibration, Curve, SpaceName
from medneg.scoring.reading import TextTower
from medneg.scoring.registry import METHODS, Method, compile_plan, method
from medneg.scoring.sentences import ANCHOR, NORMAL, Expand, Kind

__all__ = [
    "ANCHOR",
    "METHODS",
    "NORMAL",
    "Calibration",
    "Curve",
    "Expand",
    "Kind",
    "Method",
    "SpaceName",
    "TextTower",
    "affirmed_only",
    "compile_plan",
    "cosine",
    "drc",
    "drc_printed",
    "log_odds",
    "method",
    "paired",
    "projection",
    "rotate",
    "spacevlm",
    "subtract",
    "z_score",
]
