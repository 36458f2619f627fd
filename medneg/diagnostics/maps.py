"""Which region of a radiograph speaks for a finding: maps from the image tower's last sense of place.

For a tower that ends in a grid it is Grad-CAM (Selvaraju et al. 2017, equations 1 and 2): channels weighed by
the mean of their gradients. For a tower of patches it is gradient × activation of the patches before the last
block, where each still stands for its place. What is derived is ½ max(cos, 0)² of the image and the finding's
sentence, in other words the cosine's gradient times the cosine: the cosine alone draws regions for findings
that are not there, half as strong as for those that are. Either way a map shows where the tower looks, not
where the finding is: ``medneg.diagnostics.pointing`` measures how often the two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medneg.diagnostics.attribution import inside
from medneg.errors import EncoderError
from medneg.values import Polarity, Query

if TYPE_CHECKING:
    from torch import Tensor

    from medneg.encoders import Encoder
    from medneg.encoders.insides import Places

COLOURS: dict[Polarity, tuple[int, int, int]] = {
    "affirmed": (98, 168, 255),
    "negated": (240, 152, 63),
    "uncertain": (227, 195, 75),
}
"""Blue, orange and yellow, as everywhere in the interface."""

OPACITY = 0.65
"""Of the strongest place of an overlay."""

STRIPES = 24
"""Stripes along a side of an overlay of what is unwanted: its shape tells it, not its colour alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionMap:
    """Where an image tower sees one mention of a query.

    Attributes:
        text: the mention's words.
        polarity: whether it is wanted.
        score: cosine of the image and the mention's sentence.
        values: shape (rows, columns) of the radiograph as it is fed in, without the padding; ≥ 0, in the
            same unit for all mentions of an image.
    """

    text: str
    polarity: Polarity
    score: float
    values: NDArray[float32]


def mention_maps(
    encoder: Encoder, pixels: NDArray[float32], query: Query, *, shape: tuple[int, int]
) -> tuple[RegionMap, ...]:
    """Map every mention of a query, wanted ones first.

    Args:
        encoder: as ``medneg.encoders.load`` gives it; its text tower speaks the mentions.
        pixels: the prepared radiograph, shape (size, size); see ``medneg.dicom.prepare``.
        query: whose mentions are mapped.
        shape: (rows, columns) of the radiograph before it was prepared.

    Raises:
        EncoderError: as for ``region_maps``.
    """
    if not query.mentions:
        return ()
    texts = [encoder.card.template.format(mention.text) for mention in query.mentions]
    scores, values = region_maps(encoder, pixels, encoder.encode_texts(texts))
    return tuple(
        RegionMap(
            text=mention.text,
            polarity=mention.polarity,
            score=float(score),
            values=without_padding(whole, *shape),
        )
        for mention, score, whole in zip(query.mentions, scores, values, strict=True)
    )


def region_maps(
    encoder: Encoder, pixels: NDArray[float32], directions: NDArray[float32]
) -> tuple[NDArray[float32], NDArray[float32]]:
    """Map what speaks for each of several directions in one prepared radiograph.

    Args:
        encoder: as ``medneg.encoders.load`` gives it.
        pixels: shape (size, size) with ``encoder.card.input.size``, in [0, 1].
        directions: unit rows, shape (k, d).

    Returns:
        The cosines with the directions, shape (k,), and maps, shape (k, size, size), ≥ 0; all 0 where the
        cosine is not above 0.

    Raises:
        EncoderError: if nothing can be seen inside of the encoder, or its image tower is of a kind whose
            places are not known.
        ValueError: if the pixels have another shape.
    """
    import torch
    from torch.nn.functional import normalize

    from medneg.encoders.insides import watched

    seen_inside = inside(encoder)
    towers = seen_inside.towers
    if towers.places is None:
        raise EncoderError(f"it is not known where the image tower of {encoder.card.name} keeps places")
    size = encoder.card.input.size
    if pixels.shape != (size, size):
        raise ValueError(f"{encoder.card.name} takes pictures of shape ({size}, {size}); got {pixels.shape}")
    picture = seen_inside.normalised(pixels[None]).requires_grad_()
    with watched(towers.places) as seen:
        embedding = normalize(towers.encode_pixels(picture).float(), dim=1)
    cosines = torch.from_numpy(np.array(directions, float32)) @ embedding[0]
    gradients = [
        torch.autograd.grad(part, seen[0], retain_graph=True)[0] for part in cosines.clamp(min=0) ** 2 / 2
    ]
    grids = [_grid(seen[0].detach(), gradient, towers.places) for gradient in gradients]
    return cosines.detach().numpy(), _enlarged(torch.stack(grids), size)


def without_padding(values: NDArray[float32], rows: int, columns: int) -> NDArray[float32]:
    """Cut the black edges off a map that preparing the radiograph added.

    Args:
        values: shape (size, size).
        rows, columns: of the radiograph.

    Returns:
        The map of the radiograph alone, its long side ``size``.

    Example:
        >>> without_padding(np.zeros((192, 192), float32), 2500, 2048).shape
        (192, 157)
    """
    size = len(values)
    scale = size / max(rows, columns)
    height, width = max(1, round(rows * scale)), max(1, round(columns * scale))
    top, left = (size - height) // 2, (size - width) // 2
    return values[top : top + height, left : left + width]


def overlay(values: NDArray[float32], polarity: Polarity, *, strongest: float) -> bytes:
    """A map as a transparent PNG to lay over the radiograph, stretched to its size.

    What is unwanted is striped, so that nobody need tell blue from orange.

    Args:
        values: shape (rows, columns), ≥ 0.
        polarity: decides colour and stripes.
        strongest: the value that is drawn most opaque: the greatest of all maps of one image, so that weak
            evidence looks weak.
    """
    from PIL import Image

    opacity = np.clip(values / strongest, 0, 1) if strongest > 0 else np.zeros_like(values)
    if polarity == "negated":
        opacity = opacity * _stripes(*values.shape)
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = COLOURS[polarity]
    pixels[..., 3] = np.round(255 * OPACITY * opacity)
    held = BytesIO()
    Image.fromarray(pixels).save(held, format="PNG", optimize=True)
    return held.getvalue()


def strongest_of(maps: Sequence[RegionMap]) -> float:
    """The greatest value of several maps; 0 where there is none."""
    return max((float(each.values.max()) for each in maps), default=0.0)


def _grid(activation: Tensor, gradient: Tensor, places: Places) -> Tensor:
    """What each cell adds, shape (rows, columns)."""
    import torch

    if places.extra is None:
        weights = gradient.mean(dim=(2, 3), keepdim=True)  # 1 c r c -> 1 c 1 1
        return torch.relu((weights * activation).sum(dim=1)[0])
    cells = (gradient * activation)[0, places.extra :].sum(dim=-1)
    side = round(len(cells) ** 0.5)
    return torch.relu(cells.view(side, side))


def _enlarged(grids: Tensor, size: int) -> NDArray[float32]:
    """Grids of cells, shape (k, g, g), as smooth maps of the picture, (k, size, size)."""
    from torch.nn.functional import interpolate

    smooth = interpolate(grids[:, None], size=(size, size), mode="bicubic", align_corners=False)
    found: NDArray[float32] = smooth[:, 0].clamp(min=0).numpy()
    return found


def _stripes(rows: int, columns: int) -> NDArray[float32]:
    """Diagonal stripes, half of them faint."""
    width = max(rows, columns) / STRIPES
    along = np.add.outer(np.arange(rows), np.arange(columns)) / width
    return np.where(along.astype(int) % 2 == 0, float32(1), float32(0.25))
