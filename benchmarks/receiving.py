"""Receive callbacks, from the POST to its reply, including the signature and the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from benchmarks.reading import attribute
from benchmarks.rounds import Effort, Row, Work, alternate
from irma_core import (
    CallbackReceiver,
    DisclosureRequest,
    Requestor,
    Risk,
    Sealer,
    SessionOutcome,
    all_of,
    new_sealing_key,
)
from irma_core.protocol.stores import Store
from irma_testing.memory.jwt import JwtSigner
from irma_transport_urllib3 import Urllib3Transport
from tests.core.proving import SECRET_TOKEN
from tests.memory_stores import memory_store

__all__ = ["rows"]

PAGE = "https://shop.example/irma/callback"
HEADERS = (("content-type", "text/plain; charset=UTF-8"),)


class Forgetful:
    """A store that forgets everything, so that each POST counts as the first."""

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        return True

    def get(self, key: str) -> bytes | None:
        return None

    def delete(self, key: str) -> None: ...

    def close(self) -> None: ...


def rows(effort: Effort) -> Iterator[Row]:
    """Return the figures for receiving callbacks, measured without a socket."""
    ids = [f"pbdf.gemeente.personalData.attribute{number}" for number in range(20)]
    one_slot, slots = (
        DisclosureRequest({"all": all_of(*ids)}),
        DisclosureRequest({i: i for i in ids}),
    )
    with Urllib3Transport() as transport:
        yield from _posts(effort, transport, "one slot", one_slot, [[attribute(i) for i in ids]])
        yield from _posts(effort, transport, "20 slots", slots, [[attribute(i)] for i in ids])


def _posts(
    effort: Effort,
    transport: Urllib3Transport,
    name: str,
    request: DisclosureRequest,
    disclosed: list[list[dict[str, object]]],
) -> Iterator[Row]:
    body = _signed(disclosed)
    key, allow = JwtSigner(None).public_key_pem, {Risk.SIMULATED_PROOFS}
    requestor = Requestor("https://irma.example", transport, server_key=key, allow=allow)
    sealer = Sealer([new_sealing_key()])

    def receiver(store: Store) -> CallbackReceiver:
        return CallbackReceiver(requestor, PAGE, sealer=sealer, store=store, deliver=_take)

    first, again = receiver(Forgetful()), receiver(memory_store(transport.clock))
    url = first.with_callback(request).callback_url or ""

    def post(receiver: CallbackReceiver) -> None:
        reply = receiver.receive("POST", url, HEADERS, body)
        assert reply.status == 204, reply.body

    works: dict[str, Work] = {
        "url": lambda: first.with_callback(request),
        "first": lambda: post(first),
        "again": lambda: post(again),
        "stranger": lambda: first.receive("POST", PAGE, HEADERS, body),
    }
    taken = alternate(effort, 400, works)
    for work, what, goal in (
        ("url", "a sealed URL for it", 1000),
        ("first", "its callback, signature included", 1000),
        ("again", "the same callback again", 1000),
        ("stranger", "the callback without the secret", 100),
    ):
        values = [seconds * 1e6 for seconds in taken[work]]
        yield Row(f"20 attributes in {name}: {what}", values, "us", goal)


def _take(end: SessionOutcome) -> None:
    end.get_answer()


def _signed(disclosed: list[list[dict[str, object]]]) -> bytes:
    now = int(time.time())
    claims = {
        "iat": now,
        "exp": now + 3600,
        "iss": "irmaserver",
        "sub": "disclosing_result",
        "token": SECRET_TOKEN,
        "status": "DONE",
        "type": "disclosing",
        "proofStatus": "VALID",
        "disclosed": disclosed,
        "simulated": True,
    }
    return JwtSigner(None).sign(claims).encode()
