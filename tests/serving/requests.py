"""Malformed requests, seeded: wrong JSON, wrong types, wrong methods and paths, broken HTTP.

A request is the bytes that go to the socket. Every one carries a word that may stand in no log and no metric.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator
from random import Random

CANARY = "zztop-secret-1900"

Kind = Callable[[Random], bytes]

STRINGS = (
    "",
    " ",
    "\0",
    f"effusion\0{CANARY}",
    "\u202eno effusion\u202c",
    "\ud800",
    "\U0001f9e0" * 500,
    "e\u0301" * 900,
    "ﷺ" * 300,
    "\uffff\ufffe",
    "no " * 600,
    "no " * 90 + "effusion",
    "effusion " * 400,
    "(" * 1900,
    "' OR 1=1; DROP TABLE images; --",
    "{{7*7}}${7*7}%s%n%x",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "effusion\r\nX-Injected: 1",
    "-" * 1999,
    "a" * 2001,
)
"""What is typed by nobody who looks for an image."""

_VALUES = (
    *(None, True, False, 0, -1, 1, 201, 10**30, 1e308, -0.0, 0.5, "10", [], {}, [[]], {"a": {"b": []}}),
    *STRINGS,
)
_WHERES = (
    "view=PA",
    "age>=1e999",
    "age>=" + "9" * 500,
    "view=" + CANARY,
    "findings=!!!",
    "date>=99999-99-99",
    "a=b, " * 300,
    "age>=60,age<=" + "\u0661",
    "=,=,=",
    "sex=F OR 1=1",
)
_FIELDS = ("query", "method", "space", "k", "where", "exclude_risk", "encoder", "text_encoder")
_PATHS = (
    "/thumb/../../etc/passwd",
    "/thumb/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/thumb/..%5c..%5cetc%5cpasswd",
    "/thumb/%00",
    "/thumb/" + "a" * 5000,
    "/thumb/x?content=%00%ff",
    "/thumb/0123456789abcdef?content=" + "f" * 3000,
    "/thumb/%f0%9f%a7%a0",
    "/thumb/",
    "/thumb",
    "/api/",
    "/api/search/",
    "/api/search%2f",
    "/api//search",
    "//api/search",
    "/API/SEARCH",
    "/api/openapi.json/../search",
    "/api/%s" % ("x" * 3000),
    "/api/nothing?q=" + CANARY,
    "/healthz/x",
    "/metrics/../healthz",
    "/_stcore/stream",
    "/_stcore/../../etc/passwd",
    "/static/../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/component/x/../../../etc/passwd",
    "/media/" + CANARY,
    "/?q=%00%ff%fe",
    "/?q=" + "%f0%9f%a7%a0" * 500,
    "/?image=" + CANARY,
    "/?" + "&".join(f"k{n}={n}" for n in range(500)),
    "/~/.ssh/id_rsa",
)
_METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "POST", "A" * 300)


def malformed(count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Requests with the names of their kinds: half are questions in JSON, the rest every kind in turn.

    Args:
        count: how many.
        seed: the same seed gives the same bytes.
    """
    others: tuple[Kind, ...] = (
        _words,
        _words,
        _media,
        _body_length,
        _path,
        _path,
        _method,
        _headers,
        _framing,
        _noise,
    )
    for number in range(count):
        rng = Random(f"{seed} {number}")
        kind = _question if number % 2 else others[number // 2 % len(others)]
        yield f"{number:04}{kind.__name__}", kind(rng)


def post(body: bytes, *headers: str, media: str = "application/json", length: str | None = None) -> bytes:
    """A search request with any body."""
    lines = [
        "POST /api/search HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"X-Note: {CANARY}",
        f"Content-Type: {media}",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _words(rng: Random) -> bytes:
    """Questions that are proper JSON, in words that nobody asks."""
    pieces = (
        "no",
        "without",
        "but not",
        "(",
        ")",
        "-",
        ",",
        '"',
        "?",
        "effusion",
        "&",
        "/",
        "\u2028",
        CANARY,
    )
    pool = "".join(
        chr(rng.choice((rng.randrange(0x20, 0x250), rng.randrange(0x300, 0xD800)))) for _ in range(20)
    )
    words = [rng.choice((*pieces, *pool)) for _ in range(rng.choice((1, 5, 60, 300)))]
    query = rng.choice((" ".join(words), rng.choice(STRINGS)))[:2000]
    return post(
        json.dumps({"query": query, "where": rng.choice((None, None, None, rng.choice(_WHERES)))}).encode()
    )


def _question(rng: Random) -> bytes:
    asked: dict[str, object] = {"query": f"effusion but no {CANARY}", "k": rng.choice((1, 3, 10))}
    for field in rng.sample(_FIELDS, rng.choice((1, 1, 2))):
        asked[field] = rng.choice(_WHERES) if field == "where" and rng.random() < 0.7 else rng.choice(_VALUES)
    if rng.random() < 0.1:
        asked[rng.choice((CANARY, "", "__proto__", "query ", "Query", "\ud800"))] = rng.choice(_VALUES)
    if rng.random() < 0.1:
        asked.pop("query")
    body = json.dumps(asked, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
    return post(_spoilt(body, rng) if rng.random() < 0.4 else body)


def _spoilt(body: bytes, rng: Random) -> bytes:
    """JSON as it may not be."""
    place = rng.randrange(len(body))
    return rng.choice(
        (
            body[:place],
            body[:place] + rng.randbytes(4) + body[place:],
            body + body,
            b"\xef\xbb\xbf" + body,
            body.decode("utf-8", "replace").encode("utf-16"),
            b"[" * 20_000 + b"]" * 20_000,
            b'{"query":' * 5_000 + b"1" + b"}" * 5_000,
            b'{"query": "a", "query": "b", "k": NaN}',
            b'{"query": "a", "k": 1e400}',
            b'{"query": "a", "k": ' + b"9" * 5_000 + b"}",
            b"'query'",
            b"",
            b"null",
            b'"' + b"a" * 60_000 + b'"',
        )
    )


def _media(rng: Random) -> bytes:
    kinds = (
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-7",
    )
    body = json.dumps({"query": CANARY}).encode()
    coding = rng.choice(("gzip", "br", "deflate", "identity", CANARY))
    return post(
        body, f"Content-Encoding: {coding}", media=rng.choice((*kinds, CANARY * 50, "application/json"))
    )


def _body_length(rng: Random) -> bytes:
    body = json.dumps({"query": CANARY}).encode()
    return rng.choice(
        (
            post(b'{"query": "' + b"a" * rng.choice((66_000, 300_000, 2_000_000)) + b'"}'),
            post(body, length="-1"),
            post(body, length="+5"),
            post(body, length="0x10"),
            post(body, length="99999999999999999999"),
            post(body, length="1"),
            post(body, length=f"{len(body)}, {len(body)}"),
            post(body, f"Content-Length: {len(body) + 1}"),
            post(body, length="\u00b2"),
            post(body, length=""),
        )
    )


def _path(rng: Random) -> bytes:
    method = rng.choice(("GET", "GET", "GET", "POST", "HEAD"))
    return _plain(method, rng.choice(_PATHS) + ("" if rng.random() < 0.8 else f"?x={CANARY}"))


def _method(rng: Random) -> bytes:
    path = rng.choice(
        ("/api/search", "/thumb/0123456789abcdef", "/healthz", "/metrics", "/", "/api/openapi.json")
    )
    return _plain(rng.choice(_METHODS), path)


def _headers(rng: Random) -> bytes:
    return _plain(
        "GET",
        rng.choice(("/api/openapi.json", "/thumb/0123456789abcdef", "/", "/healthz")),
        *rng.choice(
            (
                [f"X-{n}: {CANARY}" for n in range(300)],
                [f"Cookie: {CANARY * 100}; _streamlit_user=x"],
                ["Range: bytes=0-99999999999999999999,-1"],
                [f'If-None-Match: W/"{CANARY}", *, "", ,,,'],
                [f"Origin: http://{CANARY}.example"],
                ["Origin: http://[::1"],
                ["Origin: null"],
                ["Host: a, b"],
                [
                    "Upgrade: websocket",
                    "Connection: Upgrade",
                    "Sec-WebSocket-Key: x",
                    "Sec-WebSocket-Version: 99",
                ],
                [
                    "Upgrade: h2c",
                    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
                    "Connection: Upgrade, HTTP2-Settings",
                ],
                ["Expect: 100-continue", "Expect: 999"],
                ["Accept-Encoding: " + "gzip;q=9," * 500],
                ["X-Null: a\0b"],
                [": no name"],
                ["No colon here"],
                ["X-Folded: a\r\n  b"],
                ["X-Forwarded-For: " + CANARY, "Forwarded: for=" + CANARY],
            )
        ),
    )


def _framing(rng: Random) -> bytes:
    """Requests that two parsers may cut at two places."""
    head = "POST /api/search HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    hidden = f"GET /{CANARY} HTTP/1.1\r\nHost: x\r\n\r\n"
    return (
        head
        + rng.choice(
            (
                f"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}",
                f"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
                "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
                "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
                f"Transfer-Encoding: chunked\r\n\r\n2;{CANARY * 500}\r\n{{}}\r\n0\r\n\r\n",
                f"Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nTrailer: {CANARY}\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
                "\n\n{}",
            )
        )
    ).encode()


def _noise(rng: Random) -> bytes:
    """What is no request of HTTP/1.1 at all."""
    return rng.choice(
        (
            rng.randbytes(rng.choice((1, 10, 1000, 70_000))) + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + CANARY.encode() * 8000 + b"\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET  / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200) + b"\r\n\r\n",
            b"GET http://"
            + CANARY.encode()
            + b"/api/search HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"CONNECT " + CANARY.encode() + b":443 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\r\n" * 200 + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            string.printable.encode() * 20 + b"\r\n\r\n",
            b"GET /" + bytes(range(128, 256)) + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
    )


def _plain(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
