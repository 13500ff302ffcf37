"""Show statuses and answers: for people at a terminal, and as tab-separated lines in a pipe.

Control characters in strings from outside are replaced before they reach the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from irma_backend.cli.json_values import iso_time
from irma_backend.cli.output import clean, print_line
from irma_core import Answer, DisclosedAttribute, SessionStatus

__all__ = [
    "age_in_words",
    "describe",
    "duration_in_words",
    "print_row",
    "print_table",
    "printable",
    "show_answer",
    "show_pairing_code",
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
_STYLES = {
    SessionStatus.DONE: "green",
    SessionStatus.CANCELLED: "red",
    SessionStatus.TIMEOUT: "red",
}
_MIN_TABLE_WIDTH = 60
"""The narrowest terminal that gets a table, in columns. In a narrower one, rich would wrap cells
letter by letter, and finally omit them."""
_FEW = 2
"""A duration is shown in the largest unit of which it has at least two, such as 90 seconds."""


def stderr_console() -> Console:
    """Return the console that writes to standard error, for everything but the answer."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def stdout_console() -> Console:
    """Return the console that writes to standard output, for the answer."""
    # Programs that read from a pipe get unstyled lines, even if the environment forces styles.
    return Console(
        file=sys.stdout, force_terminal=sys.stdout.isatty(), highlight=False, soft_wrap=True
    )


def printable(console: Console, text: str) -> Text:
    """Return a string from outside in a form that the console can show.

    Characters that the console's encoding lacks are escaped as in Python string literals.
    """
    cleaned = clean(text).encode(console.encoding, "backslashreplace")
    return Text(cleaned.decode(console.encoding))


def print_row(*fields: str) -> None:
    """Print fields separated by tabs and without control characters, for programs.

    Raises:
        OutputError: The row cannot be written.
    """
    print_line("\t".join(map(clean, fields)))


def print_table(
    console: Console,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
) -> None:
    """Show rows as a table. In a narrow terminal, show each field on a line of its own, unbroken.

    Raises:
        OutputError: The table cannot be written.
    """
    if console.width >= _MIN_TABLE_WIDTH:
        table = Table(title=title, title_justify="left", title_style="bold green")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(printable(console, cell) for cell in row))
        console.print(table)
        return
    if title is not None:
        console.print(title, style="bold green")
    for row in rows:
        console.print(printable(console, row[0]))
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            console.print(printable(console, f"  {heading}: {cell}"))


def describe(status: SessionStatus) -> str:
    """Return a status in words."""
    return _DESCRIPTIONS[status]


def show_status(console: Console, status: SessionStatus) -> None:
    """Show a status while a session is in progress."""
    style = _STYLES.get(status, "dim")
    console.print(f"  {status.value:<12} {describe(status)}", style=style)


def show_pairing_code(console: Console, code: str) -> None:
    """Show the pairing code."""
    console.print(
        Text("The app must show this code: ").append(printable(console, code)), style="bold"
    )


def show_answer(console: Console, answer: Answer, issued: Sequence[str] = ()) -> None:
    """Show the answer and the issued credentials.

    At a terminal, the answer is a table. In a pipe, each attribute is a line with the slot, the
    attribute, the value and the time of issuance, separated by tabs. Each issued credential is also
    a line.

    Args:
        console: The console on standard output.
        answer: The answer.
        issued: The issued credential types.

    Raises:
        OutputError: The answer cannot be written.
    """
    if not console.is_terminal:
        for slot, each in _attributes(answer):
            print_row(slot, each.attribute, each.raw_value or "", iso_time(each.issued_at))
        for credential in issued:
            print_row(credential)
        return
    if len(answer) or not issued:
        rows = [
            (slot, each.attribute, _value(each), age_in_words(each.issued_at))
            for slot, each in _attributes(answer)
        ]
        print_table(console, ("slot", "attribute", "value", "issued"), rows, title="Proved")
    for credential in issued:
        console.print(Text("Issued: ", style="bold green").append(printable(console, credential)))


def _attributes(answer: Answer) -> Iterator[tuple[str, DisclosedAttribute]]:
    for slot, answered in answer.items():
        for each in answered:
            yield str(slot), each


def _value(attribute: DisclosedAttribute) -> str:
    return "-" if attribute.is_null else attribute.value


def age_in_words(issued_at: datetime) -> str:
    """Return how long ago a credential was issued. Issuers round the time down to a week."""
    days = (datetime.now(UTC) - issued_at).days
    weeks, months, years = days // 7, int(days / 30.44), int(days / 365.25)
    if days < 0:  # a time in the future means that one of the clocks is wrong
        return f"{issued_at:%Y-%m-%d}"
    if weeks < _FEW:
        return ("this week", "last week")[weeks]
    if months < _FEW:
        return f"{weeks} weeks ago"
    return f"{months} months ago" if years < _FEW else f"{years} years ago"


def duration_in_words(duration: timedelta) -> str:
    """Return a duration in one unit, rounded down, such as "5 minutes"."""
    seconds = max(0, round(duration.total_seconds()))
    units = (("hour", 3600), ("minute", 60), ("second", 1))
    name, length = next(unit for unit in units if seconds >= _FEW * unit[1] or unit[1] == 1)
    count = seconds // length
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
