"""A file to which the workers of a site write a line for each login."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, final

import attrs

__all__ = ["FILE", "Login", "note_login", "read_logins"]

FILE: Final = "LOGINS"
"""The environment variable that names the file."""


@final
@attrs.frozen
class Login:
    """A login that a site has run.

    Args:
        person: The name of the person who was logged in.
        worker: The id of the process that ran the login.
    """

    person: str
    worker: int


def note_login(person: str) -> None:
    """Append a line to the file by one write, so that lines of several processes do not mix."""
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(f"{person} {os.getpid()}\n")


def read_logins(file: Path) -> list[Login]:
    """Return the logins so far, in order."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Login(person, int(worker)) for person, worker in map(str.split, lines)]
