"""What the numbers were measured on."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

import psutil


def description() -> str:
    """Return the machine and the day in a line."""
    processor = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    gibibytes = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} × {processor[1] if processor else '?'},"
        f" {gibibytes:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    )
