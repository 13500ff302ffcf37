"""Handles: strings that hold a started session, which a browser can keep but cannot read.

The browser sends a handle back when the session is done. Any process with the same keys can open
the handle. A handle holds the request, so it remains valid after a deployment that changes what the
application requests. Only the first call that redeems a handle gets the answer of its session.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Final, final

import attrs

from irma_core.async_requestor import AsyncRequestor
from irma_core.errors import (
    ConfigurationError,
    HandleError,
    HandleExpiredError,
    HandleInvalidError,
    HandleUsedError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, put_if_absent
from irma_core.flows.once import CLOCK_SKEW
from irma_core.flows.session_answers import get_answer_flow
from irma_core.json_text import write_json
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance, check_string
from irma_core.models.events import HandleRefused
from irma_core.models.sessions import StartedSession
from irma_core.protocol.part_checks import check_store
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject
from irma_core.wire.stored_requests import read_stored_session, stored_session

__all__ = ["AsyncHandles", "Binding", "Handles", "redeem_handle_flow"]


_PURPOSE: Final = "handle:"
"""A prefix of each handle's purpose, so that nothing else sealed with the same keys can pass for a
handle."""
_DEFAULT_LIFETIME: Final = timedelta(minutes=30)
"""By default, a server gives an app 15 minutes to connect, and keeps the result for another 5."""
_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=36500)


class Binding(Enum):
    """The value of `binding` for a handle that is not tied to a web session."""

    NONE = "anybody"
    """Anyone who has the handle may redeem it. Use this value on public pages, where a thief gains
    nothing from the answer."""


@final
@attrs.frozen(eq=False, repr=False)
class HandleSettings(ValueObject):
    """The settings for sealing and redeeming handles, apart from the requestor's context.

    Args:
        sealer: Seals and opens the handles.
        store: Remembers which handles have been redeemed.
        purpose: The purpose of the answers, such as `login`.
        lifetime: How long a handle is valid, from the start of its session.
    """

    sealer: Sealer = attrs.field(repr=False)
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    purpose: str = attrs.field(kw_only=True)
    lifetime: timedelta = attrs.field(kw_only=True)

    @classmethod
    def of(
        cls, keys: Sequence[str], *, store: Store | AsyncStore, purpose: str, lifetime: object
    ) -> HandleSettings:
        """Check the arguments, and return the settings.

        Raises:
            ConfigurationError: A key or the lifetime is invalid.
            UsageError: The purpose is empty, or not a string.
        """
        check_string(purpose, "purpose")
        if not isinstance(lifetime, timedelta) or not _SHORTEST <= lifetime <= _LONGEST:
            raise ConfigurationError(
                "lifetime must be a timedelta from a second to a hundred years, such as "
                "timedelta(minutes=30)"
            )
        return cls(Sealer(keys), store=store, purpose=purpose, lifetime=lifetime)

    def seal(self, session: StartedSession, binding: str | Binding) -> str:
        """Return a handle for the session; see `Handles.seal`."""
        check_instance(session, StartedSession, "session", "a StartedSession")
        if binding is not Binding.NONE:
            check_instance(binding, str, "binding", "a secret of the web session, or Binding.NONE")
        return self.sealer.seal(
            stored_session(session),
            purpose=_PURPOSE + self.purpose,
            now=session.started_at,
            lifetime=self.lifetime,
            binding=None if binding is Binding.NONE else binding,
        )

    def unseal(
        self, handle: str | bytes | None, binding: str | Binding | None, now: datetime
    ) -> StartedSession:
        """Return the session that a handle holds; see `Handles.unseal`."""
        if binding is not None and binding is not Binding.NONE:
            check_instance(binding, str, "binding", "a string, Binding.NONE or None")
        value = self.sealer.unseal(
            handle,
            purpose=_PURPOSE + self.purpose,
            now=now,
            # An empty string opens no bound handle, because `seal` refuses an empty binding.
            binding=None if binding is Binding.NONE else binding or "",
        )
        session = read_stored_session(value)
        if session is None:
            raise HandleInvalidError("the handle has a format that this version cannot read")
        # The handle may have been sealed with a longer lifetime than the present one. Before that
        # longer lifetime ends, the store may forget that the handle was redeemed.
        if now - session.started_at >= self.lifetime:
            raise HandleExpiredError("the handle has expired: start a new session")
        return session

    def used_key(self, session: StartedSession) -> str:
        """Return the store key which records that a session has been redeemed for this purpose.

        The key is a hash, so it reveals neither the session's token nor the purpose.
        """
        used = write_json([session.token.reveal(), self.purpose])
        return f"irma-handle:{sha256(used.encode()).hexdigest()}"


def _unseal(
    context: RequestorContext,
    settings: HandleSettings,
    handle: str | bytes | None,
    binding: str | Binding | None,
) -> StartedSession:
    try:
        return settings.unseal(handle, binding, utc_now(context.clock))
    except HandleError as error:
        context.notify(HandleRefused(settings.purpose, type(error).__name__))
        raise


def redeem_handle_flow(
    context: RequestorContext,
    settings: HandleSettings,
    handle: str | bytes | None,
    binding: str | Binding | None,
) -> Flow[Answer]:
    """Redeem a handle, and return the answer of its session.

    A session can be redeemed only once for a purpose, however many handles have been sealed for it.
    All handles of a session expire together, before the store forgets that it has been redeemed.

    Raises:
        UsageError: The binding has the wrong type.
        HandleError: The handle is refused; the subclass names the reason.
        AnswerError: There is no answer; the subclass names the reason. The handle is not used up.
        StoreError: The store failed. There is no answer, and the handle may be used up.
        IrmaError: `get_answer_flow` raised it; the handle is not used up.
    """
    session = _unseal(context, settings, handle, binding)
    deadline = context.deadline()
    answer = yield from get_answer_flow(context, session, deadline)
    key, lifetime = settings.used_key(session), settings.lifetime + CLOCK_SKEW
    is_first = yield from put_if_absent(settings.store, key, b"redeemed", lifetime, deadline)
    if not is_first:
        context.notify(HandleRefused(settings.purpose, HandleUsedError.__name__))
        raise HandleUsedError("the handle has already been redeemed")
    return answer


@final
@boundary
class Handles:
    """Seals started sessions into handles for the browser, and redeems each handle once.

    Threads may share it. A handle that was sealed for one purpose cannot be redeemed for another.

    Args:
        requestor: The requestor that starts the sessions.
        keys: Sealing keys from `new_sealing_key`, the same in all processes. To change keys,
            put the new one first, and remove the old one after one `lifetime`.
        store: Remembers which handles have been redeemed. All processes share it.
        purpose: What the answers are for, such as `"login"`.
        lifetime: How long a handle is valid, from the start of its session. A shorter lifetime also
            applies to existing handles.

    Raises:
        ConfigurationError: A key or the lifetime is invalid, or the store is async.
        UsageError: The requestor is not a `Requestor`; or the purpose is empty, or not a string.
    """

    def __init__(
        self,
        requestor: Requestor,
        keys: Sequence[str],
        *,
        store: Store,
        purpose: str,
        lifetime: timedelta = _DEFAULT_LIFETIME,
    ) -> None:
        self._requestor = check_instance(requestor, Requestor, "requestor", "a Requestor")
        check_store(store, is_async=False)
        self._settings = HandleSettings.of(keys, store=store, purpose=purpose, lifetime=lifetime)

    def __repr__(self) -> str:
        return f"<Handles for {self._settings.purpose!r}>"

    def seal(self, session: StartedSession, *, binding: str | Binding) -> str:
        """Return a handle for the session, to send to the browser.

        Every session that `start_session` returns fits in a handle.

        Args:
            session: What `start_session` returned.
            binding: A secret of the visitor's web session, such as the value of its cookie. A thief
                who steals only the handle does not have this secret. With `Binding.NONE`,
                anyone who has the handle can redeem it.

        Returns:
            About 600 letters, digits, `-` and `_`; more for a longer request. A message to sign
            adds 50 characters, whatever its length.

        Raises:
            UsageError: The binding is empty, or not a string.
            RequestError: The request is too large to be stored, so this library cannot have started
                the session.
        """
        return self._settings.seal(session, binding)

    def unseal(
        self, handle: str | bytes | None, *, binding: str | Binding | None
    ) -> StartedSession:
        """Return the session that a handle holds, for example to watch or cancel it.

        A handle can be unsealed any number of times, because this does not redeem it. So never use
        this method to log a visitor in. The returned session has only the parts of the request that
        an answer is compared with. Instead of a message to sign, it has `message_sha256`.

        Args:
            handle: What the browser sent: a field of a form, or a whole body. None counts as an
                invalid handle.
            binding: The same secret as in `seal`, from the web session of the visitor who sent the
                handle; None if that visitor has no web session.

        Raises:
            HandleInvalidError: The handle was changed or truncated, or sealed with another key.
            WrongPurposeError: The handle was sealed for another purpose.
            WrongBindingError: The handle was sealed for another web session.
            HandleExpiredError: The handle has expired.
            UsageError: The binding has the wrong type.
        """
        return _unseal(self._requestor.context, self._settings, handle, binding)

    def redeem(self, handle: str | bytes | None, *, binding: str | Binding | None) -> Answer:
        """Return the answer of the handle's session. This succeeds only once.

        A handle is not used up if its session has not finished yet, or has no answer.

        Args:
            handle: What the browser sent: a field of a form, or a whole body. None counts as an
                invalid handle.
            binding: The same secret as in `seal`, from the web session of the visitor who sent the
                handle; None if that visitor has no web session.

        Raises:
            HandleInvalidError: The handle was changed or truncated, or sealed with another key.
            WrongPurposeError: The handle was sealed for another purpose.
            WrongBindingError: The handle was sealed for another web session.
            HandleExpiredError: The handle has expired.
            HandleUsedError: This handle, or another for the same session and purpose, has already
                been redeemed.
            ResultJwtError: The signed result was refused. Raised only if `server_key` is set.
            AnswerError: There is no answer; each reason has a subclass.
            StoreError: The store failed. There is no answer, and the handle may be used up.
        """
        flow = redeem_handle_flow(self._requestor.context, self._settings, handle, binding)
        return self._requestor.run_flow(flow)


@final
@boundary
class AsyncHandles:
    """`Handles` for an `AsyncRequestor`: the same arguments, methods and errors.

    `redeem` is awaited; `seal` and `unseal` are not.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        keys: Sequence[str],
        *,
        store: AsyncStore,
        purpose: str,
        lifetime: timedelta = _DEFAULT_LIFETIME,
    ) -> None:
        self._requestor = check_instance(
            requestor, AsyncRequestor, "requestor", "an AsyncRequestor"
        )
        check_store(store, is_async=True)
        self._settings = HandleSettings.of(keys, store=store, purpose=purpose, lifetime=lifetime)

    def __repr__(self) -> str:
        return f"<AsyncHandles for {self._settings.purpose!r}>"

    def seal(self, session: StartedSession, *, binding: str | Binding) -> str:
        """Return a handle for the session; see `Handles.seal`."""
        return self._settings.seal(session, binding)

    def unseal(
        self, handle: str | bytes | None, *, binding: str | Binding | None
    ) -> StartedSession:
        """Return the session that a handle holds; see `Handles.unseal`."""
        return _unseal(self._requestor.context, self._settings, handle, binding)

    async def redeem(self, handle: str | bytes | None, *, binding: str | Binding | None) -> Answer:
        """Return the answer of the handle's session; see `Handles.redeem`."""
        flow = redeem_handle_flow(self._requestor.context, self._settings, handle, binding)
        return await self._requestor.run_flow(flow)
