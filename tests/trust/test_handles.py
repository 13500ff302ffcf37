"""Handles: the browser receives a started session sealed, and returns it with its request."""

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
from irma_core.handles import Binding
from irma_core.models.condiscon import AttributeRequest
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    as_extended,
)
from irma_core.models.sessions import StartedSession
from irma_core.trust.sealing import Sealer, new_sealing_key
from irma_core.wire.stored_requests import read_stored_request, stored_request
from tests.core.generated import EXTENDED_REQUESTS
from tests.core.proving import CLIENT_TOKEN, FRONTEND_SECRET, NOW, OVER18, SECRET_TOKEN, started
from tests.sealed_handles import handles_at

KEY = new_sealing_key()
HALF_AN_HOUR = timedelta(minutes=30)
BRIEF = timedelta(minutes=5)
ASKED = started(DisclosureRequest({"age": OVER18}))
VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "sealed" / "handles.json").read_text("utf-8")
)


def seal(
    session: StartedSession = ASKED, *, binding: Any = "Ada's", lifetime: Any = HALF_AN_HOUR
) -> str:
    return handles_at(NOW, [KEY], lifetime=lifetime).seal(session, binding=binding)


def unseal(
    handle: Any,
    *,
    binding: Any = "Ada's",
    purpose: Any = "login",
    now: datetime = NOW,
    lifetime: Any = HALF_AN_HOUR,
) -> StartedSession:
    handles = handles_at(now, [KEY], purpose=purpose, lifetime=lifetime)
    return handles.unseal(handle, binding=binding)


@given(EXTENDED_REQUESTS, st.sampled_from(["Ada's", Binding.NONE]))
def test_a_handle_returns_its_session(request_: ExtendedRequest, binding: str | Binding) -> None:
    """A handle returns the session with its secrets and all of the request that an answer needs."""
    session = started(request_)
    opened = unseal(seal(session, binding=binding), binding=binding)
    assert opened.package == session.package
    assert opened.started_at == session.started_at
    assert opened.request == read_stored_request(stored_request(request_))


def test_another_process_needs_only_the_keys() -> None:
    """A process opens a handle with the keys alone, even if its own request has changed."""
    assert handles_at(NOW, [KEY]).unseal(seal(), binding="Ada's") == ASKED


def test_a_session_without_a_frontend_request_can_be_sealed() -> None:
    """A session of a server before 0.8 has no frontend request and can be sealed."""
    old = attrs.evolve(ASKED, package=attrs.evolve(ASKED.package, frontend_request=None))
    assert unseal(seal(old)) == old


def test_the_browser_sees_only_a_handles_length() -> None:
    """A handle reveals only its length, which grows with the request."""
    handle = seal()
    for secret in (SECRET_TOKEN, CLIENT_TOKEN, FRONTEND_SECRET, OVER18):
        assert secret not in handle
    assert len(handle) < 700


@pytest.mark.parametrize("brought_by", ["Bob's", "", None, Binding.NONE])
def test_a_handle_is_refused_in_another_web_session(brought_by: str | Binding | None) -> None:
    """A handle is refused in another web session and without one."""
    with pytest.raises(WrongBindingError):
        unseal(seal(), binding=brought_by)


def test_a_web_session_opens_no_unbound_handle() -> None:
    """An unbound handle is refused by a page that does not open unbound handles."""
    with pytest.raises(WrongBindingError):
        unseal(seal(binding=Binding.NONE))


@pytest.mark.parametrize("binding", ["", None, 7, False])
def test_an_unbound_handle_must_be_explicit(binding: Any) -> None:
    """A binding must be explicit: a missing cookie must not make a handle for every visitor."""
    with pytest.raises(UsageError, match=r"^binding: must"):
        seal(binding=binding)


def test_a_handle_is_sealed_for_its_purpose() -> None:
    """A string that was sealed with the same keys for another purpose is not a handle."""
    with pytest.raises(WrongPurposeError):
        unseal(seal(), purpose="address")
    other = Sealer([KEY]).seal("v", purpose="login", now=NOW, lifetime=timedelta(hours=1))
    with pytest.raises(WrongPurposeError):
        unseal(other, binding=Binding.NONE)


def test_all_handles_of_a_session_expire_together() -> None:
    """All handles of a session expire half an hour after its start."""
    assert unseal(seal(), now=NOW + timedelta(minutes=29)) == ASKED
    with pytest.raises(HandleExpiredError):
        unseal(seal(), now=NOW + timedelta(minutes=30))
    with pytest.raises(HandleExpiredError):
        unseal(seal(lifetime=BRIEF), now=NOW + BRIEF)


def test_a_shorter_lifetime_limits_older_handles() -> None:
    """A shorter lifetime also limits older handles, as the store forgets their use earlier."""
    last = NOW + BRIEF - timedelta(seconds=1)
    assert unseal(seal(), now=last, lifetime=BRIEF) == ASKED
    with pytest.raises(HandleExpiredError):
        unseal(seal(), now=NOW + BRIEF, lifetime=BRIEF)


@pytest.mark.parametrize("handle", [None, "", "handle", SECRET_TOKEN, b"handle", seal()[:-1]])
def test_an_invalid_handle_is_refused(handle: object) -> None:
    """A string that is not a handle, such as a requestor token, is refused."""
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
def test_a_handle_of_an_unknown_version_is_refused(value: Any) -> None:
    """A handle of an unknown version raises a handle error, so the visitor starts again."""
    lifetime = timedelta(minutes=1)
    text = Sealer([KEY]).seal(value, purpose="handle:login", now=NOW, lifetime=lifetime)
    with pytest.raises(HandleInvalidError, match="version"):
        unseal(text, binding=Binding.NONE)


def test_a_request_too_large_for_a_handle_is_not_sealed() -> None:
    """A request that is too large for a handle raises a RequestError that names the limit."""
    large = DisclosureRequest([AttributeRequest(OVER18, value="m" * 140_000)])
    with pytest.raises(RequestError, match="131072"):
        seal(started(large))


@pytest.mark.parametrize(
    "lifetime", [timedelta(), timedelta(milliseconds=999), timedelta.max, 1800, None]
)
def test_an_invalid_lifetime_is_refused(lifetime: Any) -> None:
    """An invalid lifetime is refused when the sealer is made."""
    with pytest.raises(ConfigurationError, match="lifetime"):
        handles_at(NOW, [KEY], lifetime=lifetime)


def test_keys_are_checked_and_hidden() -> None:
    """Invalid keys are refused, and no repr shows a valid one."""
    with pytest.raises(ConfigurationError, match="new_sealing_key"):
        handles_at(NOW, [])
    assert repr(handles_at(NOW, [KEY])) == "<Handles for 'login'>"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["why"])
def test_a_handle_of_an_older_version_is_opened(vector: Any) -> None:
    """A handle that an older version of the library sealed is opened."""
    now = datetime.fromisoformat(vector["now"])
    handles = handles_at(now, [vector["key"]], purpose=vector["purpose"])
    opened = handles.unseal(vector["handle"], binding=vector["binding"])
    assert opened.token.reveal() == vector["token"]
    assert opened.pointer.url == vector["u"]
    assert opened.request == as_extended(
        DisclosureRequest(vector["disclose"], revocation=vector["revocation"])
    )
    assert opened.frontend_request is not None
    assert opened.frontend_request.json_value() == vector["frontendRequest"]
