"""What every index promises, whichever kind it is: checked against brute force over the float32 truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from medneg.archive import Archive, FindingFilter, NewRejection, Where
from medneg.archive.indexes import KINDS, Index, IndexState
from medneg.calibration import calibrate_archive
from medneg.compiling import make_plan
from medneg.embedding import derive_codes
from medneg.errors import ArchiveError
from medneg.query import parse
from medneg.values import Linear, Plan, Space, Term
from tests.archive.new_images import SPACE, WIDTH, new_image, unit_vector
from tests.archive.new_plans import CARD, MEAN, RESPONSES, plan_of
from tests.axis_gallery import AxisEncoder, fill
from tests.contracts.conftest import opener
from tests.contracts.indexed import (
    EVERYTHING,
    EXACT,
    Indexed,
    brute_force,
    built_index,
    combinations,
    compare,
    methods_and_spaces,
    qdrant_in_memory,
    truth_of,
)
from tests.toy_head import toy_head

COUNT, TWINS = 300, 20
ENCODER = AxisEncoder(noise=10)
HEAD = toy_head(ENCODER.card)
QUERIES = ("effusion, no calcification, no edema", "no granuloma")
EFFUSION = FindingFilter(ids=("pleural_effusion",), state="present")
FILTERS = {
    "everything": EVERYTHING,
    "half of all": Where(views=("PA",)),
    "a few": Where(age_min=140, findings=(EFFUSION,)),
}


@pytest.fixture(scope="module")
def filled(request, tmp_path_factory) -> Iterator[Callable[[str], Archive]]:
    """By engine: 300 images, the last 20 like the first 20, calibrated, with codes of a head."""
    with ExitStack() as stack:

        @cache
        def fill_one(engine: str) -> Archive:
            opening = stack.enter_context(opener(request, tmp_path_factory.mktemp(engine), engine))
            archive = stack.enter_context(opening())
            fill(archive, ENCODER, COUNT)
            ids = archive.matrix(ENCODER.card.image_fingerprint).ids.tolist()
            first = archive.vectors(ENCODER.card.image_fingerprint, ids[:TWINS])
            archive.add_vectors(ENCODER.card.image_fingerprint, ids[-TWINS:], first)
            calibrate_archive(archive, ENCODER)
            derive_codes(archive, ENCODER.card, HEAD)
            return archive

        yield fill_one


@pytest.fixture(scope="module", params=combinations())
def gallery(request, filled) -> Iterator[Indexed]:
    """An archive of 300 images that nobody changes, with an index."""
    kind, engine = request.param
    with qdrant_in_memory():
        archive = filled(engine)
        spaces = (ENCODER.card.image_fingerprint, HEAD.code_fingerprint)
        built = {fingerprint: built_index(archive, kind, fingerprint) for fingerprint in spaces}
        truth = cache(partial(truth_of, archive))
        yield Indexed(kind=kind, archive=archive, open=built.__getitem__, truth=truth)


@pytest.fixture(params=combinations())
def small(request, tmp_path) -> Iterator[Indexed]:
    """60 images in an archive that a test may change."""
    kind, engine = request.param
    with qdrant_in_memory(), opener(request, tmp_path, engine) as opening, opening() as archive:
        archive.register(CARD)
        archive.store(SPACE, images=[new_image(number) for number in range(60)])
        build, truth = partial(built_index, archive, kind), partial(truth_of, archive)
        yield Indexed(kind=kind, archive=archive, open=build, truth=truth)


@pytest.mark.parametrize("words", [QUERIES[0], pytest.param(QUERIES[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize(("method", "space"), methods_and_spaces())
def test_the_best_of_any_method_are_those_of_brute_force(gallery, method, space, words):
    known = gallery.archive.calibration(ENCODER.card).calibration
    plan = make_plan(parse(words), ENCODER, known, method=method, space=space, head=HEAD)
    index = gallery.open(plan.space.image_fingerprint)
    some = gallery.archive.matrix(ENCODER.card.image_fingerprint).ids[5:105]
    # Of these few, approximate indexes look at all that pass a filter; test_approximate_indexes.py has more.
    filters = FILTERS if gallery.kind in EXACT else ("everything",)
    recalls = [compare(gallery, index, plan, 50, FILTERS[name]) for name in filters]
    recalls.append(compare(gallery, index, plan, 50, FILTERS["half of all"], among=some))
    assert np.mean(recalls) >= 0.95


def toy_plan(gallery: Indexed) -> tuple[Index, Plan]:
    known = gallery.archive.calibration(ENCODER.card).calibration
    plan = make_plan(parse(QUERIES[0]), ENCODER, known, method="subtract", space="raw")
    return gallery.open(plan.space.image_fingerprint), plan


def test_more_images_than_there_are_cannot_be_found(gallery):
    assert compare(gallery, *toy_plan(gallery), COUNT + 10) >= 0.95


def test_equal_scores_stand_in_the_order_of_their_ids(gallery):
    ids = gallery.archive.matrix(ENCODER.card.image_fingerprint).ids
    twins = np.sort(np.concatenate([ids[:TWINS], ids[-TWINS:]]))
    index, plan = toy_plan(gallery)
    assert compare(gallery, index, plan, 2 * TWINS, among=twins) == 1
    scores = index.search(plan, 2 * TWINS, where=Where(), among=twins).ranking.scores
    assert len(set(scores.tolist())) <= TWINS


def test_a_filter_that_nothing_passes_finds_nothing_and_that_is_exact(gallery):
    index, plan = toy_plan(gallery)
    for where, among in ((Where(sexes=("M",)), None), (Where(), np.empty(0, np.int64))):
        found = index.search(plan, 5, where=where, among=among)
        assert (found.considered, found.ranking.ids.tolist(), found.ranking.exact) == (0, [], True)
        assert found.ranking.contributions.shape == (0, len(plan.terms))


def test_one_image_that_may_be_found_is_found_and_that_is_exact(gallery):
    index, plan = toy_plan(gallery)
    (image,) = gallery.archive.matrix(ENCODER.card.image_fingerprint).ids[[77]]
    found = index.search(plan, 5, where=Where(), among=np.array([image]))
    assert (found.ranking.ids.tolist(), found.ranking.exact) == ([image], True)


def test_every_answer_says_how_it_was_found(gallery):
    index, plan = toy_plan(gallery)
    assert index.search(plan, 5, where=Where()).how


def test_what_cannot_be_searched_is_refused(gallery):
    index, plan = toy_plan(gallery)
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        index.search(plan, 0, where=Where())
    narrow = Term(direction=np.float32([1, 0, 0]), response=Linear(weight=1.0), label="")
    with pytest.raises(ValueError, match="3"):
        index.search(Plan(terms=(narrow,), space=plan.space), 5, where=Where())
    for weight in (np.inf, np.nan):
        endless = Term(direction=plan.terms[0].direction, response=Linear(weight=weight), label="")
        with pytest.raises(ValueError, match="finite"):
            index.search(Plan(terms=(endless,), space=plan.space), 5, where=Where())


@pytest.mark.parametrize("mean", [None, MEAN], ids=["raw", "centred"])
def test_after_images_have_changed_gone_and_come_no_answer_is_about_what_was(small, mean):
    plans = [plan_of(*responses, mean=mean) for responses in RESPONSES.values()]
    held = small.open(SPACE)
    best = brute_force(small, plans[0], 3, Where(), None).ids.tolist()
    gone, changed, _ = (row.path for row in small.archive.images(best))
    small.archive.store(
        SPACE,
        images=[
            new_image(70, name=Path(changed).name, content="changed"),
            *(new_image(number) for number in range(60, 65)),
        ],
        rejected=[NewRejection(path=gone, size=1, mtime_ns=1, reason="broken")],
    )
    for plan in plans:
        nothing_of_what_was(small, held, plan)
    if state_of(small).ready:
        for plan in plans:
            compare(small, small.archive.indexes(SPACE).open(small.kind), plan, 20)
    else:
        with pytest.raises(ArchiveError, match="medneg index build"):
            small.archive.indexes(SPACE).open(small.kind)
    rebuilt = small.open(SPACE)
    assert np.mean([compare(small, rebuilt, plan, 20) for plan in plans]) >= 0.95


def state_of(made: Indexed, fingerprint: str = SPACE) -> IndexState:
    return {each.name: each for each in made.archive.indexes(fingerprint).states()}[made.kind]


def nothing_of_what_was(made: Indexed, held: Index, plan: Plan) -> None:
    """An index that was opened before a change may lack what came; it knows no ghosts and no old scores."""
    ranking = held.search(plan, 20, where=Where()).ranking
    every = brute_force(made, plan, 100, Where(), None)
    score_of = dict(zip(every.ids.tolist(), every.scores.tolist(), strict=True))
    assert ranking.scores.tolist() == [score_of[image] for image in ranking.ids.tolist()]
    if ranking.exact:
        assert ranking.ids.tolist() == every.ids[:20].tolist()


def test_an_index_that_was_dropped_says_how_to_build_it(small):
    if KINDS[small.kind].drop is None:
        pytest.skip("it is a part of the archive")
    small.open(SPACE)
    small.archive.indexes(SPACE).drop(small.kind)
    assert not state_of(small).ready
    with pytest.raises(ArchiveError, match=f"medneg index build {small.kind}"):
        small.archive.indexes(SPACE).open(small.kind)


def test_a_state_counts_what_is_indexed(small):
    small.open(SPACE)
    state = state_of(small)
    assert (state.ready, state.count) == (True, 60)


def test_a_space_without_images_is_told_from_an_unknown_one(small):
    space = Space(image_fingerprint="another")
    term = Term(direction=unit_vector(0), response=Linear(weight=1.0), label="")
    assert len(term.direction) == WIDTH
    with pytest.raises(ArchiveError):
        small.open("another").search(Plan(terms=(term,), space=space), 5, where=Where())
    state = state_of(small, "another")
    assert not state.ready
    assert state.note
