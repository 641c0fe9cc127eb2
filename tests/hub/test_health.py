"""Health: the process is alive, and ready only if all that it needs answers in time."""

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from hub.health import Check, Readiness, alive


async def fine() -> None:
    return


async def broken() -> None:
    raise ConnectionError("db.example refused ann")


async def cancelled() -> None:
    raise asyncio.CancelledError


async def silent() -> None:
    await asyncio.Event().wait()


async def stubborn() -> None:
    for _ in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def get(path: str, **checks: Check) -> httpx.Response:
    readiness = Readiness(checks, seconds=0.05)
    app = Starlette(routes=[Route("/healthz", alive), Route("/readyz", readiness.endpoint)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        return await client.get(path)


async def test_a_process_that_answers_is_alive_whatever_else_is_broken() -> None:
    assert (await get("/healthz", database=broken)).status_code == 200


async def test_it_is_ready_if_everything_is_there() -> None:
    answer = await get("/readyz", database=fine, bus=fine)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "bus": "ok"}}
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_not_there_is_named_but_not_its_secrets() -> None:
    answer = await get("/readyz", database=broken, bus=fine, blobs=cancelled)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "error",
        "checks": {"database": "error", "bus": "ok", "blobs": "error"},
    }


async def test_a_check_that_never_ends_is_given_up() -> None:
    answer = await get("/readyz", database=silent, bus=fine)
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "no answer", "bus": "ok"}


async def test_a_check_that_refuses_to_be_cancelled_is_not_waited_for() -> None:
    started = asyncio.all_tasks()
    readiness = Readiness({"blobs": stubborn}, seconds=0.01)
    answer = await readiness.endpoint(None)  # type: ignore[arg-type]
    assert answer.status_code == 503
    for _ in range(3):
        for task in asyncio.all_tasks() - started:
            task.cancel()
        await asyncio.sleep(0)
