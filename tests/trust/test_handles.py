"""Handles: a started session goes to the browser sealed, and comes back as it was asked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import (
    ConfigurationError,
    HandleExpiredError,
    HandleInvalidError,
    RequestError,
    UsageError,
    WrongBindingError,
    WrongPurposeError,
)
from irma_core.handles import Binding, HandleSealer
from irma_core.models.condiscon import AttributeRequest
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    as_extended,
)
from irma_core.models.sessions import StartedSession
from irma_core.trust.sealing import Sealer, new_sealing_key
from irma_core.wire.stored_requests import read_kept_request, stored_request
from tests.core.generated import EXTENDED_REQUESTS
from tests.core.proving import CLIENT_TOKEN, FRONTEND_SECRET, NOW, OVER18, SECRET_TOKEN, started

KEY = new_sealing_key()
SEALER = HandleSealer([KEY])
ASKED = started(DisclosureRequest({"age": OVER18}))
VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "sealed" / "handles.json").read_text("utf-8")
)


def seal(session: StartedSession = ASKED, **other: Any) -> str:
    settings: dict[str, Any] = {"purpose": "login", "binding": "Ada's", **other}
    return SEALER.seal(session, **settings)


def unseal(handle: Any, **other: Any) -> StartedSession:
    settings: dict[str, Any] = {"purpose": "login", "binding": "Ada's", "now": NOW, **other}
    return SEALER.unseal(handle, **settings)


@given(EXTENDED_REQUESTS, st.sampled_from(["Ada's", Binding.NONE]))
def test_the_session_comes_back(request_: ExtendedRequest, binding: str | Binding) -> None:
    """With all its secrets, and of what was asked, all that makes an answer."""
    session = started(request_)
    opened = unseal(seal(session, binding=binding), binding=binding)
    assert opened.package == session.package
    assert opened.started_at == session.started_at
    assert opened.request == read_kept_request(stored_request(request_))


def test_another_process_needs_the_keys_and_nothing_else() -> None:
    """Also where what it would ask now is something else."""
    opened = HandleSealer([KEY]).unseal(seal(), purpose="login", binding="Ada's", now=NOW)
    assert opened == ASKED


def test_a_session_without_a_frontend_request_comes_back() -> None:
    """Of a server before 0.8."""
    old = attrs.evolve(ASKED, package=attrs.evolve(ASKED.package, frontend_request=None))
    assert unseal(seal(old)) == old


def test_what_the_browser_knows_of_it_is_nothing() -> None:
    """Beside its length, which tells how much was asked."""
    handle = seal()
    for secret in (SECRET_TOKEN, CLIENT_TOKEN, FRONTEND_SECRET, OVER18):
        assert secret not in handle
    assert len(handle) < 700


@pytest.mark.parametrize("brought_by", ["Bob's", "", None, Binding.NONE])
def test_it_is_of_no_use_in_another_web_session(brought_by: str | Binding | None) -> None:
    """Nor to who has none."""
    with pytest.raises(WrongBindingError):
        unseal(seal(), binding=brought_by)


def test_who_names_themselves_does_not_open_what_is_for_anybody() -> None:
    """A page for the public says so at both ends."""
    with pytest.raises(WrongBindingError):
        unseal(seal(binding=Binding.NONE))


@pytest.mark.parametrize("binding", ["", None, 7, False])
def test_it_is_bound_to_nobody_only_by_name(binding: Any) -> None:
    """A cookie that was not there must not make a handle for everybody."""
    with pytest.raises(UsageError, match=r"^binding: must"):
        seal(binding=binding)


def test_it_is_for_one_purpose() -> None:
    """Nor does anything else that was sealed with the same keys pass for a handle."""
    with pytest.raises(WrongPurposeError):
        unseal(seal(), purpose="address")
    other = Sealer([KEY]).seal("v", purpose="login", now=NOW, lifetime=timedelta(hours=1))
    with pytest.raises(WrongPurposeError):
        unseal(other, binding=Binding.NONE)


def test_all_handles_of_a_session_expire_together() -> None:
    """Half an hour after its start, whenever they were sealed."""
    assert unseal(seal(), now=NOW + timedelta(minutes=29)) == ASKED
    with pytest.raises(HandleExpiredError):
        unseal(seal(), now=NOW + timedelta(minutes=30))
    brief = HandleSealer([KEY], lifetime=timedelta(minutes=5))
    handle = brief.seal(ASKED, purpose="login", binding="Ada's")
    with pytest.raises(HandleExpiredError):
        unseal(handle, now=NOW + timedelta(minutes=5))


def test_a_lifetime_that_was_shortened_holds_for_older_handles_too() -> None:
    """Or they would outlive the store's memory of their use."""
    brief = HandleSealer([KEY], lifetime=timedelta(minutes=5))
    last, end = NOW + timedelta(minutes=5, seconds=-1), NOW + timedelta(minutes=5)
    assert brief.unseal(seal(), purpose="login", binding="Ada's", now=last) == ASKED
    with pytest.raises(HandleExpiredError):
        brief.unseal(seal(), purpose="login", binding="Ada's", now=end)


