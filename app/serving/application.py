"""The ASGI application: Streamlit's page with the service's own routes beside it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from app import resources
from app.serving.health import health_route, live_route, metrics_route
from app.serving.logs import event, failure
from app.serving.openapi import openapi_route
from app.serving.origins import Origins
from app.serving.refusals import explain, refuse
from app.serving.searching import offered, search_route
from app.serving.thumbs import thumb_route
from app.serving.watch import Watch
from medneg import __version__
from medneg.errors import MednegError

PAGE = Path(__file__).parents[1] / "main.py"
MIDDLEWARE = (Middleware(Watch), Middleware(Origins))
HANDLERS: dict[Any, Any] = {HTTPException: refuse, MednegError: explain}


def build() -> st.App:
    """The application, as the environment asks for it."""
    return st.App(
        PAGE,
        routes=routes(),
        middleware=MIDDLEWARE,
        lifespan=_lifespan,
        on_script_error=_page_failed,
        exception_handlers=HANDLERS,
    )


def routes() -> list[BaseRoute]:
    """The service's own routes, which go before the page's."""
    return [
        Mount(
            "/api",
            routes=[
                Route("/search", search_route, methods=["POST"]),
                Route("/openapi.json", openapi_route),
            ],
        ),
        Mount("/thumb", routes=[Route("/{pseudonym}", thumb_route)]),
        Route("/healthz", health_route()),
        Route("/livez", live_route),
        Route("/metrics", metrics_route()),
    ]


def prepare() -> None:
    """Open the archive and load the encoders, so that the first question is answered as fast as the next.

    Raises:
        MednegError: if the archive, an encoder, the index or the parser cannot be used.
    """
    store = resources.open_archive(resources.archive_location())
    resources.load_parser()
    held = {space.image_fingerprint for space in store.spaces() if space.count}
    for name in offered():
        fingerprint = resources.load_encoder(name).card.image_fingerprint
        if fingerprint in held:
            store.indexes(fingerprint).open(resources.settings().index)


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    event("started", version=__version__)
    yield {}
    resources.open_archive(resources.archive_location()).close()
    event("stopped")


def _page_failed(error: Exception) -> bool:
    """Log an error of the page's script, and show its reader a line instead of a traceback."""
    event("page_failed", logging.ERROR, **failure(error))
    st.error("Something went wrong on this page; its operator finds it in the log. Try again.")
    return True
