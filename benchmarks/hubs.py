"""A hub in a process of its own, as it is served, and the CPU time that it takes."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx

from hub.embedded_postgres import EmbeddedPostgres
from persistence.migrate import upgrade

PASSWORD = "the cells divide at dawn"
SECRET = "a secret of benchmarks, long enough for it"
_LOG_LINES = 1_000
_ANONYMOUS = re.compile(r"^Anonymous: +(\d+) kB", re.MULTILINE)
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Server:
    """A server process under measurement; ``log`` has what it wrote last."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.http = httpx.Client(base_url=url, timeout=600)

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process's threads have taken so far, in seconds."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def memory_bytes(self) -> int:
        """Return the memory that the process has filled, in bytes.

        Mapped files are not in it: whether those are shared depends on what else runs.
        """
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return sum(int(kibibytes) for kibibytes in _ANONYMOUS.findall(rollup)) * 1024

    def ask(self, query: str, token: str = "", **variables: Any) -> dict[str, Any]:
        """Send a GraphQL operation; return its data."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        answer = self.http.post("/graphql", json=body, headers=headers).json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def database() -> Iterator[str]:
    """Run an embedded PostgreSQL in a folder of its own; yield a migrated database's address."""
    with (
        tempfile.TemporaryDirectory(prefix="cellhub-bench-") as folder,
        EmbeddedPostgres(Path(folder)) as postgres,
    ):
        asyncio.run(upgrade(postgres.url))
        yield postgres.url


@contextmanager
def hub(database_url: str, folder: Path, **settings: str) -> Iterator[Server]:
    """Serve a hub from the given database; ``settings`` are more of them, as written there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CELLHUB_")} | {
        "CELLHUB_DATA_DIR": str(folder),
        "CELLHUB_DATABASE_URL": database_url,
        "CELLHUB_SECRET_KEY": SECRET,
        "CELLHUB_LOG_LEVEL": "WARNING",
        "CELLHUB_ACCESS_TOKEN_SECONDS": "86400",
        "CELLHUB_MAX_CONNECTIONS_PER_USER": "100000",
        "CELLHUB_MAX_OPERATIONS_PER_USER": "100000",
    }
    environment |= {f"CELLHUB_{name.upper()}": value for name, value in settings.items()}
    command = [str(Path(sys.executable).with_name("cellhub")), "serve", "--port", "0"]
    with serving(command, environment) as server:
        yield server


@contextmanager
def serving(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    """Run a server that prints its address; end it afterwards."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        seen = ""
        for line in process.stdout:
            seen += line
            if found := _ADDRESS.search(line):
                break
        else:
            raise RuntimeError(f"{command[0]} did not start:\n{seen}")
        server = Server(found[0], process.pid)
        # A pipe that nobody reads blocks the server in the end.
        reader = Thread(target=server.log.extend, args=(process.stdout,))
        reader.start()
        try:
            yield server
        finally:
            server.http.close()
            process.terminate()
            reader.join()


def signed_up(server: Server, name: str) -> tuple[str, str]:
    """Sign somebody up; return the token and the user's id."""
    session = server.ask(
        "mutation($i: SignUpInput!) { signUp(input: $i) { accessToken user { id } } }",
        i={"email": f"{name}@example.org", "password": PASSWORD, "name": name},
    )["signUp"]
    return session["accessToken"], session["user"]["id"]


def owner_of_project(server: Server, name: str) -> tuple[str, str, UUID]:
    """Sign somebody up who creates a project; return the token, the project's id and its key."""
    token, _ = signed_up(server, name)
    project = server.ask(
        "mutation($i: CreateProjectInput!) { createProject(input: $i) { project { id } } }",
        token,
        i={"name": name},
    )["createProject"]["project"]["id"]
    return token, project, UUID(project.removeprefix("prj_"))
