"""The server's description of an error is read leniently and shown with care."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.models.remote_errors import RemoteError
from irma_core.wire.read_results import read_remote_error
from irma_core.wire.values import WireError
from tests.core.proving import SECRET_TOKEN
from tests.core.recordings import names, recording

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJtYWMifQ.c2lnbmF0dXJl-_"


def printed(message: str) -> str:
    """Return a message as errors and logs show it."""
    return RemoteError(400, "X", message=message).printable_message()


def is_from_irmago(name: str) -> bool:
    """Return whether the recording is irmago's JSON, and not plain text, HTML, bytes or nothing."""
    headers = recording(name).get("response", {"headers": {}})["headers"]
    kind: str = headers.get("content-type", "")
    return kind.startswith("application/json")


@pytest.mark.parametrize("name", [name for name in names("error-*") if is_from_irmago(name)])
def test_every_recorded_error_of_irmago_is_read(name: str) -> None:
    """Every recorded error has a status and a name, even if later servers word it differently."""
    body, _, _ = recording(name)["response"]["body"].partition("}{")
    value = json.loads(body if body.endswith("}") else body + "}")
    error = read_remote_error(value)
    assert (error.status, error.error) == (value["status"], value["error"])
    assert error.description == value.get("description", "")
    assert error.message == value.get("message", "")


def test_unknown_names_and_fields_are_accepted() -> None:
    """An unknown error name and unknown fields are accepted, since later servers have more."""
    value: Any = {"status": 418, "error": "TEAPOT", "hint": {"x": [1]}}
    assert read_remote_error(value) == RemoteError(418, "TEAPOT")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", None),
        ("", []),
        ("", "SESSION_UNKNOWN"),
        (".status", {"error": "X"}),
        (".error", {"status": 400}),
        (".status", {"status": "400", "error": "X"}),
        (".status", {"status": 400.0, "error": "X"}),
        (".status", {"status": True, "error": "X"}),
        (".error", {"status": 400, "error": None}),
        (".error", {"status": 400, "error": 5}),
        (".description", {"status": 400, "error": "X", "description": None}),
        (".message", {"status": 400, "error": "X", "message": 5}),
        (".stacktrace", {"status": 400, "error": "X", "stacktrace": ["x"]}),
    ],
)
def test_invalid_remote_error_is_refused(path: str, value: Any) -> None:
    """JSON that is not an error of irmago's raises a WireError with the path."""
    with pytest.raises(WireError) as caught:
        read_remote_error(value)
    assert caught.value.path == path


def test_a_plain_message_is_printed_unchanged() -> None:
    """A message of one line of plain words is printed unchanged."""
    for message in ("", "Unknown identifiers: [pbdf.gemeente.personalData.over18]", "été 🦉"):
        assert printed(message) == message


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"no session {SECRET_TOKEN}", "no session …"),
        (f"no session {SECRET_TOKEN}.", "no session …."),
        (f"no session '{SECRET_TOKEN}', sorry", "no session '…', sorry"),
        (f"GET /session/{SECRET_TOKEN}/status", "GET /session/…/status"),
        (f"{SECRET_TOKEN}. And {SECRET_TOKEN}\n{SECRET_TOKEN}", "…. And … …"),
        (f"token={SECRET_TOKEN}&x", "token=…&x"),
        (f"é{SECRET_TOKEN}é", "é…é"),
        (f"bad JWT {JWT}: no", "bad JWT …: no"),
        ("example.town.abcdefghijklmnopqrst.x", "example.town.abcdefghijklmnopqrst.x"),
        ("abcdefghijklmnopqrst.town.age.x", "abcdefghijklmnopqrst.town.age.x"),
        ("a.b.c.abcdefghijklmnopqrst", "a.b.c.abcdefghijklmnopqrst"),
        ("abcdefghijklmnopqrstu", "abcdefghijklmnopqrstu"),
    ],
)
def test_tokens_and_jwts_are_not_printed(message: str, expected: str) -> None:
    """JWTs and possible tokens (twenty letters and digits outside identifiers) are not printed."""
    assert printed(message) == expected


def test_a_message_is_printed_on_one_line() -> None:
    """A printed message holds nothing that a terminal or a log interprets."""
    message = "a\r\nb\x1b[31mc\u2028d\u202ee\u200bf\x00g\x85h\ud800i"
    assert printed(message) == "a  b [31mc d e f g h i"
    assert printed("x" * 300) == "x" * 300
    assert printed("x" * 301) == "x" * 300 + "…"


@given(st.text() | st.text("eyJ.aZ0 -_\n"))
def test_any_message_is_printable(message: str) -> None:
    """A printed message is one line of bounded length, and printing it again changes nothing."""
    shown = printed(message)
    assert shown.isprintable()
    assert len(shown) <= 301
    assert SECRET_TOKEN not in printed(f"{message} {SECRET_TOKEN} {message}")


def test_names_and_descriptions_are_made_printable() -> None:
    """Names and descriptions in errors are made printable, as another party may write them."""
    error = read_remote_error(
        {"status": 400, "error": f"X\n{SECRET_TOKEN}", "description": f"y\u2028{JWT}"}
    )
    assert (error.error, error.description) == ("X …", "y …")


def test_neither_message_nor_stack_trace_is_in_the_repr() -> None:
    """The repr of a remote error has no message, which may quote a request, or stack trace."""
    error = RemoteError(500, "EXCEPTION", "Oops", message="very private", stacktrace="very secret")
    assert "very" not in repr(error)
    assert "EXCEPTION" in repr(error)
