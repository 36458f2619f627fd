"""What is looked at inside of towers, in every format, beside the tensors that it should be."""

from __future__ import annotations

import threading

import pytest
import torch
from open_clip.timm_model import TimmModel

from medneg import encoders
from medneg.encoders.insides import answering, gated, watched
from medneg.encoders.open_clip_insides import image_places

FORMATS = ("write_clip", "write_siglip", "write_open_clip", "write_open_clip_with_bert")
SENTENCES = ["no left pleural effusion", "heart normal"]


@pytest.fixture(params=[*FORMATS, "phantom"])
def towers(request, tiny, tmp_path):
    if request.param == "phantom":
        return encoders.load("phantom").towers
    return encoders.load(f"local:{getattr(tiny, request.param)(tmp_path)}").towers


def silenced_by_hand(layer, head):
    """Zero the columns by which the mixing matrix reads one head."""
    linear = getattr(layer.module, "out_proj", layer.module)
    width = linear.weight.shape[1] // layer.heads
    kept = linear.weight.detach().clone()
    with torch.no_grad():
        linear.weight[:, head * width : (head + 1) * width] = 0
    return linear, kept


def test_the_token_embedding_is_what_the_text_tower_begins_with(towers):
    ids = towers.tokenize(SENTENCES)
    with torch.no_grad():
        embedded = towers.token_embedding(ids)
        plain = towers.encode_tokens(ids)
        with answering(towers.token_embedding, embedded):
            same = towers.encode_tokens(ids)
        with answering(towers.token_embedding, embedded.flip(1)):
            other = towers.encode_tokens(ids)
        after = towers.encode_tokens(ids)
    assert torch.equal(same, plain)
    assert not torch.allclose(other, plain)
    assert torch.equal(after, plain)


def test_open_gates_change_nothing(towers):
    ids = towers.tokenize(SENTENCES)
    gates = torch.ones(2, len(towers.attention), towers.attention[0].heads)
    with torch.no_grad():
        plain = towers.encode_tokens(ids)
        with gated(towers.attention, gates):
            same = towers.encode_tokens(ids)
    assert torch.allclose(same, plain, atol=1e-5)


def test_a_closed_gate_is_a_head_whose_columns_are_zero(towers):
    ids = towers.tokenize(SENTENCES)
    gates = torch.ones(2, len(towers.attention), towers.attention[0].heads)
    gates[:, -1, 1] = 0
    with torch.no_grad():
        plain = towers.encode_tokens(ids)
        with gated(towers.attention, gates):
            closed = towers.encode_tokens(ids)
        linear, kept = silenced_by_hand(towers.attention[-1], 1)
        try:
            twin = towers.encode_tokens(ids)
        finally:
            linear.weight.copy_(kept)
    assert torch.allclose(closed, twin, atol=1e-5)
    assert not torch.allclose(closed, plain, atol=1e-5)


def test_gates_are_the_own_sentences(towers):
    ids = towers.tokenize(SENTENCES)
    gates = torch.ones(2, len(towers.attention), towers.attention[0].heads)
    gates[1] = 0
    with torch.no_grad():
        plain = towers.encode_tokens(ids)
        with gated(towers.attention, gates):
            closed = towers.encode_tokens(ids)
    assert torch.allclose(closed[0], plain[0], atol=1e-5)
    assert not torch.allclose(closed[1], plain[1], atol=1e-5)


def test_other_threads_notice_nothing():
    towers = encoders.load("phantom").towers
    ids = towers.tokenize(SENTENCES)
    found = []

    def elsewhere():
        with torch.no_grad():
            found.append(towers.encode_tokens(ids))

    with torch.no_grad():
        plain = towers.encode_tokens(ids)
        nothing = torch.zeros_like(towers.token_embedding(ids))
        gates = torch.zeros(2, len(towers.attention), towers.attention[0].heads)
        with answering(towers.token_embedding, nothing), gated(towers.attention, gates):
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
    assert torch.equal(found[0], plain)


def test_sentences_of_any_length_are_read_at_once_by_several():
    # A shorter sentence must not shorten the causal mask under another thread's hands.
    towers = encoders.load("phantom").towers
    whole = towers.tokenize(SENTENCES)
    short = towers.cut(whole)
    with torch.no_grad():
        plain = towers.encode_tokens(whole)
        cut = towers.encode_tokens(short)
    assert torch.allclose(plain, cut, atol=1e-5)
    assert len(towers.module.text.attn_mask) == whole.shape[1]


def test_the_layer_that_knows_places_decides_the_embedding(towers):
    size = towers.preprocessing.input.size
    pixels = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with watched(towers.places) as seen:
        embedding = towers.encode_pixels(pixels)
    (known,) = seen
    if towers.places.extra is None:
        assert known.shape[2:] == (size // 32, size // 32)
    else:
        assert known.shape[1] - towers.places.extra == (size // 16) ** 2
    (gradient,) = torch.autograd.grad(embedding.sum(), known)
    assert float(gradient.abs().max()) > 0


@pytest.mark.parametrize(
    ("model", "extra"),
    [("vit_tiny_patch16_224", 1), ("resnet18", None), ("convnext_atto", None)],
)
def test_image_towers_of_timm_know_their_places(model, extra):
    tower = TimmModel(model, embed_dim=8, image_size=224, pool="" if extra else "avg", proj="linear").eval()
    places = image_places(tower)
    assert places.extra == extra
    with watched(places) as seen:
        embedding = tower(torch.rand(1, 3, 224, 224).requires_grad_())
    (gradient,) = torch.autograd.grad(embedding.sum(), seen[0])
    assert float(gradient.abs().max()) > 0


def test_an_unknown_image_tower_has_no_places():
    assert image_places(torch.nn.Linear(2, 2)) is None
