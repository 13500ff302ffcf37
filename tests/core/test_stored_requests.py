"""The form in which a request is stored until its answer arrives."""

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


def through_json(request: ExtendedRequest) -> ExtendedRequest:
    """Store a request as JSON, and read it again."""
    return read_stored_request(read_json(write_json(stored_request(request))))


@given(ASKING)
def test_everything_that_an_answer_needs_is_stored(request_: Any) -> None:
    """A stored request has its kind, slots, demanded values, non-revocation and message hash."""
    kept, asked = through_json(as_extended(request_)).request, request_
    assert kept.session_type is asked.session_type
    assert kept.disclose.disjunctions == asked.disclose.disjunctions
    assert kept.disclose.slots == asked.disclose.slots
    assert dict.fromkeys(kept.revocation) == dict.fromkeys(asked.revocation)
    if isinstance(asked, SignatureRequest):
        assert isinstance(kept, SignatureRequest)
        assert kept.message_sha256 == asked.message_sha256


@given(EXTENDED_REQUESTS)
def test_storing_again_changes_nothing(request_: ExtendedRequest) -> None:
    """A stored request that is stored again stays the same, with any options."""
    kept = through_json(request_)
    assert through_json(kept) == kept


def test_credentials_and_callback_urls_are_not_stored() -> None:
    """Credentials and callback URLs are private and not stored, as no answer needs them."""
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
    """The limit of a stored request counts the bytes of the parts that an answer depends on."""
    longest = "x" * (MAX_STORED_BYTES - len(write_json(stored_request(demanding("")))))
    assert through_json(demanding(longest)) == demanding(longest)
    with pytest.raises(RequestError, match="131072 bytes"):
        stored_request(demanding(longest + "x"))


def demanding(value: str) -> ExtendedRequest:
    return ExtendedRequest(DisclosureRequest({"age": AttributeRequest(OVER18, value=value)}))


def signing(message: str) -> SignatureRequest:
    return SignatureRequest(message, {"age": OVER18})


def kept_signing(message: str) -> SignatureRequest:
    kept = through_json(as_extended(signing(message))).request
    assert isinstance(kept, SignatureRequest)
    return kept


def test_a_message_of_any_length_takes_the_same_bytes() -> None:
    """Only the SHA-256 of a message to sign is stored."""
    short, long = (stored_request(as_extended(signing("é" * size))) for size in (1, 1_000_000))
    assert len(write_json(short)) == len(write_json(long)) < 300


def test_a_stored_message_cannot_be_read_or_sent() -> None:
    """The hash of a message is compared, and cannot be signed in its place."""
    kept = kept_signing("I agree")
    assert kept.message_sha256 == sha256(b"I agree").hexdigest()
    with pytest.raises(UsageError, match="message_sha256"):
        _ = kept.message
    with pytest.raises(UsageError, match="message_sha256"):
        request_value(kept)
    with pytest.raises(UsageError, match="message_sha256"):
        Requestor("https://irma.example", ScriptedTransport()).start_session(kept)
    assert kept.message_sha256 not in repr(kept)


def test_a_message_equal_to_a_hash_is_another_message() -> None:
    """A request and its stored form are never equal, even if the message is the hash."""
    kept = kept_signing("I agree")
    lookalike = signing(kept.message_sha256)
    assert kept != lookalike
    assert lookalike != kept
    assert hash(kept) != hash(lookalike)
    assert kept == kept_signing("I agree")
    assert hash(kept) == hash(kept_signing("I agree"))
    assert kept_signing(kept.message_sha256) != kept


def test_a_slot_name_with_a_surrogate_is_not_stored() -> None:
    """Half a surrogate pair is valid in a slot's name, but cannot be written as JSON."""
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
def test_an_invalid_stored_request_is_refused(kept: Any) -> None:
    """A value that is not a stored request raises `RequestError`."""
    with pytest.raises(RequestError):
        read_stored_request(kept)
