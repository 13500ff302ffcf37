"""Show the QR code, link, statuses and the table of the answer at a terminal.

Control characters in strings from outside are replaced before they reach the terminal.
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
    "printable",
    "show_answer",
    "show_pairing_code",
    "show_session",
    "show_status",
    "stderr_console",
    "stdout_console",
]

_DESCRIPTIONS = {
    SessionStatus.INITIALIZED: "waiting for an app",
    SessionStatus.PAIRING: "waiting for the pairing code to be confirmed",
    SessionStatus.CONNECTED: "an app has connected",
    SessionStatus.DONE: "the app has answered",
    SessionStatus.CANCELLED: "cancelled",
    SessionStatus.TIMEOUT: "timed out",
}
_MIN_TABLE_WIDTH = 60
"""In fewer columns, rich wraps cells letter by letter and finally omits them."""
_UNLIMITED_WIDTH = 100_000


def stderr_console() -> Console:
    """Return the console on the standard error, for everything but the answer."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def stdout_console() -> Console:
    """Return the console on the standard output, for the answer."""
    # A file must hold each value on one line.
    width = None if sys.stdout.isatty() else _UNLIMITED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=True)


def printable(console: Console, text: str) -> Text:
    """Return a string from outside in a form that the console can show.

    Characters that the console's encoding lacks are escaped as in Python string literals.
    """
    cleaned = clean(text).encode(console.encoding, "backslashreplace")
    return Text(cleaned.decode(console.encoding))


def show_session(console: Console, pointer: SessionPointer) -> None:
    """Show the QR code and the link; if the QR code cannot be drawn, say why."""
    drawing = StringIO()
    segno.make(pointer.qr_text(), error="l").terminal(drawing, compact=True, border=2)
    obstacle = _obstacle(console, drawing.getvalue())
    if not obstacle and console.is_terminal:
        console.print(Text(drawing.getvalue()))
        console.print("Scan this with the Yivi app, or open on your phone:")
    else:
        if console.is_terminal:
            console.print(f"The QR code is not drawn: {obstacle}")
        console.print("Open this on your phone:")
    console.print(printable(console, pointer.link()))


def _obstacle(console: Console, drawing: str) -> str:
    width = max(map(len, drawing.splitlines()))
    if console.width < width:
        return f"it needs {width} columns, and the terminal has {console.width}."
    try:
        drawing.encode(console.encoding)
    except UnicodeEncodeError:
        return f"the encoding {console.encoding} lacks its characters."
    return ""


def show_status(console: Console, status: SessionStatus) -> None:
    """Show a status."""
    console.print(f"  {status.value:<12} {_DESCRIPTIONS[status]}", style="dim")


def show_pairing_code(console: Console, code: str) -> None:
    """Show the pairing code."""
    console.print(
        Text("The app must show this code: ").append(printable(console, code)), style="bold"
    )


def show_answer(console: Console, answer: Answer, issued: Sequence[str] = ()) -> None:
    """Show the answer as a table of slots and attributes, and the issued credentials.

    Args:
        console: The console to print on.
        answer: The answer.
        issued: The issued credential types.
    """
    if len(answer) or not issued:
        if console.width < _MIN_TABLE_WIDTH:
            _list(console, answer)
        else:
            _tabulate(console, answer)
    for credential in issued:
        console.print(Text("Issued: ", style="bold green").append(printable(console, credential)))


def _tabulate(console: Console, answer: Answer) -> None:
    table = Table(title="Proved", title_justify="left", title_style="bold green")
    for heading in ("slot", "attribute", "value", "issued"):
        table.add_column(heading, overflow="fold")
    for slot, answered in answer.items():
        for each in answered:
            cells = (str(slot), each.attribute, _value(each), f"{each.issued_at:%Y-%m-%d}")
            table.add_row(*(printable(console, cell) for cell in cells))
    console.print(table)


def _list(console: Console, answer: Answer) -> None:
    console.print("Proved", style="bold green")
    for slot, answered in answer.items():
        for each in answered:
            console.print(printable(console, f"{slot}: {each.attribute}"))
            console.print(
                printable(console, f"  {_value(each)} (issued {each.issued_at:%Y-%m-%d})")
            )


def _value(attribute: DisclosedAttribute) -> str:
    return "-" if attribute.is_null else attribute.value
