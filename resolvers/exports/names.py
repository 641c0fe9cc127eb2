"""Names for files on other people's computers, whatever images are called."""

import re
import unicodedata

# Of a stem, in UTF-8: with suffixes and a number it stays below what file systems take, 255.
_LONGEST = 180
_FORBIDDEN = re.compile(r'[<>:"/\\|?*%]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
# Options of commands, and formulas of spreadsheets.
_ODD_BEGINNINGS = ("-", "=", "+", "@")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_EXTENSION = 8


def safe_name(name: str) -> str:
    """Return a name that every system takes, in one folder, and that hides nothing."""
    composed = unicodedata.normalize("NFC", name)
    visible = "".join(c for c in composed if unicodedata.category(c) not in _INVISIBLE)
    plain = _FORBIDDEN.sub("_", visible)
    short = plain.encode(errors="replace")[:_LONGEST].decode(errors="ignore")
    # Windows drops dots and spaces at the end, and others hide what begins with a dot.
    stripped = short.strip(" .\u3000\u00a0")
    if not stripped:
        return "unnamed"
    begins = unicodedata.normalize("NFKC", stripped[0])
    is_odd = begins in _ODD_BEGINNINGS or _DEVICE.fullmatch(stripped)
    return f"_{stripped}" if is_odd else stripped


def split_name(name: str) -> tuple[str, str]:
    """Return a safe name in two parts: ``nuclei`` and ``.ome.tif`` of ``nuclei.ome.tif``."""
    stem, dot, extension = name.rpartition(".")
    if not (stem.strip(" .") and extension.isalnum() and len(extension) <= _LONGEST_EXTENSION):
        return safe_name(name), ""
    ome = ".ome" if stem.lower().endswith(".ome") else ""
    kept = stem[: len(stem) - len(ome)] or stem
    return safe_name(kept), f"{stem[len(kept) :]}{dot}{extension}"


class UniqueNames:
    """Hands out names of which no two are the same file on any system."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Return the name, with a number behind it where it was handed out before."""
        given, key = name, _folded(name)
        while key in self._taken:
            self._taken[_folded(name)] += 1
            given = f"{name}_{self._taken[_folded(name)]}"
            key = _folded(given)
        self._taken[key] = 1
        return given


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
