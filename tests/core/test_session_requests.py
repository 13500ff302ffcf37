"""Requests: how their fields combine, and the path of an invalid one."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import RequestError
from irma_core.models.condiscon import AttributeRequest, optional
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
from irma_core.models.statuses import SessionType
from irma_core.models.validation import check_address, check_host, check_return_address
from tests.core.generated import EXTENDED_REQUESTS, REVOCATIONS
from tests.core.proving import AGE, EMAIL, FIRST, OVER18, RESIDENT, SECRET_TOKEN

CARD = CredentialRequest(AGE, {"over18": "yes"})
AGES = DisclosureRequest({"age": OVER18, "email": optional(EMAIL)})
BAD_URLS: list[object] = [
    "",
    " ",
    "/callback",
    "irma.example",
    "irma.example/callback",
    "//irma.example/callback",
    "ftp://irma.example/",
    "http:",
    "http://",
    "https:///callback",
    "https:irma.example",
    "https://[::1",
    "https://[x]/",
    "https://irma.example:0/",
    "https://irma.example:65536/",
    "https://irma.example:x/",
    "https://irma.example/a b",
    " https://irma.example/",
    "https://irma.example/\n",
    "https://irma.example/\x00",
    "https://irma.example/\x9f",
    "https://irma.example/\u2028",
    "https://irma.example/\u202e",
    "https://irma.example/\u200b",
    "https://irma.example\\@other.example/",
    "https://irma.example/\ud800",
    None,
    5,
    b"https://irma.example/",
]
BAD_HOSTS: list[object] = [
    "",
    "https://irma.example",
    "irma.example/",
    "irma.example:",
    "irma.example:0",
    "irma.example:65536",
    "irma.example:x",
    "irma.example:123456",
    "user@irma.example",
    "irma example",
    "irma.example\n",
    "[::1",
    "é.example",
    None,
    5,
]


def ask(**options: Any) -> DisclosureRequest:
    """Return a request for an age and an e-mail address, with options."""
    return DisclosureRequest({"age": OVER18, "email": optional(EMAIL)}, **options)


def extend(**options: Any) -> ExtendedRequest:
    """Return the same request with the requestor's own options."""
    return ExtendedRequest(AGES, **options)


def refusal(make: Callable[[], object]) -> RequestError:
    """Return the error that a call raises."""
    with pytest.raises(RequestError) as caught:
        make()
    return caught.value


# The requested attributes.


def test_each_kind_of_request_starts_its_kind_of_session() -> None:
    """Each class has its session type, so that the server's reply can be checked against it."""
    assert AGES.session_type is SessionType.DISCLOSING
    assert SignatureRequest("I agree.", [OVER18]).session_type is SessionType.SIGNING
    assert IssuanceRequest([CARD]).session_type is SessionType.ISSUING


@pytest.mark.parametrize("nothing", [[], {}, [[[]]], {"a": [[]]}])
def test_a_disclosure_and_a_signature_ask_for_an_attribute(nothing: Any) -> None:
    """A disclosure or signature request without attributes is refused, as by the server."""
    for make in (DisclosureRequest, partial(SignatureRequest, "I agree.")):
        error = refusal(partial(make, nothing))
        assert error.path == "disclose"
        assert "at least one attribute" in error.reason


def test_an_issuance_may_ask_for_nothing() -> None:
    """An issuance may ask for nothing, or for attributes in a combined session."""
    assert len(IssuanceRequest([CARD]).disclose) == 0
    assert IssuanceRequest([CARD], {"email": EMAIL}).disclose.slots == ("email",)


@pytest.mark.parametrize("message", ["", None, 5, "\ud800", b"I agree."])
def test_a_signature_has_a_message(message: Any) -> None:
    """The message of a signature is a string and not empty."""
    assert refusal(lambda: SignatureRequest(message, [OVER18])).path == "message"


@pytest.mark.parametrize(
    ("place", "credentials"),
    [
        ("credentials", []),
        ("credentials", None),
        ("credentials", 5),
        ("credentials", CARD),
        ("credentials[1]", [CARD, {"credential": AGE}]),
        ("credentials[0]", "x"),
    ],
)
def test_an_issuance_issues_credentials(place: str, credentials: Any) -> None:
    """An issuance has a list of at least one credential."""
    assert refusal(lambda: IssuanceRequest(credentials)).path == place


