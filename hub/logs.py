"""Logging to standard error, as text or as JSON lines, each with the id of its request."""

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request, or of the socket, that the running code serves."""

SOCKETS = "hub.sockets"
"""The logger of what the server tells of single WebSockets."""

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def configuration(level: str, kind: str) -> dict[str, Any]:
    """Return what ``logging.config.dictConfig`` wants; ``kind`` is text or json.

    The server's loggers are included, as it takes the same description for its worker processes.
    """
    lines = "hub.logs.JSONLines" if kind == "json" else "hub.logs.TextLines"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": lines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            "uvicorn": {"level": level, "handlers": [], "propagate": True},
            "uvicorn.error": {"level": level, "handlers": [], "propagate": True},
            # Two lines for each that connects; when a hub restarts, that is everybody at once.
            SOCKETS: {"level": "WARNING" if level == "INFO" else level},
            "alembic": {"level": "WARNING"},
            # They tell whole addresses and messages, in which credentials are.
            **{name: {"level": "WARNING"} for name in ("gql", "httpcore", "httpx", "websockets")},
        },
    }


class TextLines(logging.Formatter):
    """A line for people: time, level, logger, request id, message; then the traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text. A message can't begin a line of its own."""
        served = _request_id_of(record)
        parts = (
            _time_of(record),
            f"{record.levelname:<8}",
            record.name,
            *([f"[{served}]"] if served else []),
            record.getMessage().replace("\r", "\\r").replace("\n", "\\n"),
            *(f"{name}={value!r}" for name, value in _extras_of(record).items()),
        )
        return " ".join(parts) + (f"\n{trace}" if (trace := _trace_of(record)) else "")


class JSONLines(logging.Formatter):
    """A JSON object for machines, with what was given as ``extra`` among its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        fields = _extras_of(record) | {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if served := _request_id_of(record):
            fields["request_id"] = served
        if trace := _trace_of(record):
            fields["exception"] = trace
        return json.dumps(fields, default=repr)


def _request_id_of(record: logging.LogRecord) -> str:
    given: str = getattr(record, "request_id", "") or request_id.get()
    return given


def _time_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras_of(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD and name not in {"request_id", "color_message"}
    }


def _trace_of(record: logging.LogRecord) -> str:
    parts = [record.stack_info] if record.stack_info else []
    if record.exc_info and record.exc_info[0]:
        parts.insert(0, "".join(traceback.format_exception(*record.exc_info)).rstrip())
    return "\n".join(parts)
