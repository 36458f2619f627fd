"""An OpenAI-compatible endpoint, asked with the standard library: no proxy, no redirect, bounded in all ways.

Queries can hold patient data, so an endpoint must be on this machine or on a host that was allowed by name.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from medneg.errors import ParserError
from medneg.query.language_model.prompt import MAX_TOKENS, answer_schema, messages
from medneg.query.language_model.reply import Unusable
from medneg.query.parsers import ParserSettings

LARGEST_BODY = 1 << 18
"""Bytes of an answer that are read; 256 tokens and what servers write around them are a few thousand."""

_BAD_REQUEST = 400
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model behind ``POST {url}/chat/completions``.

    ``timeout`` is in seconds, for everything that one query takes. ``loopback`` holds the connection itself
    to this machine, whatever the host's name resolves to.
    """

    url: str
    name: str
    key: str = field(default="", repr=False)
    loopback: bool = True
    timeout: float = 10.0

    def reply(self, text: str, choices: tuple[str, ...]) -> str:
        """The model's words: under the schema if the server can, else as JSON, else as plain text.

        Raises:
            Unusable: no connection, no answer in time, or none that is a chat completion.
        """
        deadline = time.monotonic() + self.timeout
        status, body = _BAD_REQUEST, b""
        for request in _requests(self.name, text, choices):
            status, body = _post(self, request, deadline)
            if status != _BAD_REQUEST:
                break
        return _content(status, body)


def endpoint(settings: ParserSettings) -> Endpoint:
    """The endpoint that settings name.

    Raises:
        ParserError: the URL is none, or its host is neither this machine nor allowed.
    """
    parts = _checked(settings.url)
    host = (parts.hostname or "").lower()
    allowed = host in {name.lower() for name in settings.allowed_hosts}
    if not allowed and not _is_loopback(host):
        raise ParserError(
            f"queries can hold patient data, and {host} is not this machine; allow it by name with "
            f"--parser-allow-host {host} or MEDNEG_PARSER_ALLOW_HOST={host} if it may see them"
        )
    if not _is_printable(settings.key):
        raise ParserError("MEDNEG_PARSER_KEY holds a character that no header can; set it again")
    return Endpoint(url=settings.url.rstrip("/"), name=settings.model, key=settings.key, loopback=not allowed)


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or "?" in url or "#" in url or not _is_printable(url):
        # The URL itself is not repeated: it may hold a password.
        raise ParserError(
            "MEDNEG_PARSER_URL looks like http://localhost:8080/v1, without user, password or question mark; "
            "a key goes into MEDNEG_PARSER_KEY"
        )
    return parts


def _is_printable(text: str) -> bool:
    """Whether a request can hold it: ASCII without blanks and control characters."""
    return all(" " < sign <= "~" for sign in text)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _requests(model: str, text: str, choices: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The same question three times, each asking less of the server than the one before."""
    request = {
        "model": model,
        "messages": messages(text),
        "temperature": 0,
        "seed": 0,
        "max_tokens": MAX_TOKENS,
    }
    schema = {"name": "reading", "strict": True, "schema": answer_schema(choices)}
    yield {**request, "response_format": {"type": "json_schema", "json_schema": schema}}
    yield {**request, "response_format": {"type": "json_object"}}
    yield request


def _post(to: Endpoint, request: dict[str, Any], deadline: float) -> tuple[int, bytes]:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _late(to)
    connection = _connection(to, left)
    try:
        connection.connect()
        with _hung_up_at(deadline, connection.sock):
            answer = _exchanged(connection, to, request)
    except (OSError, HTTPException, ValueError) as error:
        raise _failure(to, error, deadline) from error
    finally:
        connection.close()
    if time.monotonic() >= deadline:
        raise _late(to)
    return answer


def _connection(to: Endpoint, timeout: float) -> HTTPConnection:
    parts = urlsplit(to.url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout)


def _exchanged(connection: HTTPConnection, to: Endpoint, request: dict[str, Any]) -> tuple[int, bytes]:
    if to.loopback and not _is_loopback(connection.sock.getpeername()[0]):
        raise Unusable("is reached at an address that is not this machine's")
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
    if to.key:
        headers["Authorization"] = f"Bearer {to.key}"
    path = urlsplit(to.url).path + "/chat/completions"
    connection.request("POST", path, json.dumps(request).encode(), headers)
    response = connection.getresponse()
    body = response.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise Unusable(f"answered with more than {LARGEST_BODY:,} bytes")
    return response.status, body


@contextmanager
def _hung_up_at(deadline: float, connected: socket.socket) -> Iterator[None]:
    """Ends the connection at the deadline: a socket's own timeout starts anew with every byte that drips."""

    def hang_up() -> None:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    watchdog = Timer(deadline - time.monotonic(), hang_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _failure(to: Endpoint, error: Exception, deadline: float) -> Unusable:
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return _late(to)
    if isinstance(error, ConnectionRefusedError):
        return Unusable(f"is not there: nothing listens at {urlsplit(to.url).netloc}")
    return Unusable(f"cannot be reached ({type(error).__name__})")


def _late(to: Endpoint) -> Unusable:
    return Unusable(f"gave no answer within {to.timeout:g} s")


def _content(status: int, body: bytes) -> str:
    if 300 <= status < 400:
        raise Unusable("sends elsewhere, and redirects are not followed")
    if status != _OK:
        raise Unusable(f"answered with HTTP status {status}")
    try:
        choice = json.loads(body)["choices"][0]
        content, finished = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Unusable("answered with something other than a chat completion") from error
    if finished == "length":
        raise Unusable(f"was cut off after {MAX_TOKENS} tokens")
    if not isinstance(content, str):
        raise Unusable("answered without words")
    return content
