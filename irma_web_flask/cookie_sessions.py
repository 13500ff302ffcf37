"""Flask's session, and a login's changes to it, which a repeated call gets again."""

from __future__ import annotations

from typing import Any, Final

from flask import session
from flask.json.tag import TaggedJSONSerializer

__all__ = ["SessionChanges"]

_SERIALIZER: Final = TaggedJSONSerializer()
"""Flask's own serializer, which supports tuples, bytes and times besides JSON."""


class SessionChanges:
    """Watches the session while a login runs."""

    def __init__(self) -> None:
        # A copy of each value: a login may change a list or a dictionary in place.
        self._before = {key: _SERIALIZER.dumps(value) for key, value in session.items()}

    def dump(self) -> str:
        """Return the changes since the start."""
        after = {key: _SERIALIZER.dumps(value) for key, value in session.items()}
        changed = {key: text for key, text in after.items() if self._before.get(key) != text}
        removed = [key for key in self._before if key not in after]
        return _SERIALIZER.dumps([changed, removed])

    def undo(self) -> None:
        """Restore the session as it was."""
        session.clear()
        session.update({key: _SERIALIZER.loads(text) for key, text in self._before.items()})

    @staticmethod
    def apply(dumped: str) -> None:
        """Apply the changes of an earlier call to the web session of this call."""
        changes: Any = _SERIALIZER.loads(dumped)
        changed, removed = changes
        for key in removed:
            session.pop(key, None)
        session.update({key: _SERIALIZER.loads(text) for key, text in changed.items()})
