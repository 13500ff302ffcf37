"""A value that each process opens for itself, such as a pool of connections."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Generic, TypeVar, final

__all__ = ["PerProcess"]

ValueT = TypeVar("ValueT")


@final
class PerProcess(Generic[ValueT]):
    """Opens a value on first use, and again in each forked process. Threads may share it.

    Args:
        open_value: A function that opens the value. It receives an `ExitStack`, on which it
            registers everything that must be closed later.
    """

    def __init__(self, open_value: Callable[[ExitStack], ValueT]) -> None:
        self._open = open_value
        self._lock = threading.Lock()
        self._opened: tuple[int, ValueT, ExitStack] | None = None

    def get(self) -> ValueT:
        """Return this process's own value, which is opened on first use."""
        with self._lock:
            # After a fork the connections belong to the parent, which continues to use them.
            if self._opened is None or self._opened[0] != os.getpid():
                with ExitStack() as owned:
                    value = self._open(owned)
                    self._opened = (os.getpid(), value, owned.pop_all())
            return self._opened[1]

    def close(self) -> None:
        """Close the value that this process opened; the next use opens another."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None and opened[0] == os.getpid():
            opened[2].close()
