"""The search API: requests, answers, refusals and pictures."""

from __future__ import annotations

import asyncio
import re

import jsonschema
import pytest

from app.serving import questions
from app.serving.openapi import description
from medneg import encoders
from medneg.archive import Archive
from medneg.search import search
from tests.app.asgi import asked, searched
from tests.app.seen import QUERY

HASH = re.compile(r"[0-9a-f]{16}")


def test_an_answer_is_the_librarys_with_pseudonyms_in_the_place_of_paths(served, archive_folder, encoder):
    reply = searched(served, query=QUERY, k=3)
    assert reply.status == 200
    with Archive.open(archive_folder) as store:
        expected = search(store, QUERY, encoder, k=3)
        rows = store.images([hit.image_id for hit in expected.hits])
    same = expected.to_json()
    for hit, row in zip(same["hits"], rows, strict=True):
        hit |= {"image": row.image, "thumb": f"/thumb/{row.image}?content={row.sha256[:16]}"}
    assert reply.json == same
    jsonschema.validate(reply.json, description()["components"]["schemas"]["Answer"])
    assert str(archive_folder.parent) not in reply.body.decode()


def test_paths_are_told_where_the_operator_says_so(served, told):
    told(show_paths=True)
    assert searched(served, query=QUERY).json["hits"][0]["image"].endswith(".png")


def test_a_filter_and_all_other_choices_reach_the_search(served):
    body = {"query": "effusion", "method": "cosine", "space": "raw", "k": 1, "where": "sex=M"}
    answer = searched(served, body | {"exclude_risk": None, "encoder": "fake", "text_encoder": None}).json
    assert (answer["method"], answer["considered"], len(answer["hits"])) == ("cosine", 3, 1)


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"", 400, "invalid_request", "body: Invalid JSON"),
        (b"{", 400, "invalid_request", "body: Invalid JSON"),
        (b"\xff\xfe", 400, "invalid_request", "body: Invalid JSON"),
        (b"[" * 60_000, 400, "invalid_request", "body: Invalid JSON"),
        (b'{"query": "\\ud800"}', 400, "invalid_request", "body: Invalid JSON"),
        (b"[]", 400, "invalid_request", "body: Input should be an object"),
        ({}, 400, "invalid_request", "query: Field required"),
        ({"query": 3}, 400, "invalid_request", "query: Input should be a valid string"),
        ({"query": "a\0b"}, 400, "invalid_request", "query: String should match"),
        ({"query": "a" * 2001}, 400, "invalid_request", "query: String should have at most 2000"),
        ({"query": "mass", "k": 0}, 400, "invalid_request", "k: Input should be greater than or equal to 1"),
        ({"query": "mass", "k": 201}, 400, "invalid_request", "k: Input should be less than or equal to 200"),
        ({"query": "mass", "k": True}, 400, "invalid_request", "k: Input should be a valid integer"),
        ({"query": "mass", "k": "3"}, 400, "invalid_request", "k: Input should be a valid integer"),
        (b'{"query": "mass", "exclude_risk": NaN}', 400, "invalid_request", "exclude_risk: Input should be"),
        ({"query": "mass", "top": 3}, 400, "invalid_request", "top: Extra inputs are not permitted"),
        ({"query": "mass", "space": "x"}, 400, "invalid_request", "space: Input should be 'raw' or"),
        ({"query": " "}, 422, "query_error", "the query is empty"),
        ({"query": "mass", "where": "weight=3"}, 422, "filter_error", "unknown field 'weight'"),
        ({"query": "mass", "method": "magic"}, 422, "unknown_name", "unknown method 'magic'"),
        ({"query": QUERY, "method": "z-score"}, 422, "calibration_missing", "measure it once with"),
        ({"query": QUERY, "exclude_risk": 0.01}, 422, "promise_error", "."),
        ({"query": "mass", "encoder": "hf:a/b"}, 422, "unknown_name", "unknown encoder 'hf:a/b'; .*: fake"),
        ({"query": "mass", "text_encoder": "/etc"}, 422, "unknown_name", "unknown text encoder '/etc'"),
    ],
)
def test_a_request_that_cannot_be_answered_is_told_why(served, body, status, code, message):
    reply = searched(served, body)
    error = reply.json["error"]
    assert (reply.status, error["code"]) == (status, code)
    assert re.search(message, error["message"])
    jsonschema.validate(reply.json, description()["components"]["schemas"]["Error"])


