"""`GET /thumb/{pseudonym}`: the small pictures, which a browser keeps and asks for once."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from app import resources
from app.serving.refusals import Refusal
from app.serving.threads import in_thread

KEEP_SECONDS = 3600
"""How long a browser may show a picture without asking; after that it asks whether it has changed."""


async def thumb_route(request: Request) -> Response:
    """An image's thumbnail.

    Raises:
        Refusal: if the archive has no such image.
    """
    store = resources.open_archive(resources.archive_location())
    jpeg = await in_thread(store.find_thumbnail, request.path_params["pseudonym"])
    if jpeg is None:
        raise Refusal(404, "not_found", "the archive has no such image")
    tag = f'"{hashlib.sha256(jpeg).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={KEEP_SECONDS}"}
    held = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in held or "*" in held:
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)
