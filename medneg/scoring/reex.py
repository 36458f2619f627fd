"""ReEx's refinement: a repair counts as far as it is to be trusted, what was typed for the rest."""

from __future__ import annotations

from medneg.scoring.reading import Reading
from medneg.scoring.registry import method
from medneg.scoring.subtract import subtract
from medneg.values import Term


@method(
    "reex",
    source="ReEx (ICML 2026), generative semantic refinement with confidence-guided fusion",
    summary="as subtract, with misspelt and misheard words repaired: two texts for each repaired phrase",
    needs=("wanted", "unwanted"),
    refines=True,
)
def reex(reading: Reading) -> tuple[Term, ...]:
    """``subtract`` over phrases u(c e(repaired) + (1 − c) e(typed)), c the confidence of the repair.

    The phrases are fused when they are read; without negation the whole sentence is, and it is all that
    counts. docs/explanation/reex.md has what the paper leaves open.
    """
    return subtract(reading)
