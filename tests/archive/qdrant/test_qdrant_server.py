"""How a server of Qdrant is found, and what its refusals become; they come from a small fake one."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from medneg.archive.filters import Where
from medneg.archive.indexes.qdrant import QDRANT
from medneg.archive.indexes.qdrant import collection as server
from medneg.archive.indexes.qdrant.collection import KEY, URL, Collection
from medneg.errors import ArchiveError
from medneg.values import Repulsion
from tests.archive.new_images import SPACE
from tests.archive.new_plans import RESPONSES, plan_of
from tests.archive.qdrant.filled import COUNT, build, held
from tests.archive.qdrant.serving import running

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")


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
