"""Credentials to be issued: their attributes, and until when they are valid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import ConfigurationError, RequestError
from irma_core.models.condiscon import optional
from irma_core.models.credentials import CredentialRequest, resolve_validity
from irma_core.models.risks import Risk, resolve_request
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    SignatureRequest,
)
from irma_core.wire.write_requests import request_value
from tests.core.proving import AGE, NOW, OVER18

WEEK = 7 * 24 * 3600
# NOW is a Monday; the weeks of the server begin on Thursdays at 0:00 UTC.
THIS_THURSDAY = datetime(2026, 11, 26, tzinfo=UTC)
LAST_THURSDAY = datetime(2026, 11, 19, tzinfo=UTC)
YES = {"over18": "yes"}


def card(**options: Any) -> CredentialRequest:
    """Return a credential with an age."""
    return CredentialRequest(AGE, YES, **options)


def refusal(make: Callable[[], object]) -> RequestError:
    """Return the error that a call raises."""
    with pytest.raises(RequestError) as caught:
        make()
    return caught.value


# Form.


@pytest.mark.parametrize("credential", ["example.town", OVER18, "", None])
def test_an_issued_credential_type_has_three_parts(credential: Any) -> None:
    """The type of a credential to be issued has exactly three parts."""
    assert refusal(lambda: CredentialRequest(credential, YES)).path == "credential"


@pytest.mark.parametrize(
    ("place", "attributes"),
    [
        ("attributes", None),
        ("attributes", [("over18", "yes")]),
        ("attributes", "over18"),
        ("attributes", {OVER18: "yes"}),
        ("attributes", {"": "yes"}),
        ("attributes", {"\ud800": "yes"}),
        ("attributes", {5: "yes"}),
        ('attributes["over18"]', {"over12": "yes", "over18": True}),
        ('attributes["over18"]', {"over18": 1}),
        ('attributes["over18"]', {"over18": b"yes"}),
        ('attributes["over18"]', {"over18": "\ud800"}),
    ],
)
def test_attributes_are_strings_by_name(place: str, attributes: Any) -> None:
    """An attribute's key is the fourth part of its identifier; values must be strings."""
    assert refusal(lambda: CredentialRequest(AGE, attributes)).path == place


def test_none_leaves_an_attribute_out() -> None:
    """An attribute that is None is left out, as the JSON has no other form for no value."""
    request = CredentialRequest(AGE, {"over12": None, "over18": "", "over65": "no"})
    value = request_value(IssuanceRequest([request]))
    assert value["credentials"] == [
        {"credential": AGE, "attributes": {"over18": "", "over65": "no"}}
    ]
    assert request == CredentialRequest(AGE, {"over18": "", "over65": "no"})


def test_attributes_are_copied() -> None:
    """A later change of the caller's mapping does not change the credential."""
    attributes: dict[str, str | None] = {"over18": "yes"}
    request = CredentialRequest(AGE, attributes)
    attributes["over18"] = "no"
    assert request.attributes == {"over18": "yes"}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("revocation_key", ["key", " "], ["", 5, b"key", "\ud800"]),
        ("sd_jwt_batch_size", [0, 1, 200], [-1, 201, 1.0, True, "5"]),
    ],
)
def test_a_credential_takes_a_revocation_key_and_a_batch_size(
    field: str, good: list[Any], bad: list[Any]
) -> None:
    """A credential checks its revocation key and its number of SD-JWTs."""
    assert getattr(card(), field) is None
    for value in good:
        assert getattr(card(**{field: value}), field) == value
    for value in bad:
        assert refusal(lambda value=value: card(**{field: value})).path == field  # type: ignore[misc]  # a default


@pytest.mark.parametrize(
    "validity",
    [
        datetime(2027, 1, 1),  # noqa: DTZ001  # the point of the test
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        date(2027, 1, 1),
        timedelta(0),
        timedelta(seconds=-1),
        timedelta(days=7, microseconds=1),
        timedelta.max,
        1798761600,
        "2027-01-01",
        True,
    ],
    ids=repr,
)
def test_a_validity_is_an_aware_date_or_whole_seconds(validity: Any) -> None:
    """Zero, fractions of a second and naive dates are refused as a validity."""
    assert refusal(lambda: card(validity=validity)).path == "validity"


# Time.


def test_a_missing_validity_is_left_to_the_server() -> None:
    """A credential without a validity leaves the choice to the server, which uses six months."""
    request = card()
    assert resolve_validity(request, NOW, "credentials[0]") is request
    assert "validity" not in str(request_value(IssuanceRequest([request])))


