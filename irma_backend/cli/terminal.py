"""What a person sees: QR, link, statuses and the table of the answer.

Everything that comes from outside is cleaned before it reaches the terminal. Does not belong here:
what is written for scripts (`results`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO

import segno
from rich.console import Console
from rich.table import Table
from rich.text import Text

from irma_backend.cli.output import clean
from irma_core import Answer, DisclosedAttribute, SessionPointer, SessionStatus

__all__ = [
    "show_answer",
    "show_pairing_code",
    "show_session",
    "show_status",
    "shown",
    "stderr_console",
    "to_output",
]

_WORDS = {
    SessionStatus.INITIALIZED: "waiting for an app",
    SessionStatus.PAIRING: "the app waits for its code to be confirmed",
    SessionStatus.CONNECTED: "an app has the question",
    SessionStatus.DONE: "the app has answered",
    SessionStatus.CANCELLED: "cancelled",
    SessionStatus.TIMEOUT: "timed out",
}
_TABLE_NEEDS = 60
"""Columns: in fewer, rich breaks cells into letters and in the end leaves them out."""
_UNLIMITED = 100_000


def stderr_console() -> Console:
    """Return the console on the standard error: for everything but the answer."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def to_output() -> Console:
    """Return the console on the standard output, for the answer."""
    width = None if sys.stdout.isatty() else _UNLIMITED  # in a file no value is broken over lines
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=True)


def shown(console: Console, text: str) -> Text:
    """Return a text from outside as it can be shown there.

    A character that the console's encoding lacks becomes its number, as in Python's string
    literals.
    """
    printable = clean(text).encode(console.encoding, "backslashreplace")
    return Text(printable.decode(console.encoding))


def show_session(console: Console, pointer: SessionPointer) -> None:
    """Show the QR and the link; where the QR cannot be drawn, the reason."""
    drawing = StringIO()
    segno.make(pointer.qr_text(), error="l").terminal(drawing, compact=True, border=2)
    missing = _why_not(console, drawing.getvalue())
    if not missing and console.is_terminal:
        console.print(Text(drawing.getvalue()))
        console.print("Scan this with the Yivi app, or open on your phone:")
    else:
        if console.is_terminal:
            console.print(f"The QR is not drawn: {missing}")
        console.print("Open this on your phone:")
    console.print(shown(console, pointer.link()))


def _why_not(console: Console, drawing: str) -> str:
    width = max(map(len, drawing.splitlines()))
    if console.width < width:
        return f"it takes {width} columns, and the terminal has {console.width}."
    try:
        drawing.encode(console.encoding)
    except UnicodeEncodeError:
        return f"the encoding {console.encoding} has no characters for it."
    return ""


def show_status(console: Console, status: SessionStatus) -> None:
    """Show a status as it comes."""
    console.print(f"  {status.value:<12} {_WORDS[status]}", style="dim")


def show_pairing_code(console: Console, code: str) -> None:
    """Show the code that the app must show, too."""
    console.print(Text("The app must show this code: ").append(shown(console, code)), style="bold")


def show_answer(console: Console, answer: Answer, issued: Sequence[str] = ()) -> None:
    """Show what was proved, by which attribute, in a table of the slots; and what was issued.

    Args:
        console: Where.
        answer: The answer.
        issued: The credential types that were issued.
    """
    if len(answer) or not issued:
        if console.width < _TABLE_NEEDS:
            _list(console, answer)
        else:
            _tabulate(console, answer)
    for credential in issued:
        console.print(Text("Issued: ", style="bold green").append(shown(console, credential)))


def _tabulate(console: Console, answer: Answer) -> None:
    table = Table(title="Proved", title_justify="left", title_style="bold green")
    for heading in ("slot", "attribute", "value", "issued"):
        table.add_column(heading, overflow="fold")
    for slot, answered in answer.items():
        for each in answered:
            cells = (str(slot), each.attribute, _value(each), f"{each.issued_at:%Y-%m-%d}")
            table.add_row(*(shown(console, cell) for cell in cells))
    console.print(table)


def _list(console: Console, answer: Answer) -> None:
    console.print("Proved", style="bold green")
    for slot, answered in answer.items():
        for each in answered:
            console.print(shown(console, f"{slot}: {each.attribute}"))
            console.print(shown(console, f"  {_value(each)} (issued {each.issued_at:%Y-%m-%d})"))


def _value(attribute: DisclosedAttribute) -> str:
    return "-" if attribute.is_null else attribute.value
