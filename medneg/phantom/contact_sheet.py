"""One page that shows what phantoms look like: healthy chests and every finding once, from front and side."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medneg.phantom.drawing import draw
from medneg.phantom.truth import FINDINGS, FindingTruth, Person, Picture, Side, Size, Technique, View

COLUMNS = 5
MIDLINE = frozenset(
    {
        "cardiomegaly",
        "pulmonary_edema",
        "aortic_calcification",
        "endotracheal_tube",
        "central_venous_catheter",
    }
)
"""Findings that the sheet gives no side."""

SIDEWAYS = ("pleural_effusion", "lung_mass", "pacemaker")
"""Findings that the sheet shows in a lateral view too."""


def contact_sheet(seed: int, *, tile: int = 256) -> Image.Image:
    """Draw healthy chests, every finding once from the front, and some from the side, each with its label.

    Args:
        seed: of the people and of the findings; the same seed gives the same page.
        tile: width and height of one picture, pixels, at least 64.

    Returns:
        A grey page, five pictures a row.

    Raises:
        ValueError: if ``tile`` is under 64.
    """
    if tile < 64:
        raise ValueError(f"a tile needs at least 64 pixels to show a chest; got {tile}")
    pictures = _pictures(seed, tile)
    caption = max(14, tile // 12)
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("L", (COLUMNS * tile, rows * (tile + caption)), 12)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=caption * 0.68)
    for place, (label, picture) in enumerate(pictures):
        x, y = place % COLUMNS * tile, place // COLUMNS * (tile + caption)
        grey = np.rint(draw(picture) * 255).astype(np.uint8)
        page.paste(Image.fromarray(grey), (x, y))
        pen.text((x + caption // 4, y + tile + caption // 8), label, fill=225, font=font)
    return page


def _pictures(seed: int, tile: int) -> list[tuple[str, Picture]]:
    rng = np.random.default_rng([seed, 81])
    views: tuple[View, ...] = ("PA", "AP", "LATERAL")
    out = [(f"no finding · {view}", _picture(rng, tile, view, None)) for view in views]
    for place, finding in enumerate(FINDINGS):
        truth = _truth(rng, finding, place)
        view: View = "AP" if finding in ("endotracheal_tube", "central_venous_catheter") else "PA"
        out.append((_label(truth, view), _picture(rng, tile, view, truth)))
    for place, finding in enumerate(SIDEWAYS):
        truth = _truth(rng, finding, place)
        out.append((_label(truth, "LATERAL"), _picture(rng, tile, "LATERAL", truth)))
    return out


def _label(truth: FindingTruth, view: View) -> str:
    words = [truth.side or "", truth.finding.replace("_", " "), "· lateral" if view == "LATERAL" else ""]
    return " ".join(word for word in words if word)


def _truth(rng: np.random.Generator, finding: str, place: int) -> FindingTruth:
    sides: tuple[Side, Side] = ("left", "right")
    sizes: tuple[Size, Size] = ("moderate", "large")
    side = None if finding in MIDLINE else sides[place % 2]
    return FindingTruth(finding=finding, seed=_seed(rng), side=side, size=sizes[int(rng.integers(2))])


def _picture(rng: np.random.Generator, tile: int, view: View, truth: FindingTruth | None) -> Picture:
    person = Person(
        seed=_seed(rng),
        sex="F" if rng.random() < 0.5 else "M",
        age=int(rng.integers(28, 84)),
        habitus=float(rng.uniform(-0.7, 0.7)),
    )
    technique = Technique(
        seed=_seed(rng), view=view, rotation=float(rng.uniform(-2, 2)), rows=tile, columns=tile
    )
    return Picture(person=person, technique=technique, findings=() if truth is None else (truth,))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
