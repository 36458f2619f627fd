"""What runs around the search API: health, logs, metrics, turns, settings."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from pathlib import Path

import jsonschema
import pytest

from app import resources
from app.serving import application, logs, questions, searching
from app.serving.openapi import description
from app.serving.settings import Settings
from medneg import __version__
from medneg.archive import Archive
from medneg.errors import ArchiveError, ArchiveUnavailable, UnknownName
from tests.app.asgi import ask, asked, searched, service
from tests.app.seen import QUERY

HASH = re.compile(r"[0-9a-f]{16}")


def test_health_follows_the_archive_and_life_does_not(served, monkeypatch):
    assert asked(served, "GET", "/healthz").json == {"status": "ok", "version": __version__}

    def gone(self):
        raise ArchiveUnavailable("the server at 10.1.2.3 is gone")

    monkeypatch.setattr(Archive, "ping", gone)
    reply = asked(served, "GET", "/healthz")
    assert (reply.status, reply.json["status"]) == (503, "archive_unavailable")
    assert asked(served, "GET", "/livez").status == 200


def test_a_database_that_hangs_is_asked_by_one_thread_only(served, monkeypatch):
    monkeypatch.setattr("app.serving.health.PROBE_SECONDS", 0.02)
    let_go, asking = threading.Event(), []
    monkeypatch.setattr(Archive, "ping", lambda self: asking.append(1) or let_go.wait(5))

    async def probe():
        app = service()
        replies = [await ask(app, "GET", "/healthz") for _ in range(3)]
        let_go.set()
        await asyncio.sleep(0.05)
        return [*replies, await ask(app, "GET", "/healthz")]

    assert [reply.status for reply in asyncio.run(probe())] == [503, 503, 503, 200]
    assert len(asking) == 2


def test_a_database_that_is_gone_is_503_and_tells_nothing_of_where_it_was(served, monkeypatch, lines):
    def gone(self):
        raise ArchiveUnavailable("postgresql://10.1.2.3: connection refused")

    monkeypatch.setattr(Archive, "spaces", gone)
    reply = searched(served, query=QUERY)
    assert (reply.status, reply.json["error"]["code"]) == (503, "archive_unavailable")
    assert reply.headers["retry-after"] == "2"
    assert "10.1.2.3" not in reply.body.decode() + json.dumps(lines)


def test_an_archive_that_cannot_answer_is_503_without_its_place(served, monkeypatch):
    def damaged(self):
        raise ArchiveError("/data/anna_karenina/archive is damaged")

    monkeypatch.setattr(Archive, "spaces", damaged)
    reply = searched(served, query=QUERY)
    assert (reply.status, reply.json["error"]["code"]) == (503, "archive_unusable")
    assert "anna" not in reply.body.decode()


def test_an_unexpected_error_shows_an_id_that_leads_to_its_place_in_the_log(served, monkeypatch, lines):
    def broken(*_args, **_kwargs):
        raise RuntimeError("Anna Karenina, effusion")

    monkeypatch.setattr(searching, "search", broken)
    reply = searched(served, query=QUERY)
    assert (reply.status, reply.json["error"]["code"]) == (500, "internal")
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["id"] == reply.json["error"]["id"]
    assert failed["error"] == "RuntimeError"
    assert re.search(r"serving/searching\.py:\d+", failed["where"])
    assert "Anna" not in reply.body.decode() + json.dumps(lines)


def test_a_line_of_the_log_tells_the_route_and_never_what_was_asked(served, lines, archive_folder):
    searched(served, query="Anna Karenina with effusion")
    asked(served, "GET", "/api/anna-karenina?name=anna")
    asked(served, "GET", "/thumb/image-1")
    asked(served, "GET", "/thumb/anna")
    assert [line.pop("route") for line in lines] == ["/api/search", "/api/other"]
    for line in lines:
        assert set(line) == {"time", "level", "event", "request", "status", "ms"}
    assert "nna" not in json.dumps(lines)


def test_only_place_and_type_of_other_peoples_records_are_kept():
    record = logging.LogRecord("sqlalchemy", logging.ERROR, "/x/pool.py", 7, "Anna %s", ("Karenina",), None)
    try:
        raise ValueError("Anna Karenina")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    line = json.loads(logs.JsonLines().format(record))
    assert (line["event"], line["logger"], line["where"].partition(":")[0]) == (
        "library",
        "sqlalchemy",
        "app/test_serving_operation.py",
    )
    assert line["error"] == "ValueError"
    assert "Anna" not in json.dumps(line)


def test_metrics_count_by_route_and_index_and_name_nobody(served):
    searched(served, query="Anna Karenina with effusion")
    searched(served, {})
    asked(served, "GET", "/thumb/anna")
    told = asked(served, "GET", "/metrics").body.decode()
    for line in (
        'medneg_requests_total{route="/api/search",status="200"} 1.0',
        'medneg_requests_total{route="/api/search",status="400"} 1.0',
        'medneg_requests_total{route="/thumb/{pseudonym}",status="404"} 1.0',
        'medneg_request_seconds_count{route="/api/search"} 2.0',
        'medneg_searches_total{door="api",index="scan of float16 rows"} 1.0',
        "medneg_archive_images 6.0",
        "medneg_searches_running 0.0",
        "medneg_searches_waiting 0.0",
        "medneg_searches_refused 0.0",
    ):
        assert line in told.splitlines()
    assert "anna" not in told.lower()


def _held(monkeypatch):
    """Searches that last until they are let go."""
    let_go = threading.Event()
    real = searching.search

    def slow(*args, **kwargs):
        assert let_go.wait(10)
        return real(*args, **kwargs)

    monkeypatch.setattr(searching, "search", slow)
    return let_go


BODY = json.dumps({"query": QUERY}).encode()


def test_beyond_turns_and_queue_the_answer_is_busy_at_once(served, told, monkeypatch):
    told(searches=1, waiting=2)
    let_go = _held(monkeypatch)

    async def crowd():
        tasks = [
            asyncio.create_task(ask(served, "POST", "/api/search", BODY, content_type="application/json"))
            for _ in range(5)
        ]
        done, _ = await asyncio.wait(tasks, timeout=0.5)
        let_go.set()
        return [task.result() for task in done], await asyncio.gather(*tasks)

    at_once, all_replies = asyncio.run(crowd())
    assert [(reply.status, reply.json["error"]["code"]) for reply in at_once] == [(503, "busy")] * 2
    assert all(reply.headers["retry-after"] == "2" for reply in at_once)
    assert sorted(reply.status for reply in all_replies) == [200, 200, 200, 503, 503]
    assert (resources.turns().running, resources.turns().waiting, resources.turns().refused) == (0, 0, 2)


def test_a_client_that_goes_away_gives_up_its_place(served, told, monkeypatch, lines):
    told(searches=1, waiting=1)
    let_go = _held(monkeypatch)

    async def crowd():
        json_body = {"content_type": "application/json"}
        first = asyncio.create_task(ask(served, "POST", "/api/search", BODY, **json_body))
        await asyncio.sleep(0.05)
        gone = await ask(served, "POST", "/api/search", BODY, leaves=0.05, **json_body)
        waiting = resources.turns().waiting
        let_go.set()
        return gone, waiting, await first

    gone, waiting, first = asyncio.run(crowd())
    assert (gone.status, waiting, first.status) == (0, 0, 200)
    assert [line["status"] for line in lines] == [499, 200]


def test_who_waits_too_long_hears_busy(served, told, monkeypatch):
    told(searches=1, waiting=1)
    let_go = _held(monkeypatch)
    monkeypatch.setattr(searching, "PATIENCE", 0.05)

    async def crowd():
        json_body = {"content_type": "application/json"}
        first = asyncio.create_task(ask(served, "POST", "/api/search", BODY, **json_body))
        await asyncio.sleep(0.05)
        late = await ask(served, "POST", "/api/search", BODY, **json_body)
        let_go.set()
        return late, await first

    late, first = asyncio.run(crowd())
    assert (late.status, late.json["error"]["code"], first.status) == (503, "busy", 200)
    assert resources.turns().refused == 1


def test_the_reader_whom_a_proxy_signed_in_is_kept_as_a_pseudonym(served, told, archive_folder):
    def who(**headers):
        asked(served, "POST", "/api/search", BODY, content_type="application/json", **headers)
        with Archive.open(archive_folder) as store:
            return store.searches(1)[0].who

    nobody = who(x_forwarded_user="anna")  # nobody said that this header is to be trusted
    told(user_header="X-Forwarded-User")
    anna, ben = who(x_forwarded_user="anna"), who(x_forwarded_user="ben")
    assert len({nobody, anna, ben}) == 3
    assert all(HASH.fullmatch(each) for each in (nobody, anna, ben))
    assert who(x_forwarded_user="anna") == anna


def test_the_description_is_what_checks_requests(served):
    published = asked(served, "GET", "/api/openapi.json").json
    assert published == description()
    assert published["openapi"] == "3.1.0"
    question = published["components"]["schemas"]["Question"]
    jsonschema.Draft202012Validator.check_schema(question)
    assert question == questions.Question.model_json_schema()
    assert (question["additionalProperties"], question["required"]) == (False, ["query"])
    paths = {path: set(of) for path, of in published["paths"].items()}
    assert paths == {"/api/search": {"post"}, "/thumb/{pseudonym}": {"get"}}
    linked = json.loads((Path(__file__).parents[2] / "docs/reference/search.schema.json").read_text("utf-8"))
    assert published["components"]["schemas"]["Answer"] == linked


def test_what_cannot_be_used_is_told_at_the_start(served, told, archive_folder, monkeypatch):
    application.prepare()
    assert searching.offered() == ("fake",)
    told(index="magic")
    with pytest.raises(UnknownName, match="unknown index 'magic'"):
        application.prepare()
    monkeypatch.setenv("MEDNEG_ARCHIVE", str(archive_folder / "nowhere"))
    told()
    with pytest.raises(ArchiveError, match="there is no archive"):
        application.prepare()


def test_settings_come_from_the_environment_and_have_defaults():
    assert Settings.from_environment({}) == Settings()
    handed = Settings.from_environment({"MEDNEG_SERVE": '{"encoder": ["a"], "searches": 3}'})
    assert (handed.encoder, handed.searches, handed.waiting) == (("a",), 3, 40)