# Labels.


def test_labels_refer_to_slots_by_name_or_number() -> None:
    """Labels refer to slots by name or number, as the slots themselves are given."""
    assert ask(labels={"email": {"en": "E-mail", "nl": "E-post"}}).labels["email"]["nl"] == "E-post"
    assert DisclosureRequest([OVER18], labels={0: {"en": "Age"}}).labels == {0: {"en": "Age"}}
    assert ask(labels=None).labels == {}


@pytest.mark.parametrize(
    ("place", "labels"),
    [
        ('labels["mail"]', {"mail": {"en": "x"}}),
        ("labels[0]", {0: {"en": "x"}}),
        ("labels[True]", {True: {"en": "x"}}),
        ("labels", [{"en": "x"}]),
        ("labels", "x"),
        ('labels["age"]', {"age": {}}),
        ('labels["age"]', {"age": "Age"}),
        ('labels["age"]', {"age": None}),
        ('labels["age"]["en"]', {"age": {"en": None}}),
        ('labels["age"]["nl"]', {"age": {"en": "Age", "nl": 5}}),
        ('labels["age"]["en"]', {"age": {"en": "\ud800"}}),
        ('labels["age"]', {"age": {"": "x"}}),
        ('labels["age"]', {"age": {5: "x"}}),
    ],
)
def test_an_invalid_label_is_refused_at_its_path(place: str, labels: Any) -> None:
    """A label is refused for an unknown slot, an empty translation, or a wrong type."""
    assert refusal(lambda: ask(labels=labels)).path == place


@pytest.mark.parametrize("position", [1, -1, True, False, None])
def test_a_numbered_slot_is_labelled_by_its_number(position: Any) -> None:
    """A bool is not a slot number, and the last number is one less than the slots' count."""
    error = refusal(lambda: DisclosureRequest([OVER18], labels={position: {"en": "x"}}))
    assert error.path == f"labels[{position}]"


# Credential types with special treatment.


@pytest.mark.parametrize("field", ["skip_expiry_check", "revocation"])
@pytest.mark.parametrize(
    ("place", "types"),
    [
        ("", "example.town.age"),
        ("", 5),
        ("[0]", [OVER18]),
        ("[1]", [AGE, None]),
        ("", b"x"),
        ("", ["example.town.unknown"]),
    ],
)
def test_a_listed_credential_type_must_be_requested(field: str, place: str, types: Any) -> None:
    """A listed type that is not requested is a mistake, which the server would ignore."""
    assert refusal(lambda: ask(**{field: types})).path == field + place


def test_an_expiry_check_is_skipped_for_a_list_of_types() -> None:
    """The types whose expiry is not checked must be a list; a mapping is refused."""
    assert ask(skip_expiry_check=[AGE, RESIDENT]).skip_expiry_check == (AGE, RESIDENT)
    assert refusal(lambda: ask(skip_expiry_check={AGE: True})).path == "skip_expiry_check"


def test_non_revocation_takes_a_list_or_tolerances() -> None:
    """A tolerance of None leaves the tolerance to the server."""
    assert ask(revocation=[AGE]).revocation == {AGE: None}
    hour = timedelta(hours=1)
    assert ask(revocation={AGE: hour, RESIDENT: None}).revocation == {AGE: hour, RESIDENT: None}
    assert ask(revocation=None).revocation == {}


@pytest.mark.parametrize(
    ("place", "revocation"),
    [
        (f'revocation["{AGE}"]', {AGE: 5}),
        (f'revocation["{AGE}"]', {AGE: timedelta(seconds=-1)}),
        (f'revocation["{AGE}"]', {AGE: timedelta(milliseconds=1)}),
        ("revocation", {OVER18: None}),
        ("revocation", {"example.town.unknown": None}),
    ],
)
def test_an_invalid_tolerance_is_refused_at_its_type(place: str, revocation: Any) -> None:
    """A tolerance is a whole number of seconds, and not negative."""
    assert refusal(lambda: ask(revocation=revocation)).path == place


# Addresses.


