"""Query + text embeddings → Plan: one negation method a file, a registry, and the plan's own arithmetic."""

from medneg.scoring import (
    affirmed_only,
    cosine,
    drc,
    drc_printed,
    exclmm,
    log_odds,
    paired,
    projection,
    reex,
    rotate,
    spacevlm,
    subtract,
    z_score,
)
from medneg.scoring.calibration import Calibration, Curve, SpaceName
from medneg.scoring.reading import ExclusionHead, TextTower
from medneg.scoring.registry import METHODS, Method, compile_plan, method
from medneg.scoring.sentences import ANCHOR, NORMAL, Expand, Kind

__all__ = [
    "ANCHOR",
    "METHODS",
    "NORMAL",
    "Calibration",
    "Curve",
    "ExclusionHead",
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
    "exclmm",
    "log_odds",
    "method",
    "paired",
    "projection",
    "reex",
    "rotate",
    "spacevlm",
    "subtract",
    "z_score",
]
