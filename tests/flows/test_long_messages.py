"""Messages to sign of any length: in a handle, a callback URL and a chain, in both modes."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core import (
    AsyncHandles,
    Binding,
    ChainStep,
    ExtendedRequest,
    Handles,
    SignatureRequest,
    new_sealing_key,
)
from irma_core.errors import SignatureMismatchError
from tests.flows.shop import AGE, OVER18, Shop
from tests.modes import MODES

LENGTHS = pytest.mark.parametrize("length", [1, 4500, 100_000])
KEY = new_sealing_key()


def message_of(length: int) -> str:
    """Return a message that hardly compresses, with characters of one to four bytes."""
    chance = random.Random(length)
    return "".join(
        chance.choices([chr(code) for code in (*range(32, 0x2FF), 0x20AC, 0x1F600)], k=length)
    )


def signing(message: str) -> SignatureRequest:
    return SignatureRequest(message, {"age": OVER18})


def redeemed(shop: Shop, session: Any) -> Any:
    """Seal a session, let the app sign in it, and redeem the handle."""
    kind: Any = Handles if shop.mode == "sync" else AsyncHandles
    handles = kind(shop.requestor, [KEY], store=shop.store, purpose="sign")
    handle = handles.seal(session, binding=Binding.NONE)
    assert len(handle) < 1500
    shop.app.accept(session.pointer)
    return shop.done(handles.redeem(handle, binding=Binding.NONE))


@MODES
@LENGTHS
def test_handle_of_a_long_message(mode: str, length: int) -> None:
    """The handle of a long message stays short, and its answer has the whole message."""
    shop = Shop(mode)
    message = message_of(length)
    answer = redeemed(shop, shop.done(shop.requestor.start_session(signing(message))))
    assert answer.signature.message == message
    assert answer["age"].value == "yes"


@MODES
def test_a_handle_refuses_a_signature_over_another_message(mode: str) -> None:
    """A handle refuses a signature over a long message that differs in its last character."""
    shop = Shop(mode)
    message = message_of(4500)
    session = shop.done(shop.requestor.start_session(signing(f"{message}1")))
    other = attrs.evolve(session, request=ExtendedRequest(signing(f"{message}2")))
    with pytest.raises(SignatureMismatchError, match="a different message"):
        redeemed(shop, other)


@MODES
@LENGTHS
def test_callback_of_a_long_message(mode: str, length: int) -> None:
    """The callback of a long message delivers an answer that has the whole message."""
    shop = Shop(mode)
    message = message_of(length)
    shop.app.accept(shop.start(signing(message)).pointer)
    (end,) = shop.delivered
    signature = end.get_answer().signature
    assert signature is not None
    assert signature.message == message


@MODES
def test_a_callback_of_another_message_has_no_answer(mode: str) -> None:
    """A signature over another message does not answer the request in a callback URL."""
    shop = Shop(mode)
    message = message_of(4500)
    url = shop.receiver.with_callback(signing(f"{message}2")).callback_url
    asked = ExtendedRequest(signing(f"{message}1"), callback_url=url)
    shop.app.accept(shop.done(shop.requestor.start_session(asked)).pointer)
    (end,) = shop.delivered
    with pytest.raises(SignatureMismatchError, match="a different message"):
        end.get_answer()


@MODES
@LENGTHS
def test_a_chain_has_signatures_over_messages_of_any_length(mode: str, length: int) -> None:
    """A chain may begin or end with a signature over a long message."""
    message = message_of(length)

    def choose(step: ChainStep) -> Any:
        return signing(message) if step.answer.signature is None else None

    shop = Shop(mode, choose=choose)
    for first, expected in ((AGE, [None, message]), (signing(message), [message])):
        session = shop.start_chain(first)
        shop.app.accept(session.pointer)
        assert shop.failures == []
        nexts: Any = shop.nexts
        made = nexts.follow(session, timeout=timedelta(minutes=5))
        answers = list(made) if mode == "sync" else shop.done(_listed(made))
        signatures = [answer.signature for answer in answers]
        assert [signature and signature.message for signature in signatures] == expected


async def _listed(made: Any) -> list[Any]:
    return [answer async for answer in made]