def test_nothing_is_loaded_that_was_not_named_at_the_start(served, monkeypatch):
    monkeypatch.setattr(encoders, "load", lambda *_: pytest.fail("nothing may be loaded"))
    assert searched(served, query="mass", encoder="hf:someone/model").status == 422


def test_a_large_body_is_refused_before_and_while_it_arrives(served):
    large = b" " * (questions.MOST_BYTES + 1)
    announced = asked(served, "POST", "/api/search", content_type="application/json", content_length="70000")
    assert (announced.status, announced.json["error"]["code"]) == (413, "too_large")
    assert searched(served, large).status == 413
    assert searched(served, b" " * questions.MOST_BYTES).status == 400


def test_a_body_that_never_ends_is_given_up(served, monkeypatch):
    monkeypatch.setattr(questions, "BODY_SECONDS", 0.01)

    async def dribble():
        from starlette.requests import Request

        async def receive():
            await asyncio.sleep(0.002)
            return {"type": "http.request", "body": b" ", "more_body": True}

        scope = {"type": "http", "headers": [(b"content-type", b"application/json")], "method": "POST"}
        await questions.read_question(Request(scope, receive))

    with pytest.raises(questions.Refusal) as refused:
        asyncio.run(dribble())
    assert (refused.value.status_code, refused.value.code) == (408, "too_slow")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/search", 405, "method_not_allowed"),
        ("POST", "/api/search", 415, "not_json"),
        ("GET", "/api/elsewhere", 404, "not_found"),
        ("GET", "/thumb/nobody", 404, "not_found"),
        ("GET", "/thumb/%2e%2e%2fkey", 404, "not_found"),
        ("GET", "/thumb/a\0b", 404, "not_found"),
        ("GET", "/thumb/image-1?content=zz", 404, "not_found"),
        ("DELETE", "/thumb/image-1", 405, "method_not_allowed"),
    ],
)
def test_addresses_and_methods_that_there_are_not(served, method, path, status, code):
    reply = asked(served, method, path, b"{}")
    assert (reply.status, reply.json["error"]["code"]) == (status, code)


def test_every_reply_has_safe_headers_and_an_id(served):
    for reply in (searched(served, query=QUERY), searched(served, {}), asked(served, "GET", "/api/x")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert HASH.fullmatch(reply.headers["x-request-id"])


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost.evil.example", "null", "http://[x"]
)
def test_the_pages_of_other_sites_are_refused(served, origin):
    reply = asked(served, "GET", "/thumb/image-1", origin=origin)
    assert (reply.status, reply.json["error"]["code"]) == (403, "foreign_origin")


def test_the_pages_own_origin_is_the_operators_public_host(served, told):
    told(public_host="Xray.Example")
    assert asked(served, "GET", "/livez", origin="https://xray.example").status == 200
    assert asked(served, "GET", "/livez", origin="http://localhost:8501").status == 200
    assert asked(served, "GET", "/livez", origin="https://yray.example").status == 403


def test_a_thumbnail_is_kept_by_its_tag(served, archive_folder):
    reply = asked(served, "GET", "/thumb/image-1")
    with Archive.open(archive_folder) as store:
        assert reply.body == store.thumbnail(2)
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["cache-control"] == "private, max-age=3600"
    tag = reply.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    again = asked(served, "GET", "/thumb/image-1", if_none_match=f'"other", {tag}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)


def test_the_thumbnail_of_an_answer_is_its_images_own(served, archive_folder):
    for hit in searched(served, query=QUERY).json["hits"]:
        assert asked(served, "GET", hit["thumb"]).status == 200
        assert asked(served, "GET", hit["thumb"][:-16] + "0" * 16).status == 404
