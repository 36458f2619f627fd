"""Which region of an image speaks for each mention, as layers to lay over the picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from medneg import dicom
from medneg.archive import ImageRow
from medneg.diagnostics.attribution import inside
from medneg.diagnostics.maps import RegionMap, mention_maps, overlay, strongest_of
from medneg.encoders import Encoder
from medneg.errors import EncoderError
from medneg.values import Query, Radiograph


def can_be_mapped(encoder: Encoder) -> bool:
    """Whether it is known where the encoder's image tower keeps places."""
    try:
        return inside(encoder).towers.places is not None
    except EncoderError:
        return False


def regions(
    encoder: Encoder, query: Query, row: ImageRow, pixels: NDArray[np.float32]
) -> tuple[RegionMap, ...]:
    """The maps of all mentions of a query, in the order of the chips."""
    card = encoder.card
    return _regions(encoder, query, pixels, f"{card.image_fingerprint} {card.text_fingerprint} {row.sha256}")


def layers(maps: Sequence[RegionMap], chosen: Collection[int]) -> tuple[bytes, ...]:
    """Some of the maps as transparent PNGs of the whole image, in one unit: weak evidence looks weak."""
    strongest = strongest_of(maps)
    return tuple(overlay(maps[place].values, maps[place].polarity, strongest=strongest) for place in chosen)


@st.cache_data(max_entries=32, show_spinner="Asking the image tower …")
def _regions(
    _encoder: Encoder, query: Query, _pixels: NDArray[np.float32], names: str
) -> tuple[RegionMap, ...]:
    """``names`` are those of the towers and of the image: what is not hashed here."""
    # Whose image it is does not matter to its preparation.
    radiograph = Radiograph(pixels=_pixels, patient="", study="", image="")
    prepared = dicom.prepare(radiograph, _encoder.card.input)
    rows, columns = _pixels.shape
    return mention_maps(_encoder, prepared, query, shape=(rows, columns))
