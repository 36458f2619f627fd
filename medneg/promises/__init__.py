"""Promises about what a search leaves out, kept with a confidence that can be checked."""

from medneg.promises.bounds import CONFIDENCE, candidates, joint_states, largest_safe
from medneg.promises.making import Promise, findings_asked, promise

__all__ = [
    "CONFIDENCE",
    "Promise",
    "candidates",
    "findings_asked",
    "joint_states",
    "largest_safe",
    "promise",
]
