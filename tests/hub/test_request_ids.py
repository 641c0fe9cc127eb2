"""Each request and each socket has an id: in its log lines, in its answer, for the code below."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from hub import logs
from hub.request_ids import RequestIds


async def tell(request: Request) -> Response:
    assert request.headers.getlist("x-request-id") == [logs.request_id.get()]
    return PlainTextResponse(logs.request_id.get())


async def tell_named(_request: Request) -> Response:
    return PlainTextResponse("", headers={"x-request-id": "of the endpoint"})


async def tell_socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(logs.request_id.get())
    await socket.close()


_ROUTES = [Route("/", tell), Route("/named", tell_named), WebSocketRoute("/socket", tell_socket)]
_APP = RequestIds(Starlette(routes=_ROUTES))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(_APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


async def test_a_request_gets_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    first, second = await client.get("/"), await client.get("/")
    assert first.text == first.headers["x-request-id"]
    assert first.text != second.text


async def test_a_sane_id_of_a_proxy_is_taken_over(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={"x-request-id": "proxy-7"})
    assert answer.text == answer.headers["x-request-id"] == "proxy-7"


async def test_an_insane_id_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={"x-request-id": "a b\tc" * 100})
    assert answer.text == answer.headers["x-request-id"]
    assert " " not in answer.text


async def test_the_answer_keeps_an_id_that_it_has(client: httpx.AsyncClient) -> None:
    assert (await client.get("/named")).headers.get_list("x-request-id") == ["of the endpoint"]


async def test_a_socket_has_an_id() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/socket",
        "query_string": b"",
        "headers": [(b"x-request-id", b"socket-7")],
    }
    await _APP(scope, receive, send)
    assert [message.get("text") for message in sent] == [None, "socket-7", None]


async def test_nothing_is_left_of_an_id_after_the_request(client: httpx.AsyncClient) -> None:
    await client.get("/")
    assert logs.request_id.get() == ""


async def test_the_lifespan_passes_untouched() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        return {}

    async def send(_message: Message) -> None:
        return

    scope = {"type": "lifespan"}
    await RequestIds(app)(scope, receive, send)
    assert seen == [scope]
