"""Our messages contain no string of a server, a gateway or an authorization server.

Each field that another party may write is filled with secrets, in each spelling that quoting
gives them. The resulting errors may show none of them in any form.
"""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from irma_core.errors import GatewayError, IrmaError, ServerRefusedError
from irma_core.gateway.token_endpoint import parse_token_response
from irma_core.models.remote_errors import DESCRIPTIONS, RemoteError
from irma_core.models.tokens import RequestorToken
from irma_core.protocol import endpoints
from irma_core.protocol.messages import HttpResponse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKEN = RequestorToken("Xk3a1B2a1B2a1B2a1B2z")
SECRETS = [
    TOKEN.reveal(),
    "the-bearer-token-of-the-shop",
    "GEHEIM",
    "123456782",
    "Ada Lovelace-Żółć",
]
PARSERS: list[Callable[[HttpResponse], object]] = [
    getattr(endpoints, name) for name in endpoints.__all__ if name.startswith("parse_")
]


def spellings(secret: str) -> Iterator[str]:
    yield secret
    yield secret.upper()
    yield secret.lower()
    yield quote(secret, safe="")
    yield quote_plus(f"/session/{secret}/status", safe="")
    yield base64.b64encode(secret.encode()).decode()
    yield secret.encode().hex()
    yield json.dumps(secret)
    yield f"token{secret}{secret}.json"
    yield f"unknown session {secret}.Start again"


def replies(said: str) -> Iterator[HttpResponse]:
    """Yield replies that have the string in each of their fields."""
    name = said.upper().replace(" ", "_")
    for fields in (
        {"error": "NOT_FOUND", "message": said},
        {"error": "SESSION_UNKNOWN", "message": said},
        {"error": "INVALID_REQUEST", "description": said, "stacktrace": said},
        {"error": "INTERNAL_ERROR", "message": f"Unknown identifiers: {said}"},
        {"error": said},
        {"error": name},
    ):
        body = json.dumps({"status": 404, **fields}).encode()
        for status in (400, 404, 500, 503):
            yield HttpResponse(status, (("content-type", "application/json"),), body=body)
    for location in (said, f"/{said}", f"https://{said}/x", f"https://h.example/{said}/session"):
        yield HttpResponse(302, (("location", location),))
    for status in (200, 400, 502):
        yield HttpResponse(status, (("content-type", said),), body=said.encode())
        yield HttpResponse(status, (("content-type", f"text/{said}"),), body=b"x")
        yield HttpResponse(status, (("content-type", "text/plain"),), body=said.encode())
    for value in (said, {said: said}, [said], {"token": said}, {"sessionPtr": {"u": said}}):
        body = json.dumps(value).encode()
        yield HttpResponse(200, (("content-type", "application/json"),), body=body)


def shown(error: BaseException) -> str:
    """Return everything that a log, a traceback or a `repr` shows of an error and its causes."""
    seen: list[BaseException] = []
    behind: BaseException | None = error
    while behind is not None and behind not in seen:
        seen.append(behind)
        behind = behind.__cause__ or behind.__context__
    texts = [f"{each}{each!r}{each.args!r}" for each in seen]
    return "".join([*texts, *traceback.format_exception(error)])


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_error_shows_a_secret_from_a_server(parse: Any, secret: str) -> None:
    """An error shows no secret from any field of the server's reply, in any spelling."""
    for said in spellings(secret):
        for reply in replies(said):
            try:
                parse(reply)
            except IrmaError as error:
                text = shown(error).lower()
                assert secret.lower() not in text  # `parse` need not raise
                assert said.lower() not in text


@pytest.mark.parametrize("secret", SECRETS)
def test_only_authorization_errors_of_an_rfc_are_shown(secret: str) -> None:
    """An authorization server's error code is shown only if an RFC defines it."""
    for said in spellings(secret):
        for fields in (
            {"error": said},
            {"error": said.lower().replace("-", "_")},
            {"error": "invalid_client", "error_description": said},
            {"access_token": said, "token_type": said},
            {"access_token": f"{said} ", "token_type": "bearer"},
            {"access_token": "x", "token_type": "bearer", "expires_in": said},
        ):
            for status in (200, 400, 401, 503):
                reply = HttpResponse(status, (), body=json.dumps(fields).encode())
                try:
                    parse_token_response(reply, NOW)
                except GatewayError as error:
                    assert said not in shown(error)  # noqa: PT017
                    assert error.code in {None, "invalid_client"}  # noqa: PT017


def test_a_refusal_keeps_the_servers_message_as_an_attribute() -> None:
    """A refusal shows its code's meaning and advice; the server's message is only an attribute."""
    body = {"status": 400, "error": "INVALID_REQUEST", "message": "Unknown identifiers: a.b.c"}
    reply = HttpResponse(
        400, (("content-type", "application/json"),), body=json.dumps(body).encode()
    )
    with pytest.raises(ServerRefusedError) as caught:
        endpoints.parse_start_response(reply)
    error = caught.value
    assert error.remote_message == "Unknown identifiers: a.b.c"
    assert "a.b.c" not in str(error)
    assert DESCRIPTIONS["INVALID_REQUEST"] in str(error)
    assert "the server's schemes do not have" in str(error)


def test_an_unknown_name_is_kept_and_not_shown() -> None:
    """An unknown error name, which a later server may have, is kept but not shown."""
    error = RemoteError(418, "TEAPOT", "short and stout")
    assert (error.known_name, error.meaning, error.advice()) == (None, "", "")
    assert "TEAPOT" not in repr(error)
    assert "stout" not in repr(error)
    assert "SESSION_UNKNOWN" in repr(RemoteError(400, "SESSION_UNKNOWN"))
