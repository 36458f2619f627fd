"""`GET /thumb/{pseudonym}`: the small pictures, which a browser keeps and asks for once."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response

from app import resources
from app.serving.refusals import Refusal
from app.serving.threads import in_thread
from medneg.archive import ImageRow

KEEP_SECONDS = 3600
"""How long a browser may show a picture without asking; after that it asks whether it has changed."""

_DIGITS = 16
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_CONTENT = re.compile(r"[0-9a-f]{0,64}")
_READERS = CapacityLimiter(4)
"""A page asks for all its pictures at once; they must not take every connection to the database."""


def thumb(row: ImageRow) -> str:
    """Where an image's thumbnail is to be had, from the root of the service.

    Files of one pseudonym may differ, as one that was sent again: the address names the content too.
    """
    return f"thumb/{quote(row.image)}?content={row.sha256[:_DIGITS]}"


async def thumb_route(request: Request) -> Response:
    """An image's thumbnail.

    Raises:
        Refusal: if the archive has no such image.
    """
    store = resources.open_archive(resources.archive_location())
    name, content = request.path_params["pseudonym"], request.query_params.get("content", "")
    jpeg = None
    if _NAME.fullmatch(name) and _CONTENT.fullmatch(content):
        jpeg = await in_thread(lambda: store.find_thumbnail(name, content), _READERS)
    if jpeg is None:
        raise Refusal(404, "not_found", "the archive has no such image")
    tag = f'"{hashlib.sha256(jpeg).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={KEEP_SECONDS}"}
    held = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in held or "*" in held:
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)
