"""Tests of what a `pkcs11:` URI must and must not contain."""

from __future__ import annotations

from pathlib import Path

import pytest

from irma_core.errors import ConfigurationError
from irma_signing_pkcs11.uri import KeyUri, read_uri


def test_a_uri_names_a_token_and_a_key() -> None:
    """A URI selects a token and a key by their labels."""
    assert read_uri("token=irma;object=webshop") == KeyUri("irma", "webshop", None, None, None)


def test_names_are_percent_encoded() -> None:
    """Names are UTF-8, an id is any bytes, and attributes come in any order."""
    uri = "type=private;object=caf%C3%A9%3B%25;id=%00%ff;serial=a-1;token=My%20token%3f"
    assert read_uri(uri) == KeyUri("My token?", "café;%", "a-1", b"\x00\xff", None)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("file:/run/secrets/pin", "/run/secrets/pin"),
        ("file:///run/secrets/pin", "/run/secrets/pin"),
        ("file:%2Frun%2Fmy%2520pin", "/run/my pin"),
        ("file:/run/100%2525", "/run/100%"),
    ],
)
def test_a_pin_may_be_in_a_file(source: str, path: str) -> None:
    """The PIN file is named by a `file:` URI, which is percent-encoded as an attribute value."""
    assert read_uri(f"token=a;object=b?pin-source={source}").pin_file == Path(path)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("", "must name a token and an object"),
        ("token=a", "must name a token and an object"),
        ("token=;object=b", "must name a token and an object"),
        ("object=b?pin-source=file:/pin", "must name a token and an object"),
        ("token=a;object=b;type=public", "type must be private"),
        ("token=a;token=c;object=b", "an attribute twice"),
        ("token=a;object=b?pin-source=file:/a&pin-source=file:/b", "an attribute twice"),
        ("token=a;object=b;", "list of name=value"),
        ("token=a;object", "list of name=value"),
        ("token=a b;object=c", "percent-encoded"),
        ("token=a;object=%2", "percent-encoded"),
        ("token=a;object=b/c", "percent-encoded"),
        ("token=caf\N{LATIN SMALL LETTER E WITH ACUTE};object=b", "percent-encoded"),
        ("token=%ff;object=b", "UTF-8"),
        ("token=a;object=b;slot-id=3", "a URI may have token, object"),
        ("token=a;object=b?pin-sauce=file:/pin", "pin-source after the [?]"),
        ("token=a;object=b?module-path=/tmp/evil.so", "module-path is refused"),
        ("token=a;object=b;module-path=%2Ftmp%2Fevil.so", "module-path is refused"),
        ("token=a;object=b?module-name=evil", "module-name is refused"),
        ("token=a;object=b?pin-value=1234", "pin-value is refused"),
        ("token=a;object=b?pin-source=|/bin/id", "must not be a command"),
        ("token=a;object=b?pin-source=%7C%2Fbin%2Fid", "must not be a command"),
        ("token=a;object=b?pin-source=/etc/pin", "must be a file"),
        ("token=a;object=b?pin-source=file:pin", "must be a file"),
        ("token=a;object=b?pin-source=file://host/pin", "must be a file"),
        ("token=a;object=b?pin-source=file:/pin%3Fx", "must be a file"),
        ("token=a;object=b?pin-source=https://host/pin", "must be a file"),
        ("token=a;object=b?pin-source=http://[", "percent-encoded|must be a file"),
    ],
)
def test_an_invalid_uri_is_refused_and_not_shown(uri: str, why: str) -> None:
    """The error says what to do instead, without showing the URI."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        read_uri(uri)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    for written in ("evil", "1234", "/bin", "sauce", "slot", "host", "caf"):
        assert written not in str(error)
