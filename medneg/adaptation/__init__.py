"""Text towers that learn from the queries they are asked, for as long as somebody's session lasts.

ReEx's exclusion-guided adaptation, and TCR and NEAT as baselines (docs/explanation/reex.md). Whoever wants a
session makes one and passes it to a search or to a measurement; without one nothing is ever adapted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medneg.adaptation.session import RECIPES, How, Recipe, Session

__all__ = ["RECIPES", "How", "Recipe", "Session"]


def __getattr__(name: str) -> Any:
    # torch takes a second, and most searches need no session.
    if name in __all__:
        return getattr(import_module(f"{__name__}.session"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