@pytest.mark.parametrize(
    "url",
    [
        "https://irma.example",
        "http://127.0.0.1:8088/cb?id=7#x",
        "HTTPS://irma.example/é",
        "https://[::1]:8088/",
        "https://user:pass@irma.example/",
    ],
)
def test_the_server_posts_to_absolute_urls(url: str) -> None:
    """The server posts to absolute URLs for callbacks and next sessions."""
    assert check_address(url, "x") == url
    assert extend(callback_url=url, next_session=NextSession(url)).callback_url == url
    assert check_return_address(url, "x") == url


@pytest.mark.parametrize("url", BAD_URLS, ids=repr)
def test_an_invalid_callback_url_is_refused(url: Any) -> None:
    """An invalid callback URL is refused, since the server would neither check nor reach it."""
    error = refusal(lambda: NextSession(url))
    assert error.path == "url"
    assert not url or len(str(url)) < 2 or str(url) not in error.reason
    if url is not None:  # None means no callback
        assert refusal(lambda: extend(callback_url=url)).path == "callback_url"


def test_an_empty_next_session_is_refused() -> None:
    """An empty next URL is refused: the server would write an error and yet start a session."""
    assert refusal(lambda: NextSession("")).path == "url"


@pytest.mark.parametrize(
    "url", ["https://shop.example/done?x=1", "shop-app://done", "app:done", "irma+x.y:z"]
)
def test_a_person_returns_to_a_page_or_an_app(url: str) -> None:
    """A return URL may be a page, a universal link, or a link with an app's scheme."""
    assert ask(client_return_url=url).client_return_url == url


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "/done",
        "//shop.example",
        ":done",
        "app:",
        "1app:x",
        "https:",
        "https://",
        "http:done",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "java\nscript:x",
        "\x01javascript:x",
        "https://shop.example/a b",
        "https://shop.example\\@other.example/",
        "app:\u202e",
        "",
        5,
    ],
)
def test_an_invalid_or_dangerous_return_url_is_refused(url: Any) -> None:
    """A return URL must be safe, because the app opens it without confirmation."""
    assert refusal(lambda: ask(client_return_url=url)).path == "client_return_url"


def test_the_token_in_the_return_url_needs_a_return_url() -> None:
    """The option for a token in the return URL is True or False, and needs a return URL."""
    assert refusal(lambda: ask(augment_return_url=True)).path == "augment_return_url"
    url = "https://shop.example/"
    assert ask(augment_return_url=True, client_return_url=url).augment_return_url
    for wrong in (1, "yes", None):
        error = refusal(
            lambda wrong=wrong: ask(augment_return_url=wrong, client_return_url=url)  # type: ignore[misc]  # a default
        )
        assert error.path == "augment_return_url"


@pytest.mark.parametrize(
    "host", ["irma.example", "irma.example:8088", "localhost:65535", "127.0.0.1", "[::1]:80"]
)
def test_a_host_is_a_name_with_an_optional_port(host: str) -> None:
    """A host is a name with an optional port, as in the header `Host`."""
    assert ask(host=host).host == check_host(host, "host") == host


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_an_invalid_host_is_refused(host: Any) -> None:
    """A host that is a URL, for instance, is refused."""
    assert refusal(lambda: check_host(host, "host")).path == "host"
    if host is not None:
        assert refusal(lambda: ask(host=host)).path == "host"


@given(st.text())
def test_an_accepted_address_cannot_break_a_line(text: str) -> None:
    """An accepted address has no characters that break a line or hide a part of it."""
    for check in (check_address, check_return_address, check_host):
        try:
            taken = check(text, "x")
        except RequestError:
            continue
        assert taken == text
        assert taken.isprintable()
        assert not set(taken) & set(" \\")


# Extended requests.


def test_a_plain_request_becomes_an_extended_one() -> None:
    """A plain request becomes an extended one, and an extended one stays the same object."""
    extended = as_extended(AGES)
    assert extended == ExtendedRequest(AGES)
    assert as_extended(extended) is extended


@pytest.mark.parametrize("request_", [None, "x", {}, ExtendedRequest(AGES)])
def test_an_extended_request_holds_a_session_request(request_: Any) -> None:
    """An extended request contains a session request, and not another extended request."""
    assert refusal(lambda: ExtendedRequest(request_)).path == "request"


