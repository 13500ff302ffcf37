"""How the link, the QR code or a page leads an app to a session."""

from __future__ import annotations

import os
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import IO

import pytest
import segno
from rich.console import Console

from irma_backend.cli.session_link import open_session, show_session
from irma_core import SessionPointer, SessionType

LINK = "https://irma.example/irma/session/Ab01Cd23Ef45Gh67Ij89"
POINTER = SessionPointer(LINK, SessionType.DISCLOSING)
LOCAL = SessionPointer(LINK.replace("https://irma.example", "http://127.0.0.1:8088"), POINTER.type)
BLOCK = "\u2580"


def console(
    file: IO[str], *, is_terminal: bool = True, columns: int = 200, rows: int = 100
) -> Console:
    """Return a console for a terminal of that size, or for a pipe."""
    return Console(
        file=file,
        force_terminal=is_terminal,
        width=columns,
        height=rows,
        highlight=False,
        soft_wrap=True,
    )


def shown(
    pointer: SessionPointer = POINTER,
    *,
    columns: int = 200,
    rows: int = 100,
    draw: bool = True,
    intro: str | None = None,
) -> str:
    """Return the output of a terminal of that size."""
    file = StringIO()
    show_session(console(file, columns=columns, rows=rows), pointer, draw=draw, intro=intro)
    return file.getvalue()


def code(content: str) -> str:
    """Return the QR code of a string, as a terminal shows it."""
    drawn = StringIO()
    segno.make(content, error="l").terminal(drawn, compact=True, border=2)
    return drawn.getvalue()


@pytest.mark.parametrize(
    ("columns", "rows", "content"),
    [(53, 30, POINTER.qr_text()), (52, 30, POINTER.json_text()), (80, 24, POINTER.json_text())],
)
def test_largest_qr_code_that_fits_is_drawn(columns: int, rows: int, content: str) -> None:
    """A window too low or narrow for the link gets the smaller code, which the app also reads."""
    seen = shown(columns=columns, rows=rows)
    assert code(content).strip() in seen
    assert seen.startswith("Scan the QR code with the Yivi app, or open this on your phone:")


@pytest.mark.parametrize(("columns", "rows"), [(40, 100), (200, 23)])
def test_small_window_gets_the_reason(columns: int, rows: int) -> None:
    """If no code fits, the link stays, with the size that is needed and the option to use."""
    seen = shown(columns=columns, rows=rows)
    assert BLOCK not in seen
    assert POINTER.link() in seen
    assert f"needs 41 columns and 24 rows, and the terminal has {columns} and {rows}." in seen
    assert "--open" in seen


def test_encoding_without_blocks_is_the_reason() -> None:
    """If the encoding lacks block characters, no code is drawn, and the reason says so."""
    file = TextIOWrapper(BytesIO(), encoding="ascii")
    show_session(console(file), POINTER)
    file.seek(0)
    assert "The QR code is not drawn: the encoding ascii lacks" in file.read()


def test_link_to_this_machine_shows_its_page() -> None:
    """If phones cannot reach the server on this machine, its page replaces the QR code."""
    seen = shown(LOCAL)
    assert "The server is on this machine" in seen
    assert "answer on its page: http://127.0.0.1:8088/\n" in seen
    assert LOCAL.link() in seen
    assert (BLOCK in seen, "phone:" in seen) == (False, False)
    assert BLOCK in shown(LOCAL, intro="The app is simulated:")


def test_no_code_is_drawn_on_request_or_in_a_pipe() -> None:
    """If the user wants no code, or the output is a pipe, only the link is shown."""
    alone = f"Open this on your phone:\n{POINTER.link()}\n"
    assert shown(draw=False) == alone
    piped = StringIO()
    show_session(console(piped, is_terminal=False), POINTER)
    assert piped.getvalue() == alone


@pytest.mark.parametrize(
    ("pointer", "page"), [(POINTER, POINTER.link()), (LOCAL, "http://127.0.0.1:8088/")]
)
def test_browser_opens_the_link_or_the_page(
    pointer: SessionPointer,
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The user's browser opens the link or the page, and what it prints is not in the answer."""
    browser = tmp_path / "browser"
    browser.write_text(f"#!{sys.executable}\nimport sys\nprint('opened', sys.argv[1])\n")
    browser.chmod(0o700)
    use_browser(monkeypatch, f"{browser} %s")
    open_session(pointer)
    assert capfd.readouterr() == ("", f"opened {page}\n")


def test_missing_browser_is_reported(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a browser, the user is asked to open the link."""
    use_browser(monkeypatch, f"{os.devnull} %s")
    open_session(POINTER)
    assert capfd.readouterr() == ("", "No browser could be opened: open the link yourself.\n")


def use_browser(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Let `webbrowser` know one browser, and forget those of this machine."""
    monkeypatch.setenv("BROWSER", command)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("webbrowser._tryorder", None)
    monkeypatch.setattr("webbrowser._browsers", {})
