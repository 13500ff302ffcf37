"""A signal that interrupts no system call, for tests of parts that block their thread.

Python runs a signal handler on the main thread, between two steps of the program. If the signal
arrives just before a system call, it does not interrupt that call, so the handler runs only after
the call. The same happens whenever another thread receives the signal.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import pytest

__all__ = ["signal_while_blocked"]

_PAUSE: Final = 0.5
"""Seconds to wait for the main thread to block. If it blocks later, the test still passes."""
_HANG: Final = 60.0
"""Seconds from the signal until the test fails, if the block has not noticed the signal."""


@contextmanager
def signal_while_blocked() -> Generator[None]:
    """Send SIGINT while the `with` block runs. The block must raise `KeyboardInterrupt`.

    Raises:
        AssertionError: The block noticed the signal too late.
    """
    if not hasattr(signal, "pthread_sigmask"):
        pytest.skip("this system has no signal masks")
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals are handled on the main thread only")
    main, has_noticed, was_late = threading.get_ident(), threading.Event(), threading.Event()

    def send() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        has_noticed.wait(_PAUSE)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not has_noticed.wait(_HANG):
            was_late.set()
            signal.pthread_kill(main, signal.SIGUSR1)

    sender = threading.Thread(target=send)
    # A shell starts background jobs with SIGINT ignored.
    handled = signal.signal(signal.SIGINT, signal.default_int_handler)
    waking = signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        sender.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                yield
        finally:
            has_noticed.set()
            sender.join()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        signal.signal(signal.SIGUSR1, waking)
        signal.signal(signal.SIGINT, handled)
    assert not was_late.is_set(), "a signal such as Ctrl-C waits for the end of the call"
