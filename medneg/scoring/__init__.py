"""Query + text embeddings → Plan: one negation method a file, a registry, and the plan's own arithmetic."""

from medneg.scoring import affirmed_only, cosine, drc, drc_printed, spacevlm, subtract
from medneg.scoring.calibration import Calibration, Curve, SpaceName
from medneg.scoring.reading import ANCHOR, Expand, TextTower
from medneg.scoring.registry import METHODS, Method, compile_plan, method

__all__ = [
    "ANCHOR",
    "METHODS",
    "Calibration",
    "Curve",
    "Expand",
    "Method",
    "SpaceName",
    "TextTower",
    "affirmed_only",
    "compile_plan",
    "cosine",
    "drc",
    "drc_printed",
    "method",
    "spacevlm",
    "subtract",
]
