"""Qdrant as an index, through the client's local mode; the server's refusals come from a small fake one."""

import json
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from sqlalchemy import delete

from medneg.archive import Archive
from medneg.archive.engines import transaction
from medneg.archive.filters import Where
from medneg.archive.indexes.candidates import Near
from medneg.archive.indexes.probing import aim, sample
from medneg.archive.indexes.qdrant import QDRANT, filling
from medneg.archive.indexes.qdrant import collection as server
from medneg.archive.indexes.qdrant.asking import has_formula, nearest_in, rescored_in, rescoring
from medneg.archive.indexes.qdrant.collection import KEY, URL, Collection
from medneg.archive.schema import Image
from medneg.errors import ArchiveError
from medneg.scoring.plan import score
from medneg.values import Linear, Repulsion
from tests.archive.new_images import SPACE, WIDTH, new_image
from tests.archive.new_plans import CARD, MEAN, RESPONSES, plan_of
from tests.archive.qdrant_server import running

COUNT = 600

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """A Qdrant in memory, empty at first."""
    server._client.cache_clear()
    monkeypatch.setenv(URL, ":memory:")
    monkeypatch.delenv(KEY, raising=False)
    yield
    server._client.cache_clear()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The folder of an archive that nobody changes."""
    folder = tmp_path_factory.mktemp("gallery") / "archive"
    with Archive.open(folder, create=True) as store:
        store.register(CARD)
        images = [new_image(number, view="PA" if number % 3 else "AP") for number in range(COUNT)]
        store.store(SPACE, images=images)
        store.matrix(SPACE)
    return folder


@pytest.fixture
def archive(gallery, tmp_path):
    shutil.copytree(gallery, tmp_path / "archive")
    with Archive.open(tmp_path / "archive") as store:
        yield store


@pytest.fixture
def source(archive):
    return archive.indexes(SPACE)._source


def build(source):
    """Build the index and say how many images were uploaded."""
    uploaded = []
    QDRANT.build(source, lambda done, total: uploaded.append((done, total)))
    assert not uploaded or uploaded[-1][0] == uploaded[-1][1]
    return uploaded[-1][0] if uploaded else 0


def held(source):
    return np.concatenate([ids for ids, _ in Collection(source).pages()]).tolist()


# Searching


@pytest.mark.parametrize("mean", [None, MEAN], ids=["raw", "centred"])
@pytest.mark.parametrize("responses", RESPONSES.values(), ids=RESPONSES)
def test_the_best_are_those_of_the_scan_bit_for_bit(archive, source, responses, mean):
    build(source)
    plan = plan_of(*responses, mean=mean)
    for where in (Where(), Where(views=("AP",))):
        expected = archive.indexes(SPACE).open("scan").search(plan, 10, where=where)
        found = QDRANT.open(source).search(plan, 10, where=where)
        np.testing.assert_array_equal(found.ranking.ids, expected.ranking.ids)
        np.testing.assert_array_equal(found.ranking.scores, expected.ranking.scores)
        assert found.considered == expected.considered
        assert found.ranking.exact is (found.ranking.rescored == found.considered)
        assert found.ranking.exact or found.how.startswith("Qdrant, ")


@pytest.mark.parametrize("seed", range(6))
def test_the_formula_gives_the_plans_score_of_every_candidate(archive, source, seed):
    build(source)
    draw = np.random.default_rng(seed)
    penalties = [
        Repulsion(weight=draw.uniform(0, 2), bias=draw.uniform(-0.4, 0.4)) for _ in range(1 + seed % 4)
    ]
    plan = plan_of(*penalties[:1], Linear(weight=draw.uniform(0.2, 2)), *penalties[1:])
    probe = aim(plan, sample(source, COUNT), k=10, count=COUNT)
    collection = Collection(source)
    rescored, beyond = collection.ask(rescoring(collection, probe, 50))
    ids = archive.matrix(SPACE).ids
    truth = archive.vectors(SPACE, ids.tolist())
    products = truth @ probe.vector
    candidates = np.argsort(-products)[:200]
    scores = score(plan, truth)
    expected = candidates[np.argsort(-scores[candidates])][:50]
    assert [point.id for point in rescored] == ids[expected].tolist()
    np.testing.assert_allclose([point.score for point in rescored], scores[expected], atol=2e-5)
    assert beyond[0].score == pytest.approx(products[candidates[-1]], abs=1e-5)


def test_the_server_rescores_what_the_first_question_did_not_settle(source, monkeypatch):
    build(source)
    asked = []
    monkeypatch.setattr(
        Collection,
        "ask",
        lambda self, requests, ask=Collection.ask: asked.append(requests) or ask(self, requests),
    )
    QDRANT.open(source).search(plan_of(Repulsion(weight=1.0, bias=2.0)), 5, where=Where())
    assert [len(requests) for requests in asked] == [1, 2]
    assert asked[1][0].limit == 256
    assert asked[1][0].prefetch[0].limit == 1024


def test_only_the_best_of_the_rescored_travel(source):
    build(source)
    probe = aim(plan_of(*RESPONSES["repulsion"]), sample(source, COUNT), k=10, count=COUNT)
    assert len(rescored_in(Collection(source))(probe, 30).ids) == 30


@pytest.mark.parametrize(
    ("responses", "mean", "formula"),
    [
        ((Linear(weight=1.0),), None, False),
        ((Linear(weight=1.0), Repulsion(weight=0.0)), None, False),
        ((Linear(weight=1.0), Repulsion(weight=1.0)), None, True),
        ((Linear(weight=1.0), Repulsion(weight=1.0)), MEAN, False),
        (RESPONSES["log-odds"], None, False),
    ],
)
def test_the_server_rescores_where_the_bound_is_not_the_score(source, responses, mean, formula):
    plan = plan_of(*responses, mean=mean)
    assert has_formula(aim(plan, sample(source, COUNT), k=10, count=COUNT)) is formula


@pytest.mark.parametrize("way", [nearest_in, rescored_in])
@pytest.mark.parametrize("responses", [RESPONSES["cosine"], RESPONSES["repulsion"]], ids=["plain", "bent"])
def test_no_image_that_did_not_travel_scores_above_the_ceiling(archive, source, responses, way):
    build(source)
    plan = plan_of(*responses)
    probe = aim(plan, sample(source, COUNT), k=10, count=COUNT)
    ids = archive.matrix(SPACE).ids
    scores = score(plan, archive.vectors(SPACE, ids.tolist()))
    for asked in (10, 40, COUNT):
        near = way(Collection(source))(probe, asked)
        left_out = ~np.isin(ids, near.ids)
        if left_out.any():
            assert scores[left_out].max() <= near.ceiling + 1e-3
        else:
            assert near.ceiling == -np.inf or asked == COUNT
        assert isinstance(near, Near)


def test_the_server_learns_ids_and_vectors_and_nothing_else(source):
    build(source)
    collection = Collection(source)
    points, _ = collection._client.scroll(collection.name, limit=COUNT, with_payload=True)
    assert all(not point.payload for point in points)
    assert SPACE not in collection.name


# Building


def test_a_build_that_has_nothing_to_do_uploads_nothing(source):
    assert build(source) == COUNT
    assert QDRANT.state(source).ready
    assert QDRANT.state(source).count == COUNT
    assert build(source) == 0


def test_a_stale_collection_is_refused_until_it_was_brought_up_to_date(archive, source):
    build(source)
    archive.store(SPACE, images=[new_image(COUNT), new_image(COUNT + 1)])
    assert not QDRANT.state(source).ready
    with pytest.raises(
        ArchiveError, match=r"holds 600 images .* has 602 now; run `medneg index build qdrant`"
    ):
        QDRANT.open(source)
    assert build(source) == 2
    assert QDRANT.open(source).search(plan_of(Linear(weight=1.0)), 5, where=Where()).considered == COUNT + 2


def test_what_left_the_archive_leaves_the_collection(archive, source, monkeypatch):
    monkeypatch.setattr(server, "_PAGE", 100)
    build(source)
    ids = archive.matrix(SPACE).ids
    gone = [*ids[5:8].tolist(), int(ids[-1])]
    with transaction(source.engine, source.place, writes=True) as connection:
        connection.execute(delete(Image).where(Image.id.in_(gone)))
    assert not QDRANT.state(source).ready
    assert build(source) == 0
    assert held(source) == sorted(set(ids.tolist()) - set(gone))
    assert QDRANT.state(source).ready


def test_points_that_somebody_removed_come_back(source, monkeypatch):
    monkeypatch.setattr(server, "_PAGE", 100)
    build(source)
    ids = held(source)
    Collection(source).remove(np.array([*ids[:3], *ids[-150:]]))
    Collection(source).note(stamp="")
    build(source)
    assert held(source) == ids


def test_an_emptied_collection_is_filled_again(source):
    build(source)
    ids = held(source)
    Collection(source).remove(np.array(ids))
    build(source)
    assert held(source) == ids


def test_a_replaced_image_is_uploaded_again(archive, source):
    build(source)
    archive.store(SPACE, images=[new_image(9999, name="7.dcm")])
    assert build(source) == 1
    assert held(source) == archive.matrix(SPACE).ids.tolist()


def test_a_build_that_was_stopped_goes_on_where_it_was(source, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 100)

    def stop(done, total):
        assert total == COUNT
        if done == 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        QDRANT.build(source, stop)
    assert not QDRANT.state(source).ready
    assert len(held(source)) == 300
    assert build(source) == 300


def test_a_build_that_was_killed_goes_on_from_its_last_note(source, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 100)
    monkeypatch.setattr(filling, "_NOTED", 2)

    def die(done, total):
        if done == 500:
            raise MemoryError

    with pytest.raises(MemoryError):
        QDRANT.build(source, die)
    assert build(source) == 200


def test_long_vectors_travel_in_smaller_batches(source, monkeypatch):
    monkeypatch.setattr(filling, "_NUMBERS_AT_ONCE", 100 * WIDTH)
    seen = []
    QDRANT.build(source, lambda done, total: seen.append(done))
    assert seen == [100, 200, 300, 400, 500, 600]


def test_images_that_come_during_a_build_are_taken_along(archive, source, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 200)

    def ingest(done, total):
        if done == 200:
            archive.store(SPACE, images=[new_image(COUNT)])

    QDRANT.build(source, ingest)
    assert len(held(source)) == COUNT + 1
    assert QDRANT.state(source).ready


def test_embeddings_that_a_restored_backup_never_had_are_forgotten(source):
    build(source)
    Collection(source).note(stamp="", last=10**9)
    assert build(source) == 0
    assert Collection(source).known().last < 10**9


def test_a_dropped_collection_is_gone_and_can_be_dropped_again(source):
    build(source)
    QDRANT.drop(source)
    QDRANT.drop(source)
    assert QDRANT.state(source).note.startswith("Qdrant has no collection of this space yet")
    with pytest.raises(ArchiveError, match=r"no collection .* run `medneg index build qdrant`"):
        QDRANT.open(source)


def test_an_empty_space_has_nothing_to_build(tmp_path):
    with Archive.open(tmp_path / "empty", create=True) as store:
        store.register(CARD)
        with pytest.raises(ArchiveError, match="nothing to search yet"):
            build(store.indexes(SPACE)._source)


def test_a_folder_keeps_what_was_built(tmp_path, monkeypatch):
    monkeypatch.setenv(URL, str(tmp_path / "qdrant"))
    with Archive.open(tmp_path / "small", create=True) as store:
        store.register(CARD)
        store.store(SPACE, images=[new_image(number) for number in range(9)])
        source = store.indexes(SPACE)._source
        assert build(source) == 9
        server._client.cache_clear()
        assert QDRANT.state(source).ready
        assert build(source) == 0


def test_each_space_of_each_archive_has_its_own_collection(archive, source, tmp_path):
    with Archive.open(tmp_path / "other", create=True) as other:
        names = {
            Collection(source).name,
            Collection(archive.indexes("other space")._source).name,
            Collection(other.indexes(SPACE)._source).name,
        }
    assert len(names) == 3


# Finding the server


@pytest.mark.parametrize(
    ("url", "key", "message"),
    [
        ("", None, f"nothing says where Qdrant is; set {URL}"),
        ("localhost:6333", None, "must be http"),
        ("grpc://host:6334", None, "must be http"),
        ("http://me:hunter2@host:6333", None, f"nothing else; a key goes into {KEY}"),
        ("http://host:6333?api-key=hunter2", None, f"nothing else; a key goes into {KEY}"),
        ("http://host:6333", "hunter2", f"{KEY} would travel in the clear; let {URL} begin with https://"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused_without_its_secret(source, monkeypatch, url, key, message):
    monkeypatch.setenv(URL, url)
    if key:
        monkeypatch.setenv(KEY, key)
    with pytest.raises(ArchiveError, match=message) as caught:
        QDRANT.open(source)
    assert "hunter2" not in str(caught.value)
    state = QDRANT.state(source)
    assert not state.ready
    assert "hunter2" not in state.note


def test_a_server_that_is_away_is_told_so(source, monkeypatch):
    monkeypatch.setenv(URL, "http://127.0.0.1:9")
    monkeypatch.setenv(KEY, "hunter2")
    with pytest.raises(
        ArchiveError, match=r"Qdrant at http://127.0.0.1:9 cannot be reached \(ConnectError\)"
    ):
        QDRANT.open(source)
    assert "cannot be reached" in QDRANT.state(source).note


def test_everything_works_over_http_with_a_key(archive, source, monkeypatch):
    monkeypatch.setenv(KEY, "hunter2")
    with running() as (remote, url):
        monkeypatch.setenv(URL, url)
        with pytest.raises(ArchiveError, match="no collection"):
            QDRANT.open(source)
        assert build(source) == COUNT
        Collection(source).remove(np.array(held(source)[:2]))
        Collection(source).note(stamp="")
        build(source)
        for plan in (plan_of(*RESPONSES["repulsion"]), plan_of(Repulsion(weight=1.0, bias=2.0))):
            expected = archive.indexes(SPACE).open("scan").search(plan, 10, where=Where())
            found = QDRANT.open(source).search(plan, 10, where=Where())
            np.testing.assert_array_equal(found.ranking.ids, expected.ranking.ids)
        assert QDRANT.state(source).note == f"approximate, at {url}"
        QDRANT.drop(source)
        assert not QDRANT.state(source).ready
    (made,) = remote.made.values()
    assert (made.vectors.datatype, made.vectors.on_disk, made.hnsw_config.m) == (
        "float16",
        True,
        server.EDGES,
    )
    assert remote.params == {("graph", server.SEARCHING, None), ("stage", None, True)}
    assert {key for _, _, key in remote.asked} == {"hunter2"}


def test_a_server_that_keeps_no_notes_is_refused(source, monkeypatch):
    with running() as (remote, url):
        monkeypatch.setenv(URL, url)
        create = remote.local.create_collection
        remote.local.create_collection = lambda name, vectors, metadata: create(name, vectors)
        with pytest.raises(ArchiveError, match=r"keeps no notes on collections; 1\.16 or newer does"):
            build(source)


@contextmanager
def answering(status, seconds=0.0):
    """A server that answers everything with a status, after a while."""
    ended, keys = threading.Event(), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            keys.append(self.headers.get("api-key"))
            ended.wait(seconds)
            body = json.dumps({"status": {"error": "a secret of the server"}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    fake = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{fake.server_port}", keys
    finally:
        ended.set()
        fake.shutdown()
        fake.server_close()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, f"refuses the key; set {KEY}"),
        (403, f"refuses the key; set {KEY}"),
        (404, "no collection of this space yet"),
        (500, r"answers 500 \(Internal Server Error\)"),
    ],
)
def test_a_servers_refusal_is_told_in_our_words(source, monkeypatch, status, message):
    monkeypatch.setenv(KEY, "hunter2")
    with answering(status) as (url, keys):
        monkeypatch.setenv(URL, url)
        with pytest.raises(ArchiveError, match=message) as caught:
            QDRANT.open(source)
    assert keys == ["hunter2"]
    assert "secret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_does_not_answer_is_not_waited_for_long(source, monkeypatch):
    monkeypatch.setattr(server, "_ASKING_SECONDS", 1)
    with answering(200, seconds=30) as (url, _):
        monkeypatch.setenv(URL, url)
        with pytest.raises(ArchiveError, match=r"cannot be reached \(ReadTimeout\)"):
            QDRANT.open(source)
