"""How the transports split a URL into its origin and the rest."""

from __future__ import annotations

import pytest

from irma_core.errors import ConfigurationError
from irma_transport.request_parts import split_url


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://irma.example", ("https://irma.example", "")),
        ("HTTPS://irma.example:8088/a?b=c@d", ("HTTPS://irma.example:8088", "/a?b=c@d")),
        ("http://[::1]:80?x", ("http://[::1]:80", "?x")),
        ("http://127.0.0.1/" + "x" * 60_000, ("http://127.0.0.1", "/" + "x" * 60_000)),
    ],
)
def test_a_url_is_its_origin_and_the_rest(url: str, parts: tuple[str, str]) -> None:
    """A URL is split into its origin and the rest, which begins with a slash or a question mark."""
    assert split_url(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "https://user@irma.example/",
        "https://irma.example@evil.example/",
        "https://irma.example\\@evil.example/",
        "https://irma.example#x",
        "https://irma.example/#x",
        "https://irma.example/a b",
        "https://irma.example/\u20ac",
        "https:///x",
        "//irma.example/",
        "ftp://irma.example/",
        "",
        "https://irma.example/" + "x" * 70_000,
    ],
)
def test_an_invalid_url_is_refused(url: str) -> None:
    """An invalid URL raises `ConfigurationError`, which does not quote it."""
    with pytest.raises(ConfigurationError, match="must be an absolute, percent-encoded") as caught:
        split_url(url)
    assert "irma.example" not in str(caught.value)