@pytest.mark.parametrize("field", ["validity", "timeout"])
def test_durations_are_whole_seconds_and_not_negative(field: str) -> None:
    """Zero means the server's default; a negative duration would end the session at once."""
    for good in (timedelta(0), timedelta(seconds=1), timedelta(days=36500), None):
        assert getattr(extend(**{field: good}), field) == good
    for bad in (
        timedelta(seconds=-1),
        timedelta(microseconds=1),
        timedelta(seconds=1.5),
        timedelta(days=36500, seconds=1),
        timedelta.max,
        60,
        60.0,
        "60",
        True,
    ):
        assert refusal(lambda bad=bad: extend(**{field: bad})).path == field  # type: ignore[misc]  # a default


@pytest.mark.parametrize("wrong", ["https://shop.example/next", {"url": "https://x"}, 5])
def test_a_next_session_has_its_own_class(wrong: Any) -> None:
    """A bare URL is not accepted as a next session."""
    assert refusal(lambda: extend(next_session=wrong)).path == "next_session"


# Revocation.


def test_a_revocation_names_a_credential_by_its_key() -> None:
    """A revocation covers all credentials issued with a key, or one by its time of issuance."""
    assert RevocationRequest(AGE, "key").issued is None
    assert RevocationRequest(AGE, "key", issued=2**63 - 1).issued == 2**63 - 1


@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("credential", lambda: RevocationRequest(OVER18, "key")),
        ("revocation_key", lambda: RevocationRequest(AGE, "")),
        ("revocation_key", lambda: RevocationRequest(AGE, cast("str", None))),
        ("issued", lambda: RevocationRequest(AGE, "key", issued=-1)),
        ("issued", lambda: RevocationRequest(AGE, "key", issued=0)),
        ("issued", lambda: RevocationRequest(AGE, "key", issued=2**63)),
        ("issued", lambda: RevocationRequest(AGE, "key", issued=cast("int", 1.0))),
        ("issued", lambda: RevocationRequest(AGE, "key", issued=True)),
    ],
)
def test_a_wrong_revocation_is_refused_at_its_field(place: str, make: Callable[[], object]) -> None:
    """A revocation's key is a string and not empty; its time is an integer of nanoseconds."""
    assert refusal(make).path == place


# All requests.


def test_no_repr_shows_secret_or_personal_values() -> None:
    """A message, a demanded value, issued values and the revocation key are in no repr."""
    private = SECRET_TOKEN
    for request in (
        SignatureRequest(private, [AttributeRequest(FIRST, private)]),
        IssuanceRequest([CredentialRequest(AGE, {"over18": private}, revocation_key=private)]),
        RevocationRequest(AGE, private),
    ):
        assert private not in repr(request)
        assert private not in str(request)
        assert AGE in repr(request) or FIRST in repr(request)


def test_a_request_cannot_be_changed() -> None:
    """A request is frozen, since the answer is checked against it."""
    for frozen, field in ((AGES, "disclose"), (as_extended(AGES), "request"), (CARD, "attributes")):
        with pytest.raises(AttributeError):
            setattr(frozen, field, None)


def test_changed_arguments_leave_a_request_unchanged() -> None:
    """A later change of the caller's arguments does not change the request."""
    labels: dict[Any, dict[str, str]] = {"age": {"en": "Age"}}
    revocation: dict[str, timedelta | None] = {AGE: None}
    request = ask(labels=labels, revocation=revocation)
    labels["age"]["en"] = "?"
    labels["x"] = {}
    revocation["x"] = None
    assert request.labels == {"age": {"en": "Age"}}
    assert request.revocation == {AGE: None}


@given(EXTENDED_REQUESTS | REVOCATIONS)
def test_any_request_can_be_stored(request: object) -> None:
    """Any request can be pickled, so that an application can store it until the next call."""
    assert pickle.loads(pickle.dumps(request)) == request


def test_no_repr_shows_a_url_that_the_server_posts_to() -> None:
    """URLs that the server posts to are in no repr, since they contain a secret."""
    request = ExtendedRequest(
        DisclosureRequest(["s.i.card.a"]),
        callback_url="https://shop.example/callback/a-secret",
        next_session=NextSession("https://shop.example/next/a-secret"),
    )
    assert "a-secret" not in repr(request)
