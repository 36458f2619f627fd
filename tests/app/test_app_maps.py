"""Maps of where the image tower looks, laid over the picture as it is looked at."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from app import stage_view
from app.picture_view import Look, render
from app.regions import can_be_mapped, layers, regions
from medneg import encoders
from medneg.diagnostics.maps import COLOURS, RegionMap
from medneg.query import parse
from tests.app.seen import QUERY

SQUARE = np.full((40, 40), 0.5, np.float32)


def corner_map(polarity="affirmed", value=1.0):
    """Speaks in the upper left quarter only."""
    values = np.zeros((20, 20), np.float32)
    values[:10, :10] = value
    return RegionMap(text="pleural effusion", polarity=polarity, score=0.3, values=values)


def seen(look, over):
    return np.asarray(Image.open(io.BytesIO(render(SQUARE, look, over))).convert("RGB"), np.int16)


def test_a_layer_colours_its_region_and_nothing_else():
    image = seen(Look(), layers([corner_map()], [0]))
    blue = image[5, 5]
    assert blue[2] - blue[0] > 40
    assert np.abs(image[30, 30] - 128).max() < 12


@pytest.mark.parametrize(("across", "down", "coloured"), [(0, 0, True), (100, 0, False), (0, 100, False)])
def test_a_layer_follows_the_zoom(across, down, coloured):
    image = seen(Look(zoom=2.0, across=across, down=down), layers([corner_map()], [0]))
    assert image.shape == (20, 20, 3)
    assert (image[10, 10, 2] - image[10, 10, 0] > 40) == coloured


def test_what_is_unwanted_is_orange_and_striped():
    (layer,) = layers([corner_map(), corner_map("negated")], [1])
    opacity = np.asarray(Image.open(io.BytesIO(layer)))[:10, :10, 3]
    assert tuple(np.asarray(Image.open(io.BytesIO(layer)))[0, 0, :3]) == COLOURS["negated"]
    assert len(np.unique(opacity)) == 2


def test_weak_evidence_looks_weak_beside_strong():
    weak = Image.open(io.BytesIO(layers([corner_map(value=0.1), corner_map()], [0])[0]))
    strong = Image.open(io.BytesIO(layers([corner_map(value=0.1)], [0])[0]))
    assert np.asarray(weak)[0, 0, 3] * 9 < np.asarray(strong)[0, 0, 3]


def test_an_encoder_that_hides_its_inside_offers_no_maps(page, encoder):
    assert not can_be_mapped(encoder)
    assert "maps" not in [group.key for group in page(q=QUERY, image="1").pills]


def test_every_mention_can_be_laid_over_the_picture(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(stage_view, "can_be_mapped", lambda encoder: True)
    monkeypatch.setattr(stage_view, "regions", lambda *_: (corner_map(), corner_map("negated")))

    def spy(pixels, look, over=()):
        drawn.append(len(over))
        return render(pixels, look, over)

    monkeypatch.setattr(stage_view, "render", spy)
    test = page(q=QUERY, image="1", beside="true")
    assert test.pills(key="maps").options == ["● pleural effusion", "⊘ calcification"]
    assert drawn == [0, 0]
    test.pills(key="maps").set_value(["⊘ calcification", "● pleural effusion"]).run()
    assert not test.exception
    assert drawn[2:] == [2, 0]  # the prior has none


def test_the_embedded_model_is_mapped_in_the_radiographs_own_shape(archive_folder):
    from medneg.archive import Archive

    model = encoders.load("phantom")
    pixels = np.tile(np.linspace(0, 1, 60, dtype=np.float32), (90, 1))
    with Archive.open(archive_folder) as store:
        (row,) = store.images([1])
    wanted, unwanted = regions(model, parse(QUERY), row, pixels)
    assert can_be_mapped(model)
    assert (wanted.polarity, unwanted.polarity) == ("affirmed", "negated")
    assert wanted.values.shape == (model.card.input.size, round(model.card.input.size * 60 / 90))
    assert (wanted.values >= 0).all()
