"""Finish a session for a browser: run the application's login once, and repeat its outcome.

The steps, and the effect of a failure in each:

1. The handle is opened. A failure up to step 4 changes nothing.
2. If the store has an outcome, the call is a repeat: the first reply was lost, or the page sent the
   same call several times. For a minute, the same outcome is returned.
3. The answer is fetched from the server, which keeps it, so a repeat can fetch it again.
4. The login is claimed. If there are several calls, one runs the login and the others wait for its
   outcome.
5. The application's login runs. If it raises, the claim is released and a repeat runs it again. If
   the process dies, the claim remains. It is then unknown whether the login worked, so the login
   does not run again, and the page says that the login may have worked.
6. The outcome is stored. The login has worked even if storing fails.
7. The slot is freed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, final

import attrs

from irma_core.errors import HandleError, StoreError, UsageError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, call_application
from irma_core.flows.once import CLOCK_SKEW
from irma_core.flows.session_answers import get_answer_flow
from irma_core.json_text import JsonValue, write_json
from irma_core.models.holders import Hidden, hide_text
from irma_core.protocol.transport import utc_now
from irma_core.value_object import ValueObject
from irma_core.web.next_urls import same_site_url
from irma_core.web.slots import Slot, free_slot_flow
from irma_core.web.store_calls import (
    claim_flow,
    claimed_at,
    delete_flow,
    get_flow,
    new_claim,
    put_flow,
)
from irma_core.web.web_answers import Complete, Finished, WebAnswer
from irma_core.web.web_calls import WebCall
from irma_core.web.web_handles import WebSession
from irma_core.web.web_refusals import WebRefusal
from irma_core.web.web_settings import WebSettings

__all__ = ["finish_flow"]

_REPEATS: Final = timedelta(minutes=1)
"""How long a repeated `finish` call gets the outcome of the first call."""
_LONGEST_WAIT: Final = timedelta(seconds=10)
"""How long a `finish` call waits for the login of another call. After that, the page repeats its
call.
"""
_FIRST_PAUSE: Final = timedelta(milliseconds=50)
_LONGEST_PAUSE: Final = timedelta(milliseconds=500)
_LARGEST_VALUE: Final = 4096
_PURPOSE: Final = "web outcome:"


def finish_flow(call: WebCall, complete: Complete) -> Flow[Finished]:
    """Handle a `finish` call; always return a `Finished`, even after an error."""
    try:
        return (yield from _finish_flow(call, complete))
    except Exception as error:  # noqa: BLE001  # the page gets JSON, whatever happens
        return Finished(call.refuse(error))


def _finish_flow(call: WebCall, complete: Complete) -> Flow[Finished]:
    post = call.read_post()
    next_url = same_site_url(post.string("next"), post.page_origin)
    reply = call.reply({"next": next_url})
    web = yield from call.open_session_flow(post)
    login = _Login(call.context, call.settings, web, post.needed_binding())
    outcome = yield from login.read_outcome_flow()
    if outcome is not None:
        return Finished(reply, value=outcome.value, is_repeat=True)
    answer = yield from get_answer_flow(call.context, web.session)
    outcome = yield from login.claim_or_wait_flow()
    if outcome is not None:
        return Finished(reply, value=outcome.value, is_repeat=True)
    web_answer = WebAnswer(answer, call.name, web.reference, next_url, session=web.session)
    value = yield from login.run_flow(partial(complete, web_answer))
    return Finished(reply, value=value, web_answer=web_answer)


@final
@attrs.frozen(eq=False, repr=False)
class _Outcome(ValueObject):
    """The outcome of an earlier call's login."""

    value: JsonValue = attrs.field(repr=False)