@pytest.mark.parametrize("handle", [None, "", "handle", SECRET_TOKEN, b"handle", seal()[:-1]])
def test_what_is_no_handle_is_refused(handle: object) -> None:
    """A requestor token, for one."""
    with pytest.raises(HandleInvalidError):
        unseal(handle)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "handle",
        {},
        {"package": {}, "started": NOW.isoformat(), "asked": None},
        {
            "package": ASKED.package.json_value(),
            "started": "yesterday",
            "asked": stored_request(ASKED.request),
        },
        {"package": ASKED.package.json_value(), "started": NOW.isoformat(), "asked": []},
        {"package": {}, "started": NOW.isoformat(), "asked": stored_request(ASKED.request)},
        {
            "package": ASKED.package.json_value(),
            "started": 0,
            "asked": stored_request(ASKED.request),
        },
    ],
)
def test_a_form_of_another_version_is_refused(value: Any) -> None:
    """By an error of handles: the visitor starts anew."""
    lifetime = timedelta(minutes=1)
    text = Sealer([KEY]).seal(value, purpose="handle:login", now=NOW, lifetime=lifetime)
    with pytest.raises(HandleInvalidError, match="version"):
        unseal(text, binding=Binding.NONE)


def test_a_request_too_large_for_a_handle_is_refused_when_it_is_sealed() -> None:
    """By the error of a request, with the limit."""
    large = DisclosureRequest([AttributeRequest(OVER18, value="m" * 140_000)])
    with pytest.raises(RequestError, match="131072"):
        seal(started(large))


@pytest.mark.parametrize(
    "lifetime", [timedelta(), timedelta(milliseconds=999), timedelta.max, 1800, None]
)
def test_a_lifetime_that_is_none_is_refused(lifetime: Any) -> None:
    """When the sealer is made."""
    with pytest.raises(ConfigurationError, match="lifetime"):
        HandleSealer([KEY], lifetime=lifetime)
    assert SEALER.lifetime == timedelta(minutes=30)


def test_keys_that_are_none_are_refused_and_those_that_are_stay_inside() -> None:
    """As by the sealer below."""
    with pytest.raises(ConfigurationError, match="new_sealing_key"):
        HandleSealer([])
    assert repr(SEALER) == "<HandleSealer>"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["why"])
def test_a_handle_of_an_older_version_is_opened(vector: Any) -> None:
    """It outlives the deployment that sealed it."""
    opened = HandleSealer([vector["key"]]).unseal(
        vector["handle"],
        purpose=vector["purpose"],
        binding=vector["binding"],
        now=datetime.fromisoformat(vector["now"]),
    )
    assert opened.token.reveal() == vector["token"]
    assert opened.pointer.url == vector["u"]
    assert opened.request == as_extended(
        DisclosureRequest(vector["disclose"], revocation=vector["revocation"])
    )
    assert opened.frontend_request is not None
    assert opened.frontend_request.json_value() == vector["frontendRequest"]
