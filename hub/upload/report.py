"""What people see of an upload: a bar while it runs, or lines, and a summary at the end."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from client.errors import ClientError
from hub.upload.batches import Fate, Outcome
from hub.upload.files import LocalFile

_STYLES = {Fate.STORED: "green", Fate.PRESENT: "cyan", Fate.REJECTED: "red", Fate.UNSENT: "yellow"}


class Lines:
    """Shows an upload as lines, one for each file (an Observer)."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def passed(self, size: int) -> None:
        """Show nothing: the files are shown when they are done."""

    def settled(self, file: LocalFile, outcome: Outcome, /) -> None:
        """Show what became of the file."""
        self._console.print(_line(file, outcome), soft_wrap=True)

    def waiting(self, error: ClientError, seconds: float) -> None:
        """Show that something is tried again."""
        self._console.print(_again(error, seconds), soft_wrap=True)


class Bar:
    """Shows an upload as a bar that grows with the bytes (an Observer)."""

    def __init__(self, console: Console, files: int, size: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[files]}"),
            console=console,
        )
        self._files = files
        self._fates: Counter[Fate] = Counter()
        self._task = self._progress.add_task("Uploading", total=size, files=self._told())

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def passed(self, size: int) -> None:
        """Move the bar."""
        self._progress.advance(self._task, size)

    def settled(self, _file: LocalFile, outcome: Outcome, /) -> None:
        """Count the file."""
        self._fates[outcome.fate] += 1
        self._progress.update(self._task, files=self._told())

    def _told(self) -> str:
        rejected = self._fates[Fate.REJECTED]
        told = f"{self._fates.total()} of {self._files} files"
        return f"{told}, {rejected} rejected" if rejected else told

    def waiting(self, error: ClientError, seconds: float) -> None:
        """Show above the bar that something is tried again."""
        self._progress.console.print(_again(error, seconds))


def print_summary(
    console: Console, outcomes: Mapping[LocalFile, Outcome], given_up: ClientError | None
) -> None:
    """Print which files were rejected, why the rest was not sent, and how many met which fate."""
    rejected = {
        file: outcome for file, outcome in outcomes.items() if outcome.fate is Fate.REJECTED
    }
    console.print()
    if rejected:
        console.print(_reasons(rejected))
        console.print()
    console.print(_counts(outcomes))
    if given_up is not None:
        line = f"Given up: {given_up} The same command goes on where this one stopped."
        console.print(Text(line, style="red"), soft_wrap=True)


def _counts(outcomes: Mapping[LocalFile, Outcome]) -> Table:
    files = Counter(outcome.fate for outcome in outcomes.values())
    sizes: Counter[Fate] = Counter()
    for file, outcome in outcomes.items():
        sizes[outcome.fate] += file.size
    table = Table.grid(padding=(0, 3))
    for fate, style in _STYLES.items():
        size = decimal(sizes[fate]) if files[fate] else ""
        label = Text(fate.value.capitalize(), style=style if files[fate] else "dim")
        table.add_row(label, Text(f"{files[fate]:,}", justify="right"), Text(size, justify="right"))
    return table


def _reasons(rejected: Mapping[LocalFile, Outcome]) -> Table:
    table = Table("Rejected", "Code", "Reason", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    table.columns[1].no_wrap = True
    for file, outcome in rejected.items():
        table.add_row(Text(shown(file.path)), outcome.code, Text(outcome.message))
    return table


def shown(path: Path) -> str:
    """Return a path as it can be printed, whatever its bytes are."""
    name = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else "\ufffd" for character in name)


def _line(file: LocalFile, outcome: Outcome) -> Text:
    why = f" ({outcome.code}: {outcome.message})" if outcome.code else ""
    return Text(f"{outcome.fate.value}: {shown(file.path)}{why}", style=_STYLES[outcome.fate])


def _again(error: ClientError, seconds: float) -> Text:
    return Text(f"{error} Trying again in {seconds:.0f} s.", style="yellow")
