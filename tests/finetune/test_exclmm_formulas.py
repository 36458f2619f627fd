"""ExclMM's equations against slow twins, written from the paper for one row at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from finetune.application import TrainingError
from finetune.exclmm.figure import BOTH, FIRST, REST, SECOND, Strip, colour, draw_dimensions, greatest
from finetune.exclmm.inspection import owners
from finetune.exclmm.losses import (
    average_sparsity,
    contrast,
    partial_sparsity,
    reconstruction,
    triplet,
)
from finetune.exclmm.model import BiEncoderDecoder, ExclusionEncoder, masked
from finetune.exclmm.recipe import Recipe, as_printed, load_recipe, rate_at
from finetune.exclmm.stages import answers_of
from finetune.exclmm.words import (
    WordAutoencoder,
    caption_codes,
    read_glove,
    standardised,
    support,
    vocabulary,
)
from medneg.encoders.heads import Head
from tests.fake_encoder import FakeEncoder
from tests.toy_head import head_card


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.manual_seed(3)


def rows(count, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32))


def test_reconstruction_is_the_mean_squared_distance():
    rebuilt, given = rows(4, 3), rows(4, 3, seed=1)
    want = sum(
        sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for x, y in zip(rebuilt, given, strict=True)
    )
    torch.testing.assert_close(reconstruction(rebuilt, given), want / 4)


def test_average_sparsity_punishes_units_that_are_too_busy_on_average():
    codes = rows(5, 7).sigmoid()
    want = 0.0
    for unit in range(7):
        busy = sum(float(codes[word, unit]) for word in range(5)) / 5
        want += max(0.0, busy - 0.5) ** 2
    assert float(average_sparsity(codes, 0.5)) == pytest.approx(want, abs=1e-6)


def test_partial_sparsity_is_smallest_where_every_activation_is_0_or_1():
    codes = rows(5, 7).sigmoid()
    want = sum(float(z * (1 - z)) for word in codes for z in word) / 5
    assert float(partial_sparsity(codes)) == pytest.approx(want, abs=1e-5)
    assert float(partial_sparsity(codes.round())) == 0


def slow_contrast(queries, images, tau, fits=None, more=()):
    """Equation 12 and 15, one softmax at a time; what fits beside a row's own is left out."""
    count, every = len(queries), [*images, *more]

    def term(own, all_others):
        return -math.log(math.exp(own) / (math.exp(own) + sum(math.exp(x) for x in all_others)))

    total = 0.0
    for a in range(count):
        own = float(queries[a] @ images[a]) / tau
        towards = [
            float(queries[a] @ every[b]) / tau
            for b in range(len(every))
            if b != a and not (fits is not None and fits[a][b])
        ]
        back = [
            float(queries[b] @ images[a]) / tau
            for b in range(count)
            if b != a and not (fits is not None and fits[b][a])
        ]
        total += term(own, towards) + term(own, back)
    return total / (2 * count)


@pytest.mark.parametrize("tau", [1.0, 0.07])
def test_contrast_is_the_papers_with_nothing_but_the_diagonal_right(tau):
    queries, images = normalize(rows(5, 6), dim=1), normalize(rows(5, 6, seed=1), dim=1)
    got = contrast(queries, images, temperature=tau)
    assert float(got) == pytest.approx(slow_contrast(queries, images, tau), abs=1e-4)


def test_contrast_leaves_out_other_answers_and_takes_more_images_to_be_told_from():
    queries, images, more = (normalize(rows(n, 6, seed=n), dim=1) for n in (4, 4, 3))
    images = normalize(rows(4, 6, seed=9), dim=1)
    fits = np.random.default_rng(0).random((4, 7)) < 0.4
    got = contrast(queries, images, temperature=0.2, fits=torch.from_numpy(fits), more=more)
    assert float(got) == pytest.approx(slow_contrast(queries, images, 0.2, fits, more), abs=1e-5)


def test_the_triplet_wants_the_exclusion_query_farther_from_the_positive_image():
    positive, exclusion, images = rows(6, 4), rows(6, 4, seed=1), rows(6, 4, seed=2)

    def distance(x, y):
        return 1 - float(x @ y) / float(x.norm() * y.norm())

    want = [
        max(0.0, distance(i, p) - distance(i, x) + 0.3)
        for p, x, i in zip(positive, exclusion, images, strict=True)
    ]
    assert float(triplet(positive, exclusion, images, margin=0.3)) == pytest.approx(np.mean(want), abs=1e-6)


