"""Find out whether a call is made inside another call, in any thread or task."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, final

__all__ = ["Nesting"]


@final
class _Level:
    """A call that has begun; `is_over` becomes true when the call ends."""

    def __init__(self, owner: Nesting) -> None:
        self.owner = owner
        self.is_over = False


_LEVELS: Final[ContextVar[tuple[_Level, ...]]] = ContextVar("irma_testing_levels", default=())


@final
class Nesting:
    """Counts the nested calls that the current thread or task is making.

    If a task was started inside a call, it counts as inside only until that call ends.
    """

    @property
    def depth(self) -> int:
        """How many of this object's `deeper` blocks surround the caller."""
        return sum(level.owner is self and not level.is_over for level in _LEVELS.get())

    @contextmanager
    def deeper(self) -> Generator[None]:
        """Count the `with` block as one more nested call, for all code that runs inside it."""
        level = _Level(self)
        token = _LEVELS.set((*_LEVELS.get(), level))
        try:
            yield
        finally:
            level.is_over = True
            _LEVELS.reset(token)
