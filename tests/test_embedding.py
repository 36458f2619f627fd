"""Deriving a head's codes from an archive's embeddings, and searching in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.archive import Archive, FileStamp, NewImage
from medneg.embedding import derive_codes
from medneg.encoders.heads import write_head
from medneg.errors import ArchiveError, HeadMissing, SpaceMismatch
from medneg.scoring.plan import score
from medneg.search import make_plan, parse_where, search
from medneg.values import Radiograph
from tests.fake_encoder import FakeEncoder
from tests.toy_head import head_card, random_tensors, toy_head

ENCODER = FakeEncoder()
HEAD = toy_head(ENCODER.card)
QUERY = "effusion but no edema"


def new_image(k, vector):
    radiograph = Radiograph(
        pixels=np.zeros((2, 2), np.float32),
        patient=f"p{k}",
        study=f"s{k}",
        image=f"i{k}",
        view="PA" if k % 2 else "AP",
    )
    return NewImage(
        file=FileStamp(path=f"/films/{k}.dcm", sha256=f"{k:064d}", size=k + 1, mtime_ns=1),
        radiograph=radiograph,
        rows=2,
        columns=2,
        vector=vector,
        thumbnail=b"",
    )


def vectors(count):
    rows = np.random.default_rng(1).standard_normal((count, ENCODER.card.width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "archive", create=True) as store:
        store.register(ENCODER.card)
        bring(store, range(30))
        yield store


def bring(store, which):
    rows = vectors(40)
    store.store(ENCODER.card.image_fingerprint, images=[new_image(k, rows[k]) for k in which])


def codes(store):
    ids = store.matrix(HEAD.code_fingerprint).ids.tolist()
    return ids, store.vectors(HEAD.code_fingerprint, ids)


def test_every_image_gets_the_code_of_its_embedding(archive):
    done = derive_codes(archive, ENCODER.card, HEAD)
    assert (done.head, done.derived, done.kept) == ("toy", 30, 0)
    ids, stored = codes(archive)
    want = HEAD.encode_images(archive.vectors(ENCODER.card.image_fingerprint, ids))
    np.testing.assert_allclose(stored, want, atol=1e-6)


def test_run_again_only_new_images_get_codes(archive, monkeypatch):
    derive_codes(archive, ENCODER.card, HEAD)
    bring(archive, range(30, 40))
    monkeypatch.setattr("medneg.embedding._BLOCK", 4)
    seen = []
    done = derive_codes(archive, ENCODER.card, HEAD, progress=lambda *at: seen.append(at))
    assert (done.derived, done.kept) == (10, 30)
    assert seen == [(4, 10), (8, 10), (10, 10)]
    assert len(codes(archive)[0]) == 40
    assert derive_codes(archive, ENCODER.card, HEAD).derived == 0


def test_the_archive_keeps_whose_codes_they_are(archive):
    derive_codes(archive, ENCODER.card, HEAD)
    card = archive.spaces()[1].cards[0]
    assert (card.name, card.width, card.text_fingerprint) == ("fake/toy", 12, "")
    assert (card.licence, card.notice) == (HEAD.card.licence, HEAD.card.notice)


def test_an_image_whose_content_changed_loses_its_code_and_gets_a_new_one(archive):
    derive_codes(archive, ENCODER.card, HEAD)
    changed = new_image(3, vectors(41)[40])
    stamp = FileStamp(path="/films/3.dcm", sha256="f" * 64, size=9, mtime_ns=2)
    changed = NewImage(
        file=stamp,
        radiograph=changed.radiograph,
        rows=2,
        columns=2,
        vector=changed.vector,
        thumbnail=b"",
    )
    archive.store(ENCODER.card.image_fingerprint, images=[changed])
    assert len(codes(archive)[0]) == 29
    assert derive_codes(archive, ENCODER.card, HEAD).derived == 1


def test_codes_of_images_that_have_gone_are_not_stored(archive):
    archive.register(ENCODER.card)
    assert archive.add_vectors(ENCODER.card.image_fingerprint, [1, 9999], vectors(2)) == 1


def test_an_archive_of_another_encoder_is_refused(archive):
    other = FakeEncoder(name="other").card
    with pytest.raises(SpaceMismatch, match="no embeddings of the encoder other"):
        derive_codes(archive, other, toy_head(other))


@pytest.mark.parametrize("method", ["exclmm", "exclmm-suppress", "exclmm-sentence"])
@pytest.mark.parametrize("where", [None, "view=PA"])
def test_a_search_in_codes_has_the_hits_of_brute_force(archive, method, where):
    derive_codes(archive, ENCODER.card, HEAD)
    condition = parse_where(where) if where else None
    answer = search(archive, QUERY, ENCODER, method=method, k=40, head=HEAD, where=condition)
    plan = make_plan(answer.query, ENCODER, None, method=method, space="raw", head=HEAD)
    ids, stored = codes(archive)
    allowed = [row.id for row in archive.images(ids) if where is None or row.view == "PA"]
    best = sorted(allowed, key=dict(zip(ids, -score(plan, stored), strict=True)).__getitem__)
    assert {hit.image_id for hit in answer.hits} == set(best)
    np.testing.assert_allclose(
        [hit.score for hit in answer.hits],
        sorted((s for i, s in zip(ids, score(plan, stored), strict=True) if i in allowed), reverse=True),
    )
    assert (answer.exact, answer.considered) == (True, len(best))
    for hit in answer.hits:
        assert hit.score == pytest.approx(sum(term.value for term in hit.terms))


def test_a_query_without_negation_is_asked_of_the_embeddings(archive):
    derive_codes(archive, ENCODER.card, HEAD)
    plain = search(archive, "edema", ENCODER, method="cosine")
    assert search(archive, "edema", ENCODER, method="exclmm", head=HEAD).hits == plain.hits
    bring(archive, range(30, 40))  # no matter that their codes are still missing
    assert search(archive, "edema", ENCODER, method="exclmm", head=HEAD).considered == 40


def test_images_without_a_code_are_told_of(archive):
    derive_codes(archive, ENCODER.card, HEAD)
    bring(archive, range(30, 40))
    answer = search(archive, QUERY, ENCODER, method="exclmm", head=HEAD)
    assert answer.considered == 30
    (warning,) = [each for each in answer.warnings if each.code == "stale_codes"]
    assert warning.message == (
        "10 of 40 images have no code of the head toy yet and cannot be found; "
        "run `medneg embed --archive ARCHIVE --head toy`."
    )


def test_without_codes_the_error_says_which_command_derives_them(archive):
    with pytest.raises(
        ArchiveError, match=r"no codes of the head toy yet.*`medneg embed --archive ARCHIVE --head"
    ):
        search(archive, QUERY, ENCODER, method="exclmm", head=HEAD)


def test_without_a_head_the_error_says_how_to_come_by_one(archive):
    with pytest.raises(HeadMissing, match="needs a head that stands behind fake"):
        search(archive, QUERY, ENCODER, method="exclmm")


def test_the_commands_derive_codes_and_search_in_them(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "load", lambda *names: ENCODER)
    write_head(tmp_path / "run" / "head", head_card(ENCODER.card), random_tensors(16, 12))
    named = ["--archive", str(tmp_path / "archive"), "--head", str(tmp_path / "run")]
    runner = CliRunner()
    done = runner.invoke(cli.app, ["embed", *named, "--json"])
    assert json.loads(done.stdout) == {
        "head": "toy",
        "code_fingerprint": HEAD.code_fingerprint,
        "derived": 30,
        "kept": 0,
    }
    assert runner.invoke(cli.app, ["embed", *named]).stdout == "toy: 0 codes derived, 30 were there\n"
    found = runner.invoke(cli.app, ["search", QUERY, *named, "--method", "exclmm", "--json"])
    assert json.loads(found.stdout)["method"] == "exclmm"
    assert len(json.loads(found.stdout)["hits"]) == 10
