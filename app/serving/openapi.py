"""`GET /api/openapi.json`: OpenAPI 3.1, made from what checks requests and from the schema of answers."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from app.serving.questions import Question
from medneg import __version__

ANSWER = Path(__file__).parents[1] / "assets" / "search.schema.json"
"""A link to docs/reference/search.schema.json, which `medneg search --json` keeps to as well."""

_REFUSED = {
    "400": "The question is no JSON, or says what no search knows.",
    "403": "The question comes from the page of another site.",
    "408": "The question took too long to arrive.",
    "413": "The question is too large.",
    "415": "The question is not sent as application/json.",
    "422": "The question cannot be answered on this archive: the code and the message say why.",
    "500": "Something unexpected; the operator finds the id in the log.",
    "503": "`busy`, `archive_unavailable` (both with Retry-After) or `archive_unusable`.",
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "For programs."},
                "message": {"type": "string", "description": "For people."},
                "id": {"type": "string", "description": "Where in the log to look; with 500 only."},
            },
        }
    },
}


async def openapi_route(_request: Request) -> JSONResponse:
    """The description of the API."""
    return JSONResponse(description())


@cache
def description() -> dict[str, Any]:
    """The API in OpenAPI 3.1."""
    answer = json.loads(ANSWER.read_text(encoding="utf-8"))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "medneg",
            "version": __version__,
            "description": "Search over chest radiographs that understands what should not be there. "
            "Research use, not a medical device.",
        },
        "paths": {
            "/api/search": {"post": _search()},
            "/thumb/{pseudonym}": {"get": _thumb()},
        },
        "components": {
            "schemas": {"Question": Question.model_json_schema(), "Answer": answer, "Error": _ERROR}
        },
    }


def _search() -> dict[str, Any]:
    return {
        "operationId": "search",
        "summary": "Find the images that show what is wanted and not what is unwanted.",
        "requestBody": {"required": True, "content": _json("Question")},
        "responses": {
            "200": {"description": "The hits, best first.", "content": _json("Answer")},
            **{status: {"description": why, "content": _json("Error")} for status, why in _REFUSED.items()},
        },
    }


def _thumb() -> dict[str, Any]:
    return {
        "operationId": "thumb",
        "summary": "An image's thumbnail.",
        "parameters": [{"name": "pseudonym", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "A JPEG with a strong ETag.", "content": {"image/jpeg": {}}},
            "304": {"description": "The picture that the client holds is the right one."},
            "404": {"description": "There is no such image.", "content": _json("Error")},
        },
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
