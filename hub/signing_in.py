"""How the commands that are clients of a hub sign in, and how they end where they can't go on."""

import getpass
import os
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from client.credentials import Credentials

_WRONG_USAGE = 2


def signed_in_by(api_key: str | None, email: str | None) -> "Credentials":
    """Return credentials by what the command line and the environment say, or end the command."""
    from client.credentials import ApiKey, Session  # noqa: PLC0415

    if email:
        return Session(email, os.environ.get("CELLHUB_PASSWORD") or _ask_password(email))
    if api_key:
        return ApiKey(api_key)
    raise ended("Sign in by --api-key or CELLHUB_API_KEY, or else by --email.", _WRONG_USAGE)


def _ask_password(email: str) -> str:
    if not sys.stdin.isatty():
        raise ended("CELLHUB_PASSWORD is needed where nobody can be asked.", _WRONG_USAGE)
    return getpass.getpass(f"Password of {email}: ")


def ended(line: str, code: int) -> typer.Exit:
    """Say why, and return what ends the command with this code."""
    typer.echo(f"cellhub: {line}", err=True)
    return typer.Exit(code)
