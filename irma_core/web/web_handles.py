"""The handle of a web session. The browser keeps it, but cannot read it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, final

import attrs

from irma_core.errors import HandleExpiredError, HandleInvalidError, RequestError
from irma_core.models.holders import Hidden, hide_text
from irma_core.models.sessions import StartedSession
from irma_core.value_object import ValueObject
from irma_core.web.browser_posts import LONGEST_HANDLE
from irma_core.web.web_settings import WebSettings
from irma_core.wire.stored_requests import read_stored_session, stored_session

__all__ = ["WebSession", "open_handle", "seal_handle"]

_PURPOSE: Final = "web session:"


@final
@attrs.frozen(eq=False, repr=False)
class WebSession(ValueObject):
    """A session that a browser started.

    Args:
        session: The session.
        name: The name of the question.
        slot: The number of the session's slot.
        claim: The value that the store has under the slot's key while the slot belongs to this
            session.
        reference: The application's own reference.
    """

    session: StartedSession
    name: str
    slot: int
    claim: str = attrs.field(repr=False)
    _reference: Hidden[str] = attrs.field(alias="reference", converter=hide_text, repr=False)

    @property
    def reference(self) -> str:
        """The application's own reference."""
        return self._reference.reveal()


def seal_handle(settings: WebSettings, web: WebSession, binding: str) -> str:
    """Return the handle of a session, bound to the browser's cookie.

    Raises:
        RequestError: The session's request is too large for a handle.
    """
    handle = settings.sealer.seal(
        [stored_session(web.session), web.slot, web.claim, web.reference],
        # A handle for one question is refused for another.
        purpose=_PURPOSE + web.name,
        now=web.session.started_at,
        lifetime=settings.handle_lifetime,
        binding=binding,
    )
    if len(handle) > LONGEST_HANDLE:
        raise RequestError(
            "disclose",
            f"does not fit in a handle of {LONGEST_HANDLE} characters: ask for fewer attributes, "
            "or for shorter values",
        )
    return handle


def open_handle(
    settings: WebSettings, name: str, handle: str, binding: str, now: datetime
) -> WebSession:
    """Return the session that a handle identifies.

    Raises:
        HandleError: The handle is refused; the subclass says why.
    """
    value = settings.sealer.unseal(handle, purpose=_PURPOSE + name, now=now, binding=binding)
    match value:
        case [stored, int() as slot, str() as claim, str() as reference]:
            session = read_stored_session(stored)
        case _:
            slot, claim, reference, session = 0, "", "", None
    if session is None:
        raise HandleInvalidError("the handle has a format that this version cannot read")
    # The handle was sealed with a longer lifetime, under an earlier setting. The store may already
    # have dropped the record of its login.
    if now - session.started_at >= settings.handle_lifetime:
        raise HandleExpiredError("the handle has expired: start a new session")
    return WebSession(session, name, slot, claim, reference)
