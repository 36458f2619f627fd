"""Heads: codes against a slow twin, fingerprints, files, and what does not fit is refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medneg.encoders.heads import (
    CARD,
    WEIGHTS,
    Head,
    find_head,
    head_for,
    heads,
    load_head,
    read_head_card,
    write_head,
)
from medneg.errors import EncoderError, SpaceMismatch, UnknownName
from tests.fake_encoder import FakeEncoder
from tests.toy_head import head_card, random_tensors, toy_head

BASE = FakeEncoder().card


def embeddings(count=9):
    rows = np.random.default_rng(5).standard_normal((count, BASE.width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow_code(row, weight, bias, kept):
    """The t greatest numbers of Wx + b, those above 0, at unit length."""
    numbers = {place: float(w @ row + b) for place, (w, b) in enumerate(zip(weight, bias, strict=True))}
    greatest = sorted(numbers, key=numbers.__getitem__, reverse=True)[:kept]
    code = [max(numbers[place], 0.0) if place in greatest else 0.0 for place in numbers]
    if not any(code):
        code[greatest[0]] = 1.0
    return np.array(code) / np.linalg.norm(code)


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("kept", [1, 4, 12])
def test_codes_keep_the_greatest_dimensions_that_are_awake(tower, kept):
    tensors = random_tensors(BASE.width, 12)
    head = Head(head_card(BASE, kept=kept), tensors)
    got = getattr(head, f"encode_{tower}s")(embeddings())
    want = [
        slow_code(row, tensors[f"{tower}.weight"], tensors[f"{tower}.bias"], kept) for row in embeddings()
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)
    assert got.dtype == np.float32
    assert (np.count_nonzero(got, axis=1) <= kept).all()


def test_an_embedding_that_wakes_nothing_keeps_the_dimension_nearest_to_waking():
    tensors = random_tensors(BASE.width, 12) | {"image.bias": np.full(12, -50, np.float32)}
    got = Head(head_card(BASE), tensors).encode_images(embeddings())
    assert np.array_equal(got.max(axis=1), np.ones(len(got)))
    assert np.array_equal(np.count_nonzero(got, axis=1), np.ones(len(got)))


def test_the_exclusion_encoders_are_perceptrons_with_one_hidden_layer():
    tensors, head = random_tensors(BASE.width, 12), toy_head(BASE)
    wanted, unwanted = head.encode_texts(embeddings(2))

    def slow(name, values):
        hidden = [max(float(w @ values + b), 0.0) for w, b in zip(*layer(name, 0), strict=True)]
        return np.array([float(w @ hidden + b) for w, b in zip(*layer(name, 1), strict=True)])

    def layer(name, number):
        return tensors[f"{name}.{number}.weight"], tensors[f"{name}.{number}.bias"]

    refined = slow("sentence", wanted)
    np.testing.assert_allclose(head.refine(wanted), refined / np.linalg.norm(refined), atol=1e-5)
    both = slow("clauses", np.concatenate([wanted, unwanted]))
    keep, take = head.weigh(wanted, unwanted)
    np.testing.assert_allclose(keep, 1 / (1 + np.exp(-both[:12])), atol=1e-5)
    np.testing.assert_allclose(take, np.log1p(np.exp(both[12:])), atol=1e-5)


def test_codes_have_a_name_that_depends_on_what_decides_an_images_code_and_on_nothing_else():
    names = {toy_head(BASE).code_fingerprint, toy_head(BASE, name="other").code_fingerprint}
    assert len(names) == 1
    for part in ("text.weight", "sentence.0.weight", "clauses.1.bias"):
        tensors = random_tensors(BASE.width, 12)
        tensors[part] = tensors[part] + 1
        names.add(Head(head_card(BASE), tensors).code_fingerprint)
    assert len(names) == 1
    for told in ({"kept": 5}, {"image_fingerprint": "another"}, {"seed": 1}):
        names.add(toy_head(BASE, **told).code_fingerprint)
    assert len(names) == 4
    assert BASE.image_fingerprint not in names


def test_a_head_is_what_was_written(tmp_path):
    head = toy_head(BASE)
    write_head(tmp_path / "run" / "head", head.card, random_tensors(BASE.width, 12))
    read = load_head(str(tmp_path / "run"), BASE)
    assert read.card == head.card
    assert read.code_fingerprint == head.code_fingerprint
    assert np.array_equal(read.encode_images(embeddings()), head.encode_images(embeddings()))


def test_a_head_that_was_trained_again_is_read_again(tmp_path):
    for seed in (0, 1):
        write_head(tmp_path, head_card(BASE), random_tensors(BASE.width, 12, seed=seed))
        want = toy_head(BASE, seed=seed).code_fingerprint
        assert load_head(str(tmp_path), BASE).code_fingerprint == want


def test_a_head_of_another_image_tower_is_refused_by_name(tmp_path):
    write_head(tmp_path, head_card(BASE, image_fingerprint="of another", base="b"), random_tensors(16, 12))
    with pytest.raises(
        SpaceMismatch, match=r"toy stands behind the image tower of b .*use it with --encoder b"
    ):
        load_head(str(tmp_path), BASE)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image.weight": None}, r"missing or odd: \['image.weight'\]"),
        ({"odd": np.zeros(1)}, r"missing or odd: \['odd'\]"),
        ({"text.weight": np.zeros((12, 3))}, "do not fit each other, or codes of 12"),
        ({"clauses.1.bias": np.zeros(12)}, "do not fit each other, or codes of 12"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, told):
    tensors = {k: v for k, v in (random_tensors(BASE.width, 12) | change).items() if v is not None}
    with pytest.raises(EncoderError, match=told):
        Head(head_card(BASE), tensors)


@pytest.mark.parametrize("kept", [0, 13])
def test_a_code_keeps_at_least_one_dimension_and_at_most_all(kept):
    with pytest.raises(EncoderError, match="do not fit"):
        toy_head(BASE, kept=kept)


@pytest.mark.parametrize("broken", ["{", "[]", json.dumps({"name": "x"})])
def test_a_broken_card_is_refused(tmp_path, broken):
    write_head(tmp_path, head_card(BASE), random_tensors(BASE.width, 12))
    (tmp_path / CARD).write_text(broken)
    with pytest.raises(EncoderError, match="is no card of a head"):
        read_head_card(tmp_path)


def test_weights_that_are_no_safetensors_are_refused(tmp_path):
    write_head(tmp_path, head_card(BASE), random_tensors(BASE.width, 12))
    (tmp_path / WEIGHTS).write_bytes(b"\x80\x04pickle")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_head(str(tmp_path), BASE)


def test_an_unknown_name_is_told_what_there_is(tmp_path):
    with pytest.raises(UnknownName, match=r"unknown head .*phantom-exclmm, the folder of a"):
        find_head(str(tmp_path))


def test_an_encoder_that_no_shipped_head_stands_behind_has_none():
    assert head_for(BASE) is None
    assert all(head.base == "phantom" for head in heads())
