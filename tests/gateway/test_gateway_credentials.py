"""The credentials in a token request, and the settings that are refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest

from irma_core import (
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
    HmacSigner,
    Requestor,
    Risk,
    TokenAuthentication,
)
from irma_core.errors import ConfigurationError
from irma_core.gateway.gateway_settings import token_form, unsigned_assertion
from irma_testing import ScriptedTransport

URL = "https://login.example/token"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIGNER = HmacSigner(bytes(range(32)))
RESERVED_HEADERS = (
    *("Content-Type", "content-length", "Content-Encoding", "HOST", "Cookie", "Set-Cookie", "TE"),
    *("Connection", "Trailer", "Keep-Alive", "Upgrade", "Expect", "Transfer-Encoding", "Accept"),
    *("Proxy-Authorization", "proxy-connection", "Accept-Language", "User-Agent", "Range"),
    *("If-Match", "Last-Event-ID", "Origin", "Referer", "Forwarded", "X-Forwarded-For", "Via"),
)


def form(credentials: Any, **more: Any) -> tuple[dict[str, str], dict[str, str]]:
    headers, body = token_form(GatewayAuthentication(URL, credentials, **more), None)
    return headers, dict(parse_qsl(body, strict_parsing=True))


def test_secret_is_sent_in_the_header() -> None:
    """Client id and secret are percent-encoded before they are joined (RFC 6749, section 2.3.1)."""
    headers, body = form(GatewaySecret("my shop", "a:b+c%"), scope="irma write")
    assert body == {"grant_type": "client_credentials", "scope": "irma write"}
    kind, _, pair = headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"my%20shop:a%3Ab%2Bc%25")
    assert headers["content-type"] == "application/x-www-form-urlencoded"


def test_secret_is_sent_in_the_body() -> None:
    """With `in_body` the secret is sent in the body and not in the header."""
    headers, body = form(GatewaySecret("my shop", "a:b+c%", in_body=True))
    assert "authorization" not in headers
    assert body == {
        "grant_type": "client_credentials",
        "client_id": "my shop",
        "client_secret": "a:b+c%",
    }


def claims_of(credentials: GatewayAssertion[HmacSigner]) -> tuple[dict[str, Any], dict[str, Any]]:
    made = unsigned_assertion(GatewayAuthentication(URL, credentials), now=NOW, jti="u1")
    assert made is not None
    assert made[0] is SIGNER
    head, payload = made[1].signing_input.split(b".")
    return json.loads(decoded(head)), json.loads(decoded(payload))


def decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def test_assertion_has_the_claims_of_rfc_7523() -> None:
    """An assertion has the claims of RFC 7523, section 3, and lives five minutes."""
    header, claims = claims_of(GatewayAssertion("shop", SIGNER))
    assert header == {"typ": "JWT", "alg": "HS256"}
    now = int(NOW.timestamp())
    assert claims == {
        "iss": "shop",
        "sub": "shop",
        "aud": URL,
        "iat": now - 10,
        "exp": now + 300,
        "jti": "u1",
    }
    header, claims = claims_of(
        GatewayAssertion("shop", SIGNER, audience="https://login.example/", key_id="2026")
    )
    assert (header["kid"], claims["aud"]) == ("2026", "https://login.example/")


def test_assertion_is_sent_in_the_body() -> None:
    """An assertion is sent in the body with the type of RFC 7523, section 2.2."""
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", SIGNER))
    headers, body = token_form(gateway, "a.b.c")
    assert "authorization" not in headers
    assert dict(parse_qsl(body)) == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "a.b.c",
    }


def test_no_repr_shows_a_secret() -> None:
    """No repr of the settings, or of a requestor that has them, shows the secret."""
    gateway = GatewayAuthentication(URL, GatewaySecret("shop", "the-secret"))
    requestor = Requestor("https://irma.example", ScriptedTransport(), gateway=gateway)
    assert "the-secret" not in f"{gateway} {gateway!r} {requestor!r} {requestor.context!r}"
    assert "<HmacSigner>" in repr(GatewayAssertion("shop", SIGNER))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (GatewaySecret, ("", "s")),
        (GatewaySecret, ("shop", "")),
        (GatewaySecret, ("shop", "two\nlines")),
        (GatewaySecret, ("sh\u00f6p", "s")),
        (GatewaySecret, ("shop", None)),
        (GatewayAssertion, ("", SIGNER)),
        (GatewayAssertion, ("shop", "the-secret")),
    ],
)
def test_invalid_credentials_are_refused(kind: Any, given: tuple[Any, ...]) -> None:
    """Invalid credentials raise ConfigurationError, which does not show them."""
    with pytest.raises(ConfigurationError) as caught:
        kind(*given)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"header": "not a header"},
        {"header": ""},
        *({"header": name} for name in RESERVED_HEADERS),
        {"scope": "two  spaces"},
        {"scope": ""},
        {"credentials": "the-secret"},
        {"credentials": GatewayAssertion("shop", SIGNER), "scope": 7},
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, Any]) -> None:
    """Invalid settings raise ConfigurationError when they are made."""
    known: dict[str, Any] = {"credentials": GatewaySecret("shop", "s"), **settings}
    with pytest.raises(ConfigurationError) as caught:
        GatewayAuthentication(URL, known.pop("credentials"), **known)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"audience": ""}, {"key_id": "\u00e9"}])
def test_invalid_audience_or_key_id_is_refused(wrong: dict[str, str]) -> None:
    """An empty or non-ASCII `audience` or `key_id` raises ConfigurationError."""
    with pytest.raises(ConfigurationError, match="audience"):
        cast("Any", GatewayAssertion)("shop", SIGNER, **wrong)


@pytest.mark.parametrize(
    "url",
    ["login.example", "http://login.example/token", "https://u:p@login.example/", "https://x/#y"],
)
def test_unsafe_token_url_is_refused(url: str) -> None:
    """A token URL must follow the same rules as the server's URL."""
    gateway = GatewayAuthentication(url, GatewaySecret("shop", "s"))
    with pytest.raises(ConfigurationError):
        Requestor("https://irma.example", ScriptedTransport(), gateway=gateway)


def test_risk_allows_plain_http() -> None:
    """`Risk.PLAIN_HTTP` allows a token URL with plain HTTP; it may have a query."""
    gateway = GatewayAuthentication("http://login.example/t?p=1", GatewaySecret("shop", "s"))
    allow = [Risk.PLAIN_HTTP]
    Requestor("https://irma.example", ScriptedTransport(), gateway=gateway, allow=allow)


def test_two_tokens_need_two_headers() -> None:
    """A requestor refuses a gateway whose token would replace the server's own in one header."""
    gateway = GatewayAuthentication(URL, GatewaySecret("shop", "s"))
    with pytest.raises(ConfigurationError, match="gateway: the Authorization header"):
        Requestor(
            "https://irma.example",
            ScriptedTransport(),
            authentication=TokenAuthentication("t"),
            gateway=gateway,
        )
