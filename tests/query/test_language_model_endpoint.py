"""The OpenAI-compatible endpoint, against a server on this machine that misbehaves in every known way."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import replace

import pytest

from medneg.errors import ParserError, QueryError
from medneg.query import ParserSettings, lexicon, parse, parser
from medneg.query.language_model import endpoint as module
from medneg.query.language_model import fallback
from medneg.query.language_model.endpoint import LARGEST_BODY, Endpoint, endpoint
from medneg.query.language_model.fallback import ModelParser
from medneg.query.language_model.prompt import messages
from tests.query.canned_server import completing, running

QUERY = "effusion but no calcification"
GOOD = {
    "affirmed": ["effusion"],
    "negated": [{"concept": "calcification", "strength": "weak"}],
    "uncertain": [],
}


@pytest.fixture
def server():
    fallback._reply.cache_clear()
    with running() as server:
        server.answer = completing(GOOD)
        yield server


def read(server, query=QUERY, timeout=5.0, **more):
    return ModelParser(Endpoint(url=server.url, name="tiny", timeout=timeout, **more)).parse(query)


def test_a_good_answer_is_the_reading(server):
    query = read(server)
    (wanted,), (unwanted,) = query.affirmed, query.negated
    assert (query.parser, query.warnings, query.needs_review) == ("tiny", (), False)
    assert (wanted.text, wanted.span, wanted.origin) == ("pleural effusion", (0, 8), "language_model")
    assert (unwanted.text, unwanted.strength, unwanted.cue) == ("calcification", "weak", "but no")
    assert query.counterfactuals == ("pleural effusion and calcification",)


def test_what_is_asked(server):
    read(server, key="secret")
    ((path, headers, request),) = server.seen
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert {name: request[name] for name in ("model", "temperature", "seed", "max_tokens")} == {
        "model": "tiny",
        "temperature": 0,
        "seed": 0,
        "max_tokens": 256,
    }
    assert request["messages"] == messages(QUERY)
    schema = request["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"]["affirmed"]["items"]["enum"] == ["effusion", "calcification"]


def test_this_machine_may_be_called_by_name(server):
    settings = ParserSettings(policy="always", url=server.url.replace("127.0.0.1", "localhost"), model="tiny")
    assert parser(settings).parse(QUERY).parser == "tiny"


def test_no_key_no_header(server):
    read(server)
    assert "Authorization" not in server.seen[0][1]


def test_filters_stay_here(server):
    query = read(server, "effusion age:>60 but no calcification view:PA")
    assert server.seen[0][2]["messages"][-1]["content"] == "Query: effusion but no calcification"
    assert [each.text for each in query.filters] == [">60", "PA"]
    assert query.negated[0].span == (24, 37)


@pytest.mark.parametrize(
    "words",
    [
        "```json\n" + json.dumps(GOOD, indent=1) + "\n```",
        "Certainly {as you wish}. The answer is " + json.dumps(GOOD) + " which says it all.",
    ],
    ids=["fenced", "in prose"],
)
def test_an_answer_with_words_around_it_is_read(server, words):
    server.answer = completing(words)
    assert read(server).parser == "tiny"


def hang(handler, _):
    handler.server.stopping.wait(20)


def drip(handler, _):
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.stopping.wait(0.05):
        handler.wfile.write(b" ")


def drip_headers(handler, _):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not handler.server.stopping.wait(0.05):
        handler.wfile.write(b"x")


def huge(handler, _):
    handler.send(b" " * (LARGEST_BODY + 10))


def cut_off(handler, _):
    handler.send(b'{"choices"', **{"Content-Length": "5000"})


def bad_header(handler, _):
    handler.wfile.write(b"HTTP/9 maybe\r\n\r\n")


FAULTS = {
    "hang": (hang, "gave no answer within 0.3 s"),
    "drip": (drip, "gave no answer within 0.3 s"),
    "drip headers": (drip_headers, "gave no answer within 0.3 s"),
    "500": (lambda handler, _: handler.send("oops", 500), "answered with HTTP status 500"),
    "401": (lambda handler, _: handler.send("who?", 401), "answered with HTTP status 401"),
    "always 400": (lambda handler, _: handler.send("no", 400), "answered with HTTP status 400"),
    "huge body": (huge, "answered with more than 262,144 bytes"),
    "cut off": (cut_off, "something other than a chat completion"),
    "no HTTP": (bad_header, "cannot be reached (BadStatusLine)"),
    "no JSON": (lambda handler, _: handler.send("<html>"), "something other than a chat completion"),
    "no choices": (lambda handler, _: handler.send('{"choices": []}'), "other than a chat completion"),
    "a list": (lambda handler, _: handler.send("[]"), "something other than a chat completion"),
    "nested": (lambda handler, _: handler.send("[" * 100_000), "something other than a chat completion"),
    "no words": (
        lambda handler, _: handler.send('{"choices": [{"message": {"content": null}}]}'),
        "answered without words",
    ),
    "too long": (completing(GOOD, finish="length"), "was cut off after 256 tokens"),
    "truncated": (completing(json.dumps(GOOD)[:40]), "gave no complete JSON object"),
    "prose": (completing("I cannot help with that."), "gave no complete JSON object"),
    "deep": (completing('{"a":' * 3_000), "gave no complete JSON object"),
    "endless": (completing("{" * 30_000), "answered with 30,000 characters; at most 20,000 are read"),
    "another object": (completing({"findings": ["effusion"]}), "an object of another kind"),
    "empty object": (completing({}), "an object of another kind"),
    "no list": (completing({"affirmed": "effusion"}), "gave no list of affirmed findings"),
    "no phrase": (completing({"affirmed": [3]}), "named a finding that is no short phrase"),
    "no strength": (completing({"negated": ["calcification"]}), "without its strength"),
    "wrong strength": (
        completing({"negated": [{"concept": "calcification", "strength": "firm"}]}),
        "a strength other than strong, moderate, weak",
    ),
    "nine findings": (completing({"affirmed": ["effusion"] * 9}), "named 9 findings; at most 8 are taken"),
    "invented": (
        completing({"affirmed": ["effusion", "pneumothorax"]}),
        "names 'pneumothorax', which the query does not say",
    ),
    "invented side": (
        completing({"affirmed": ["left pleural effusion"]}),
        "names 'left pleural effusion', which the query does not say",
    ),
    "hostile name": (completing({"affirmed": ["\ud800\x1b[31m"]}), r"names '\ud800\x1b[31m'"),
    "cue": (completing({"affirmed": ["no calcification"]}), "takes 'no calcification' for a finding"),
    "both": (
        completing({"affirmed": ["calcification"], "uncertain": ["calcification"]}),
        "reads 'calcification' in two ways",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_any_fault_leaves_the_grammars_reading_and_says_why(server, fault):
    server.answer, reason = FAULTS[fault]
    started = time.monotonic()
    query = read(server, timeout=0.3 if "hang" in fault or "drip" in fault else 5.0)
    (warning,) = query.warnings
    assert time.monotonic() - started < 8
    assert warning.code == "llm_fallback"
    assert warning.message.startswith("tiny did not read this: it ")
    assert reason in warning.message
    assert replace(query, warnings=()) == parse(QUERY)


def test_a_polarity_without_a_cue_is_not_believed(server):
    server.answer = completing({"negated": [{"concept": "effusion", "strength": "strong"}]})
    query = read(server, "left effusion")
    assert "calls something unwanted, and no word of the query does" in query.warnings[-1].message
    assert [mention.text for mention in query.affirmed] == ["left pleural effusion"]


def test_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    model = Endpoint(url=f"http://127.0.0.1:{port}/v1", name="tiny")
    (warning,) = ModelParser(model).parse(QUERY).warnings
    assert f"it is not there: nothing listens at 127.0.0.1:{port}" in warning.message


def test_a_redirect_is_not_followed(server):
    server.answer = lambda handler, _: handler.send("", 307, Location="http://192.0.2.1/v1")
    assert "redirects are not followed" in read(server).warnings[0].message
    assert len(server.seen) == 1


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert read(server).parser == "tiny"


@pytest.mark.parametrize("refused", [("json_schema",), ("json_schema", "json_object")], ids=len)
def test_a_server_that_knows_no_schema_is_asked_again_for_less(server, refused):
    def answer(handler, request):
        if request.get("response_format", {}).get("type") in refused:
            handler.send("unknown field", 400)
        else:
            completing(GOOD)(handler, request)

    server.answer = answer
    assert read(server).parser == "tiny"
    asked = [request.get("response_format", {}).get("type") for _, _, request in server.seen]
    assert asked == ["json_schema", "json_object", None][: len(refused) + 1]


def test_the_same_query_is_asked_once(server):
    read(server)
    assert read(server, "effusion  but no calcification").parser == "tiny"
    assert len(server.seen) == 1


def test_failures_are_not_remembered(server):
    server.answer = FAULTS["500"][0]
    read(server)
    server.answer = completing(GOOD)
    assert read(server).parser == "tiny"


def test_a_query_of_filters_alone_is_not_sent(server):
    query = read(server, "view:PA")
    assert query.parser == "grammar"
    assert server.seen == []


def test_a_query_of_many_phrases_is_not_sent(server):
    query = read(server, " ".join(finding.name for finding in lexicon().findings[:40]))
    assert "is not asked about a query with" in query.warnings[-1].message
    assert server.seen == []


def test_a_blank_query_is_refused_as_by_the_grammar(server):
    with pytest.raises(QueryError, match="the query is empty"):
        read(server, " ")


def test_only_flagged_queries_are_sent_on_review(server):
    asked = ModelParser(Endpoint(url=server.url, name="tiny"), only_flagged=True)
    assert asked.parse(QUERY).parser == "grammar"
    assert server.seen == []
    assert asked.parse("effusion but no calcification or snowmen").parser == "tiny"


@pytest.mark.parametrize(
    ("url", "allowed", "loopback"),
    [
        ("http://localhost:8080/v1/", (), True),
        ("http://127.0.0.2/v1", (), True),
        ("https://[::1]:8443", (), True),
        ("https://Models.Hospital.example/v1", ("models.hospital.example",), False),
    ],
)
def test_endpoints_that_may_see_queries(url, allowed, loopback):
    found = endpoint(ParserSettings(policy="always", url=url, model="m", allowed_hosts=allowed))
    assert (found.url, found.loopback) == (url.rstrip("/"), loopback)


@pytest.mark.parametrize(
    "url",
    [
        "http://models.hospital.example/v1",
        "http://localhost.hospital.example/v1",
        "http://10.0.0.5:8080/v1",
        "http://0.0.0.0:8080/v1",
        "http://[::ffff:10.0.0.5]/v1",
        "http://127.1/v1",
    ],
)
def test_a_host_elsewhere_must_be_allowed_by_name(url):
    settings = ParserSettings(policy="on_review", url=url, model="m", allowed_hosts=("other.example",))
    with pytest.raises(ParserError, match=r"queries can hold patient data, and .* is not this machine"):
        parser(settings)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8080",
        "ftp://localhost/v1",
        "file:///etc/passwd",
        "http://",
        "http://localhost:port/v1",
        "http://localhost:99999/v1",
        "http://user:hunter2@localhost/v1",
        "http://localhost/v1?key=hunter2",
        "http://löcalhost/v1",
        "http://localhost/v1\r\nX: y",
        "http://[::1/v1",
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url):
    with pytest.raises(ParserError, match="looks like http://localhost:8080/v1") as refusal:
        parser(ParserSettings(policy="always", url=url, model="m"))
    assert "hunter2" not in str(refusal.value)


def test_a_name_that_leads_away_from_this_machine_is_not_followed(server, monkeypatch):
    monkeypatch.setattr(module, "_is_loopback", lambda host: host == "localhost")
    assert "at an address that is not this machine's" in read(server).warnings[0].message
    assert server.seen == []


def test_a_key_that_no_header_can_hold_is_refused():
    settings = ParserSettings(policy="always", url="http://localhost/v1", model="m", key="a\r\nb")
    with pytest.raises(ParserError, match="MEDNEG_PARSER_KEY holds a character that no header can"):
        parser(settings)


def test_the_key_is_never_shown(server):
    shown = repr(ParserSettings(key="hunter2")) + repr(Endpoint(url=server.url, name="m", key="hunter2"))
    assert not re.search("hunter2", shown)
