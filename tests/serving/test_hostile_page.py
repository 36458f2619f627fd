"""Hostile addresses and hostile messages at the page: it answers as a page, and the service goes on."""

from __future__ import annotations

import json
import threading
from random import Random
from urllib.parse import quote

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed

from tests.serving.readers import Reader
from tests.serving.requests import CANARY, STRINGS
from tests.serving.service import served

pytestmark = pytest.mark.slow

PARAMETERS = (
    "q",
    "image",
    "compare",
    "method",
    "space",
    "k",
    "view",
    "sex",
    "age",
    "risk",
    "encoder",
    CANARY,
)


@pytest.fixture(scope="module")
def service(phantom_archive, tmp_path_factory):
    with served(phantom_archive, tmp_path_factory.mktemp("page")) as service:
        yield service
        seen = service.log.read_bytes().lower()
        assert CANARY.encode() not in seen
        assert b"traceback" not in seen
        assert all(isinstance(json.loads(line), dict) for line in seen.splitlines())


@pytest.fixture
def reader(service):
    """One who does nothing by himself."""
    reader = Reader(service.port, 0, threading.Event(), pause=0)
    yield reader
    reader.leave()


def addresses(count: int) -> list[str]:
    """Query strings that no link on the page leads to."""
    rng, made = Random(3), []
    for _ in range(count):
        names = rng.sample(PARAMETERS, 3)
        held = [rng.choice((*STRINGS, f"effusion {CANARY}", "1" * 400)) for _ in names]
        pairs = (f"{quote(n)}={quote(v, errors='surrogatepass')}" for n, v in zip(names, held, strict=True))
        made.append("&".join(pairs))
    return [*made, "q=%ff%fe", "q", "=", "&&&", "q=a&" * 300]


def test_no_address_breaks_the_page(service, reader):
    for address in addresses(30):
        message = BackMsg()
        message.rerun_script.query_string = address
        reader.open_tab()
        page = reader.run_script(message)
        assert page.exceptions == [], address[:200]
        assert "Something went wrong" not in " ".join(page.alerts), address[:200]
    assert service.get("/healthz")[0] == 200


def test_messages_that_no_browser_sends_cost_their_sender_alone(service, reader):
    rng = Random(4)
    proper = BackMsg()
    proper.rerun_script.query_string = f"q={CANARY}"
    widget = proper.rerun_script.widget_states.widgets.add()
    widget.id, widget.string_value = CANARY, CANARY * 1000
    raw = proper.SerializeToString()
    for number in range(100):
        reader.open_tab()
        spoilt = bytearray(raw if number % 2 else rng.randbytes(rng.choice((1, 30, 5000))))
        for _ in range(4):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        try:
            reader.send(CANARY if number % 10 == 0 else bytes(spoilt))
            reader.send(bytes(spoilt))
        except ConnectionClosed:
            continue
    assert service.alive()
    assert service.get("/healthz")[0] == 200
    assert service.ask({"query": "effusion"})[0] == 200