def test_the_mask_keeps_the_greatest_and_what_the_caption_chooses():
    raw = rows(3, 8).abs()
    chosen = torch.zeros(3, 8, dtype=torch.bool)
    chosen[:, 0] = True
    got = masked(raw, 2, chosen)
    for row, numbers in enumerate(raw.tolist()):
        top = sorted(range(8), key=lambda place, n=numbers: -n[place])[:2]
        kept = [number if place in {*top, 0} else 0.0 for place, number in enumerate(numbers)]
        np.testing.assert_allclose(got[row], np.array(kept) / np.linalg.norm(kept), atol=1e-6)


def test_stage_1_is_linear_maps_there_and_back_with_numbers_above_0():
    module, given = BiEncoderDecoder(4, 6), rows(2, 4)
    raw, rebuilt = module(given, "text")
    tensors = module.tensors()
    want = [
        [
            max(0.0, float(w @ x + b))
            for w, b in zip(tensors["text.weight"], tensors["text.bias"], strict=True)
        ]
        for x in given.numpy()
    ]
    np.testing.assert_allclose(raw.detach(), want, atol=1e-6)
    decoder = module.decoders["text"]
    np.testing.assert_allclose(
        rebuilt.detach(), raw.detach() @ decoder.weight.detach().T + decoder.bias.detach(), atol=1e-6
    )


def head_of(module, *encoders):
    tensors = module.tensors()
    for encoder in encoders:
        tensors |= encoder.tensors()
    return Head(head_card(FakeEncoder(width=5).card, kept=3), tensors)


def test_a_head_computes_what_was_trained():
    module = BiEncoderDecoder(5, 8)
    clauses, sentence = ExclusionEncoder(8, "clauses"), ExclusionEncoder(8, "sentence")
    torch.nn.init.normal_(clauses.second.weight)
    head, given = head_of(module, clauses, sentence), rows(4, 5)
    for side, encode in (("image", head.encode_images), ("text", head.encode_texts)):
        want = masked(module(given, side)[0], 3).detach()
        np.testing.assert_allclose(encode(given.numpy()), want, atol=1e-5)
    w, u = (torch.from_numpy(head.encode_texts(rows(2, 5, seed=s).numpy())) for s in (4, 5))
    np.testing.assert_allclose(head.refine(w[0].numpy()), sentence(w, u).detach()[0], atol=1e-5)
    keep, take = head.weigh(w[0].numpy(), u[0].numpy())
    exc = keep * w[0].numpy() - take * u[0].numpy()
    np.testing.assert_allclose(exc / np.linalg.norm(exc), clauses(w, u).detach()[0], atol=1e-5)


def test_clauses_begin_as_about_a_plain_difference():
    encoder, w, u = ExclusionEncoder(8, "clauses"), normalize(rows(3, 8), dim=1), rows(3, 8, seed=1)
    want = normalize(0.881 * w - 0.974 * u, dim=1)
    torch.testing.assert_close(encoder(w, u), want, atol=0.02, rtol=0)


def test_the_papers_form_does_not_look_at_the_clauses():
    encoder = ExclusionEncoder(8, "sentence")
    assert torch.equal(encoder(rows(2, 8), rows(2, 8, seed=1)), encoder(rows(2, 8), rows(2, 8, seed=2)))


def test_a_sentence_is_true_of_images_that_show_all_it_claims():
    claims = torch.tensor([[True, False], [True, True], [False, False]])
    concepts = torch.tensor([[True, False], [False, True]])
    assert answers_of(claims, concepts).tolist() == [[True, False], [False, False], [True, True]]


def test_words_are_coded_between_0_and_1_and_rebuilt():
    module, given = WordAutoencoder(3, 5), rows(4, 3)
    codes, rebuilt = module(given)
    weight, bias = (tensor.detach().numpy() for tensor in (module.encoder.weight, module.encoder.bias))
    want = [
        [min(1.0, max(0.0, float(w @ x + b))) for w, b in zip(weight, bias, strict=True)]
        for x in given.numpy()
    ]
    np.testing.assert_allclose(codes.detach(), want, atol=1e-6)
    assert rebuilt.shape == given.shape


def test_a_captions_code_is_the_mean_of_its_words_that_have_one():
    known = {"left": np.float32([1, 0, 0]), "effusion": np.float32([0, 1, 1])}
    got = caption_codes(["Left effusion.", "left thing", "nothing"], known, 3)
    np.testing.assert_allclose(got, [[0.5, 0.5, 0.5], [1, 0, 0], [0, 0, 0]])
    assert support(got, 2).sum(axis=1).tolist() == [2, 1, 0]


