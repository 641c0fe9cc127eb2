"""What the demo prints: events as they arrive, one a line, and how long they took."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import quantiles

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.demo.events import Event, SegmentationUpdate
from hub.demo.outlined import Outlined
from hub.demo.wording import arrival, many

_COLUMNS = "{:>7}  {:>7}  {:>4}  {:4} {:20}  {:10}"
_COLOURS = {"Ada": "cyan", "Ben": "magenta"}


class Board:
    """A table that is printed while it comes to be; it remembers how long events took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = datetime.now(UTC)
        self._milliseconds: defaultdict[str, list[float]] = defaultdict(list)
        self._names: dict[str, str] = {}
        self.events = 0

    def head(self) -> None:
        """Print what the columns are."""
        self._print(
            _COLUMNS.format("s", "ms", "rev", "who", "what", "operation") + " state", "bold"
        )

    def tell(self, line: str) -> None:
        """Print what somebody does."""
        self._print(f"{self._seconds(datetime.now(UTC))}  ── {line}", "bold")

    def arrived(self, who: str, what: str, event: Event) -> None:
        """Print an event that has just arrived."""
        now = datetime.now(UTC)
        line = arrival(event, self._name(event))
        took = ""
        if line.changed_at is not None:
            milliseconds = (now - line.changed_at).total_seconds() * 1000
            self._milliseconds[what].append(milliseconds)
            took = f"{milliseconds:.1f}"
        self.events += 1
        revision = "" if line.revision is None else line.revision
        told = _COLUMNS.format(self._seconds(now), took, revision, who, what, line.operation)
        self._print(f"{told} {line.told}", _COLOURS[who])

    def ended(self, who: str, what: str, code: str) -> None:
        """Print that a stream ended with an error."""
        line = _COLUMNS.format(self._seconds(datetime.now(UTC)), "", "", who, what, "ended")
        self._print(f"{line} {code}", f"{_COLOURS[who]} reverse")

    def percentiles(self) -> None:
        """Print how long it took from a change in the database to its receipt."""
        table = Table("from change to receipt, ms", "events", "p50", "p90", "p99", "max", box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        everything = [value for values in self._milliseconds.values() for value in values]
        for what, values in [*sorted(self._milliseconds.items()), ("all", everything)]:
            # One value has no quantiles; twice the same has it as all of them.
            cuts = quantiles(values * 2, n=100, method="inclusive")
            shown = (cuts[49], cuts[89], cuts[98], max(values))
            table.add_row(what, str(len(values)), *(f"{value:.1f}" for value in shown))
        self._console.print()
        self._console.print(table)
        self._print(" Numbers are told at most ten times a second: what comes sooner waits.", "dim")

    def drawn(self, pictures: Sequence[Outlined]) -> None:
        """Print where the pictures are that the demo has made."""
        self._console.print()
        for each in pictures:
            self._print(f"Look: {each.path}, {many(each.outlines, 'cell')} outlined", "bold")

    def verdict(self, lines: list[str], *, is_good: bool) -> None:
        """Print what came of it all."""
        self._console.print()
        for line in lines:
            self._print(line, "bold green" if is_good else "bold red")

    def _name(self, event: Event) -> str:
        """Return the name of the image that the event is about; deletions don't tell it."""
        if not isinstance(event, SegmentationUpdate):
            return ""
        if event.image is not None:
            self._names[event.image_id] = event.image.name
        return self._names[event.image_id]

    def _seconds(self, moment: datetime) -> str:
        return f"{(moment - self._began).total_seconds():7.3f}"

    def _print(self, line: str, style: str) -> None:
        self._console.print(Text(line, style=style), soft_wrap=True)
