"""Handles: a started session as text that a browser keeps and cannot read.

The browser brings it back when the session is done; any process with the keys opens it, also after
a deployment that changed what is asked, since what *was* asked is in it.
Belongs here: what is sealed, and for whom. Does not belong here: the cipher and the checks
(`sealing`), that a handle counts once (`flows.handles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Final, final

from irma_core.errors import (
    ConfigurationError,
    HandleExpiredError,
    HandleInvalidError,
    HandleUsedError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, put_if_absent
from irma_core.flows.once import CLOCKS_DIFFER
from irma_core.flows.session_answers import get_answer_flow
from irma_core.json_text import JsonValue, write_json
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance, check_string
from irma_core.models.moments import as_utc
from irma_core.models.sessions import StartedSession
from irma_core.protocol.part_checks import check_store
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer
from irma_core.wire.read_results import read_session_package
from irma_core.wire.stored_requests import read_kept_request, stored_request

__all__ = [
    "Binding",
    "HandleSealer",
    "check_handle_sealer",
    "redeem_handle_flow",
]


_PURPOSE: Final = "handle:"
"""Apart from all else that is sealed with the same keys."""
_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=36500)


class Binding(Enum):
    """Who may bring a handle that is bound to no web session."""

    NONE = "anybody"
    """Whoever has it: for a page for the public, where the answer is worth nothing to a thief."""


@final
@boundary
class HandleSealer:
    """Seals started sessions into handles, and opens them again. Threads may share it.

    Args:
        keys: Keys as `new_sealing_key` makes them, the same for all processes. To change keys put
            the new one first, and take the old one away a lifetime later.
        lifetime: How long a handle lives, counted from the session's start; a shorter one holds for
            handles that were sealed before, too. A server's default leaves 15 minutes for an app to
            come, and keeps the result for 5 more.

    Raises:
        ConfigurationError: There is no key, or one is none, or the lifetime is under a second.
    """

    def __init__(self, keys: Sequence[str], *, lifetime: timedelta = timedelta(minutes=30)) -> None:
        self._sealer = Sealer(keys)
        self._lifetime = _checked_lifetime(lifetime)

    @property
    def lifetime(self) -> timedelta:
        """How long a handle lives, counted from the session's start."""
        return self._lifetime

    def seal(self, session: StartedSession, *, purpose: str, binding: str | Binding) -> str:
        """Make a handle for the browser.

        Args:
            session: What `start_session` gave.
            purpose: What the answer is for, `"login"` for instance: only that takes it.
            binding: A secret of the web session, which a thief of the handle has not: the cookie's
                value, or what is kept under it. `Binding.NONE` binds it to nobody.

        Returns:
            Some 600 letters, digits, `-` and `_`, and more for a longer request. A message to
            sign adds 50, however long it is.

        Raises:
            RequestError: The request is too large to be kept: some thousand slots, or values
                that are demanded over 128 KiB in all. Cancel the session.
            UsageError: The purpose or the binding is empty, or is not a string.
        """
        check_instance(session, StartedSession, "session", "a StartedSession")
        check_string(purpose, "purpose")
        if binding is not Binding.NONE:
            check_instance(binding, str, "binding", "a secret of the web session, or Binding.NONE")
        value: JsonValue = {
            "package": session.package.json_value(),
            "started": session.started_at.isoformat(),
            "asked": stored_request(session.request),
        }
        return self._sealer.seal(
            value,
            purpose=_PURPOSE + purpose,
            now=session.started_at,
            lifetime=self._lifetime,
            binding=None if binding is Binding.NONE else binding,
        )

    def unseal(
        self,
        handle: str | bytes | None,
        *,
        purpose: str,
        binding: str | Binding | None,
        now: datetime,
    ) -> StartedSession:
        """Give the session of a handle that came back.

        It may come back again and again: `redeem_handle` makes it count once. Of what was asked it
        has all that makes an answer, and no more: of a message to sign, `message_sha256`.

        Args:
            handle: What the browser brought: a field of a form, or a whole body. None, where it
                brought nothing, is an invalid handle.
            purpose: As when it was sealed.
            binding: As when it was sealed, of the visitor who brought it; None where that visitor
                has no web session.
            now: An aware time.

        Raises:
            HandleInvalidError: It was changed or cut, or no key at hand sealed it.
            WrongPurposeError: It was sealed for another purpose.
            WrongBindingError: It was sealed for another web session.
            HandleExpiredError: It is too old.
            UsageError: The purpose or the binding is not a string, or the time is not aware.
        """
        check_string(purpose, "purpose")
        if binding is not None and binding is not Binding.NONE:
            check_instance(binding, str, "binding", "a string, Binding.NONE or None")
        value = self._sealer.unseal(
            handle,
            purpose=_PURPOSE + purpose,
            now=now,
            # Nothing is ever sealed for an empty text.
            binding=None if binding is Binding.NONE else binding or "",
        )
        now = as_utc(now, "now")
        session = _read(value)
        if session is None:
            raise HandleInvalidError("the handle is of a form that this version does not know")
        if now - session.started_at >= self._lifetime:
            # Sealed when handles lived longer: the store may forget by now that it was redeemed.
            raise HandleExpiredError("the handle has expired: start anew")
        return session

    def __repr__(self) -> str:
        return "<HandleSealer>"


