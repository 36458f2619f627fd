"""Every answer that is no success, as JSON: {"error": {"code", "message"}}."""

from __future__ import annotations

import logging
import re
import secrets

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from app.serving.logs import event, failure
from app.serving.turns import RETRY_SECONDS, Busy
from medneg.errors import (
    ArchiveError,
    ArchiveUnavailable,
    CalibrationMissing,
    FilterError,
    MednegError,
    PromiseError,
    QueryError,
    SpaceMismatch,
    UnknownName,
)

ABOUT_THE_REQUEST = (QueryError, FilterError, UnknownName, CalibrationMissing, PromiseError, SpaceMismatch)
"""Errors that say what is wrong with a request, in words that name nothing but it."""

CODES = {401: "no_reader", 404: "not_found", 405: "method_not_allowed", 408: "too_slow"}
CODES |= {413: "too_large", 415: "not_json"}


class Refusal(HTTPException):
    """A request that is refused before anything is asked.

    Args:
        status: of HTTP.
        code: for programs.
        message: for people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


def reply(
    status: int, code: str, message: str, *, headers: dict[str, str] | None = None, **more: str
) -> JSONResponse:
    """An error as a response."""
    error = {"code": code, "message": message, **more}
    return JSONResponse({"error": error}, status, headers=headers)


def refuse(_request: Request, error: HTTPException) -> JSONResponse:
    """Answer a request that no route takes, or that ``Refusal`` names."""
    code = error.code if isinstance(error, Refusal) else CODES.get(error.status_code, "refused")
    return reply(error.status_code, code, error.detail, headers=dict(error.headers or {}))


def explain(_request: Request, error: MednegError) -> JSONResponse:
    """Answer a foreseen error. Messages that may name places on this machine are not passed on."""
    later = {"Retry-After": str(RETRY_SECONDS)}
    if isinstance(error, Busy):
        return reply(503, "busy", str(error), headers=later)
    if isinstance(error, ArchiveUnavailable):
        event("archive_unavailable", logging.WARNING)
        return reply(503, "archive_unavailable", "the archive cannot be reached; try again", headers=later)
    if isinstance(error, ABOUT_THE_REQUEST):
        return reply(422, _snake(type(error).__name__), str(error))
    if isinstance(error, ArchiveError):
        event("archive_unusable", logging.ERROR, **failure(error))
        why = "the archive cannot answer; its operator learns why from `medneg doctor --archive ARCHIVE`"
        return reply(503, "archive_unusable", why)
    return stumble(error)


def stumble(error: Exception) -> JSONResponse:
    """Answer an unexpected error: an id that stands in the log too, and nothing of the error itself."""
    number = secrets.token_hex(8)
    event("failed", logging.ERROR, id=number, **failure(error))
    return reply(500, "internal", f"something went wrong here; tell the operator {number}", id=number)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
