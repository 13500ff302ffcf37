"""Requests at the limits of handles and URLs, which are refused before the start."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Mapping
from typing import Any

import pytest

from irma_core import (
    AsyncHandles,
    AsyncRequestor,
    AttributeRequest,
    Binding,
    DisclosureRequest,
    ExtendedRequest,
    Handles,
    IssuanceRequest,
    Requestor,
    SignatureRequest,
    StaticSessionReceiver,
    dump_started_session,
    load_started_session,
    new_sealing_key,
)
from irma_core.errors import RequestError
from irma_core.json_text import write_json
from irma_core.models.credentials import CredentialRequest
from irma_core.models.session_requests import as_extended
from irma_core.wire.stored_requests import MAX_STORED_BYTES, check_storable, stored_request
from irma_testing import InMemoryServer
from tests.flows.shop import NEXT_PAGE, OVER18, Shop

MODES = pytest.mark.parametrize("mode", ["sync", "async"])


def demanding(value: str, slot: str = "age") -> DisclosureRequest:
    return DisclosureRequest({slot: AttributeRequest(OVER18, value=value)})


LONGEST = MAX_STORED_BYTES - len(write_json(stored_request(as_extended(demanding("")))))


def many_slots(count: int) -> DisclosureRequest:
    return DisclosureRequest({f"slot-{number}": f"{OVER18}" for number in range(count)})


TOO_LARGE: Mapping[str, Any] = {
    "one byte more": demanding("x" * (LONGEST + 1)),
    "characters of two bytes": demanding("é" * (LONGEST // 2 + 1)),
    "characters of four bytes": demanding("\U0001f600" * (LONGEST // 4 + 1)),
    "escaped characters": demanding("\x01" * (LONGEST // 6 + 1)),
    "quotes": demanding('"' * (LONGEST // 2 + 1)),
    "the name of a slot": demanding("", "s" * (LONGEST + 4)),
    "many slots": many_slots(4000),
    "a signature": SignatureRequest("I agree", demanding("x" * (LONGEST + 1)).disclose),
    "an issuance": IssuanceRequest(
        [CredentialRequest("example.town.age", {"over12": "yes"})],
        demanding("x" * (LONGEST + 1)).disclose,
    ),
    "many credentials": IssuanceRequest([CredentialRequest("example.town.age", {})] * 4000),
}
FITTING: Mapping[str, Any] = {
    "the last byte": demanding("x" * LONGEST),
    "characters of two bytes": demanding("é" * (LONGEST // 2)),
    "escaped characters": demanding("\x01" * (LONGEST // 6)),
    "a long message": SignatureRequest("m" * 1_000_000, [OVER18]),
    "large values to issue": IssuanceRequest(
        [
            CredentialRequest(
                "example.town.age", {"over12": "x" * 150_000, "over18": "", "over65": ""}
            )
        ]
    ),
    "long captions": DisclosureRequest({"age": OVER18}, labels={"age": {"en": "x" * 1_000_000}}),
}


def sent_by(server: InMemoryServer, mode: str, request: Any) -> tuple[Any, Any]:
    """Start a session; return it with the requestor's handles, which can seal it."""
    keys: list[str] = [new_sealing_key()]
    if mode == "sync":
        requestor = Requestor(server.url, server.transport())
        store: Any = Shop("sync").store
        handles = Handles(requestor, keys, store=store, purpose="login")
        return requestor.start_session(request), handles
    other = AsyncRequestor(server.url, server.async_transport())
    async_store: Any = Shop("async").store
    return asyncio.run(other.start_session(request)), AsyncHandles(
        other, keys, store=async_store, purpose="login"
    )


@MODES
@pytest.mark.parametrize("why", TOO_LARGE)
def test_too_large_request_is_refused_before_the_start(mode: str, why: str) -> None:
    """A request that no handle could hold raises RequestError, and the server is not called."""
    server = InMemoryServer()
    with pytest.raises(RequestError, match=r"takes more than 131072 bytes.*ask for fewer"):
        sent_by(server, mode, TOO_LARGE[why])
    assert server.open_sessions() == ()


@pytest.mark.parametrize("why", FITTING)
def test_started_session_fits_in_a_handle_and_a_database(why: str) -> None:
    """A request within the limit starts, and its session can be sealed and dumped."""
    session, handles = sent_by(InMemoryServer(), "sync", FITTING[why])
    handle = handles.seal(session, binding=Binding.NONE)
    loaded = load_started_session(dump_started_session(session))
    assert handles.unseal(handle, binding=Binding.NONE) == loaded


def test_slot_name_must_be_unicode() -> None:
    """A slot name with a lone surrogate could not be stored, so its session does not start."""
    server = InMemoryServer()
    with pytest.raises(RequestError, match="surrogate"):
        sent_by(server, "sync", DisclosureRequest({"\ud800": OVER18}))
    assert server.open_sessions() == ()


@pytest.mark.parametrize("why", [*TOO_LARGE, *FITTING])
def test_quick_check_agrees_with_the_stored_form(why: str) -> None:
    """The check before a start refuses exactly the requests that cannot be stored."""
    request: ExtendedRequest = as_extended({**TOO_LARGE, **FITTING}[why])
    try:
        stored_request(request)
    except RequestError:
        with pytest.raises(RequestError):
            check_storable(request)
    else:
        check_storable(request)


@MODES
def test_url_limit_is_checked_before_the_start(mode: str) -> None:
    """A request that no URL can hold is refused by the receivers, with advice."""
    shop = Shop(mode)
    assert shop.nexts is not None
    noise = demanding(base64.b85encode(random.Random(1).randbytes(4000)).decode())
    for add in (shop.receiver.with_callback, shop.nexts.with_next_session):
        with pytest.raises(RequestError, match="URL of 4000 characters: ask for fewer"):
            add(noise)
    with pytest.raises(RequestError, match="takes more than 131072 bytes"):
        StaticSessionReceiver(
            Shop("sync").requestor,  # type: ignore[arg-type]  # it is one
            f"{NEXT_PAGE}/{'s' * 20}",
            request=TOO_LARGE["many slots"],
            store=Shop("sync").store,
            deliver=print,
        )
