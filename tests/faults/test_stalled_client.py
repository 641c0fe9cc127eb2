"""A client that reads nothing is cut off, and costs nobody else anything."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from tests.faults.conftest import Measured
from tests.faults.model import SEGMENTATION_UPDATED
from tests.faults.processes import HubProcess, hubs
from tests.faults.scene import a_scene, now
from tests.faults.servers import Postgres

READERS = 42
STREAMS = 50
CUT_OFF_SECONDS = (20.0, 35.0)
"""When a client that reads nothing is cut off: within 30 s, give or take how often this looks."""
_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@asynccontextmanager
async def stalled(hub: HubProcess, token: str, project: str) -> AsyncIterator[socket.socket]:
    """Ask for far more than fits into the buffers on the way, and don't read it."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(connection, ("127.0.0.1", hub.port))
        await loop.sock_sendall(connection, _HANDSHAKE.encode())
        await _hear(connection, b"\r\n\r\n")
        await loop.sock_sendall(
            connection,
            _frame(type="connection_init", payload={"Authorization": f"Bearer {token}"}),
        )
        await _hear(connection, b"connection_ack")
        payload = {
            "query": SEGMENTATION_UPDATED,
            "variables": {"projectId": project, "after": 0},
        }
        for number in range(STREAMS):
            await loop.sock_sendall(
                connection, _frame(type="subscribe", id=str(number), payload=payload)
            )
        yield connection


async def _hear(connection: socket.socket, what: bytes) -> None:
    heard = b""
    while what not in heard:
        heard += await asyncio.get_running_loop().sock_recv(connection, 100)


def _frame(**message: object) -> bytes:
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=True)


@pytest.mark.timeout(150)
async def test_a_client_that_reads_nothing_is_cut_off_and_delays_nobody(
    folder: Path, postgres: Postgres, converged: Measured
) -> None:
    async with (
        hubs(folder, postgres.url, "memory://") as [hub],
        a_scene([hub], postgres.url, spectators=1, clients_of_each=READERS) as scene,
        stalled(hub, scene.owner.token, scene.project) as connection,
    ):
        soonest, latest = CUT_OFF_SECONDS
        began = now()
        slowest = 0.0
        while await hub.metric("cellhub_websocket_connections") > len(scene.clients):
            assert now() - began < latest
            async with scene.changes_through(hub):
                await scene.acknowledged(20)
            slowest = max(slowest, await scene.settled())
        assert now() - began > soonest
        converged("beside a client that reads nothing", slowest)
        assert scene.interruptions() == {}
        assert not scene.ledger.failures
        await _until_closed(connection)


async def _until_closed(connection: socket.socket) -> None:
    """Read what is left of what was sent before the connection was cut."""
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            while await asyncio.get_running_loop().sock_recv(connection, 1 << 20):
                pass
