"""How much a report looks at: whole, or small enough to wait for on a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SizeName = Literal["full", "small"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Numbers of things to look at.

    Attributes:
        name: how it is asked for.
        carriers: prompts of a group about one finding; all where there are fewer.
        pairs: ordered pairs "A but no B", drawn at random where there are more.
        drawn: prompts of one finding and polarity in the maps.
        images: images in the maps.
        seeds: of t-SNE.
        perplexities: of t-SNE; each is run with each seed.
        weighed: sentences whose words are weighed.
        coloured: of these, sentences that are printed.
        regions: images whose regions are shown.
        failures: questions shown of each model and way.
    """

    name: SizeName
    carriers: int
    pairs: int
    drawn: int
    images: int
    seeds: int
    perplexities: tuple[int, ...]
    weighed: int
    coloured: int
    regions: int
    failures: int


SIZES: dict[SizeName, Size] = {
    "full": Size(
        name="full",
        carriers=25,
        pairs=200,
        drawn=10,
        images=400,
        seeds=3,
        perplexities=(15, 30),
        weighed=50,
        coloured=6,
        regions=4,
        failures=2,
    ),
    "small": Size(
        name="small",
        carriers=4,
        pairs=40,
        drawn=6,
        images=200,
        seeds=2,
        perplexities=(10,),
        weighed=8,
        coloured=3,
        regions=2,
        failures=1,
    ),
}
