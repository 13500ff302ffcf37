"""The identifiers of attributes and credentials, and the secrets of a session."""

from __future__ import annotations

import copy
import hashlib
import pickle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import RequestError, UsageError
from irma_core.models.tokens import FrontendAuthorization, RequestorToken, fingerprint_of
from irma_core.models.validation import (
    check_attribute_name,
    check_attribute_type,
    check_credential_type,
    credential_type_of,
    scheme_of,
)
from tests.core.proving import FRONTEND_SECRET, OTHER_TOKEN, SECRET_TOKEN, TOKEN

INVALID_IDENTIFIERS = [
    "",
    "scheme",
    "scheme.issuer",
    "a.b.c.d.e",
    "a..c.d",
    ".b.c.d",
    "a.b.c.",
    "a.b.c.d ",
    "a.b.c.d\n",
    "a.b.c.é",
    "a.b.c.٣",
    "a.b.c/../d",
    "a.b.c.\x00",
    None,
    5,
    b"a.b.c.d",
    ["a.b.c.d"],
]


@pytest.mark.parametrize("identifier", ["a.b.c.d", "a.b.c", "irma-demo.MijnOverheid.full_name.x-1"])
def test_an_attribute_type_has_three_or_four_parts(identifier: str) -> None:
    """The parts of an attribute type are letters, digits, `-` and `_`, separated by dots."""
    assert check_attribute_type(identifier, "here") == identifier


@pytest.mark.parametrize("identifier", INVALID_IDENTIFIERS)
def test_an_invalid_attribute_type_is_refused_at_its_path(identifier: object) -> None:
    """The error names the path of an invalid attribute type without its value."""
    with pytest.raises(RequestError) as caught:
        check_attribute_type(identifier, 'disclose["age"][0][2]')
    assert caught.value.path == 'disclose["age"][0][2]'
    assert str(caught.value).startswith('disclose["age"][0][2]: ')


@pytest.mark.parametrize("identifier", [*INVALID_IDENTIFIERS, "a.b.c.d"])
def test_a_credential_type_has_exactly_three_parts(identifier: object) -> None:
    """A credential type of four parts is refused, since it names an attribute."""
    assert check_credential_type("a.b.c", "credential") == "a.b.c"
    with pytest.raises(RequestError) as caught:
        check_credential_type(identifier, "credential")
    assert caught.value.path == "credential"


@pytest.mark.parametrize("name", ["", "a.b", "a.b.c.d", "é", "a b", "\ud800", None, 5])
def test_an_issued_attribute_is_named_by_its_fourth_part(name: object) -> None:
    """An attribute to be issued has its name alone, without the credential type."""
    assert check_attribute_name("over18", "attributes") == "over18"
    with pytest.raises(RequestError, match="fourth part"):
        check_attribute_name(name, "attributes")


def test_an_identifier_has_a_credential_type_and_a_scheme() -> None:
    """An attribute type contains its credential type and its scheme."""
    assert credential_type_of("a.b.c.d") == "a.b.c"
    assert credential_type_of("a.b.c") == "a.b.c"
    assert scheme_of("irma-demo.b.c.d") == "irma-demo"
    assert scheme_of("pbdf") == "pbdf"


@given(st.text())
def test_an_identifier_is_harmless_in_urls_paths_and_logs(text: str) -> None:
    """An accepted identifier is ASCII without characters that a URL, path or log interprets."""
    try:
        taken = check_attribute_type(text, "")
    except RequestError:
        return
    assert all(part.replace("-", "").replace("_", "") == part or part for part in taken.split("."))
    assert set(taken) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert taken.count(".") in {2, 3}


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET_TOKEN[:-1],
        SECRET_TOKEN + "x",
        SECRET_TOKEN + "\n",
        "Rq7ZpL0vXk2NwT9sHb4/",
        "Rq7ZpL0vXk2NwT9sHb4é",
        "Rq7ZpL0vXk2NwT9sHb4٣",
        "/../Rq7ZpL0vXk2NwT9sHb4D",
        None,
        20,
        b"Rq7ZpL0vXk2NwT9sHb4D",
    ],
)
def test_a_requestor_token_is_twenty_letters_and_digits(text: object) -> None:
    """A requestor token becomes part of a URL, so it has no other characters."""
    with pytest.raises(RequestError) as caught:
        RequestorToken(cast("str", text))
    assert caught.value.path == "token"
    assert "Rq7" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a b", "a\r\nx-header: y", "é", "a\x00", None, 5])
def test_a_frontend_authorization_fits_into_a_header(text: object) -> None:
    """A frontend authorization is visible ASCII, so it cannot end its header and begin another."""
    with pytest.raises(RequestError) as caught:
        FrontendAuthorization(cast("str", text))
    assert caught.value.path == "authorization"


@pytest.mark.parametrize(
    "secret", [TOKEN, FrontendAuthorization(FRONTEND_SECRET)], ids=["token", "authorization"]
)
def test_a_secret_shows_only_its_fingerprint(
    secret: RequestorToken | FrontendAuthorization,
) -> None:
    """Only `reveal` returns a secret; `repr`, `str` and `format` show its fingerprint."""
    text = secret.reveal()
    digest = hashlib.sha256(text.encode()).hexdigest()
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", "%s" % secret):
        assert text not in shown
        assert digest[:12] in shown
        assert digest[:13] not in shown


def test_secrets_of_one_kind_compare_by_value() -> None:
    """A token equals the same token, but neither its string nor an authorization."""
    assert RequestorToken(SECRET_TOKEN) == TOKEN
    assert {TOKEN: 1}[RequestorToken(SECRET_TOKEN)] == 1
    assert TOKEN != OTHER_TOKEN
    assert cast("object", TOKEN) != SECRET_TOKEN
    assert cast("object", TOKEN) != FrontendAuthorization(SECRET_TOKEN)


def test_a_token_cannot_be_changed_or_pickled() -> None:
    """A token cannot be changed or pickled; a backend stores its string or a sealed handle."""
    with pytest.raises(UsageError, match="seal the session into a handle"):
        pickle.dumps(TOKEN)
    assert copy.deepcopy(TOKEN) == TOKEN
    with pytest.raises(AttributeError):
        cast("Any", TOKEN)._text = "x"


def test_any_string_has_a_fingerprint() -> None:
    """A fingerprint is the first twelve hex digits of the SHA-256, even of broken Unicode."""
    assert TOKEN.fingerprint == hashlib.sha256(SECRET_TOKEN.encode()).hexdigest()[:12]
    assert len(fingerprint_of("\ud800é")) == 12


def test_a_copy_of_a_secret_is_the_secret_itself() -> None:
    """A model that holds a secret can be copied, and the copy holds the same object."""
    token = RequestorToken(SECRET_TOKEN)
    assert copy.copy(token) is token
    assert copy.deepcopy([token])[0] is token
