"""The application's own references, through a callback URL and a chain, in both modes."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest

from irma_core import (
    Answer,
    AttributeRequest,
    ChainStep,
    DisclosureRequest,
    RequestorToken,
    SessionOutcome,
    SessionStatus,
)
from irma_core.errors import RequestError, UsageError
from tests.flows.changed_posts import changed
from tests.flows.shop import AGE, OVER18, Shop
from tests.modes import MODES

ORDER = "order 17 of José (€ 5)"
INVALID = {
    "too long": "x" * 201,
    "a newline": "order\n17",
    "a control character": "order\x1b",
    "a lone surrogate": "\ud800",
    "bytes": b"order-17",
    "a number": 17,
}


@MODES
def test_reference_is_returned_with_every_outcome(mode: str) -> None:
    """The application gets each session's own reference, whether there is an answer or not."""
    shop = Shop(mode)
    shop.app.accept(shop.start(reference=ORDER).pointer)
    shop.app.refuse(shop.start(reference="order-18").pointer)
    shop.app.accept(shop.start().pointer)
    assert [end.reference for end in shop.delivered] == [ORDER, "order-18", ""]


@MODES
def test_reference_survives_an_unsigned_post(mode: str) -> None:
    """The reference comes from the callback URL, so an unsigned post has it too."""
    shop = Shop(mode, unsigned=True)
    shop.app.accept(shop.start(reference=ORDER).pointer)
    shop.do_later()
    assert [end.reference for end in shop.delivered] == [ORDER]


@MODES
def test_callback_url_refuses_another_session(mode: str) -> None:
    """Another session's signed result is refused at a used URL, so no references are swapped."""
    shop = Shop(mode)
    for reference in ("order-17", "order-18"):
        shop.app.accept(shop.start(reference=reference).pointer)
    first, second = shop.server.posted
    foreign = changed(second, url=first.url)
    assert shop.post(foreign).status == 403
    assert b"another session has already been posted to this URL" in shop.replies[-1].body
    assert shop.post(first).status == 204
    assert [end.reference for end in shop.delivered] == ["order-17", "order-18"]


class Chain:
    """A chain of three disclosures; the second request is made as `following` says."""

    def __init__(self, mode: str, **following: str) -> None:
        self.following = following
        self.shop = Shop(mode, choose=self.choose)

    def choose(self, step: ChainStep) -> Any:
        nexts: Any = self.shop.nexts
        if "age" in step.answer:
            return nexts.with_next_session(DisclosureRequest({"again": OVER18}), **self.following)
        return DisclosureRequest({"last": OVER18}) if "again" in step.answer else None


@MODES
def test_reference_stays_with_the_chain(mode: str) -> None:
    """The application gets the first session's reference with each choice of a next session."""
    shop = Chain(mode).shop
    shop.app.accept(shop.start_chain(reference=ORDER).pointer)
    assert shop.failures == []
    assert [step.reference for step in shop.asked] == [ORDER, ORDER]


@MODES
def test_application_may_change_the_reference_in_a_chain(mode: str) -> None:
    """A reference that the application gives to a later session replaces the first one."""
    shop = Chain(mode, reference="order-18").shop
    shop.app.accept(shop.start_chain(reference=ORDER).pointer)
    assert [step.reference for step in shop.asked] == [ORDER, "order-18"]


@MODES
def test_chain_without_a_reference_has_none(mode: str) -> None:
    """The application gets an empty string if it gave no reference."""
    shop = Chain(mode).shop
    shop.app.accept(shop.start_chain().pointer)
    assert [step.reference for step in shop.asked] == ["", ""]


@MODES
def test_url_of_another_receiver_is_left_alone(mode: str) -> None:
    """A next session that another receiver will be asked about keeps that receiver's URL."""
    shop = Shop(mode, choose=lambda _step: asked)
    other = Shop(mode).nexts
    assert other is not None
    asked = other.with_next_session(DisclosureRequest({"again": OVER18}))
    session = shop.start_chain(reference=ORDER)
    shop.app.scan(session.pointer).accept(follow=False)
    assert asked.next_session is not None
    assert asked.next_session.url.encode() in shop.replies[0].body


@MODES
@pytest.mark.parametrize("why", INVALID)
def test_invalid_reference_is_refused(mode: str, why: str) -> None:
    """A reference that is over 200 characters or not printable is refused, and not shown."""
    shop = Shop(mode)
    reference: Any = INVALID[why]
    assert shop.nexts is not None
    for add in (shop.receiver.with_callback, shop.nexts.with_next_session):
        with pytest.raises(UsageError, match="reference: must be") as raised:
            add(AGE, reference=reference)
        assert str(reference) not in str(raised.value)


@MODES
def test_longest_reference_is_accepted(mode: str) -> None:
    """A reference of 200 characters of any script is returned unchanged."""
    shop = Shop(mode)
    longest = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 199)) + "\U0001f600"
    shop.app.accept(shop.start(reference=longest).pointer)
    assert [end.reference for end in shop.delivered] == [longest]


@MODES
def test_reference_counts_in_the_limit_of_a_url(mode: str) -> None:
    """A request that a URL can hold only without its reference is refused; the error names both."""
    shop = Shop(mode)
    assert shop.nexts is not None
    noise, reference = (
        base64.b85encode(random.Random(size).randbytes(size)).decode() for size in (2560, 160)
    )
    large = DisclosureRequest([AttributeRequest(OVER18, value=noise)])
    for add in (shop.receiver.with_callback, shop.nexts.with_next_session):
        add(large)
        with pytest.raises(RequestError, match="4000 characters, together with its reference:"):
            add(large, reference=reference)


@MODES
def test_reference_is_readable_only_with_the_keys(mode: str) -> None:
    """The reference is in no `repr`, and cannot be read in the URL."""
    shop = Shop(mode)
    plain = "order-17"
    asked = shop.receiver.with_callback(AGE, reference=plain)
    assert plain not in f"{asked!r} {asked.callback_url}"
    shop.app.accept(shop.start(reference=plain).pointer)
    shop.app.accept(shop.start_chain(reference=plain).pointer)
    assert plain not in f"{shop.delivered} {shop.asked}"


def test_outcome_and_step_check_their_arguments() -> None:
    """An outcome or a step that a test makes by hand refuses a wrong argument."""
    shop = Shop("sync")
    session = shop.start()
    shop.app.accept(session.pointer)
    answer: Answer = shop.delivered[0].get_answer()
    assert ChainStep(answer, reference="order-17").reference == "order-17"
    wrong: Any = 17
    for make in (
        lambda: ChainStep(wrong),
        lambda: ChainStep(answer, reference=wrong),
        lambda: SessionOutcome(
            RequestorToken("token"), SessionStatus.DONE, answer, reference=wrong
        ),
    ):
        with pytest.raises(UsageError):
            make()
