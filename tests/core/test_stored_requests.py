"""The form in which a request is kept until its answer comes."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given

from irma_core import Requestor
from irma_core.errors import RequestError, UsageError
from irma_core.json_text import read_json, write_json
from irma_core.models.condiscon import AttributeRequest
from irma_core.models.credentials import CredentialRequest
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    RevocationRequest,
    SignatureRequest,
    as_extended,
)
from irma_core.wire.stored_requests import MAX_STORED_BYTES, read_stored_request, stored_request
from irma_core.wire.write_requests import request_value
from irma_testing import ScriptedTransport
from tests.core.generated import ASKING, EXTENDED_REQUESTS
from tests.core.proving import AGE, FIRST, OVER18

ASKED = DisclosureRequest({"age": OVER18, "name": FIRST})


def through_text(request: ExtendedRequest) -> ExtendedRequest:
    """Keep a request as text, and read it again."""
    return read_stored_request(read_json(write_json(stored_request(request))))


@given(ASKING)
def test_what_an_answer_depends_on_is_all_kept(request_: Any) -> None:
    """Slots with their names, demanded values and non-revocation, the message, the kind."""
    kept, asked = through_text(as_extended(request_)).request, request_
    assert kept.session_type is asked.session_type
    assert kept.disclose.disjunctions == asked.disclose.disjunctions
    assert kept.disclose.slots == asked.disclose.slots
    assert dict.fromkeys(kept.revocation) == dict.fromkeys(asked.revocation)
    if isinstance(asked, SignatureRequest):
        assert isinstance(kept, SignatureRequest)
        assert kept.message_sha256 == asked.message_sha256


@given(EXTENDED_REQUESTS)
def test_what_was_kept_is_kept_as_it_is(request_: ExtendedRequest) -> None:
    """However many options a request had: keeping it again changes nothing."""
    kept = through_text(request_)
    assert through_text(kept) == kept


def test_what_is_issued_and_where_the_server_posts_are_not_kept() -> None:
    """The one may be personal, the other holds a secret, and no answer needs them."""
    card = CredentialRequest(
        AGE, {"over18": "Ada"}, revocation_key="secret-1", validity=timedelta(weeks=9)
    )
    request = ExtendedRequest(
        IssuanceRequest([card], [FIRST], labels={0: {"en": "secret-2"}}, host="secret-3"),
        callback_url="https://shop.example/secret-4",
        next_session=NextSession("https://shop.example/secret-5"),
    )
    text = write_json(stored_request(request))
    assert "Ada" not in text
    assert "secret" not in text


def test_a_request_that_is_too_large_is_refused() -> None:
    """The limit counts the bytes of what an answer depends on."""
    longest = "x" * (MAX_STORED_BYTES - len(write_json(stored_request(demanding("")))))
    assert through_text(demanding(longest)) == demanding(longest)
    with pytest.raises(RequestError, match="131072 bytes"):
        stored_request(demanding(longest + "x"))


def demanding(value: str) -> ExtendedRequest:
    return ExtendedRequest(DisclosureRequest({"age": AttributeRequest(OVER18, value=value)}))


def signing(message: str) -> SignatureRequest:
    return SignatureRequest(message, {"age": OVER18})


def kept_signing(message: str) -> SignatureRequest:
    kept = through_text(as_extended(signing(message))).request
    assert isinstance(kept, SignatureRequest)
    return kept


def test_a_message_of_any_length_takes_the_same_bytes() -> None:
    """Of a message to sign only the SHA-256 is kept."""
    short, long = (stored_request(as_extended(signing("é" * size))) for size in (1, 1_000_000))
    assert len(write_json(short)) == len(write_json(long)) < 300


def test_a_kept_message_cannot_be_read_or_sent() -> None:
    """Its hash is compared, and is no message that could be signed in its place."""
    kept = kept_signing("I agree")
    assert kept.message_sha256 == sha256(b"I agree").hexdigest()
    with pytest.raises(UsageError, match="message_sha256"):
        _ = kept.message
    with pytest.raises(UsageError, match="message_sha256"):
        request_value(kept)
    with pytest.raises(UsageError, match="message_sha256"):
        Requestor("https://irma.example", ScriptedTransport()).start_session(kept)
    assert kept.message_sha256 not in repr(kept)


def test_a_message_that_reads_like_a_hash_is_another_message() -> None:
    """A request and its kept form are not equal, whatever the message is."""
    kept = kept_signing("I agree")
    lookalike = signing(kept.message_sha256)
    assert kept != lookalike
    assert lookalike != kept
    assert hash(kept) != hash(lookalike)
    assert kept == kept_signing("I agree")
    assert hash(kept) == hash(kept_signing("I agree"))
    assert kept_signing(kept.message_sha256) != kept


def test_a_slot_whose_name_is_no_unicode_is_refused() -> None:
    """Half a character cannot be written; in the program's own memory it did no harm."""
    with pytest.raises(RequestError, match="surrogate") as caught:
        stored_request(ExtendedRequest(DisclosureRequest({"\ud800": OVER18})))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {},
        [request_value(ASKED)],
        [request_value(ASKED), ["age"]],
        [request_value(ASKED), ["age", 1]],
        [request_value(ASKED), ["age", "age"]],
        [{"@context": "https://irma.app/ld/request/disclosure/v2"}, []],
        [request_value(ExtendedRequest(ASKED)), [0, 1]],
        [request_value(RevocationRequest(AGE, "key")), []],
        [request_value(SignatureRequest("I agree", {"age": OVER18})), ["age"]],
    ],
)
def test_what_was_not_kept_is_refused(kept: Any) -> None:
    """By one error, whatever it is."""
    with pytest.raises(RequestError):
        read_stored_request(kept)