def _checked_lifetime(lifetime: object) -> timedelta:
    if isinstance(lifetime, timedelta) and _SHORTEST <= lifetime <= _LONGEST:
        return lifetime
    raise ConfigurationError(
        "lifetime must be a timedelta from a second to a hundred years, such as "
        "timedelta(minutes=30)"
    )


def check_handle_sealer(sealer: object) -> None:
    """Check that this is a `HandleSealer`.

    Raises:
        UsageError: It is something else; a `Sealer` seals for another purpose.
    """
    expected = "a HandleSealer, which a Sealer with the same keys is not"
    check_instance(sealer, HandleSealer, "sealer", expected)


def _read(value: JsonValue) -> StartedSession | None:
    match value:
        case {"package": package, "started": str() as started, "asked": asked}:
            try:
                return StartedSession(
                    read_kept_request(asked),
                    read_session_package(package),
                    started_at=datetime.fromisoformat(started),
                )
            except ValueError:  # which all that read here raise
                return None
        case _:
            return None


def redeem_handle_flow(
    context: RequestorContext,
    handle: str | bytes | None,
    *,
    sealer: HandleSealer,
    store: Store | AsyncStore,
    purpose: str,
    binding: str | Binding | None,
) -> Flow[Answer]:
    """Give the answer of a handle's session, to the first who asks.

    It counts once a session and purpose, however many handles were sealed of it: all of them
    expire together, before the store forgets.

    Raises:
        UsageError: Another argument than the handle is not what it should be.
        HandleError: One of its subclasses: the handle is not to be taken.
        AnswerError: One of its subclasses: there is no answer, and the handle is not used up.
        StoreError: The store failed, and there is no answer: it may be used up.
        IrmaError: What `get_answer_flow` raises; the handle is not used up.
    """
    check_handle_sealer(sealer)
    check_store(store, is_async=context.is_async)
    now = utc_now(context.clock)
    session = sealer.unseal(handle, purpose=purpose, binding=binding, now=now)
    deadline = context.deadline()
    answer = yield from get_answer_flow(context, session, deadline)
    lifetime = sealer.lifetime + CLOCKS_DIFFER
    is_first = yield from put_if_absent(
        store, _key(session, purpose), b"redeemed", lifetime, deadline
    )
    if not is_first:
        raise HandleUsedError("the handle was redeemed before")
    return answer


def _key(session: StartedSession, purpose: str) -> str:
    # Neither token nor purpose: whoever reads the store shall learn nothing.
    return (
        "irma-handle:" + sha256(write_json([session.token.reveal(), purpose]).encode()).hexdigest()
    )
