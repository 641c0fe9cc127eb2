"""Rules of the project that no linter knows."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schema", "resolvers", "persistence", "realtime", "client", "hub", "worker")
CODE = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_MODULE = 400

# Written in pieces, so that this file does not break the rule itself.
_ELSEWHERE = re.compile(
    "|".join(
        (
            r"pypi\." + r"org",
            r"python" + r"hosted\.",
            r"npm" + r"js\.",
            r"yarnpkg\." + r"com",
            r"(?<![\w.])/(work|root|opt)/" + r"[\w.]",
        )
    )
)
_UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|NotImplemented" + r"Error)\b")


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every text file that is committed, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in data:
            yield name, data.decode()


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry_or_a_path_of_some_machine() -> None:
    assert found(_ELSEWHERE) == []


def test_nothing_is_left_unfinished() -> None:
    assert found(_UNFINISHED) == []


def test_no_module_outgrows_its_reader() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in CODE}
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_only_the_composition_root_and_clients_know_the_settings_variables() -> None:
    knowing = {str(path.relative_to(ROOT)) for path in CODE if "CELLHUB" + "_" in path.read_text()}
    assert {name for name in knowing if not name.startswith(("hub/", "worker/"))} == set()


def test_both_locks_pin_the_same_versions_by_hash_and_hold_what_the_project_asks_for() -> None:
    run, dev = (pins(ROOT / name) for name in ("requirements.txt", "requirements-dev.txt"))
    assert run.items() <= dev.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names(project["dependencies"]) <= run.keys()
    assert names(project["optional-dependencies"]["dev"]) <= dev.keys()


def pins(lock: Path) -> dict[str, str]:
    entries = re.split(r"\n(?=[a-z])", lock.read_text())
    assert all("--hash=sha256:" in entry for entry in entries)
    # An entry begins as "gql[httpx, websockets]==4.4.0 ; python_version …".
    heads = [re.match(r"([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", entry) for entry in entries]
    return {head[1]: head[2].rstrip(";") for head in heads if head is not None}


def test_packages_with_extras_are_locked_with_them() -> None:
    """Else pip takes the newest release for the extra, and refuses it for lack of a hash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    extras = {re.split(r"[\]<>=; ]", each)[0] for each in asked if "[" in each}
    locked = (ROOT / "requirements-dev.txt").read_text().replace(", ", ",")
    assert {each for each in extras if f"\n{each}]==" not in f"\n{locked}"} == set()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements}


def test_a_wheel_has_all_code_and_the_migrations(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(ROOT)) for path in CODE} <= inside
    assert "persistence/migrations/script.py.mako" in inside
    assert not any(name.startswith(("tests/", "benchmarks/", "samples/")) for name in inside)


@pytest.mark.parametrize(
    "target", ["run", "demo", "test", "lint", "bench", "schema", "docs", "migrate"]
)
def test_make_tells_what_each_target_does(target: str) -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, check=True, text=True)
    assert re.search(rf"^  make {target} +\w+", told.stdout, re.MULTILINE)
