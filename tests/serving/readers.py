"""Simulated readers: each has the page open as a browser has it, asks, looks at pictures, and asks the API.

A page is a session of Streamlit over its websocket: the browser sends what its widgets hold, the server runs
the script and sends what has changed on the page (``streamlit/proto/BackMsg.proto``, ``ForwardMsg.proto``).
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

QUERIES = (
    "effusion but no calcification",
    "cardiomegaly without edema",
    "pacemaker and no effusion",
    "nodule but not a calcified granuloma",
    "no pneumothorax",
    "effusion",
    "no effusion, no cardiomegaly",
)
PATIENCE = 40.0
"""Seconds after which a reader gives up; a search may wait for 20 s for its turn before it hears "busy"."""

_THUMB = re.compile(r"/?(thumb/[0-9a-f]+\?content=[0-9a-f]+)")
_HIT = re.compile(r"thumb/|data:image/jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One thing that a reader did: of what kind, when, how long it took, and what came of it.

    ``outcome`` is "ok", "busy", "unavailable" (both told properly), or what went wrong.
    """

    kind: str
    at: float
    seconds: float
    outcome: str


@dataclass(slots=True)
class Page:
    """What one run of the page's script has put on it."""

    html: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """What a reader makes of it."""
        if self.exceptions:
            return f"exception: {self.exceptions[0]}"
        told = " ".join(self.alerts)
        if "Many are searching" in told:
            return "busy"
        if "archive cannot be reached" in told:
            return "unavailable"
        if told:
            return f"alert: {told}"
        return "ok" if any(_HIT.search(each) for each in self.html) else "no hits"

    @property
    def thumbs(self) -> list[str]:
        """The addresses of the pictures on it."""
        return list(dict.fromkeys(each for html in self.html for each in _THUMB.findall(html)))


