"""A next URL leads to a page of the same site, or is ignored."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irma_core import same_site_url

OWN = "https://shop.example/login/?next=/x"


@pytest.mark.parametrize(
    "text",
    [
        *("/", "/account/", "/account/?tab=2&x=%2F%2F", "/a//b", "/a/../b", "/x#part", "/@evil"),
        *("https://shop.example/", "https://shop.example", "https://shop.example:443/x"),
        *("HTTPS://SHOP.EXAMPLE/x", "/https://evil.example", "/:80", "/%5Cevil.example", "/x[1]"),
    ],
)
def test_a_page_of_the_same_site(text: str) -> None:
    """A path, or an absolute URL with the site's own origin, is returned unchanged."""
    assert same_site_url(text, OWN) == text


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "account/", "?x", "#x", ".", "..", " /x", "/x ", "\t/x", "/x\n", "/\tx"),
        *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\\/x"),
        *("https://evil.example/", "http://shop.example/", "https://shop.example:8443/"),
        *("https://shop.example.evil.example/", "https://shop.example@evil.example/"),
        *("https://evil.example\\@shop.example/", "https:shop.example/x", "https:///x"),
        *("https:/shop.example/x", "//shop.example/x", "javascript:alert(1)", "data:text/html,x"),
        *(
            "/\u00e9",
            "/\u202e",
            "/\x00",
            "/\x7f",
            "/\ud800",
            "\uff0fx",
            "https://sh\u00f6p.example/",
        ),
        *("https://user@shop.example/", "https://[::1]/", "https://[", "https://shop.example:x/"),
        "/" + "x" * 2000,
    ],
)
def test_any_other_url_is_ignored(text: str | None) -> None:
    """A next URL of another form is ignored, because browsers may read it as another site."""
    assert same_site_url(text, OWN) is None


@pytest.mark.parametrize(
    "own", ["", "/login/", "ftp://x/", "https://", "https://[", "https://ü.example/"]
)
def test_an_own_url_without_a_plain_origin(own: str) -> None:
    """If the site's own URL has no plain origin, only paths are accepted."""
    assert same_site_url("https://x/", own) is None
    assert same_site_url("/x", own) == "/x"


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ("https://shop.example:443/", "https://shop.example/x"),
        ("http://localhost:8000/", "http://localhost:8000/x"),
        ("http://[::1]:8000/", "http://[::1]:8000/x"),
        ("https://Shop.Example/", "https://shop.example/x"),
    ],
)
def test_origins_are_compared_as_browsers_do(own: str, text: str) -> None:
    """When origins are compared, the default port and the case of the host make no difference."""
    assert same_site_url(text, own) == text


@given(st.text() | st.text("/\\:.@?#abhtps \t\n%0").map("/".__add__))
@example("/\t/evil.example")
def test_a_resolved_url_stays_on_the_site(text: str) -> None:
    """A client that resolves the URL against the site's own URL stays on the same origin."""
    found = same_site_url(text, OWN)
    if found is not None:
        parts = urlsplit(urljoin(OWN, found))
        assert (parts.scheme, parts.netloc.lower()) in {
            ("https", "shop.example"),
            ("https", "shop.example:443"),
        }
