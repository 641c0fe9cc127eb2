"""What tests measured, for the end of what pytest prints."""

import pytest


def tell(reporter: pytest.TerminalReporter, title: str, name: str) -> None:
    """Print what the tests recorded as properties of this name, if they recorded any."""
    lines = [
        str(value)
        for reports in reporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for key, value in report.user_properties
        if key == name
    ]
    if lines:
        reporter.section(title)
        for line in lines:
            reporter.write_line(line)
