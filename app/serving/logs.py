"""Logs: one JSON object a line on standard error, and nothing in it that anybody typed or that a file holds.

Libraries write into their messages whatever they stumble over: a path, a value of a statement, a line of a
file. So of their records only the time, the level and the place in the code are kept, and of an error only
its type. The service's own records name an event and its fields.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

NAME = "medneg.service"
"""The logger whose records are the service's own."""

_log = logging.getLogger(NAME)


def event(name: str, level: int = logging.INFO, **fields: str | int | float | None) -> None:
    """Log an event of the service; the fields must hold no personal data."""
    _log.log(level, name, extra={"fields": fields})


def failure(error: BaseException) -> dict[str, str]:
    """What may be told of an unexpected error: its type, and the places in the code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if {"medneg", "app"} & set(frame.filename.split("/")[:-1])]
    places = dict.fromkeys(_place(frame) for frame in (*ours[-2:], *frames[-1:]))
    return {"error": type(error).__name__, "where": " > ".join(places)}


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter.format``; the record's message and arguments are kept for ours only."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name == NAME:
            line |= {"event": record.msg, **getattr(record, "fields", {})}
        else:
            place = f"{record.module}:{record.lineno}"
            line |= {"event": "library", "logger": record.name, "where": place}
            if record.exc_info and record.exc_info[1]:
                line |= failure(record.exc_info[1])
        return json.dumps(line)


class OneDoor(logging.Logger):
    """A logger whose warnings and errors leave by the root's handlers, whatever its library hung on it."""

    def callHandlers(self, record: logging.LogRecord) -> None:
        """See ``logging.Logger.callHandlers``."""
        if self.name == NAME or record.levelno >= logging.WARNING:
            for handler in logging.getLogger().handlers:
                handler.handle(record)


def install(*, quiet: bool = False) -> None:
    """Send all logs of this process, its warnings and the errors that end it through ``JsonLines``.

    Loggers that are made later have no other way; call it before Streamlit is imported.

    Args:
        quiet: keep what went wrong only.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.setLoggerClass(OneDoor)
    logging.captureWarnings(True)
    _log.setLevel(logging.WARNING if quiet else logging.INFO)
    threading.excepthook = _thread_failed
    sys.excepthook = _failed


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        event("thread_failed", logging.ERROR, **failure(args.exc_value))


def _failed(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    event("failed", logging.CRITICAL, **failure(error))


def _place(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}"