@final
@attrs.frozen(eq=False, repr=False)
class _Login(ValueObject):
    """The login of one session, and the entries in the store for this login."""

    context: RequestorContext
    settings: WebSettings
    web: WebSession
    _binding: Hidden[str] = attrs.field(alias="binding", converter=hide_text)

    @property
    def key(self) -> str:
        return self.settings.login_key(self.web.session.token)

    @property
    def session(self) -> str:
        return self.web.session.token.fingerprint

    @property
    def claim_key(self) -> str:
        return f"{self.key}:claim"

    @property
    def lifetime(self) -> timedelta:
        """How long the store keeps the entries: as long as any process may accept the handle."""
        return self.settings.handle_lifetime + CLOCK_SKEW

    @property
    def purpose(self) -> str:
        return _PURPOSE + self.web.name

    def read_outcome_flow(self) -> Flow[_Outcome | None]:
        """Return the stored outcome of an earlier call, or None if there is none.

        Raises:
            WebRefusal: `already_used`: the outcome is too old to be repeated.
            StoreError: The store failed.
        """
        context, settings = self.context, self.settings
        stored = yield from get_flow(context, settings.store, self.key)
        if stored is None:
            return None
        try:
            value = settings.sealer.unseal(
                stored.decode("latin-1"),
                purpose=self.purpose,
                now=utc_now(context.clock),
                binding=self._binding.reveal(),
            )
        except HandleError:
            raise WebRefusal("already_used", self.session) from None
        return _Outcome(value)

    def claim_or_wait_flow(self) -> Flow[_Outcome | None]:
        """Claim the login, or wait for the outcome of the call that already claimed it.

        Raises:
            WebRefusal: `busy`: the other call is still running. `interrupted`: the process that
                handled the other call has died. `already_used`: the outcome is too old.
            StoreError: The store failed.
        """
        context, store = self.context, self.settings.store
        until = context.deadline(min(_LONGEST_WAIT, context.call_timeout))
        pause = _FIRST_PAUSE
        while True:
            now = utc_now(context.clock)
            mine = new_claim(now).encode()
            other = yield from claim_flow(context, store, self.claim_key, mine, self.lifetime)
            if other is None:
                return None
            outcome = yield from self.read_outcome_flow()
            if outcome is not None:
                return outcome
            if context.seconds_left(until) <= 0:
                # A login that is still running is never older than the time limit of a call.
                age = now.timestamp() - claimed_at(other.decode("latin-1"))
                is_old = age >= context.call_timeout.total_seconds()
                raise WebRefusal("interrupted" if is_old else "busy", self.session)
            yield from Sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def run_flow(self, complete: Callable[[], JsonValue | Awaitable[JsonValue]]) -> Flow[JsonValue]:
        """Run the claimed login and store its outcome; release the claim if the login raises.

        Raises:
            Exception: The application's function raised it.
            UsageError: The function did not return JSON of at most 4 KiB.
        """
        context, settings = self.context, self.settings
        try:
            value: JsonValue = yield from call_application(complete, context.deadline())
            _check_value(value)
        except Exception:
            with suppress(StoreError):  # the first failure matters more
                yield from delete_flow(context, settings.store, self.claim_key)
            raise
        sealed = settings.sealer.seal(
            value,
            purpose=self.purpose,
            now=utc_now(context.clock),
            lifetime=_REPEATS,
            binding=self._binding.reveal(),
        )
        # Kept for as long as the claim, so that a late repeat learns that the login worked.
        with suppress(StoreError):
            yield from put_flow(context, settings.store, self.key, sealed.encode(), self.lifetime)
        key = settings.slot_key(self._binding.reveal(), self.web.slot)
        yield from free_slot_flow(context, settings, Slot(key, self.web.slot, self.web.claim))
        return value


def _check_value(value: object) -> None:
    size = _LARGEST_VALUE + 1
    with suppress(TypeError, ValueError, RecursionError):
        size = len(write_json(value).encode())  # type: ignore[arg-type]
    if size > _LARGEST_VALUE:
        raise UsageError(
            f"complete: must return JSON of at most {_LARGEST_VALUE} bytes, such as None or a "
            "session's key"
        )
