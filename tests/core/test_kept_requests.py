"""The form in which a request is kept until its answer comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from irma_core.errors import RequestError
from irma_core.models.credentials import CredentialRequest
from irma_core.models.json_text import read_json, write_json
from irma_core.models.kept_requests import LARGEST_KEPT, kept_request, read_kept_request
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    RevocationRequest,
    SignatureRequest,
    as_extended,
)
from irma_core.models.wire import request_value
from tests.core.generated import ASKING, EXTENDED_REQUESTS
from tests.core.proving import AGE, FIRST, OVER18

ASKED = DisclosureRequest({"age": OVER18, "name": FIRST})


def through_text(request: ExtendedRequest) -> ExtendedRequest:
    """Keep a request as text, and read it again."""
    return read_kept_request(read_json(write_json(kept_request(request))))


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
        assert kept.message == asked.message


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
    text = write_json(kept_request(request))
    assert "Ada" not in text
    assert "secret" not in text


def test_a_request_that_is_too_large_is_refused() -> None:
    """Of a message to sign there is no shorter form."""
    longest = "x" * (LARGEST_KEPT - len(write_json(kept_request(signing("")))))
    assert through_text(signing(longest)) == signing(longest)
    with pytest.raises(RequestError, match="4096 bytes"):
        kept_request(signing(longest + "x"))


def signing(message: str) -> ExtendedRequest:
    # One letter more, since a message is not empty.
    return ExtendedRequest(SignatureRequest(f"m{message}", {"age": OVER18}))


def test_a_slot_whose_name_is_no_unicode_is_refused() -> None:
    """Half a character cannot be written; in the program's own memory it did no harm."""
    with pytest.raises(RequestError, match="surrogate") as caught:
        kept_request(ExtendedRequest(DisclosureRequest({"\ud800": OVER18})))
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
    ],
)
def test_what_was_not_kept_is_refused(kept: Any) -> None:
    """By one error, whatever it is."""
    with pytest.raises(RequestError):
        read_kept_request(kept)