def test_a_date_stays_unchanged() -> None:
    """A date keeps its time zone; its JSON is Unix seconds."""
    until = datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    request = card(validity=until)
    assert resolve_validity(request, NOW, "credentials[0]") is request
    value: Any = request_value(IssuanceRequest([request]))
    assert value["credentials"][0]["validity"] == 1798761600


def test_a_duration_counts_from_the_start_of_the_session() -> None:
    """The clock's fraction of a second is dropped, so that no validity is too long."""
    now = NOW.replace(microsecond=999999)
    resolved = resolve_validity(card(validity=timedelta(days=30)), now, "credentials[0]")
    assert resolved.validity == NOW + timedelta(days=30)
    assert attrs.evolve(resolved, validity=None) == card()


def test_a_duration_has_no_json() -> None:
    """A duration cannot be written as JSON, since each attempt to start turns it into a date."""
    error = refusal(lambda: request_value(IssuanceRequest([card(validity=timedelta(days=30))])))
    assert "resolve_validity" in error.reason


@pytest.mark.parametrize(
    "validity",
    [
        timedelta(seconds=1),
        timedelta(days=1),
        THIS_THURSDAY - NOW - timedelta(seconds=1),
        NOW + timedelta(seconds=1),
        THIS_THURSDAY - timedelta(seconds=1),
        LAST_THURSDAY,
        NOW,
        datetime(2020, 1, 1, tzinfo=UTC),
    ],
    ids=repr,
)
def test_a_validity_rounded_into_the_past_is_refused(
    validity: datetime | timedelta,
) -> None:
    """A validity that the server would round into the past is refused before the start."""
    error = refusal(lambda: resolve_validity(card(validity=validity), NOW, "credentials[3]"))
    assert error.path == "credentials[3].validity"
    assert "Thursday" in error.reason
    assert "a week or more" in error.reason


@pytest.mark.parametrize(
    "validity",
    [THIS_THURSDAY - NOW, timedelta(weeks=1), THIS_THURSDAY, datetime(9999, 12, 31, tzinfo=UTC)],
    ids=repr,
)
def test_a_validity_in_the_future_after_rounding_is_accepted(
    validity: datetime | timedelta,
) -> None:
    """A validity of a week is accepted, and a shorter one if a Thursday comes before its end."""
    until = resolve_validity(card(validity=validity), NOW, "x").validity
    assert isinstance(until, datetime)
    assert until > NOW


def test_a_validity_that_ends_this_second_has_passed() -> None:
    """A week that ends on Thursday at 0:00 UTC is over at that very second."""
    request = card(validity=THIS_THURSDAY)
    assert refusal(lambda: resolve_validity(request, THIS_THURSDAY, "x")).path == "x.validity"
    just_before = THIS_THURSDAY - timedelta(microseconds=1)
    assert resolve_validity(request, just_before, "x") is request


@given(st.integers(1, 10**10), st.integers(1, 10**9))
def test_a_validity_is_checked_as_the_server_rounds_it(now: int, ahead: int) -> None:
    """Validities are rounded down to whole weeks, and a week or more is never refused."""
    clock = datetime.fromtimestamp(now, UTC)
    request = card(validity=timedelta(seconds=ahead))
    try:
        resolved = resolve_validity(request, clock, "x")
    except RequestError:
        assert (now + ahead) // WEEK * WEEK <= now
        assert ahead < WEEK
    else:
        assert resolved.validity == datetime.fromtimestamp(now + ahead, UTC)
        assert (now + ahead) // WEEK * WEEK > now


# Before the start.


def test_all_durations_become_dates_before_the_start() -> None:
    """One clock turns all durations into dates; the rest of the request stays the same."""
    month = timedelta(days=30)
    asked = ExtendedRequest(
        IssuanceRequest([card(), card(validity=month)], {"age": OVER18}), timeout=month
    )
    ready = resolve_request(asked, NOW)
    assert isinstance(ready.request, IssuanceRequest)
    assert [item.validity for item in ready.request.credentials] == [None, NOW + month]
    assert ready.request.disclose.slots == ("age",)
    assert ready.timeout == month


