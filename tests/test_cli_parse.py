"""`medneg parse`: what a person sees, the JSON for programs, and files of queries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medneg import cli
from medneg.errors import QueryError
from medneg.query import from_json, parse, to_json
from medneg.query.parsers import Grammar
from medneg.query.question_files import read_questions
from medneg.terminal.reading import marked_sentence
from medneg.terminal.screen import console
from tests.query.canned_server import completing, running

ROOT = Path(__file__).parents[1]
QUERY = "effusion but no calcification"
runner = CliRunner()


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in ("", "_URL", "_MODEL", "_KEY", "_ALLOW_HOST"):
        monkeypatch.delenv(f"MEDNEG_PARSER{name}", raising=False)
    monkeypatch.setattr(console, "_width", 160)


def shown(*arguments: str, **more) -> str:
    done = runner.invoke(cli.app, ["parse", *arguments], **more)
    assert done.exit_code == 0, done.output
    return done.output


def test_marks_stand_under_the_words_they_belong_to():
    words, marks = (line.plain for line in marked_sentence(parse(QUERY), 100))
    assert words == QUERY
    assert marks == "●●●●●●●● ~~~~~~ ⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘"


def test_findings_are_underlined_and_cues_are_not():
    line = next(iter(marked_sentence(parse(QUERY), 100)))
    styles = {(span.start, span.end): str(span.style) for span in line.spans}
    assert styles[0, 8] == "bold underline blue"
    assert styles[9, 15] == "italic dark_orange"
    assert styles[16, 29] == "bold underline dark_orange"


def test_a_long_sentence_is_cut_with_its_marks():
    lines = [line.plain for line in marked_sentence(parse(QUERY), 16)]
    assert lines == ["effusion but no ", "●●●●●●●● ~~~~~~", "calcification", "⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘⊘"]


def test_what_is_implied_is_marked_as_the_statement_that_implies_it():
    _, marks = (line.plain for line in marked_sentence(parse("clear lungs"), 100))
    assert marks == "●" * 11


def test_a_reading_shows_all_that_is_known():
    text = shown("portable clear lungs but no small left effusoin or snowflakes view:PA age:old")
    for part in (
        "● clear lungs wanted",
        "⊘ small left pleural effusion (for “effusoin”) unwanted, strong “but no” loculated pleural effusion",
        "and 1 more",
        "⊘ snowflakes (not in the lexicon) unwanted, strong",
        "⊘ lung opacity unwanted, weak “clear lungs”, implied consolidation",
        "filters: view PA",
        "context: portable",
        "! interpreted 'effusoin' as 'effusion'",
        "! 'age:old' is not used: age is a number of years; got 'old'",
        "Look it over: the reading may not be what was meant.",
    ):
        assert part in " ".join(text.split()), part


def test_a_clear_reading_asks_for_no_review():
    assert "Look it over" not in shown(QUERY)
    assert "in the past" in shown("history of pneumonia")


def test_a_query_cannot_steer_the_terminal():
    assert "\x1b" not in shown("effusion without foo\x1b[31mbar \x07 and \x9b2J")


def test_words_may_come_from_standard_input():
    assert json.loads(shown("-", "--json", input=f"{QUERY}\n"))["raw"] == QUERY
    assert json.loads(shown("-", "--json", input=b"effusion \xff\n"))["raw"] == "effusion \ufffd"


QUERIES = [
    QUERY,
    "clear lungs except for a small left effusoin view:PA age:>60 date:2024-01..2024-06",
    "portable film, possible pneumonia vs edema, stable PE, no unicorns (sex:X)",
    "heart is not enlarged, hx of tb",
    "?",
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_json_keeps_to_its_schema_and_can_be_read_back(query):
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    schema = json.loads((ROOT / "docs/reference/query.schema.json").read_text(encoding="utf-8"))
    validator.check_schema(schema)
    printed = json.loads(shown(query, "--json"))
    validator(schema).validate(printed)
    assert from_json(printed) == parse(query)


def test_the_schema_refuses_what_is_no_query():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs/reference/query.schema.json").read_text(encoding="utf-8"))
    good = json.loads(json.dumps(to_json(parse(QUERY))))
    for change in ({"negated": good["affirmed"]}, {"colour": "red"}, {"schema_version": 2}, {"parser": ""}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **change}, schema)


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_a_file_of_queries_becomes_a_file_of_readings(tmp_path):
    file = write(
        tmp_path / "q.jsonl",
        json.dumps({"id": "a", "query": QUERY, "hard": True}),
        "",
        '{"id":"b","query":"?pe"}',
    )
    done = runner.invoke(cli.app, ["parse", "--file", file])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[0] == {
        "id": "a",
        "affirmed": ["pleural effusion"],
        "negated": [{"concept": "calcification", "strength": "strong"}],
        "uncertain": [],
    }
    assert [row["id"] for row in rows] == ["a", "b"]
    out = tmp_path / "out.jsonl"
    assert shown("--file", file, "--out", str(out)).count("{") == 0
    assert out.read_text(encoding="utf-8") == done.stdout


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[1]", "it is a list and not an object with id and query"),
        ('{"query": "effusion"}', "id must be a string; got None"),
        ('{"id": 3, "query": "effusion"}', "id must be a string; got 3"),
        ('{"id": "b", "query": null}', "query must be a string; got None"),
        ('{"id": "a", "query": "edema"}', "the id 'a' stands on line 1 already"),
        ('{"id": "b", "query": " "}', "the query is empty"),
        (json.dumps({"id": "b", "query": "x" * 2001}), "a query has at most 2000 characters; got 2001"),
    ],
    ids=lambda value: value[:20],
)
def test_a_bad_line_is_named_with_its_reason(tmp_path, line, reason):
    file = Path(write(tmp_path / "q.jsonl", '{"id": "a", "query": "effusion"}', "", line))
    with pytest.raises(QueryError) as refusal:
        list(read_questions(file, Grammar()))
    assert str(refusal.value).startswith(f"{file}, line 3: ")
    assert reason in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "q.jsonl").write_bytes(b'{"id": "a"}\n\xff')
    with pytest.raises(QueryError, match=r"q\.jsonl is not UTF-8 text, from byte 12 on"):
        list(read_questions(tmp_path / "q.jsonl", Grammar()))


def test_a_bad_line_leaves_no_file_behind(tmp_path):
    file = write(tmp_path / "q.jsonl", '{"id": "a", "query": "effusion"}', "{")
    done = runner.invoke(cli.app, ["parse", "--file", file, "--out", str(tmp_path / "out.jsonl")])
    assert isinstance(done.exception, QueryError)
    assert not (tmp_path / "out.jsonl").exists()


def test_progress_counts_the_queries(tmp_path):
    file = write(tmp_path / "q.jsonl", *(f'{{"id": "{k}", "query": "edema"}}' for k in range(3)))
    told = []
    list(read_questions(Path(file), Grammar(), progress=lambda done, total: told.append((done, total))))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "arguments", [[], [QUERY, "--file", __file__], [QUERY, "--out", "x.jsonl"], ["--file", "no such file"]]
)
def test_arguments_that_do_not_go_together_are_refused(arguments):
    assert runner.invoke(cli.app, ["parse", *arguments]).exit_code == 2


def test_a_language_model_reads_when_it_is_asked_for():
    with running() as server:
        server.answer = completing({"affirmed": ["effusion"], "uncertain": ["calcification"]})
        options = ["--parser", "always", "--parser-url", server.url, "--parser-model", "tiny"]
        read = json.loads(shown(QUERY, "--json", *options))
        assert (read["parser"], read["uncertain"][0]["text"]) == ("tiny", "calcification")
        text = shown(QUERY, *options)
        assert "read by: tiny" in text
        assert "! tiny reads 'calcification' as left open, the grammar as unwanted" in text


def test_the_environment_may_choose_the_model(monkeypatch):
    with running() as server:
        monkeypatch.setenv("MEDNEG_PARSER", "always")
        monkeypatch.setenv("MEDNEG_PARSER_URL", server.url)
        monkeypatch.setenv("MEDNEG_PARSER_MODEL", "small")
        server.answer = lambda handler, _: handler.send("", 503)
        text = " ".join(shown(QUERY).split())
        assert "! small did not read this: it answered with HTTP status 503" in text
        assert json.loads(shown(QUERY, "--json", "--parser", "off"))["warnings"] == []
