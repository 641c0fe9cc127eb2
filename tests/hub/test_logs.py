"""Log lines: one each, with the id of the request they concern, for people or for machines."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hub import logs


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    logger = logging.getLogger("hub.test")
    made = logger.makeRecord(
        "hub.test", logging.INFO, "f", 1, message, arguments, None, extra=extra
    )
    made.created = 1_800_000_000.25
    return made


def failed() -> logging.LogRecord:
    made = record("It failed")
    try:
        int("no such cell")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


@pytest.fixture
def request_id() -> Iterator[str]:
    token = logs.request_id.set("abc123")
    yield "abc123"
    logs.request_id.reset(token)


def test_text_says_when_how_grave_who_and_what() -> None:
    line = logs.TextLines().format(record("Stored %d images", 3))
    assert line == "2027-01-15T08:00:00.250Z INFO     hub.test Stored 3 images"


def test_text_has_the_request_id_and_what_was_added(request_id: str) -> None:
    line = logs.TextLines().format(record("Stored", project="p 1"))
    assert line.endswith(f"hub.test [{request_id}] Stored project='p 1'")


def test_a_message_can_not_forge_a_line() -> None:
    line = logs.TextLines().format(record("Name: %s", "x\r\n2027 INFO all is well"))
    assert line.endswith(r"Name: x\r\n2027 INFO all is well")


def test_text_ends_with_the_traceback() -> None:
    first, *trace = logs.TextLines().format(failed()).splitlines()
    assert first.endswith("It failed")
    assert trace[0].startswith("Traceback")
    assert trace[-1].startswith("ValueError: ")


def test_json_is_one_object_on_one_line(request_id: str) -> None:
    line = logs.JSONLines().format(record("Two\nlines of %s", "ß\udcff", size=7, kind=ValueError))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "INFO",
        "logger": "hub.test",
        "message": "Two\nlines of ß\udcff",
        "request_id": request_id,
        "size": 7,
        "kind": "<class 'ValueError'>",
    }


def test_json_carries_the_traceback() -> None:
    assert json.loads(logs.JSONLines().format(failed()))["exception"].endswith("'no such cell'")


def test_an_id_given_with_the_record_wins(request_id: str) -> None:
    assert request_id == logs.request_id.get()
    line = logs.JSONLines().format(record("Late", request_id="xyz"))
    assert json.loads(line)["request_id"] == "xyz"


def test_a_stack_that_was_asked_for_is_shown() -> None:
    made = record("Here")
    made.stack_info = "Stack (most recent call last): …"
    assert logs.TextLines().format(made).endswith("…")


_PROGRAM = """
import logging, sys
from logging.config import dictConfig
from hub import logs
dictConfig(logs.configuration("INFO", "json"))
"""


def printed(*statements: str) -> list[dict[str, str]]:
    """Run the statements in a process whose logging is configured; return its lines."""
    program = "\n".join([_PROGRAM, *statements])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_the_servers_lines_look_like_all_others() -> None:
    said = r"logging.getLogger('uvicorn.error').info('Started', extra={'color_message': '\x1b[1m'})"
    (line,) = printed(said)
    assert line.keys() == {"time", "level", "logger", "message"}
    assert line["message"] == "Started"


def test_what_nobody_asked_for_is_left_out() -> None:
    lines = printed(
        "logging.getLogger('hub.test').debug('of no interest')",
        "logging.getLogger('alembic.runtime').info('of no interest')",
        "logging.getLogger('hub.sockets').info('of no interest')",
        "logging.getLogger('hub.test').warning('of interest')",
    )
    assert [line["message"] for line in lines] == ["of interest"]
