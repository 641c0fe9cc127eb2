"""How the demo fails."""


class DemoFailed(Exception):
    """The demo can't go on; the message says why, in a line or a few."""
