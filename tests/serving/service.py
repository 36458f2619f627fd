"""`medneg serve` as a process of its own, as an operator starts it, and what is seen of it from outside."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

START_SECONDS = 120.0
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service.

    Attributes:
        port: where it listens on this machine.
        process: its process.
        log: the file that its standard error goes to.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, *, timeout: float = 30.0) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return self._answer("GET", path, None, timeout)

    def ask(self, question: object, *, timeout: float = 60.0) -> tuple[int, bytes]:
        """Status and body of a search."""
        return self._answer("POST", "/api/search", json.dumps(question).encode(), timeout)

    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> float:
        """Wait until `/healthz` says ok; returns for how long."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if not self.alive():
                raise RuntimeError(f"the service ended: {self.log.read_text()[-2000:]}")
            try:
                if self.get("/healthz", timeout=5)[0] == 200:
                    return time.monotonic() - began
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"not healthy after {seconds:g} s: {self.log.read_text()[-2000:]}")

    def _answer(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def served(archive: str | Path, folder: Path, *options: str) -> Iterator[Service]:
    """Serve an archive; the log goes to ``folder/log``. It must stop on request, with status 0."""
    port = _free_port()
    arguments = ["serve", "--archive", str(archive), "--port", str(port), *options]
    command = [sys.executable, "-c", "from medneg.cli import main; main()", *arguments]
    root = Path(__file__).parents[2]
    with (folder / "log").open("wb") as log:
        # With -P, the service does not look into the folder that it is started from.
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, "PYTHONPATH": str(root)}
        )
    service = Service(port=port, process=process, log=folder / "log")
    try:
        service.wait_until_healthy()
        yield service
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
