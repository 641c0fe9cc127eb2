"""What the snippets of ``docs/clients`` need: packages, and code that is generated."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.node import NODE, packages

ROOT = Path(__file__).parents[2]
SNIPPETS = ROOT / "docs" / "clients"
PYTHON_SNIPPETS = SNIPPETS / "python"

_PACKAGES = SNIPPETS / "node_modules"
_GENERATOR = Path(sys.prefix) / "ariadne-codegen"
_GENERATOR_LOCK = PYTHON_SNIPPETS / "requirements.txt"


def prepare() -> None:
    """Install what is locked and generate code, unless that is done.

    Several processes may do so at once.
    """
    with packages(SNIPPETS):
        _once(_GENERATOR / ".installed", [_GENERATOR_LOCK], _install_generator)
        folders = (SNIPPETS, SNIPPETS / "relay", PYTHON_SNIPPETS)
        sources = [path for folder in folders for path in folder.iterdir() if path.is_file()]
        _once(SNIPPETS / "__generated__" / ".made", [ROOT / "schema.graphql", *sources], _generate)


def run_package(program: str, *arguments: str) -> str:
    """Run a program of the Node.js packages; return what it said."""
    return _run([NODE, _PACKAGES / program, *arguments], SNIPPETS)


def _install_generator() -> None:
    uv = Path(sys.executable).with_name("uv")
    _run([uv, "venv", "--clear", "--python", sys.executable, _GENERATOR], ROOT)
    install = (uv, "pip", "install", "--python", _GENERATOR, "--require-hashes")
    _run([*install, "--requirement", _GENERATOR_LOCK], ROOT)


def _generate() -> None:
    run_package("@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.ts", "--silent")
    run_package("relay-compiler/cli.js", "relay.config.json")
    (PYTHON_SNIPPETS / "__generated__").mkdir(exist_ok=True)
    _run([_GENERATOR / "bin" / "ariadne-codegen"], PYTHON_SNIPPETS)


def _once(made: Path, sources: Sequence[Path], make: Callable[[], None]) -> None:
    """Make something of these files, unless a file says that it was made of just these."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()
    if not made.exists() or made.read_text() != digest:
        make()
        made.write_text(digest)


def _run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
