"""A thousand malformed requests: each gets an answer or its connection closed, and the service goes on."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from tests.serving.requests import CANARY, malformed, post
from tests.serving.service import Service, served

pytestmark = pytest.mark.slow

REQUESTS = 1000
UNFINISHED = ("body_length", "framing", "noise")
"""Kinds of which some never end, or are no request at all: they may get no answer."""

PATIENCE = 60.0
"""Seconds within which every other request is answered, however busy the machine."""


@pytest.fixture(scope="module")
def service(phantom_archive, tmp_path_factory):
    with served(phantom_archive, tmp_path_factory.mktemp("service")) as service:
        yield service
        assert service.alive()
        seen = service.log.read_bytes()
        assert CANARY.encode() not in seen.lower()
        assert b"traceback" not in seen.lower()
        assert all(isinstance(json.loads(line), dict) for line in seen.splitlines())


def send(service: Service, raw: bytes, *, patience: float = PATIENCE) -> tuple[int | None, str, bytes]:
    """Status, media type and body of the answer; None where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=patience) as connection:
        answer = http.client.HTTPResponse(connection, method="HEAD" if raw.startswith(b"HEAD") else "GET")
        try:
            connection.sendall(raw)
            answer.begin()
            return answer.status, answer.headers.get_content_type(), answer.read()
        except (OSError, http.client.HTTPException):
            return None, "", b""


def is_sound(kind: str, status: int | None, media: str, body: bytes) -> bool:
    """Whether an answer is one that a malformed request may get."""
    if status is None:
        return kind in UNFINISHED
    if b"traceback" in body.lower() or status >= 500:
        return False
    if kind in ("question", "words") and status != 200:
        error = json.loads(body)["error"]
        return media == "application/json" and {"code", "message"} <= set(error)
    return True


def test_every_malformed_request_gets_a_proper_answer_and_the_service_goes_on(service):
    unsound = []
    for name, raw in malformed(REQUESTS, seed=1):
        kind = name[5:]
        status, media, body = send(service, raw, patience=2 if kind in UNFINISHED else PATIENCE)
        if not is_sound(kind, status, media, body):
            unsound.append((name, status, body[:100]))
    assert unsound == []
    assert service.get("/healthz")[0] == 200
    assert CANARY.encode() not in service.get("/metrics")[1]
    status, body = service.ask({"query": "effusion but no calcification"})
    assert (status, len(json.loads(body)["hits"])) == (200, 10)


def test_connections_that_are_left_half_done_cost_nothing(service):
    head = post(b'{"query": "effusion"}', length="5000")
    left = []
    for number in range(60):
        connection = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE)
        connection.sendall(head[: 1 + number * len(head) // 60])
        if number % 3 == 0:
            connection.close()
        elif number % 3 == 1:
            connection.shutdown(socket.SHUT_WR)
        left.append(connection)
    assert service.get("/healthz")[0] == 200
    assert service.ask({"query": "effusion"})[0] == 200
    for connection in left:
        connection.close()


def test_a_body_that_does_not_arrive_is_not_waited_for_for_ever(service):
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(post(b'{"query": ', length="5000"))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (408, "too_slow")
