"""A reader of event streams that takes them as the HTML standard has it, and comments besides."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

ACCEPT = {"accept": "text/event-stream"}


class Event(NamedTuple):
    """An event as listeners get it, the answer in it decoded; a comment has the type ""."""

    type: str
    data: Any = None
    id: str | None = None


COMMENT = Event("")
COMPLETE = Event("complete", "")


def result(id: str | None = None, **data: object) -> Event:  # noqa: A002 - as the field is called
    return Event("next", {"data": data}, id)


def code_of(event: Event) -> str:
    """Return the code of an event's one error."""
    assert event.type == "next"
    (error,) = event.data["errors"]
    assert error["message"]
    code: str = error["extensions"]["code"]
    return code


def parse(stream: str) -> list[Event]:
    """Return what a stream that has ended consists of."""
    assert stream.endswith("\n\n"), "the last event is incomplete"
    return [_event(block) for block in stream.removesuffix("\n\n").split("\n\n")]


class Reader:
    """A stream that is being read."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_text()
        self._read = ""

    async def next(self) -> Event | None:
        """Return the next event or comment; None where the response has ended."""
        while "\n\n" not in self._read:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                assert not self._read, "the last event is incomplete"
                return None
            self._read += chunk
        block, _, self._read = self._read.partition("\n\n")
        return _event(block)

    async def event(self) -> Event | None:
        """Return the next event, comments aside."""
        while (event := await self.next()) == COMMENT:
            pass
        return event

    async def rest(self) -> Sequence[Event]:
        """Return the events up to the end of the response, comments aside."""
        events = []
        while event := await self.event():
            events.append(event)
        return events


@asynccontextmanager
async def streaming(
    client: httpx.AsyncClient,
    query: str,
    token: str | None = None,
    *,
    path: str = "/",
    variables: Mapping[str, object] | None = None,
    headers: Mapping[str, str] = ACCEPT,
) -> AsyncIterator[Reader]:
    """Subscribe; the stream has begun."""
    credentials = {} if token is None else {"authorization": f"Bearer {token}"}
    body = {"query": query, "variables": variables}
    sent = {**ACCEPT, **credentials, **headers}
    async with client.stream("POST", path, json=body, headers=sent) as response:
        assert response.status_code == httpx.codes.OK, await response.aread()
        reader = Reader(response)
        assert await reader.next() == COMMENT
        yield reader


def _event(block: str) -> Event:
    if block == ":":
        return COMMENT
    fields = dict(line.split(": " if ": " in line else ":", 1) for line in block.split("\n"))
    assert len(fields) == block.count("\n") + 1, "each field stands in one line"
    assert fields.keys() <= {"event", "id", "data"}
    data = fields["data"]
    return Event(fields["event"], json.loads(data) if data else data, fields.get("id"))
