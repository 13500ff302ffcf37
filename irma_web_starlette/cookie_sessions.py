"""Starlette's session, and a login's changes to it, which a repeated call gets again."""

from __future__ import annotations

from collections.abc import MutableMapping
from copy import deepcopy
from typing import Any, cast

from starlette.requests import Request

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue

__all__ = ["SessionChanges", "session_of"]


def session_of(request: Request) -> MutableMapping[str, Any]:
    """Return the session of a request.

    Raises:
        ConfigurationError: The application has no `SessionMiddleware`.
    """
    if "session" not in request.scope:
        raise ConfigurationError(
            "the application has no session: add starlette.middleware.sessions.SessionMiddleware"
        )
    return cast("MutableMapping[str, Any]", request.session)


class SessionChanges:
    """Watches a session while a login runs. Starlette's sessions hold JSON.

    Args:
        session: The session.
    """

    def __init__(self, session: MutableMapping[str, Any]) -> None:
        self._session = session
        # A login may change a list or a dictionary in place.
        self._before = deepcopy(dict(session))

    def dump(self) -> JsonValue:
        """Return the changes since the start."""
        missing = object()
        changed = {
            key: value
            for key, value in self._session.items()
            if self._before.get(key, missing) != value
        }
        removed: list[JsonValue] = [key for key in self._before if key not in self._session]
        return [changed, removed]

    def undo(self) -> None:
        """Restore the session as it was."""
        self._session.clear()
        self._session.update(self._before)

    @staticmethod
    def apply(session: MutableMapping[str, Any], dumped: JsonValue) -> None:
        """Apply the changes of an earlier call to the web session of this call."""
        changed, removed = cast("tuple[dict[str, Any], list[str]]", dumped)
        for key in removed:
            session.pop(key, None)
        session.update(changed)
