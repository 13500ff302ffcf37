"""Show how an app joins a session: the link, a QR code that fits the terminal, or a page to open.

Control characters in strings from outside are replaced before they reach the terminal.
"""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Generator
from contextlib import contextmanager
from io import StringIO
from urllib.parse import urlsplit

import segno
from rich.console import Console
from rich.text import Text

from irma_backend.cli.output import print_message
from irma_backend.cli.terminal import printable
from irma_core import SessionPointer
from irma_core.models.urls import is_loopback

__all__ = ["open_session", "show_session"]

_BELOW = 3
"""The number of rows kept free for the lines below the QR code."""


def show_session(
    console: Console, pointer: SessionPointer, *, draw: bool = True, intro: str | None = None
) -> None:
    """Show the link and, at a terminal, the QR code or the reason why it cannot be drawn.

    Args:
        console: The console on standard error.
        pointer: The session pointer.
        draw: Whether to draw the QR code; a phone cannot use it if the server is on this machine.
        intro: The line above the link, for a server with a simulated app. The default line explains
            where to open the link.
    """
    page, drawing, obstacle = _local_page(pointer), "", ""
    if draw and console.is_terminal and (page is None or intro is not None):
        drawing, obstacle = _drawing(console, pointer)
    if intro is not None:
        console.print(intro)
    elif page is not None:
        console.print("The server is on this machine, where a phone cannot reach it.")
        console.print(
            printable(console, f"If it is a development server, answer on its page: {page}")
        )
        console.print("The link for an app:")
    elif drawing:
        console.print("Scan the QR code with the Yivi app, or open this on your phone:")
    else:
        console.print("Open this on your phone:")
    console.print(printable(console, pointer.link()))
    if drawing:
        console.print(Text(drawing))
    elif obstacle:
        console.print(f"The QR code is not drawn: {obstacle}")


def open_session(pointer: SessionPointer) -> None:
    """Open the link in a browser; for a server on this machine, open the server's page instead."""
    with _stdout_to_stderr():
        opened = webbrowser.open(_local_page(pointer) or pointer.link())
    if not opened:
        print_message("No browser could be opened: open the link yourself.")


def _local_page(pointer: SessionPointer) -> str | None:
    """Return the URL of the development server's page; None if the server is on another machine."""
    url = urlsplit(pointer.url)
    return f"{url.scheme}://{url.netloc}/" if is_loopback(url.hostname or "") else None


def _drawing(console: Console, pointer: SessionPointer) -> tuple[str, str]:
    """Return the largest QR code that fits; if none fits, return an empty string and the reason."""
    obstacle = ""
    # Bare JSON makes a smaller code than the link. The app reads both, but a phone's camera only
    # reads the link.
    for content in (pointer.qr_text(), pointer.json_text()):
        drawn = StringIO()
        segno.make(content, error="l").terminal(drawn, compact=True, border=2)
        obstacle = _obstacle(console, drawn.getvalue())
        if not obstacle:
            return drawn.getvalue().rstrip("\n"), ""
    return "", obstacle


def _obstacle(console: Console, drawing: str) -> str:
    try:
        drawing.encode(console.encoding)
    except UnicodeEncodeError:
        return f"the encoding {console.encoding} lacks the characters for it."
    lines = drawing.splitlines()
    columns, rows = max(map(len, lines)), len(lines) + _BELOW
    if console.width >= columns and console.height >= rows:
        return ""
    return (
        f"it needs {columns} columns and {rows} rows, and the terminal has {console.width} "
        f"and {console.height}. --open shows the session in a browser."
    )


@contextmanager
def _stdout_to_stderr() -> Generator[None]:
    """Redirect standard output to standard error in the block, because browsers print messages."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
