"""A browser's slots, which limit its number of sessions and let a page find its session again.

A slot is a number. Each new session claims the browser's first free slot, and its handle is stored
under that number. If the app opens the page in a new tab, the page knows only the number, and uses
it to find the handle. If no slot is free, the browser's oldest session is cancelled on the server,
and the new session takes over its slot.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

import attrs

from irma_core.errors import HandleError, StoreError
from irma_core.flows.cancellation import try_cancel_flow
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, delete_stored, get_stored
from irma_core.protocol.transport import utc_now
from irma_core.trust.pseudonyms import same_secret
from irma_core.value_object import ValueObject
from irma_core.web.store_calls import (
    PATIENCE,
    claim_flow,
    claimed_at,
    delete_flow,
    get_flow,
    new_claim,
    put_flow,
)
from irma_core.web.web_handles import WebSession, open_handle
from irma_core.web.web_refusals import WebRefusal
from irma_core.web.web_settings import WebSettings

__all__ = [
    "Slot",
    "find_session_flow",
    "free_slot_flow",
    "keep_handle_flow",
    "return_number",
    "take_slot_flow",
]

_EVICTION: Final = timedelta(minutes=1)
_PAUSE: Final = timedelta(milliseconds=50)
_SECRET_DIGITS: Final = 10**13
_NUMBERS: Final = 100
"""The number of slots that a return number can tell apart. Return numbers stay so small that
JavaScript represents them exactly.
"""


@final
@attrs.frozen(eq=False, repr=False)
class Slot(ValueObject):
    """A slot that belongs to a session.

    Args:
        key: The slot's key in the store.
        number: The slot's number, counted from 0.
        claim: The value that the store has for the slot. It is different for each session.
    """

    key: str = attrs.field(repr=False)
    number: int
    claim: str = attrs.field(repr=False)

    @property
    def handle_key(self) -> str:
        """The store's key for the handle of the slot's session."""
        return f"{self.key}:handle"


def take_slot_flow(context: RequestorContext, settings: WebSettings, binding: str) -> Flow[Slot]:
    """Claim a slot of a browser; cancel the browser's oldest session if no slot is free.

    Raises:
        StoreError: The store failed.
        WebRefusal: `store_unavailable`: other sessions that this browser was starting took every
            slot first.
    """
    claim = new_claim(utc_now(context.clock))
    lifetime, store = settings.handle_lifetime, settings.store
    deadline = context.deadline(min(PATIENCE, context.call_timeout))
    while True:
        taken: list[Slot] = []
        for number in range(settings.slots):
            slot = Slot(settings.slot_key(binding, number), number, claim)
            other = yield from claim_flow(context, store, slot.key, claim.encode(), lifetime)
            if other is None:
                # Until now, the handle of an earlier session was kept, for repeated `finish` calls.
                yield from delete_flow(context, store, slot.handle_key)
                return slot
            taken.append(attrs.evolve(slot, claim=other.decode("latin-1")))
        for slot in sorted(taken, key=lambda slot: claimed_at(slot.claim)):
            if (yield from _evict_flow(context, settings, slot, binding)):
                break
        else:
            if context.seconds_left(deadline) <= 0:
                raise WebRefusal("store_unavailable")
            yield from Sleep(_PAUSE)


def _evict_flow(
    context: RequestorContext, settings: WebSettings, slot: Slot, binding: str
) -> Flow[bool]:
    """Cancel a slot's session and free the slot, unless another call is already doing so.

    Return whether this call freed the slot.

    Raises:
        StoreError: The store failed.
    """
    key = f"{slot.key}:evicted:{sha256(slot.claim.encode()).hexdigest()}"
    mine = new_claim(utc_now(context.clock)).encode()
    if (yield from claim_flow(context, settings.store, key, mine, _EVICTION)) is not None:
        return False
    stored = yield from get_flow(context, settings.store, slot.handle_key)
    name, _, handle = (stored or b"").decode("latin-1").partition(" ")
    with suppress(HandleError):
        web = open_handle(settings, name, handle, binding, utc_now(context.clock))
        yield from try_cancel_flow(context, web.session.token)
    yield from delete_flow(context, settings.store, slot.key)
    return True


def keep_handle_flow(
    context: RequestorContext, settings: WebSettings, slot: Slot, name: str, handle: str
) -> Flow[None]:
    """Store the handle of a slot's session.

    Raises:
        StoreError: The store failed.
    """
    value = f"{name} {handle}".encode()
    yield from put_flow(context, settings.store, slot.handle_key, value, settings.handle_lifetime)


def return_number(slot: int, claim: str) -> int:
    """Return the number with which a page finds its session after the app has opened the page.

    It consists of digits that cannot be guessed, followed by the slot's number. If the digits could
    be guessed, anyone with a copy of the browser's cookie could find the session, and a cookie on a
    shared computer is easily copied.
    """
    secret = int.from_bytes(sha256(f"return {claim}".encode()).digest())
    return secret % _SECRET_DIGITS * _NUMBERS + slot


def find_session_flow(
    context: RequestorContext, settings: WebSettings, name: str, number: object, binding: str
) -> Flow[WebSession]:
    """Return the session that a return number identifies, if it belongs to the named question.

    Raises:
        WebRefusal: `body_invalid`: the value cannot be a return number. `handle_invalid`: there is
            no such session.
        HandleError: The session's handle is refused.
        StoreError: The store failed.
    """
    if type(number) is not int or not 0 <= number < _SECRET_DIGITS * _NUMBERS:
        raise WebRefusal("body_invalid")
    place = number % _NUMBERS
    slot = Slot(settings.slot_key(binding, place), place, "")
    stored = yield from get_flow(context, settings.store, slot.handle_key)
    known, _, handle = (stored or b"").decode("latin-1").partition(" ")
    if known != name:
        raise WebRefusal("handle_invalid")
    web = open_handle(settings, name, handle, binding, utc_now(context.clock))
    if not same_secret(str(return_number(place, web.claim)), str(number)):
        raise WebRefusal("handle_invalid")
    return web


def free_slot_flow(context: RequestorContext, settings: WebSettings, slot: Slot) -> Flow[None]:
    """Free a slot, if it still belongs to the session.

    Failures are ignored, because the slot expires anyway.
    """
    deadline = context.deadline(min(PATIENCE, context.call_timeout))
    with suppress(StoreError):
        claim = yield from get_stored(settings.store, slot.key, deadline)
        if claim == slot.claim.encode():
            yield from delete_stored(settings.store, slot.key, deadline)