def test_a_request_without_durations_stays_unchanged() -> None:
    """A request without durations is returned as the same object."""
    for request in (
        DisclosureRequest([OVER18]),
        SignatureRequest("I agree.", [OVER18]),
        IssuanceRequest([card(), card(validity=NOW + timedelta(weeks=2))]),
    ):
        asked = ExtendedRequest(request)
        assert resolve_request(asked, NOW) is asked


def test_an_expired_credential_is_named() -> None:
    """The error names an expired credential by its position in the request."""
    request = IssuanceRequest([card(), card(validity=timedelta(days=1))])
    error = refusal(lambda: resolve_request(ExtendedRequest(request), NOW))
    assert error.path == "credentials[1].validity"


@pytest.mark.parametrize(
    "disclose",
    [
        ["irma-demo.a.b.c"],
        ["irma-demo.a.b"],
        {"x": [[OVER18], ["irma-demo.a.b.c"]]},
        [optional("irma-demo.a.b.c")],
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        DisclosureRequest,
        partial(SignatureRequest, "I agree."),
        partial(IssuanceRequest, [card()]),
    ],
)
def test_demo_attributes_need_permission(make: Callable[[Any], Any], disclose: Any) -> None:
    """Demo attributes, which anyone can issue, need a permission that the error names."""
    asked = ExtendedRequest(make(disclose))
    with pytest.raises(ConfigurationError, match=r"irma-demo\.a\.b.* Risk\.DEMO_ATTRIBUTES"):
        resolve_request(asked, NOW, [Risk.PLAIN_HTTP, Risk.TOKEN_IN_RETURN_URL])
    assert resolve_request(asked, NOW, {Risk.DEMO_ATTRIBUTES}) is asked


def test_demo_credentials_may_be_issued() -> None:
    """Issuing demo credentials needs no permission, nor does a scheme with a similar name."""
    issued = ExtendedRequest(IssuanceRequest([CredentialRequest("irma-demo.a.b", {})]))
    assert resolve_request(issued, NOW) is issued
    other = ExtendedRequest(DisclosureRequest(["irma-demonstration.a.b.c", "a.irma-demo.b.c"]))
    assert resolve_request(other, NOW) is other


def test_the_token_in_a_return_url_needs_permission() -> None:
    """A token in a return URL ends up in histories and logs, so it needs permission."""
    request = DisclosureRequest(
        [OVER18], client_return_url="https://shop.example/", augment_return_url=True
    )
    asked = ExtendedRequest(request)
    with pytest.raises(ConfigurationError, match=r"Risk\.TOKEN_IN_RETURN_URL"):
        resolve_request(asked, NOW, [Risk.DEMO_ATTRIBUTES])
    assert resolve_request(asked, NOW, (Risk.TOKEN_IN_RETURN_URL,)) is asked


def test_a_credential_is_a_value_without_secrets_in_its_repr() -> None:
    """Credentials with the same fields are equal, and their repr shows no issued value."""
    request = CredentialRequest(AGE, {"over18": "very private"}, revocation_key="very secret")
    again = CredentialRequest(AGE, {"over18": "very private"}, revocation_key="very secret")
    assert request == again
    assert "very" not in repr(request)
    assert cast("object", request) != card()


PLAIN = "http://shop.example/irma"


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("callback_url", ExtendedRequest(DisclosureRequest([OVER18]), callback_url=PLAIN)),
        (
            "next_session",
            ExtendedRequest(DisclosureRequest([OVER18]), next_session=NextSession(PLAIN)),
        ),
        (
            "client_return_url",
            ExtendedRequest(
                DisclosureRequest([OVER18], client_return_url=PLAIN, augment_return_url=True)
            ),
        ),
    ],
)
def test_secrets_over_plain_http_need_permission(field: str, asked: ExtendedRequest) -> None:
    """Plain HTTP that would show a result or a token to machines on the way needs permission."""
    allow = {Risk.TOKEN_IN_RETURN_URL}
    with pytest.raises(ConfigurationError, match=rf"^{field}: .*Risk\.PLAIN_HTTP"):
        resolve_request(asked, NOW, allow)
    assert resolve_request(asked, NOW, allow | {Risk.PLAIN_HTTP}) is asked


def test_plain_http_without_a_secret_or_to_loopback_is_allowed() -> None:
    """Plain HTTP is allowed to loopback, and for a page without a secret in its URL."""
    asked = ExtendedRequest(
        DisclosureRequest([OVER18], client_return_url=PLAIN),
        callback_url="http://localhost:8000/x",
        next_session=NextSession("http://[::1]/x"),
    )
    assert resolve_request(asked, NOW) is asked
