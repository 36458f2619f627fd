"""Requests to the service's own routes without a socket: what was sent, and what came back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette

from app.serving.application import HANDLERS, MIDDLEWARE, routes


@dataclass
class Reply:
    """What came back: a status of 0 means nothing."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def service() -> Starlette:
    """The service without Streamlit's page behind it."""
    return Starlette(routes=routes(), middleware=MIDDLEWARE, exception_handlers=HANDLERS)


async def ask(app, method: str, path: str, body: bytes = b"", *, leaves: float | None = None, **headers: str):
    """One request; ``leaves`` says after how many seconds the client goes away."""
    address, _, query = path.partition("?")
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("localhost", 80),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    reply, told = Reply(), False

    async def receive():
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.sleep(3600 if leaves is None else leaves)
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply


def asked(app, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """The same for those who wait."""
    return asyncio.run(ask(app, method, path, body, **headers))


def searched(app, _body: object = None, /, **question: object) -> Reply:
    """A search request, with a body of its own or made of a question."""
    body = _body if isinstance(_body, bytes) else json.dumps(question or _body).encode()
    return asked(app, "POST", "/api/search", body, content_type="application/json")
