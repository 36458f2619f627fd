"""The service as a process: it stops without losing an answer, and says at once why it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from medneg.cli import app

START = [sys.executable, "-P", "-m", "app.serving"]


def test_the_command_hands_its_settings_over_and_becomes_the_service(archive_folder, monkeypatch):
    told = []
    monkeypatch.setattr(os, "execve", lambda path, command, environment: told.append((command, environment)))
    options = ["--host", "0.0.0.0", "--encoder", "a", "--encoder", "b", "--searches", "3", "--show-paths"]
    ran = CliRunner().invoke(app, ["serve", "--archive", str(archive_folder), *options])
    assert ran.exit_code == 0
    assert "Serving at http://0.0.0.0:8501/" in ran.output
    assert "Put a proxy with TLS and sign-in before it" in ran.output
    ((command, environment),) = told
    assert command == START
    assert environment["MEDNEG_ARCHIVE"] == str(archive_folder)
    assert json.loads(environment["MEDNEG_SERVE"]) == {
        "host": "0.0.0.0",
        "port": 8501,
        "public_host": None,
        "encoder": ["a", "b"],
        "index": "auto",
        "searches": 3,
        "waiting": 40,
        "show_paths": True,
        "user_header": None,
    }


@pytest.mark.slow
def test_a_port_that_is_taken_is_told_in_one_line(archive_folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = {"MEDNEG_ARCHIVE": str(archive_folder), "MEDNEG_SERVE": json.dumps({"port": port})}
        ran = subprocess.run(START, env={**os.environ, **told}, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        f"error: cannot listen on 127.0.0.1, port {port}: Address already in use; choose another with --port"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_whoever_was_heard_and_exits_with_0(tmp_path, number):
    from tests.serving.service import served

    with (
        served(_archive(tmp_path), tmp_path, "--searches", "1") as service,
        ThreadPoolExecutor(12) as clients,
    ):
        heard = threading.Barrier(13)

        def ask(_):
            heard.wait()
            return service.ask({"query": "effusion but no calcification", "k": 200})

        answers = clients.map(ask, range(12))
        heard.wait()
        while _heard(service) < 12:
            time.sleep(0.01)
        service.process.send_signal(number)
        statuses = [status for status, _ in answers]
        assert service.process.wait(30) == 0
    assert statuses == [200] * 12
    events = [json.loads(line)["event"] for line in service.log.read_text().splitlines()]
    assert (events[0], events[-1]) == ("started", "stopped")


def _heard(service):
    """How many searches were answered, run or wait."""
    counted = (
        'medneg_requests_total{route="/api/search"',
        "medneg_searches_running",
        "medneg_searches_waiting",
    )
    lines = service.get("/metrics")[1].decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(counted))


def _archive(folder):
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.ingest import ingest
    from medneg.phantom.writer import write

    write(folder / "phantoms", studies=8, seed=3, rows=96, workers=0)
    with Archive.open(folder / "archive", create=True) as archive:
        ingest([folder / "phantoms"], archive, encoders.load("phantom"), workers=0)
    return folder / "archive"
