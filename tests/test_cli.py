"""The command line as people and scripts use it: the real archive, an encoder that needs no weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medneg import __version__, cli, encoders
from medneg.terminal.screen import foreign
from tests.fake_encoder import FakeEncoder

runner = CliRunner()


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    done = runner.invoke(
        cli.app, ["phantom", str(folder), "--studies", "6", "--rows", "64", "--workers", "0"]
    )
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(autouse=True)
def _fake_encoder(monkeypatch):
    tower = FakeEncoder()
    monkeypatch.setattr(encoders, "load", lambda *names: tower)


@pytest.fixture
def archive(phantoms, tmp_path):
    done = runner.invoke(
        cli.app, ["ingest", str(phantoms), "--archive", str(tmp_path / "a"), "--workers", "0"]
    )
    assert done.exit_code == 0, done.output
    return str(tmp_path / "a")


def test_help_answers_without_heavy_imports():
    heavy = "{'torch', 'monai', 'pydicom', 'transformers', 'open_clip', 'sqlalchemy', 'streamlit', 'numpy'}"
    code = f"import sys, medneg.cli; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_told():
    assert runner.invoke(cli.app, ["--version"]).output.strip() == f"medneg {__version__}"


def test_ingest_prints_the_json_that_scripts_rely_on(phantoms, tmp_path):
    command = ["ingest", str(phantoms), "--archive", str(tmp_path / "a"), "--workers", "0", "--json"]
    first = json.loads(runner.invoke(cli.app, command).stdout)
    again = json.loads(runner.invoke(cli.app, command).stdout)
    images = len(list(phantoms.rglob("*.dcm")))
    assert (first["indexed"], first["unchanged"], first["rejected"]) == (images, 0, [])
    assert (again["indexed"], again["unchanged"], again["rejected"]) == (0, images, [])


def test_where_an_archive_s_key_lies_is_told_without_the_key(archive, monkeypatch, tmp_path):
    told = Path(runner.invoke(cli.app, ["archive", "key", archive]).stdout.strip())
    assert len(told.read_bytes()) == 32
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    told = runner.invoke(cli.app, ["archive", "key", "postgresql://writer:secret@db/films"]).stdout.strip()
    assert told.startswith(str(tmp_path))
    assert (
        told
        == runner.invoke(cli.app, ["archive", "key", "postgresql://writer:changed@db/films"]).stdout.strip()
    )


def test_a_cluster_and_processes_of_this_machine_are_not_asked_for_at_once(phantoms, tmp_path):
    command = ["ingest", str(phantoms), "--archive", str(tmp_path / "a"), "--workers", "2", "--ray", "local"]
    done = runner.invoke(cli.app, command)
    assert done.exit_code == 2
    assert "with --ray the cluster has its own" in " ".join(done.output.replace("│", " ").split())


def test_search_prints_the_json_that_scripts_rely_on(archive):
    command = ["search", "effusion but no calcification", "--archive", archive, "--top", "3", "--json"]
    answer = json.loads(runner.invoke(cli.app, command).stdout)
    assert answer["query"] == "effusion but no calcification"
    assert answer["encoder"] == "fake"
    assert answer["exact"] is True
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    for hit in answer["hits"]:
        assert Path(hit["image"]).is_file()
        assert hit["score"] == pytest.approx(sum(term["value"] for term in hit["terms"]), abs=1e-12)


def test_compare_shows_plain_clip_first_and_the_truth_beside_each_hit(archive):
    done = runner.invoke(
        cli.app, ["search", "effusion but no calcification", "--archive", archive, "--compare"]
    )
    assert done.exit_code == 0, done.output
    assert done.output.index("cosine") < done.output.index("subtract")
    assert "truth" in done.output
    assert "research use" in done.output


def test_evaluate_refuses_an_archive_without_labels(phantoms, tmp_path, monkeypatch, capsys):
    images = tmp_path / "images"
    images.mkdir()
    (images / "one.dcm").write_bytes(next(phantoms.rglob("*.dcm")).read_bytes())
    place = ["--archive", str(tmp_path / "a")]
    runner.invoke(cli.app, ["ingest", str(images), *place, "--workers", "0"])
    monkeypatch.setattr(sys, "argv", ["medneg", "evaluate", *place])
    with pytest.raises(SystemExit):
        cli.main()
    assert "no image of the archive has labels of manifests" in " ".join(capsys.readouterr().err.split())


def test_a_file_name_cannot_steer_the_terminal():
    assert foreign("a\x1b[31mb.dcm").plain == "a\N{REPLACEMENT CHARACTER}[31mb.dcm"


def test_doctor_tells_what_the_archive_holds(archive):
    checks = json.loads(runner.invoke(cli.app, ["doctor", "--archive", archive, "--json"]).stdout)
    found = {check["subject"]: check for check in checks}
    assert found["archive"]["ok"]
    assert "embeddings of fake" in found["archive"]["detail"]
    assert found["encoder biomedclip"]["required"] is False


def test_doctor_says_what_to_do_about_a_missing_archive(tmp_path):
    done = runner.invoke(cli.app, ["doctor", "--archive", str(tmp_path / "none"), "--json"])
    found = {check["subject"]: check for check in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert not found["archive"]["ok"]
    assert "medneg ingest" in found["archive"]["advice"]


def test_a_foreseen_error_is_one_line_and_exit_code_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["medneg", "search", "effusion", "--archive", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_every_command_and_option_is_documented():
    page = (Path(__file__).parents[1] / "docs/reference/command-line.md").read_text(encoding="utf-8")
    for command in cli.app.registered_commands:
        assert command.callback is not None
        assert f"## medneg {command.callback.__name__}" in page
    assert not [option for option in _options() if option not in page]


def _options() -> list[str]:
    import typer

    root = typer.main.get_command(cli.app)
    return [
        opt
        for command in root.commands.values()
        for param in command.params
        for opt in param.opts
        if opt[:2] == "--"
    ]


def test_an_archive_is_copied_and_answers_alike(archive, tmp_path):
    rows = json.loads(
        runner.invoke(cli.app, ["archive", "copy", archive, str(tmp_path / "b"), "--json"]).stdout
    )
    assert rows["images"] == rows["embeddings"] > 0
    question = ["search", "effusion but no pneumothorax", "--json", "--archive"]
    asked = [json.loads(runner.invoke(cli.app, [*question, str(tmp_path / name)]).stdout) for name in "ab"]
    assert asked[0] == asked[1]
    done = runner.invoke(cli.app, ["archive", "copy", archive, str(tmp_path / "b")])
    assert (done.exit_code, "holds an archive already" in str(done.exception or done.output)) == (1, True)
