"""`GET /healthz`, `/livez` and `/metrics`: for load balancers, supervisors and Prometheus."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from app.serving.threads import Asked
from medneg import __version__

PROBE_SECONDS = 2.0
COUNT_SECONDS = 60.0
"""How long a count of the archive's images is good for: counting a hundred million takes a while."""

Route = Callable[[Request], Awaitable[Response]]


def health_route() -> Route:
    """A route that asks the archive a question, and says 503 where it does not answer in time."""
    ask = Asked(_ping, seconds=PROBE_SECONDS)

    async def healthz(_request: Request) -> JSONResponse:
        well = await ask()
        status = "ok" if well else "archive_unavailable"
        return JSONResponse({"status": status, "version": __version__}, 200 if well else 503)

    return healthz


async def live_route(_request: Request) -> JSONResponse:
    """Say that the process answers, whatever the archive does."""
    return JSONResponse({"status": "ok", "version": __version__})


def metrics_route() -> Route:
    """A route that tells all that was counted; a count of images that takes long is told later."""
    count = Asked(_count, seconds=PROBE_SECONDS)
    counted = -COUNT_SECONDS

    async def metrics(_request: Request) -> Response:
        nonlocal counted
        if time.monotonic() - counted >= COUNT_SECONDS:
            counted = time.monotonic()
            await count()
        return Response(resources.meters().text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return metrics


def _ping() -> bool:
    resources.open_archive(resources.archive_location()).ping()
    return True


def _count() -> None:
    images = resources.open_archive(resources.archive_location()).counts().images
    resources.meters().holds(images)
