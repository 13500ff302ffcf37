"""What a person sees: QR, link, statuses and the table of the answer.

Everything that comes from outside is cleaned before it reaches the terminal. Does not belong here:
what is written for scripts (`results`).
"""

from __future__ import annotations

import sys
import unicodedata
from io import StringIO

import segno
from rich.console import Console
from rich.table import Table
from rich.text import Text

from irma_core import Answer, SessionPointer, SessionStatus

__all__ = [
    "clean",
    "is_unsafe",
    "show_answer",
    "show_pairing_code",
    "show_session",
    "show_status",
    "to_person",
]

_WORDS = {
    SessionStatus.INITIALIZED: "waiting for an app",
    SessionStatus.PAIRING: "the app waits for its code to be confirmed",
    SessionStatus.CONNECTED: "an app has the question",
    SessionStatus.DONE: "the app has answered",
    SessionStatus.CANCELLED: "cancelled",
    SessionStatus.TIMEOUT: "timed out",
}
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that steer a terminal or turn the direction of text."""


def clean(text: str) -> str:
    """Make a text from outside safe for a terminal: what would steer it shows as U+FFFD."""
    return "".join("\ufffd" if is_unsafe(each) else each for each in text)


def is_unsafe(letter: str) -> bool:
    """Tell whether a letter would steer a terminal, or be seen by nobody."""
    return unicodedata.category(letter) in _UNSAFE


def to_person() -> Console:
    """Give the console that people read; the standard output stays for scripts."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def show_session(console: Console, pointer: SessionPointer) -> None:
    """Show the QR and the link."""
    drawing = StringIO()
    segno.make(pointer.qr_text(), error="l").terminal(drawing, compact=True, border=2)
    if console.is_terminal:
        console.print(Text.from_ansi(drawing.getvalue()))
    console.print("Scan this with the Yivi app, or open on your phone:")
    console.print(Text(clean(pointer.link())))


def show_status(console: Console, status: SessionStatus) -> None:
    """Show a status as it comes."""
    console.print(f"  {status.value:<12} {_WORDS[status]}", style="dim")


def show_pairing_code(console: Console, code: str) -> None:
    """Show the code that the app must show, too."""
    console.print(f"The app must show this code: {clean(code)}", style="bold")


def show_answer(console: Console, answer: Answer) -> None:
    """Show a table of the slots: what was proved, by which attribute."""
    table = Table(title="Proved", title_justify="left", title_style="bold green")
    for heading in ("slot", "attribute", "value", "issued"):
        table.add_column(heading, overflow="fold")
    for slot, answered in answer.items():
        for each in answered:
            value = Text("-") if each.is_null else Text(clean(each.value))
            issued = f"{each.issued_at:%Y-%m-%d}"
            table.add_row(Text(clean(str(slot))), Text(each.attribute), value, issued)
    console.print(table)