def test_vectors_are_centred_and_as_long_as_gloves():
    got = standardised(rows(6, 9).numpy() + 5)
    np.testing.assert_allclose(got.mean(axis=0), 0, atol=1e-5)
    assert np.linalg.norm(got, axis=1).mean() == pytest.approx(3, abs=1e-5)


def test_vectors_are_read_from_a_file_in_gloves_format(tmp_path):
    (tmp_path / "glove.txt").write_text("the 0 1 2\neffusion 1.5 -2 3e-1\nleft 1 1 1\n")
    words, vectors = read_glove(tmp_path / "glove.txt", ("effusion", "left", "unknown"))
    assert words == ("effusion", "left")
    np.testing.assert_allclose(vectors, [[1.5, -2, 0.3], [1, 1, 1]])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("other 1 2\n", "has none of the 1 words of the captions"),
        ("effusion 1 x\n", "line 1 of .* holds something else than numbers"),
        (b"effusion \xff\n", "cannot be read as word vectors"),
    ],
)
def test_a_file_that_holds_no_such_vectors_is_refused(tmp_path, content, told):
    (tmp_path / "glove.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TrainingError, match=told):
        read_glove(tmp_path / "glove.txt", ("effusion",))


def test_a_missing_file_of_vectors_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="cannot be read as word vectors"):
        read_glove(tmp_path / "glove.txt", ("effusion",))


def test_vectors_of_different_lengths_are_refused(tmp_path):
    (tmp_path / "glove.txt").write_text("effusion 1 2\nleft 1\n")
    with pytest.raises(TrainingError, match="are not equally long"):
        read_glove(tmp_path / "glove.txt", ("effusion", "left"))


def test_a_vocabulary_is_every_word_once():
    assert vocabulary(["No effusion", "effusion, left"]) == ("effusion", "left", "no")


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"kept": 0}, "kept must lie in 1 to 512"),
        ({"kept": 513}, "kept must lie in 1 to 512"),
        ({"density": 1.0}, r"density must lie in \(0, 1\)"),
        ({"temperature": 0.0}, "temperatures must be above 0"),
        ({"contrast": 0.0, "triplet": 0.0}, "must not be below 0, nor both 0"),
    ],
)
def test_a_recipe_checks_itself(numbers, told):
    with pytest.raises(ValueError, match=told):
        Recipe(**numbers)


def test_a_recipe_is_kept_and_told_from_another(tmp_path):
    Recipe(seed=4).save(tmp_path / "config.json")
    assert load_recipe(tmp_path / "config.json") == Recipe(seed=4)
    assert Recipe(seed=4).differences(Recipe(width=64)) == "width 512, not 64, seed 4, not 0"
    printed = as_printed(Recipe())
    assert (printed.temperature, printed.exclusion_temperature, printed.aware, printed.hard) == (
        1,
        1,
        False,
        False,
    )


def test_the_rate_rises_and_falls():
    rates = [rate_at(1.0, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, abs=1e-3)
    assert max(rates) == rates[9]
    assert rates[100] == pytest.approx(0.05)


def test_a_dimension_is_owned_where_no_other_finding_has_it():
    prompts = np.float32([[1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0]])
    images = np.float32([[1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 1]])
    there = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0]], bool)
    first, second, third = owners(("a", "b", "c"), prompts, images, there)
    assert (first.awake, first.owned, first.shared) == (2, 1, 1.0)
    assert (first.in_images, first.elsewhere) == (0.75, 0.0)
    assert (second.owned, third.owned) == (1, 0)
    assert math.isnan(second.in_images)


def test_the_picture_shows_whose_dimension_is_whose():
    a, b, both = (np.float32(row) for row in ([1, 1, 0, 0, 1], [0, 1, 1, 0, 1], [1, 1, 1, 0, 0]))
    sets = [greatest(code, 0.6) for code in (a, b, both)]
    assert [colour(place, sets) for place in range(5)] == [FIRST, BOTH, SECOND, REST, REST]
    strips = [
        Strip(query=f"<{n}>", code=c, found=("x & y",)) for n, c in zip("abc", (a, b, both), strict=True)
    ]
    drawn = draw_dimensions(strips, 0.6)
    assert drawn.startswith("<svg ")
    assert "“&lt;c&gt;”" in drawn
    assert "x &amp; y" in drawn
    assert drawn.count(f'fill="{BOTH}"') == 3 + 1  # one in each strip, one in the key
