"""No other site may speak for a reader: a browser says from whose page a request comes, and it must be ours.

Streamlit's own look at this would ask the internet for this machine's address first.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app import resources
from app.serving.refusals import reply

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Origins:
    """ASGI middleware that refuses requests and page sessions from the pages of other sites."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "lifespan" or _ours(Headers(scope=scope).get("origin")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            why = "the request comes from the page of another site"
            await reply(403, "foreign_origin", why)(scope, receive, send)


def _ours(origin: str | None) -> bool:
    """Whether a request comes from our own page, or from no page at all."""
    if origin is None:
        return True
    settings = resources.settings()
    try:
        return urlsplit(origin).hostname in _HERE | {settings.host, (settings.public_host or "").lower()}
    except ValueError:
        return False
