"""Record a login's changes to a framework's session, so that a repeated call can apply them."""

from __future__ import annotations

from collections.abc import MutableMapping
from copy import deepcopy
from typing import Any, final

__all__ = ["SessionChanges"]


@final
class SessionChanges:
    """Finds the changes that a login makes to a session.

    Args:
        session: The framework's session.
    """

    def __init__(self, session: MutableMapping[str, Any]) -> None:
        self._session = session
        # A login may change a list or a dictionary in place.
        self._before = deepcopy(dict(session))

    def changes(self) -> list[Any]:
        """Return the keys that the login set, with their values, and the keys that it removed."""
        missing = object()
        changed = {
            key: value
            for key, value in self._session.items()
            if self._before.get(key, missing) != value
        }
        return [changed, [key for key in self._before if key not in self._session]]

    def undo(self) -> None:
        """Restore the state that the session had when the login started."""
        self._session.clear()
        self._session.update(self._before)

    @staticmethod
    def apply(session: MutableMapping[str, Any], changes: list[Any]) -> None:
        """Apply `changes`, which an earlier call recorded, to the session of this call."""
        changed, removed = changes
        for key in removed:
            session.pop(key, None)
        session.update(changed)
