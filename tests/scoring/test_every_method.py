"""What holds for every method, whatever its formula."""

from dataclasses import replace

import numpy as np
import pytest

from medneg.scoring import ANCHOR, Calibration, compile_plan
from medneg.scoring.plan import contributions, score
from medneg.values import Mention, Query, Repulsion
from tests.scoring.table_tower import (
    FINDINGS,
    HEADLESS,
    PHRASES,
    TableTower,
    images,
    measured,
    plan_of,
    query,
    scores,
    unit,
    wanted,
)


@pytest.mark.parametrize("name", [name for name in HEADLESS if name != "cosine"])
def test_the_centred_space_does_not_see_what_all_texts_and_images_share(name):
    tower, crowded = TableTower(width=7, spread=2.0), TableTower(width=8)
    common = np.eye(8)[7]
    crowded.table = {
        t: unit(np.append(v, 0.0) + 5 * common).astype(np.float32) for t, v in tower.table.items()
    }
    rows = np.hstack([images(width=7), np.zeros((30, 1), np.float32)])
    moved = ((rows + 2 * common) / np.linalg.norm(rows + 2 * common, axis=1, keepdims=True)).astype(
        np.float32
    )
    answers = []
    for each, films, places in ((tower, rows[:, :7], 7), (crowded, moved, 8)):
        mean = np.mean([each[text] for text in FINDINGS], axis=0).astype(np.float32)
        known = measured(films, mean)
        assert known.mean_image.shape == (places,)
        answers.append(score(plan_of(query(), name, each, space="centred", calibration=known), films))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


@pytest.mark.parametrize("name", [name for name in HEADLESS if name != "cosine"])
def test_centred_methods_are_raw_methods_on_centred_vectors(name):
    tower, centred = TableTower(), TableTower()
    known = measured(images(), images(seed=8)[0] * np.float32(0.4))
    centred.table = {text: unit(v - known.mean_text).astype(np.float32) for text, v in tower.table.items()}
    got = scores(query(), name, tower, known)
    moved = images() - known.mean_image
    moved = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    of_moved = replace(measured(moved), mean_image=np.zeros(8, np.float32))  # as a centred space has it
    want = score(plan_of(query(), name, centred, calibration=of_moved), moved)
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize("name", HEADLESS)
@pytest.mark.parametrize("centred", [False, True], ids=["raw", "centred"])
def test_without_negation_every_method_is_plain_cosine_bit_for_bit(name, centred):
    tower = TableTower()
    means = Calibration(mean_text=images()[0], mean_image=images()[1]) if centred else None
    asked = Query(raw="edema", affirmed=(wanted("edema"),), uncertain=())
    text = tower.table["edema"].astype(np.float64)
    want = [float(np.add.reduce(image.astype(np.float64) * text)) for image in images()]
    assert scores(asked, name, tower, means).tolist() == want
    assert tower.calls == [("edema",)]


@pytest.mark.parametrize("name", HEADLESS)
def test_a_hit_is_explained_by_terms_that_belong_to_mentions(name):
    asked = query()
    plan = plan_of(asked, name, TableTower(spread=0.3))
    parts = contributions(plan, images())
    np.testing.assert_allclose(parts.sum(axis=1), score(plan, images()), atol=1e-12)
    known = {asked.affirmed[0], asked.negated[0], None}
    assert {term.mention for term in plan.terms} <= known
    if name not in {"cosine", "affirmed-only"}:
        assert asked.negated[0] in {term.mention for term in plan.terms}


@pytest.mark.parametrize("name", HEADLESS)
def test_texts_are_encoded_in_one_call_and_remembered(name):
    tower = TableTower()
    for _ in range(2):
        plan_of(query(), name, tower)
    assert len(tower.calls) == 1
    assert len(set(tower.calls[0])) == len(tower.calls[0])


@pytest.mark.parametrize("name", ["affirmed-only", "projection", "rotate", "spacevlm", "drc", "drc-printed"])
def test_with_nothing_wanted_the_anchor_is_a_sentence_true_of_every_image(name):
    tower = TableTower()
    plan = compile_plan(query(affirmed=()), name, tower=tower)
    assert ANCHOR in tower.calls[0]
    assert plan.terms[0].mention is None
    assert plan.terms[0].label == ANCHOR


@pytest.mark.parametrize("name", HEADLESS)
@pytest.mark.parametrize("alike", [0.0, 1e-7, 1e-5], ids="apart={}".format)
def test_phrases_that_cannot_be_told_apart_give_finite_scores(name, alike):
    tower = TableTower()
    for text in PHRASES[2:]:
        twin = tower["effusion"] + alike * np.eye(8)[0]
        tower.table[tower.card.template.format(text)] = unit(twin).astype(np.float32)
    plan = plan_of(query(), name, tower)
    assert np.isfinite(score(plan, images())).all()
    assert max(abs(getattr(term.response, "weight", 0)) for term in plan.terms) <= 1e3


@pytest.mark.parametrize("name", HEADLESS)
def test_opposite_and_zero_vectors_give_finite_scores(name):
    tower = TableTower()
    tower.table[tower.card.template.format("calcification")] = -tower.table[
        tower.card.template.format("effusion")
    ]
    assert np.isfinite(scores(query(), name, tower)).all()
    known = measured(images(), mean_text=tower["effusion"].astype(np.float32))
    assert np.isfinite(scores(query(), name, tower, known)).all()


@pytest.mark.parametrize("name", HEADLESS)
def test_a_query_whose_only_exclusion_is_a_contradiction_still_compiles(name):
    plan = plan_of(query(negated=("effusion",)), name, TableTower())
    assert {term.mention for term in plan.terms} <= {query().affirmed[0], None}
    assert not any(isinstance(term.response, Repulsion) for term in plan.terms)


@pytest.mark.parametrize("name", ["subtract", "z-score", "paired", "log-odds", "projection", "rotate"])
def test_neither_the_wording_of_a_negation_nor_what_is_uncertain_changes_these_methods(name):
    tower = TableTower()
    plain = scores(query(), name, tower)
    assert scores(query(strength="weak"), name, tower).tolist() == plain.tolist()
    open_question = Mention(text="edema", polarity="uncertain", reason="history")
    assert scores(replace(query(), uncertain=(open_question,)), name, tower).tolist() == plain.tolist()
