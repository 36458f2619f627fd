"""Searching in a session: it learns from what it is asked, and no search without it notices."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.adaptation import Recipe, Session
from medneg.archive import Archive
from medneg.errors import SpaceMismatch
from medneg.search import search
from tests.axis_gallery import SHOWN, AxisEncoder, new_image

WORDS = "efusion but no edema"


@pytest.fixture(scope="module")
def encoder():
    return AxisEncoder()


@pytest.fixture(scope="module")
def archive(tmp_path_factory, encoder):
    store = Archive.open(tmp_path_factory.mktemp("followed") / "archive", create=True)
    store.register(encoder.card)
    films = [new_image(encoder, k, SHOWN[k % len(SHOWN)]) for k in range(40)]
    store.store(encoder.card.image_fingerprint, images=films)
    with store:
        yield store


def session_of(archive, encoder, **more):
    fingerprint = encoder.card.image_fingerprint
    images = archive.vectors(fingerprint, archive.matrix(fingerprint).ids.tolist())
    return Session(encoder, images, **more)


def scores(answer):
    return [(hit.image_id, hit.score) for hit in answer.hits]


def test_a_session_changes_its_own_answers_and_nobody_elses(archive, encoder):
    before = scores(search(archive, WORDS, encoder, method="reex"))
    session = session_of(archive, encoder, recipe=Recipe(part="vector", rate=0.5))
    other = session_of(archive, encoder)
    followed = search(archive, WORDS, encoder, method="reex", session=session)
    assert scores(followed) != before
    assert session.learned == 1
    assert other.learned == 0
    assert scores(search(archive, WORDS, encoder, method="reex")) == before
    session.reset()
    assert np.allclose(session.tower.encode_texts([WORDS]), encoder.encode_texts([WORDS]), atol=1e-6)


def test_the_answer_shows_what_was_repaired(archive, encoder):
    answer = search(archive, WORDS, encoder, method="reex")
    assert [(each.original, each.better) for each in answer.query.repairs] == [("efusion", "effusion")]
    assert answer.exact
    assert search(archive, WORDS, encoder).query.repairs == ()


def test_a_session_of_another_encoder_is_refused(archive, encoder):
    other = AxisEncoder(name="other")
    session = Session(other, np.eye(other.card.width, dtype=np.float32))
    with pytest.raises(SpaceMismatch, match="the session follows the text tower of other, not that of axis"):
        search(archive, WORDS, encoder, session=session)
