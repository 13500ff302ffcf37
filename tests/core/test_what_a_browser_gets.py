"""What of a started session goes to the browser, and in which form."""

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
from tests.core.recordings import names, recording, said

ASKED = DisclosureRequest([OVER18])
POINTER = {"u": f"https://irma.example/irma/session/{CLIENT_TOKEN}", "irmaqr": "disclosing"}


def read(package: Any) -> StartedSession:
    """Return a session as the server's answer to a start makes it."""
    read_package = read_session_package(read_json(json.dumps(package)))
    return StartedSession(started(ASKED).request, read_package, started_at=NOW)


def for_browser(session: StartedSession, *handle: str) -> Any:
    return json.loads(session.browser_json(*handle))


def test_it_is_the_pointer_the_frontend_request_and_the_handle() -> None:
    """Where the server has the requestor token, the browser gets the handle."""
    assert for_browser(started(ASKED), "a-handle") == {
        "sessionPtr": POINTER,
        "token": "a-handle",
        "frontendRequest": {
            "authorization": FRONTEND_SECRET,
            "minProtocolVersion": "1.0",
            "maxProtocolVersion": "1.0",
        },
    }


def test_without_a_handle_there_is_no_token() -> None:
    """For a backend that finds the session by the visitor's cookie."""
    assert set(for_browser(started(ASKED))) == {"sessionPtr", "frontendRequest"}


def test_the_requestor_token_goes_to_no_browser() -> None:
    """Not even by mistake in place of the handle."""
    session = started(ASKED)
    assert SECRET_TOKEN not in session.browser_json("a-handle")
    for handle in (SECRET_TOKEN, f" {SECRET_TOKEN}", f"handle-{SECRET_TOKEN}-1"):
        with pytest.raises(UsageError, match="seal it first"):
            session.browser_json(handle)


@pytest.mark.parametrize("handle", [b"a-handle", 5, ["a-handle"]])
def test_a_handle_is_a_string(handle: Any) -> None:
    """What a page would get in its place is no handle."""
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
    """The browser may know more of it than this library; without it pairing silently goes off."""
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
def test_what_the_official_server_gave_is_written_as_it_was(name: str) -> None:
    """All of the package for the backend's own use, and all but the token for the browser."""
    package = said(recording(name)["response"]["body"])
    session = read(package)
    assert session.package.json_value() == package
    assert for_browser(session, "h") == {**package, "token": "h"}


def test_of_an_old_server_there_is_no_frontend_request() -> None:
    """Before 0.8; the browser then does without pairing."""
    session = read({"sessionPtr": POINTER, "token": SECRET_TOKEN})
    assert for_browser(session, "a-handle") == {"sessionPtr": POINTER, "token": "a-handle"}


def test_pairing_is_advised_in_what_was_made_here_too() -> None:
    """As the server writes it: only where it is true."""
    made = FrontendRequest(FrontendAuthorization("x"), pairing_hint=True)
    assert made.json_value()["pairingHint"] is True
    assert "pairingHint" not in attrs.evolve(made, pairing_hint=False).json_value()


def test_the_frontend_request_shows_no_secret() -> None:
    """Nor what was received."""
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


def test_what_cannot_be_written_again_is_refused() -> None:
    """The place is named where the server's JSON is nested too deeply for the browser's."""
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
