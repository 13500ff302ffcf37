"""The parts of a started session that go to the browser, and their form."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from irma_core.errors import UsageError
from irma_core.json_text import read_json
from irma_core.models.session_requests import DisclosureRequest
from irma_core.models.sessions import FrontendRequest, StartedSession
from irma_core.models.tokens import FrontendAuthorization
from irma_core.wire.read_results import read_session_package
from irma_core.wire.values import WireError
from tests.core.proving import (
    CLIENT_TOKEN,
    FRONTEND_SECRET,
    NOW,
    OVER18,
    SECRET_TOKEN,
    started,
)
from tests.core.recordings import json_of, names, recording

ASKED = DisclosureRequest([OVER18])
POINTER = {"u": f"https://irma.example/irma/session/{CLIENT_TOKEN}", "irmaqr": "disclosing"}


def read(package: Any) -> StartedSession:
    """Return a session as the server's reply to a start makes it."""
    read_package = read_session_package(read_json(json.dumps(package)))
    return StartedSession(started(ASKED).request, read_package, started_at=NOW)


def for_browser(session: StartedSession, *handle: str) -> Any:
    return json.loads(session.browser_json(*handle))


def test_the_browser_gets_pointer_request_and_handle() -> None:
    """The browser gets a handle in place of the server's requestor token."""
    assert for_browser(started(ASKED), "a-handle") == {
        "sessionPtr": POINTER,
        "token": "a-handle",
        "frontendRequest": {
            "authorization": FRONTEND_SECRET,
            "minProtocolVersion": "1.0",
            "maxProtocolVersion": "1.0",
        },
    }


def test_without_a_handle_no_token_is_sent() -> None:
    """A backend that finds the session by the visitor's cookie sends no token."""
    assert set(for_browser(started(ASKED))) == {"sessionPtr", "frontendRequest"}


def test_a_requestor_token_is_refused_as_a_handle() -> None:
    """A requestor token in place of the handle is refused."""
    session = started(ASKED)
    assert SECRET_TOKEN not in session.browser_json("a-handle")
    for handle in (SECRET_TOKEN, f" {SECRET_TOKEN}", f"handle-{SECRET_TOKEN}-1"):
        with pytest.raises(UsageError, match="seal the session first"):
            session.browser_json(handle)


@pytest.mark.parametrize("handle", [b"a-handle", 5, ["a-handle"]])
def test_a_handle_is_a_string(handle: Any) -> None:
    """A handle of any other type is refused."""
    with pytest.raises(UsageError, match="handle: must be a string"):
        started(ASKED).browser_json(handle)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"pairingHint": True},
        {"pairingHint": False},
        {"newInVersion": {"2": ["x", None]}},
        {"received": "a field of that name"},
    ],
)
def test_the_frontend_request_is_passed_on_as_received(more: Any) -> None:
    """A frontend request keeps unknown fields, since pairing may silently depend on them."""
    received = {
        "authorization": FRONTEND_SECRET,
        "minProtocolVersion": "1.0",
        "maxProtocolVersion": "1.1",
        **more,
    }
    package = {"sessionPtr": POINTER, "token": SECRET_TOKEN, "frontendRequest": received}
    session = read(package)
    assert for_browser(session)["frontendRequest"] == received
    assert read_json(json.dumps(package)) == session.package.json_value()


@pytest.mark.parametrize("name", names("start-*"))
def test_the_official_servers_package_is_written_unchanged(name: str) -> None:
    """The backend's JSON is the whole package, and the browser's is all but the token."""
    package = json_of(recording(name)["response"]["body"])
    session = read(package)
    assert session.package.json_value() == package
    assert for_browser(session, "h") == {**package, "token": "h"}


def test_an_old_server_sends_no_frontend_request() -> None:
    """Servers before 0.8 send no frontend request, and the browser then does no pairing."""
    session = read({"sessionPtr": POINTER, "token": SECRET_TOKEN})
    assert for_browser(session, "a-handle") == {"sessionPtr": POINTER, "token": "a-handle"}


def test_a_built_session_can_recommend_pairing() -> None:
    """A pairing hint is written only if it is true, as by the server."""
    made = FrontendRequest(FrontendAuthorization("x"), pairing_hint=True)
    assert made.json_value()["pairingHint"] is True
    assert "pairingHint" not in attrs.evolve(made, pairing_hint=False).json_value()


def test_the_frontend_request_shows_no_secret() -> None:
    """The repr of a frontend request shows neither its secrets nor the received JSON."""
    session = read(
        {
            "sessionPtr": POINTER,
            "token": SECRET_TOKEN,
            "frontendRequest": {
                "authorization": FRONTEND_SECRET,
                "minProtocolVersion": "1.0",
                "maxProtocolVersion": "1.1",
            },
        }
    )
    for secret in (FRONTEND_SECRET, SECRET_TOKEN, CLIENT_TOKEN):
        assert secret not in repr(session)


def test_too_deeply_nested_json_is_refused() -> None:
    """JSON that is nested too deeply to be written for the browser is refused at its path."""
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    package: Any = {
        "sessionPtr": POINTER,
        "token": SECRET_TOKEN,
        "frontendRequest": {"authorization": FRONTEND_SECRET, "more": nested},
    }
    with pytest.raises(WireError, match="nested too deeply") as caught:
        read_session_package(package)
    assert caught.value.path == ".frontendRequest"
