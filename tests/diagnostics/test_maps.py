"""Maps of the image tower: captum's Grad-CAM, every family of towers, the way back to the radiograph."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam
from PIL import Image

from medneg import encoders
from medneg.diagnostics.maps import (
    COLOURS,
    mention_maps,
    overlay,
    region_maps,
    strongest_of,
    without_padding,
)
from medneg.dicom import prepare
from medneg.errors import EncoderError
from medneg.query import parse
from medneg.values import InputSpec, Radiograph

FORMATS = ("write_clip", "write_siglip", "write_open_clip")


@pytest.fixture(scope="module")
def phantom():
    return encoders.load("phantom")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).random((192, 192), dtype=np.float32)


def beside(rows):
    """Unit rows near others: the cosine is above 0, where maps are not empty, and not at its peak."""
    moved = rows + np.random.default_rng(1).normal(size=rows.shape).astype(np.float32) / rows.shape[1] ** 0.5
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def test_a_map_of_a_grid_is_captums_grad_cam(phantom, pixels):
    directions = phantom.encode_texts(["pleural effusion", "pacemaker"])
    directions[1] = beside(phantom.encode_images(pixels[None]))[0]
    scores, maps = region_maps(phantom, pixels, directions)
    assert maps.shape == (2, 192, 192)
    assert scores == pytest.approx(directions @ phantom.encode_images(pixels[None])[0], abs=1e-5)

    def half_square(picture):
        embedding = torch.nn.functional.normalize(phantom.towers.encode_pixels(picture), dim=1)
        return (embedding @ torch.from_numpy(directions[1])).clamp(min=0) ** 2 / 2

    cam = LayerGradCam(half_square, phantom.towers.module.visual.layer4)
    grid = cam.attribute(phantom.normalised(pixels[None]), relu_attributions=True)
    twin = LayerAttribution.interpolate(grid, (192, 192), interpolate_mode="bicubic")
    assert maps[1].any()
    assert np.allclose(maps[1], twin[0, 0].detach().clamp(min=0).numpy(), atol=1e-6)


def test_a_map_of_patches_is_gradient_times_activation(tiny, tmp_path):
    encoder = encoders.load(f"local:{tiny.write_clip(tmp_path)}")
    pixels = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    direction = beside(encoder.encode_images(pixels[None]))
    _, maps = region_maps(encoder, pixels, direction)
    assert maps.any()

    vision = encoder.towers.module.vision_model
    states = vision.embeddings(encoder.normalised(pixels[None]))
    states = vision.pre_layrnorm(states).detach().requires_grad_()  # the only block's input
    out = vision.encoder.layers[0](states, attention_mask=None)
    embedding = encoder.towers.module.visual_projection(vision.post_layernorm(out[:, 0]))
    score = torch.nn.functional.normalize(embedding, dim=1)[0] @ torch.from_numpy(direction[0])
    (score.clamp(min=0) ** 2 / 2).backward()
    cells = (states.grad * states.detach())[0, 1:].sum(-1).clamp(min=0).view(1, 1, 2, 2)
    twin = torch.nn.functional.interpolate(cells, (32, 32), mode="bicubic").clamp(min=0)[0, 0]
    assert np.allclose(maps[0], twin.numpy(), atol=1e-6)


def test_a_finding_that_the_image_speaks_against_has_an_empty_map(phantom, pixels):
    against = -phantom.encode_images(pixels[None])
    scores, maps = region_maps(phantom, pixels, against)
    assert scores == pytest.approx([-1], abs=1e-5)
    assert not maps.any()


@pytest.mark.parametrize("writer", FORMATS)
def test_every_family_draws_maps(tiny, tmp_path, writer):
    encoder = encoders.load(f"local:{getattr(tiny, writer)(tmp_path)}")
    pixels = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    _, maps = region_maps(encoder, pixels, encoder.encode_texts(["effusion", "no effusion"]))
    assert maps.shape == (2, 32, 32)
    assert maps.dtype == np.float32
    assert maps.min() >= 0


def test_maps_leave_no_gradient_and_no_hook_behind(phantom, pixels):
    before = phantom.encode_images(pixels[None])
    region_maps(phantom, pixels, phantom.encode_texts(["effusion"]))
    assert all(parameter.grad is None for parameter in phantom.towers.module.parameters())
    assert not phantom.towers.places.module._forward_hooks
    assert np.array_equal(phantom.encode_images(pixels[None]), before)


def test_a_tower_whose_places_are_not_known_is_refused(linear):
    with pytest.raises(EncoderError, match="not known where the image tower of linear keeps places"):
        region_maps(linear.encoder, np.zeros((8, 8), np.float32), linear.target[None])


def test_pixels_of_another_size_are_refused(phantom):
    with pytest.raises(ValueError, match=r"phantom takes pictures of shape \(192, 192\); got \(8, 8\)"):
        region_maps(phantom, np.zeros((8, 8), np.float32), np.ones((1, 256), np.float32))


def test_every_mention_has_its_map(phantom, pixels):
    found = mention_maps(phantom, pixels, parse("effusion but no pacemaker"), shape=(500, 400))
    assert [(each.text, each.polarity) for each in found] == [
        ("pleural effusion", "affirmed"),
        ("pacemaker", "negated"),
    ]
    assert found[0].values.shape == (192, 154)
    assert strongest_of(found) == max(float(each.values.max()) for each in found)
    assert mention_maps(phantom, pixels, parse("chest"), shape=(500, 400)) == ()
    assert strongest_of(()) == 0


@pytest.mark.parametrize("shape", [(50, 40), (40, 51), (33, 33), (640, 7)])
def test_what_is_cut_off_a_map_is_what_preparing_added(shape):
    white = Radiograph(pixels=np.ones(shape, np.float32), patient="", study="", image="")
    square = prepare(white, InputSpec(size=32, interpolation="bilinear"))
    assert without_padding(square, *shape).min() == pytest.approx(1)
    assert without_padding(square, *shape).sum() == pytest.approx(square.sum())


def read(png):
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image)


def test_an_overlay_is_as_opaque_as_its_evidence():
    values = np.zeros((8, 6), np.float32)
    values[2, 3], values[5, 1] = 0.5, 0.25
    drawn = read(overlay(values, "affirmed", strongest=0.5))
    assert drawn.shape == (8, 6, 4)
    assert tuple(drawn[2, 3]) == (*COLOURS["affirmed"], 166)
    assert drawn[5, 1, 3] == 83
    assert drawn[0, 0, 3] == 0


def test_an_overlay_of_what_is_unwanted_is_striped():
    values = np.ones((96, 96), np.float32)
    drawn = read(overlay(values, "negated", strongest=1.0))
    assert set(np.unique(drawn[..., 3])) == {41, 166}
    assert tuple(drawn[0, 0, :3]) == COLOURS["negated"]


def test_an_overlay_of_nothing_is_transparent():
    assert not read(overlay(np.zeros((4, 4), np.float32), "uncertain", strongest=0.0))[..., 3].any()
