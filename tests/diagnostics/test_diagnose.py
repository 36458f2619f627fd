"""A diagnosis from end to end: verdict, gate, page, JSON twin, and a report that was interrupted."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.archive import Archive
from medneg.diagnostics import running, writing
from medneg.diagnostics.page import write_page
from medneg.diagnostics.running import diagnose
from medneg.diagnostics.sizes import SIZES
from medneg.diagnostics.writing import write_report
from medneg.errors import SpaceMismatch
from tests.diagnostics.towers import Deaf, Oracle, make_archive
from tests.fake_encoder import FakeEncoder

GATE = "[sentences]\nno_x = 0.85\nexclusion_violation = 0.2\ncosine = 0.6\n"
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "diagnosis.schema.json"

TINY = replace(
    SIZES["small"], carriers=2, drawn=2, images=40, seeds=1, perplexities=(5,), weighed=2, coloured=1
)

runner = CliRunner()


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    """A small report is still too long for a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", TINY)
        yield


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    place = str(tmp_path_factory.mktemp("real") / "archive")
    make_archive(place, phantom=False)
    return place


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Finished parts, for all tests that do not ask how they are made."""
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="module")
def found(archive, parts):
    """The deaf tower beside the oracle."""
    with Archive.open(archive) as store:
        return diagnose(store, [Deaf(Oracle()), Oracle()], size="small", parts=parts)


@pytest.fixture(scope="module")
def page(found):
    return write_page(found, command="medneg diagnose --archive <A>", made="2026-11-22")


def test_a_tower_deaf_to_negation_fails(found):
    deaf = found.verdicts[0]
    assert deaf.outcome == "fails"
    assert re.match(
        r"Asked for “no X” it returns images that show X in (9\d|100) of 100 cases\. ", deaf.words
    )
    assert deaf.words.endswith("Use it only with a parsing method (below), never with whole sentences.")
    assert deaf.check("sentence", "no_x").status == "fails"
    assert deaf.check("sentence", "cosine").found.value == pytest.approx(1, abs=1e-6)


def test_a_perfect_oracle_passes(found):
    oracle = found.verdicts[1]
    assert oracle.outcome == "passes"
    assert oracle.untested == ()
    assert {check.status for check in oracle.checks} == {"passes"}
    assert oracle.check("sentence", "no_x").found.value == 1
    assert oracle.check("sentence", "exclusion_violation").found.value == 0


def test_on_phantoms_even_an_oracle_has_a_reservation(tmp_path):
    make_archive(str(tmp_path / "archive"), phantom=True)
    with Archive.open(tmp_path / "archive") as store:
        found = diagnose(store, [Oracle()], size="small")
    assert found.verdicts[0].outcome == "passes with a reservation"
    assert found.verdicts[0].untested == ("real radiographs",)
    assert "<b>Real radiographs: untested.</b>" in write_page(found, command="", made="")


def test_the_tables_compare_with_the_base_on_the_same_units(found):
    row = next(
        row
        for row in found.groups
        if (row.model, row.way, row.kind, row.wording) == (1, "sentence", "no X", "natural")
    )
    assert row.gain.figure.value == pytest.approx(row.right.value - _base(found, row).right.value)
    assert row.right.n == 4
    assert row.gain_over_sentence is None
    assert _base(found, row).gain is None


def _base(found, row):
    return next(
        one
        for one in found.groups
        if (one.model, one.way, one.kind, one.wording) == (0, row.way, row.kind, row.wording)
    )


def test_encoders_of_other_image_towers_are_refused_by_name(archive):
    with Archive.open(archive) as store, pytest.raises(SpaceMismatch, match="fake and oracle do not share"):
        diagnose(store, [Oracle(), FakeEncoder()])


def test_an_archive_too_small_for_any_prompt_is_untested(tmp_path):
    make_archive(str(tmp_path / "archive"), phantom=False, pictures=12)
    with Archive.open(tmp_path / "archive") as store:
        found = diagnose(store, [Deaf(Oracle()), Oracle(), Oracle()], size="small")
    assert [verdict.outcome for verdict in found.verdicts] == ["untested"] * 3
    assert [model.name for model in found.models] == ["deaf", "oracle", "oracle (2)"]
    assert found.tested.left_out == (
        "aortic_calcification",
        "calcified_granuloma",
        "pleural_effusion",
        "pneumothorax",
    )
    assert "? deaf untested" in write_page(found, command="", made="")


def test_no_encoder_is_an_error(archive):
    with Archive.open(archive) as store, pytest.raises(ValueError, match="at least one encoder; got none"):
        diagnose(store, [])


def test_the_page_asks_for_nothing_outside_itself(page):
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"'](?!data:)", page)
    assert not re.search(r"@import|url\(", page)
    assert len(page.encode()) < 15e6


def test_the_page_says_what_it_must(page):
    assert "<h1>Do these models hear “no”?</h1>" in page
    assert "✗ deaf fails" in page
    assert "✓ oracle passes" in page
    assert "The attribution share is an illustration, not a gate" in page
    assert "medneg diagnose --archive &lt;A&gt;" in page
    assert "For tests &lt;only&gt;." in page
    assert "@media print" in page


def test_neither_page_nor_twin_names_a_person_or_a_file(found, page):
    for text in (page, json.dumps(found.to_json())):
        assert "DOE" not in text
        assert not re.search(r"patient\d", text)


def test_the_twin_is_as_its_schema_says(found):
    told = json.loads(json.dumps({**found.to_json(), "made": "2026-11-22", "command": ""}, allow_nan=False))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    _fits(told, schema, schema)
    assert told["verdicts"][1]["checks"][0]["threshold"]["key"] == "sentences.no_x"


KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def _fits(value, schema, root):
    """Enough of JSON Schema for ours: $ref, anyOf with null, types, enums, properties, items."""
    if "anyOf" in schema:
        schema = {"type": "null"} if value is None else schema["anyOf"][0]
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(value, KINDS[kind]) for kind in allowed), (value, schema)
    assert value in schema.get("enum", [value])
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, one in value.items():
            _fits(one, schema["properties"][name], root)
    if isinstance(value, list):
        for one in value:
            _fits(one, schema["items"], root)


def test_a_report_that_was_interrupted_goes_on_where_it_stopped(archive, tmp_path, monkeypatch):
    models = [Oracle()]
    with Archive.open(archive) as store:
        monkeypatch.setattr(running, "weigh", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            diagnose(store, models, size="small", parts=tmp_path)
        kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        assert {name.rpartition("-")[0] for name in kept} == {
            *("hearing", "geometry", "prompt-maps", "image-map", "joint-map")
        }
        monkeypatch.undo()
        for part in ("hear", "measure_geometry", "prompt_maps", "image_map", "joint_map"):
            monkeypatch.setattr(running, part, _interrupt)
        resumed = diagnose(store, models, size="small", parts=tmp_path)
        whole = diagnose(store, models, size="small", parts=tmp_path)
    assert resumed.to_json() == whole.to_json()
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name in kept} == kept


def _interrupt(*_, **__):
    raise KeyboardInterrupt


def test_other_inputs_make_other_parts(archive, tmp_path):
    with Archive.open(archive) as store:
        for seed in (0, 1):
            diagnose(store, [Oracle()], size="small", seed=seed, parts=tmp_path)
    assert len(list(tmp_path.glob("hearing-*.json"))) == 2


def test_progress_ends_where_it_said_it_would(archive):
    seen = []
    with Archive.open(archive) as store:
        diagnose(store, [Oracle()], size="small", progress=lambda *step: seen.append(step))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


@pytest.fixture
def _quick(monkeypatch, parts):
    """The command with towers of ours, a small report and no browser."""
    towers = {None: Deaf(Oracle()), "oracle": Oracle(), "deaf": Deaf(Oracle(), "deaf-too")}
    monkeypatch.setattr(encoders, "load", lambda name, tower=None: towers[tower])
    monkeypatch.setattr(
        running, "diagnose", lambda *a, **k: diagnose(*a, size="small", **k | {"parts": parts})
    )
    monkeypatch.setattr(writing, "print_page", lambda page, pdf: False)


def _run(archive, tmp_path, *more, gate=GATE):
    (tmp_path / "thresholds.toml").write_text(gate, encoding="utf-8")
    words = ("diagnose", "--archive", archive, "--out", str(tmp_path / "report"))
    return runner.invoke(cli.app, [*words, "--gate", str(tmp_path / "thresholds.toml"), *more])


@pytest.mark.usefixtures("_quick")
def test_the_gate_is_closed_for_a_deaf_tower(archive, tmp_path):
    result = _run(archive, tmp_path)
    assert result.exit_code == 3
    assert "gate closed: deaf: sentences.no_x is" in result.output
    assert (tmp_path / "report" / "report.html").is_file()


@pytest.mark.usefixtures("_quick")
def test_the_gate_judges_the_tuned_tower_and_opens_for_an_oracle(archive, tmp_path):
    result = _run(archive, tmp_path, "--text-encoder", "oracle")
    assert result.exit_code == 0
    assert "gate open: 3 thresholds hold" in result.output
    assert "no PDF: no Chromium printed it on this machine" in result.output


@pytest.mark.usefixtures("_quick")
def test_every_tuned_tower_must_pass_the_gate_and_json_says_so(archive, tmp_path):
    result = _run(archive, tmp_path, "--text-encoder", "oracle", "--text-encoder", "deaf", "--json")
    assert result.exit_code == 3
    gate = json.loads(result.stdout)["gate"]
    assert gate["judged"] == ["oracle", "deaf-too"]
    assert [missed.partition(":")[0] for missed in gate["missed"]] == ["deaf-too"] * 3


@pytest.mark.usefixtures("_quick")
def test_a_gate_that_asks_for_what_was_not_measured_is_closed(archive, tmp_path):
    result = _run(archive, tmp_path, gate="[sentences]\naffirmed_change = -0.02\n")
    assert result.exit_code == 3
    assert "sentences.affirmed_change is untested: it needs a --text-encoder" in result.output


def test_a_report_on_disk_replaces_an_older_pdf(found, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "print_page", lambda page, pdf: False)
    (tmp_path / "report.pdf").write_bytes(b"old")
    written = write_report(found, tmp_path, command="medneg diagnose")
    assert written.pdf is None
    assert not (tmp_path / "report.pdf").exists()
    assert json.loads(written.twin.read_text(encoding="utf-8"))["command"] == "medneg diagnose"
