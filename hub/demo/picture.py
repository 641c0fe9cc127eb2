"""A picture of what the demo prints, shortened."""

import re
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

_COLUMNS = 118
# Of each step one event of each kind is shown, so many at most; and all that Ada hears of what is
# outlined in the end, and of how far the work is, and how Ben is shut out.
_EVENTS = 3
_ALWAYS = re.compile(
    r"Ada  segmentationUpdated .*(nuclei-fluorescence\.tif|PROCESSING, \d)"
    r"|Ada  queueStatsUpdated +[1-9]\d* QUEUED, [1-9].* to go"
    r"|Ben .* (REVOKED|FORBIDDEN)"
)
_EVENT = re.compile(r" *\d+\.\d{3} .* (?:Ada|Ben)  (\w+)")
_STEP = "── "
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def draw(console: Console, target: Path) -> None:
    """Write some of what the console has recorded into a file, as SVG."""
    printed = Text.from_ansi(console.export_text(clear=False, styles=True))
    page = Console(record=True, width=_COLUMNS, file=StringIO(), highlight=False)
    for line in _shortened(printed.split("\n", allow_blank=True)):
        page.print(line, no_wrap=True, overflow="ellipsis")
    drawn = page.export_svg(title="make demo, in part")
    # Pictures in a page load no fonts; and some programs strip lines of the blanks at their ends.
    drawn = _FONTS.sub("", drawn).replace("<svg ", '<svg xml:space="preserve" ', 1)
    target.write_text(drawn, encoding="utf-8")


def _shortened(lines: Iterable[Text]) -> Iterator[Text]:
    kinds: set[str] = set()
    for line in lines:
        event = None if _STEP in line.plain else _EVENT.match(line.plain)
        if event is None:
            kinds = set()
        elif not _ALWAYS.search(line.plain):
            if event[1] in kinds or len(kinds) == _EVENTS:
                continue
            kinds.add(event[1])
        yield line
