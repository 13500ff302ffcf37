"""Signals that end a command: Ctrl-C, `kill`, and a closed terminal.

The first signal raises `Interrupted`, at once or at the end of a `signals_deferred` block. A second
Ctrl-C ends the process immediately.

Python drops an exception that is raised while it runs a finalizer, such as `__del__`. `Interrupted`
is therefore raised again until it is handled.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import attrs

__all__ = ["Interrupted", "catch_signals", "ignore_signals", "signals_deferred"]

_SIGNAL_STATUS: Final = 128
_NAMES: Final = ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP")
# A closed terminal may send SIGHUP more than once. Only a second key press is deliberate.
_FROM_KEYS: Final = ("SIGINT", "SIGQUIT")
_READ_SIZE: Final = 64
_WAKE_UPS: Final = 40
_WAKE_UP_INTERVAL: Final = 0.05
_NOTICE: Final = b"Waiting for the server's reply. Press Ctrl-C again to stop at once.\n"


class Interrupted(BaseException):
    """A signal ends the command. Like `KeyboardInterrupt`, it is not an `Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that shells use for the signal."""
        return _SIGNAL_STATUS + self.number

    def __str__(self) -> str:
        if self.number == signal.SIGINT:
            return "Interrupted."
        return f"Interrupted by {signal.Signals(self.number).name}."


@attrs.define
class _State:
    held: int = 0
    pending: int | None = None
    ending: bool = False
    raised: int | None = None
    """The signal for which `Interrupted` was raised. It is reset to None when the command ends."""


_state = _State()


def catch_signals() -> None:
    """Handle the signals from now on, except those that the parent process chose to ignore."""
    _reserve_descriptors()
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    if hasattr(signal, "SIGURG"):
        signal.signal(signal.SIGURG, _raise_if_dropped)
        sys.unraisablehook = _hide_interrupted
        watched, written = socket.socketpair()
        written.settimeout(0)
        signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=_wake_main_thread, args=(watched, written), daemon=True).start()


def _reserve_descriptors() -> None:
    """Open any closed standard streams, so that this module's sockets do not get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _wake_main_thread(watched: socket.socket, _written: socket.socket) -> None:
    """Keep waking the main thread after a signal, for two seconds or until the command ends.

    A signal that arrives just before a blocking call does not interrupt the call, and the
    interpreter runs the signal handler only after the call. `_written` is an argument only to keep
    the socket open.
    """
    while numbers := watched.recv(_READ_SIZE):
        if any(number != signal.SIGURG for number in numbers):
            for _ in range(_WAKE_UPS):
                time.sleep(_WAKE_UP_INTERVAL)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)


def _raise_if_dropped(_number: int, _frame: FrameType | None) -> None:
    """Raise `Interrupted` again if it was raised before and no code is handling it."""
    if _state.raised is None or _state.held:
        return
    handled = sys.exc_info()[1]
    while handled is not None and not isinstance(handled, Interrupted):
        handled = handled.__context__
    if handled is None:
        raise Interrupted(_state.raised)


def _hide_interrupted(dropped: sys.UnraisableHookArgs) -> None:
    """Report exceptions that Python drops, except `Interrupted`, which is raised again."""
    if not isinstance(dropped.exc_value, Interrupted):
        sys.__unraisablehook__(dropped)


def ignore_signals() -> None:
    """Stop raising `Interrupted`, because the command has ended."""
    _state.ending = True
    _state.raised = None


@contextmanager
def signals_deferred() -> Generator[None]:
    """Defer signals to the end of the block, so that no reply from the server is lost.

    Raises:
        Interrupted: A signal arrived during the block.
    """
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
        if _state.pending is not None and not _state.held:
            number, _state.pending = _state.pending, None
            _state.raised = number
            raise Interrupted(number)


def _handle(number: int, _frame: FrameType | None) -> None:
    if _state.ending:
        if signal.Signals(number).name in _FROM_KEYS:
            os._exit(_SIGNAL_STATUS + number)
        return
    _state.ending = True
    if not _state.held:
        _state.raised = number
        raise Interrupted(number)
    _state.pending = number
    with suppress(OSError):
        os.write(
            2, _NOTICE
        )  # written to the descriptor, because the interrupted code may be using the stream