class Reader(threading.Thread):
    """One person at one screen, until ``stop`` is set.

    Args:
        port: of the service, on this machine.
        number: tells readers apart and seeds what this one does.
        stop: set when all shall end.
        pause: seconds between two actions, at most; half of it on average.
    """

    def __init__(self, port: int, number: int, stop: threading.Event, *, pause: float) -> None:
        super().__init__(name=f"reader-{number}", daemon=True)
        self._port, self._stop_all, self._pause = port, stop, pause
        self._rng = Random(number)
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._tab: ClientConnection | None = None
        self._open = ExitStack()
        self._box = ""
        self.seen: list[Seen] = []

    def run(self) -> None:
        """Open the page; then ask in it, ask the API, look at pictures, and now and then open it anew."""
        while not self._stop_all.is_set():
            query = self._rng.choice(QUERIES)
            act = self._rng.random()
            if self._tab is None or act < 0.05:
                self._timed("open page", self._open_page, query)
            elif act < 0.6:
                self._timed("ask page", self._ask_page, query)
            else:
                self._timed("ask API", self._ask_api, query)
            self._stop_all.wait(self._rng.uniform(0, self._pause))
        self.leave()

    def open_tab(self) -> None:
        """Open a session of the page, as a new tab; the last one is closed."""
        self._close_tab()
        opening = connect(
            f"ws://127.0.0.1:{self._port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=f"http://127.0.0.1:{self._port}",  # type: ignore[arg-type]
            max_size=None,
            open_timeout=PATIENCE,
        )
        self._tab = self._open.enter_context(opening)

    def send(self, raw: bytes | str) -> None:
        """Send a message to the open tab's session; text is not what it expects."""
        assert self._tab is not None
        self._tab.send(raw)

    def run_script(self, message: BackMsg) -> Page:
        """Send what the browser sends, and wait until the page is whole."""
        self.send(message.SerializeToString())
        assert self._tab is not None
        page, deadline = Page(), time.monotonic() + PATIENCE
        while True:
            left = deadline - time.monotonic()
            got = ForwardMsg.FromString(self._tab.recv(timeout=left))  # type: ignore[arg-type]
            kind = got.WhichOneof("type")
            if kind == "delta":
                self._gather(got, page)
            elif kind == "new_session":
                page = Page()
            elif kind == "script_finished" and got.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return page

    def leave(self) -> None:
        """Close what is open."""
        self._close_tab()
        self._http.close()

    def _timed(self, kind: str, act: Any, *arguments: Any) -> None:
        at = time.monotonic()
        try:
            outcome = act(*arguments)
        except (OSError, http.client.HTTPException, WebSocketException, ValueError) as error:
            outcome = f"{type(error).__name__}: {error}"
            self._http.close()
            self._close_tab()
        self.seen.append(Seen(kind=kind, at=at, seconds=time.monotonic() - at, outcome=outcome))

    def _open_page(self, query: str) -> str:
        status, _ = self._request("GET", "/")
        if status != 200:
            return f"status {status}"
        self.open_tab()
        message = BackMsg()
        message.rerun_script.query_string = f"q={query.replace(' ', '+')}"
        return self._look(message)

    def _ask_page(self, query: str) -> str:
        message = BackMsg()
        message.rerun_script.query_string = f"q={query.replace(' ', '+')}"
        widget = message.rerun_script.widget_states.widgets.add()
        widget.id, widget.string_value = self._box, query
        return self._look(message)

    def _look(self, message: BackMsg) -> str:
        """Send what the browser sends, wait for the page, and fetch its pictures as a browser does."""
        page = self.run_script(message)
        for address in page.thumbs[:6]:
            self._timed("thumbnail", self._thumbnail, address)
        return page.outcome

    def _gather(self, message: ForwardMsg, page: Page) -> None:
        element = message.delta.new_element
        match element.WhichOneof("type"):
            case "html":
                page.html.append(element.html.body)
            case "markdown":
                page.html.append(element.markdown.body)
            case "alert":
                page.alerts.append(element.alert.body)
            case "exception":
                page.exceptions.append(f"{element.exception.type}: {element.exception.message}")
            case "text_input" if element.text_input.label == "Query":
                self._box = element.text_input.id

    def _thumbnail(self, address: str) -> str:
        status, body = self._request("GET", f"/{address}")
        if status == 503:
            return self._refused(body)
        return "ok" if status == 200 and body.startswith(b"\xff\xd8") else f"status {status}"

    def _ask_api(self, query: str) -> str:
        status, body = self._request("POST", "/api/search", json.dumps({"query": query}).encode())
        if status == 503:
            return self._refused(body)
        return "ok" if status == 200 and json.loads(body)["hits"] else f"status {status}: {body[:200]!r}"

    def _refused(self, body: bytes) -> str:
        code = json.loads(body)["error"]["code"]
        return {"busy": "busy", "archive_unavailable": "unavailable"}.get(code, code)

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Over a connection that is kept, as browsers keep theirs; the server may close it meanwhile."""
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            self._http.request(method, path, body, headers)
            answer = self._http.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._http.close()
            self._http.request(method, path, body, headers)
            answer = self._http.getresponse()
        return answer.status, answer.read()

    def _close_tab(self) -> None:
        self._tab = None
        self._open.close()


def table(seen: Sequence[Seen]) -> str:
    """By kind of action: how many went well or were told to wait, and how long those that went well took."""
    heads = [f"{head:>8}" for head in ("ok", "busy", "away", "wrong", "p50 ms", "p95 ms", "p99 ms")]
    lines = [f"{'':12} {' '.join(heads)}"]
    for kind in sorted({each.kind for each in seen}):
        some = [each for each in seen if each.kind == kind]
        told = {name: sum(each.outcome == name for each in some) for name in ("ok", "busy", "unavailable")}
        took = sorted(each.seconds * 1000 for each in some if each.outcome == "ok")
        counts = [*told.values(), len(some) - sum(told.values())]
        times = [round(quantile(took, share)) for share in (0.5, 0.95, 0.99)] if took else ["", "", ""]
        lines.append(f"{kind:12} {' '.join(f'{figure:>8}' for figure in (*counts, *times))}")
    return "\n".join(lines)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of ordered values lies, without interpolation."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
