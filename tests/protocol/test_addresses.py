"""The URLs of settings: each kind of mistake has its own error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from irma_core.errors import ConfigurationError
from irma_core.models.risks import Risk
from irma_core.protocol.server_url import ServerUrl, checked_token_url, leads_to_frontend

VECTORS = Path(__file__).parent.parent / "vectors" / "urls"
BASE_URLS: dict[str, Any] = json.loads((VECTORS / "base_urls.json").read_text(encoding="utf-8"))
PATHS: dict[str, Any] = json.loads((VECTORS / "paths.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("url", BASE_URLS["accepted"])
def test_a_base_url_is_accepted(url: str) -> None:
    """A base URL is accepted with or without a slash at its end."""
    assert ServerUrl.parse(url).text == url.rstrip("/")


@pytest.mark.parametrize(("url", "fault"), BASE_URLS["refused"])
def test_an_invalid_base_url_is_explained(url: str, fault: str) -> None:
    """The error for an invalid base URL names setting and fault, and shows at most its host."""
    with pytest.raises(ConfigurationError) as caught:
        ServerUrl.parse(url)
    assert str(caught.value).startswith("the base URL ")
    assert fault in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("path", "fault"), PATHS["refused"])
@pytest.mark.parametrize("parse", [ServerUrl.parse, checked_token_url])
def test_dot_segments_in_a_url_are_refused(parse: Any, path: str, fault: str) -> None:
    """Dot segments in a URL are refused, since a gateway would resolve them."""
    with pytest.raises(ConfigurationError, match=fault):
        parse(f"https://irma.example{path}")


@pytest.mark.parametrize("url", [None, 5, b"https://irma.example", ["https://irma.example"]])
def test_a_url_must_be_a_string(url: Any) -> None:
    """A URL of another type is refused with the same error class."""
    with pytest.raises(ConfigurationError, match=r"^the token URL must be a string"):
        checked_token_url(url)


def test_permitted_plain_http_is_accepted() -> None:
    """Permitted plain HTTP is accepted to any host, even through a proxy."""
    allow = [Risk.PLAIN_HTTP]
    assert ServerUrl.parse("http://irma.example", allow=allow).text == "http://irma.example"
    proxied = ServerUrl.parse("http://localhost:8088", allow=allow, is_proxied=True)
    assert proxied.text == "http://localhost:8088"


def test_plain_http_through_a_proxy_is_not_loopback() -> None:
    """Plain HTTP to loopback through a proxy is refused, since the proxy may be anywhere."""
    with pytest.raises(ConfigurationError, match="plain http through a proxy"):
        ServerUrl.parse("http://localhost:8088", is_proxied=True)
    assert ServerUrl.parse("https://irma.example", is_proxied=True).text == "https://irma.example"


@pytest.mark.parametrize(
    ("pointer", "server", "is_known"),
    [
        ("https://irma.example/irma/session/x", "https://irma.example/api", True),
        ("https://irma.example:8443/irma/session/x", "https://irma.example", True),
        ("https://IRMA.example/irma/session/x", "https://irma.example", True),
        ("http://127.0.0.1:8089/irma/session/x", "http://localhost:8088", True),
        ("http://127.0.0.1:8088/admin", "https://irma.example", False),
        ("http://irma.example/irma/session/x", "https://irma.example", False),
        ("https://evil.example/irma/session/x", "https://irma.example", False),
        ("https://irma.example.evil.example/x", "https://irma.example", False),
        ("http://192.0.2.2:8088/irma/session/x", "http://localhost:8088", False),
    ],
)
def test_a_pointer_must_lead_to_the_host_of_the_base_url(
    pointer: str, server: str, is_known: bool
) -> None:
    """A pointer must lead to the base URL's host; the port may differ, as servers use two."""
    assert leads_to_frontend(pointer, ServerUrl.parse(server), None) == is_known


@pytest.mark.parametrize(
    ("pointer", "is_known"),
    [
        ("https://apps.example/irma/session/x", True),
        ("https://apps.example/other/session/x", False),
        ("https://apps.example:8443/irma/session/x", False),
        ("https://irma.example/irma/session/x", False),
    ],
)
def test_a_pointer_must_be_below_the_frontend_url(pointer: str, is_known: bool) -> None:
    """If the settings have a frontend URL, a pointer must be below that URL, not the base URL."""
    server = ServerUrl.parse("https://irma.example")
    frontend = ServerUrl.parse("https://apps.example/irma")
    assert leads_to_frontend(pointer, server, frontend) == is_known
