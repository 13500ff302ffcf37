"""Names of attributes and credentials, and the secrets of a session."""

from __future__ import annotations

import copy
import hashlib
import pickle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import RequestError, UsageError
from irma_core.models.identifiers import (
    check_attribute_name,
    check_attribute_type,
    check_credential_type,
    credential_type_of,
    scheme_of,
)
from irma_core.models.tokens import FrontendAuthorization, RequestorToken, fingerprint_of
from tests.core.proving import FRONTEND_SECRET, OTHER_TOKEN, SECRET_TOKEN, TOKEN

NO_IDENTIFIERS = [
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
def test_an_attribute_has_four_parts_or_three_for_the_credential_alone(identifier: str) -> None:
    """Letters, digits, `-` and `_`, between dots."""
    assert check_attribute_type(identifier, "here") == identifier


@pytest.mark.parametrize("identifier", NO_IDENTIFIERS)
def test_what_is_no_attribute_type_is_refused_at_its_place(identifier: object) -> None:
    """The error names the place, and does not print what stands there."""
    with pytest.raises(RequestError) as caught:
        check_attribute_type(identifier, 'disclose["age"][0][2]')
    assert caught.value.path == 'disclose["age"][0][2]'
    assert str(caught.value).startswith('disclose["age"][0][2]: ')


@pytest.mark.parametrize("identifier", [*NO_IDENTIFIERS, "a.b.c.d"])
def test_a_credential_type_has_exactly_three_parts(identifier: object) -> None:
    """Four parts name an attribute, which cannot be issued."""
    assert check_credential_type("a.b.c", "credential") == "a.b.c"
    with pytest.raises(RequestError) as caught:
        check_credential_type(identifier, "credential")
    assert caught.value.path == "credential"


@pytest.mark.parametrize("name", ["", "a.b", "a.b.c.d", "é", "a b", "\ud800", None, 5])
def test_an_attribute_to_be_issued_is_named_by_its_fourth_part(name: object) -> None:
    """The name alone, without the credential."""
    assert check_attribute_name("over18", "attributes") == "over18"
    with pytest.raises(RequestError, match="fourth part"):
        check_attribute_name(name, "attributes")


def test_the_beginnings_of_an_identifier() -> None:
    """Of an attribute come its credential type and its scheme; a credential is its own."""
    assert credential_type_of("a.b.c.d") == "a.b.c"
    assert credential_type_of("a.b.c") == "a.b.c"
    assert scheme_of("irma-demo.b.c.d") == "irma-demo"
    assert scheme_of("pbdf") == "pbdf"


@given(st.text())
def test_no_text_that_is_taken_for_an_identifier_could_mean_another_path(text: str) -> None:
    """What passes is ASCII without anything that a URL, a path or a log line would read."""
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
def test_a_requestor_token_is_twenty_letters_and_digits_in_full(text: object) -> None:
    """It becomes part of a URL, so nothing may stand before or behind; the error is silent."""
    with pytest.raises(RequestError) as caught:
        RequestorToken(cast("str", text))
    assert caught.value.path == "token"
    assert "Rq7" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a b", "a\r\nx-header: y", "é", "a\x00", None, 5])
def test_a_frontend_authorization_can_stand_in_a_header(text: object) -> None:
    """Visible ASCII only, so it cannot end the header and begin another."""
    with pytest.raises(RequestError) as caught:
        FrontendAuthorization(cast("str", text))
    assert caught.value.path == "authorization"


@pytest.mark.parametrize(
    "secret", [TOKEN, FrontendAuthorization(FRONTEND_SECRET)], ids=["token", "authorization"]
)
def test_a_secret_shows_its_fingerprint_only(
    secret: RequestorToken | FrontendAuthorization,
) -> None:
    """Neither `repr`, `str` nor `format` gives the text; `reveal` alone does."""
    text = secret.reveal()
    digest = hashlib.sha256(text.encode()).hexdigest()
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", "%s" % secret):
        assert text not in shown
        assert digest[:12] in shown
        assert digest[:13] not in shown


def test_equal_secrets_are_equal_and_may_be_keys_but_never_across_kinds() -> None:
    """A token is equal to the same token, not to its text and not to an authorization."""
    assert RequestorToken(SECRET_TOKEN) == TOKEN
    assert {TOKEN: 1}[RequestorToken(SECRET_TOKEN)] == 1
    assert TOKEN != OTHER_TOKEN
    assert cast("object", TOKEN) != SECRET_TOKEN
    assert cast("object", TOKEN) != FrontendAuthorization(SECRET_TOKEN)


def test_a_token_can_be_copied_but_not_changed_and_not_pickled() -> None:
    """The backend keeps what `reveal` gives, or a sealed handle."""
    with pytest.raises(UsageError, match="seal the session into a handle"):
        pickle.dumps(TOKEN)
    assert copy.deepcopy(TOKEN) == TOKEN
    with pytest.raises(AttributeError):
        cast("Any", TOKEN)._text = "x"


def test_a_fingerprint_is_of_any_text() -> None:
    """The first twelve hex digits of the SHA-256, of broken Unicode too."""
    assert TOKEN.fingerprint == hashlib.sha256(SECRET_TOKEN.encode()).hexdigest()[:12]
    assert len(fingerprint_of("\ud800é")) == 12


def test_a_copy_of_a_secret_is_the_secret_itself() -> None:
    """A model that holds one can be copied, whole or deep."""
    token = RequestorToken(SECRET_TOKEN)
    assert copy.copy(token) is token
    assert copy.deepcopy([token])[0] is token
