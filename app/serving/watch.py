"""What goes around every request: an id, safe headers, a log line, a count, and no traceback for anybody."""

from __future__ import annotations

import logging
import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import resources
from app.serving.logs import event
from app.serving.refusals import stumble

PAGE = "page"
"""The route of whatever Streamlit serves."""

THUMB = "/thumb/{pseudonym}"
_MANY = (PAGE, THUMB)
"""Of a page and its dozens of files and pictures nothing is to be learned but what went wrong."""

_OWN = ("/api/search", "/api/openapi.json", "/healthz", "/livez", "/metrics")
_GONE = 499
"""The status that is logged where the client went away before it was answered."""


def template(path: str) -> str:
    """A route's template for a path: what labels and logs may tell of it.

    Example:
        >>> template("/thumb/4f6c"), template("/api/search"), template("/api/x"), template("/diagnostics")
        ('/thumb/{pseudonym}', '/api/search', '/api/other', 'page')
    """
    if path in _OWN:
        return path
    if path.startswith("/thumb/"):
        return THUMB
    return "/api/other" if path.startswith("/api/") else PAGE


class Watch:
    """ASGI middleware around every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route, number, started = template(scope["path"]), secrets.token_hex(8), time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _protect(MutableHeaders(scope=message), route, number)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = status or _GONE
        except Exception as error:
            answer = stumble(error)
            if not status:
                await answer(scope, receive, sending)
        finally:
            _tell(route, number, status or _GONE, time.perf_counter() - started)


def _protect(headers: MutableHeaders, route: str, number: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Request-Id"] = number
    # The page keeps its query in the address: no other site is told where a reader came from.
    headers["Referrer-Policy"] = "same-origin"
    if route != PAGE:
        headers.setdefault("Cache-Control", "no-store")


def _tell(route: str, number: str, status: int, seconds: float) -> None:
    resources.meters().requested(route, status, seconds)
    level = logging.WARNING if status >= 500 else logging.DEBUG if route in _MANY else logging.INFO
    event("request", level, request=number, route=route, status=status, ms=round(seconds * 1000, 1))
