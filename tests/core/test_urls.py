"""The faults of URLs, in a table for each rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irma_core.errors import RequestError
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import SessionType
from irma_core.models.urls import (
    is_plain_http,
    is_plain_url,
    origin_fault,
    path_fault,
    whitespace_fault,
)
from irma_core.models.validation import check_address, check_return_address

VECTORS = Path(__file__).parent.parent / "vectors" / "urls"
PATHS: dict[str, Any] = json.loads((VECTORS / "paths.json").read_text(encoding="utf-8"))
RETURNS: dict[str, Any] = json.loads((VECTORS / "return_urls.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PATHS["accepted"])
def test_an_unambiguous_path_is_accepted(path: str) -> None:
    """A URL to post to may have any path that every reader understands in the same way."""
    url = f"https://shop.example{path}"
    assert path_fault(url) == ""
    assert check_address(url, "callback_url") == url


@pytest.mark.parametrize(("path", "fault"), PATHS["refused"])
def test_an_ambiguous_path_is_refused(path: str, fault: str) -> None:
    """A path that a reader may resolve to another one is refused, in each spelling."""
    url = f"https://shop.example{path}"
    assert fault in path_fault(url)
    with pytest.raises(RequestError, match=f"^callback_url: .*{fault}"):
        check_address(url, "callback_url")
    with pytest.raises(RequestError, match=f"^u: .*{fault}"):
        SessionPointer(url, SessionType.DISCLOSING)


def test_decoding_a_path_is_linear() -> None:
    """The time to decode a path does not grow with the square of its length."""
    assert "several times" in path_fault("https://x.example/%" + "25" * 100_000)


@pytest.mark.parametrize("url", RETURNS["accepted"])
def test_a_return_url_may_lead_to_a_page_or_an_app(url: str) -> None:
    """Apps choose their own schemes, so a return URL may have nearly any."""
    assert check_return_address(url, "client_return_url") == url


@pytest.mark.parametrize("url", RETURNS["refused"])
def test_a_dangerous_return_url_is_refused(url: str) -> None:
    """A return URL must not run code, read a local file, or hide one of these in another URL."""
    with pytest.raises(RequestError, match=r"^client_return_url: "):
        check_return_address(url, "client_return_url")


def test_a_pointer_has_no_user_name() -> None:
    """A pointer has no user name, since a reader could take it for the host."""
    with pytest.raises(RequestError, match=r"^u: must not have a user name"):
        SessionPointer("https://irma.example@evil.example/x", SessionType.DISCLOSING)


@pytest.mark.parametrize(
    ("url", "is_plain"),
    [
        ("https://shop.example", False),
        ("http://shop.example", True),
        ("HTTP://shop.example", True),
        ("http://127.0.0.1", False),
        ("http://localhost", False),
        ("http://x.localhost", True),
    ],
)
def test_plain_http_to_another_machine_is_found(url: str, is_plain: bool) -> None:
    """Only `http` to another machine is plain HTTP; TLS and loopback are protected."""
    assert is_plain_http(url) == is_plain


def test_a_plain_url_has_no_whitespace_fault() -> None:
    """A URL without whitespace has no whitespace fault."""
    assert whitespace_fault("https://irma.example") == ""


@given(st.from_regex(r"\Ahttps?:[/A-Za-z0-9.:@%_-]{0,60}\Z") | st.text(max_size=40))
@example("https://irma.example:8088/irma/session/uiMWLYJ9WZDLhbuEBu0W")
@example("https://irma.example:0/")
@example("https://user@irma.example/")
@example("https://irma.example/../x")
@example("https://irma.example/x\n")
@example("https://irma..example/")
@example("https://irma.example/%2e%2e/")
def test_plain_url_passes_every_check(url: str) -> None:
    """Each check accepts every URL that `is_plain_url` accepts."""
    if is_plain_url(url):
        assert whitespace_fault(url) == origin_fault(url) == path_fault(url) == ""
        assert "@" not in url


def test_most_urls_are_plain() -> None:
    """The URL of a session at a server with a host name, or at loopback with a port, is plain."""
    for server in (
        "https://irma.example.com",
        "http://127.0.0.1:8088",
        "https://x.example/irma-api",
    ):
        assert is_plain_url(f"{server}/irma/session/uiMWLYJ9WZDLhbuEBu0W")
    for url in ("https://irma.example:99999/", "https://irma.example:0", "https://x.example/a.b"):
        assert not is_plain_url(url)
