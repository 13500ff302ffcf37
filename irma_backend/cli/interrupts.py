"""Signals that end a command: Ctrl-C, `kill`, a terminal that is closed.

The first one raises `Interrupted`, at once or at the end of a `held` block. A second Ctrl-C ends
the process there and then.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import attrs

__all__ = ["Interrupted", "catch_signals", "end_soon", "held"]

_BY_SHELLS: Final = 128
_NAMES: Final = ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP")
# A closed terminal sends SIGHUP more than once; only a person who presses a key again means it.
_FROM_KEYS: Final = ("SIGINT", "SIGQUIT")
_SOME: Final = 64
_NUDGES: Final = 3
_NUDGE_EACH: Final = 0.05
_WAIT: Final = b"Ending as soon as the server has replied; Ctrl-C again ends at once.\n"


class Interrupted(BaseException):
    """A signal ends the command. Like `KeyboardInterrupt`, it is not an `Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status by which shells know the signal."""
        return _BY_SHELLS + self.number

    def __str__(self) -> str:
        if self.number == signal.SIGINT:
            return "Interrupted."
        return f"Interrupted by {signal.Signals(self.number).name}."


@attrs.define
class _State:
    held: int = 0
    pending: int | None = None
    ending: bool = False


_state = _State()


def catch_signals() -> None:
    """Handle the signals from now on, except those that the parent process had us ignore."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    if hasattr(signal, "SIGURG"):
        signal.signal(signal.SIGURG, lambda _number, _frame: None)
        watched, written = socket.socketpair()
        written.settimeout(0)
        signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=_nudge, args=(watched, written), daemon=True).start()


def _nudge(watched: socket.socket, _written: socket.socket) -> None:
    """Wake the main thread after a signal.

    A signal that comes just before the thread waits for something does not end the waiting, and
    the interpreter calls the handler only after it. `_written` is held so that it stays open.
    """
    while numbers := watched.recv(_SOME):
        if any(number != signal.SIGURG for number in numbers):
            for _ in range(_NUDGES):
                time.sleep(_NUDGE_EACH)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)


def end_soon() -> None:
    """Raise nothing from now on: the command has ended."""
    _state.ending = True


@contextmanager
def held() -> Generator[None]:
    """Let a signal wait for the end of the block, which a reply from the server decides.

    Raises:
        Interrupted: A signal came in the block.
    """
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
        if _state.pending is not None and not _state.held:
            number, _state.pending = _state.pending, None
            raise Interrupted(number)


def _handle(number: int, _frame: FrameType | None) -> None:
    if _state.ending:
        if signal.Signals(number).name in _FROM_KEYS:
            os._exit(_BY_SHELLS + number)
        return
    _state.ending = True
    if not _state.held:
        raise Interrupted(number)
    _state.pending = number
    with suppress(OSError):
        os.write(2, _WAIT)  # the stream itself may be in use, here where the signal came
