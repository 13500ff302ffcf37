"""An error names each setting with which the official server would not start."""

from __future__ import annotations

from typing import Any

import pytest

from irma_core import DisclosureRequest, ExtendedRequest
from irma_core.errors import ConfigurationError
from irma_testing import (
    CredentialType,
    InMemoryServer,
    RequestorSettings,
    Scheme,
    ServerSettings,
    SimulatedApp,
)
from irma_testing.memory.jwt import JwtSigner, parse_jwt, verifies_rs256
from tests.memory_server.calling import AGE, OVER18, Http, claims_in, disclosure, issuance

ASKED = {"request": disclosure([[OVER18]]), "callbackUrl": "https://a.example"}
NEXT = {"url": "https://a.example"}


@pytest.mark.parametrize(
    ("sessions", "reason"),
    [
        ({"a-b": ASKED}, "letters and digits"),
        ({"a": {"request": {}}}, "Failed to JSON unmarshal"),
        ({"a": {**ASKED, "request": issuance(AGE)}}, "a must not issue"),
        ({"a": {"request": ASKED["request"]}}, "a must have a callback URL"),
    ],
)
def test_an_invalid_static_session_is_refused(sessions: dict[str, Any], reason: str) -> None:
    """A static session must have an alphanumeric name and a callback URL, and must not issue."""
    with pytest.raises(ConfigurationError, match=reason):
        InMemoryServer(ServerSettings(static_sessions=sessions))


def test_static_sessions_need_a_key_or_a_permission() -> None:
    """Static sessions need a JWT key or `allow_unsigned_callbacks`."""
    extended = ExtendedRequest(
        DisclosureRequest({"age": OVER18}), callback_url="https://a.example/"
    )
    sessions: dict[str, Any] = {"a": {**ASKED, "nextSession": NEXT}, "b": extended}
    with pytest.raises(ConfigurationError, match="has_jwt_key"):
        InMemoryServer(ServerSettings(static_sessions=sessions, has_jwt_key=False))
    lax = ServerSettings(static_sessions=sessions, has_jwt_key=False, allow_unsigned_callbacks=True)
    assert InMemoryServer(lax).settings.static_sessions["b"]["callbackUrl"]


@pytest.mark.parametrize("permission", ["a.*.c", "*.*", "a.b", "a.b.c.d.e", "a.b.c.d.*"])
def test_form_of_permissions(permission: str) -> None:
    """A permission must be a complete identifier, or end with a star."""
    with pytest.raises(ConfigurationError, match="disclose_perms"):
        ServerSettings(disclose_perms=[permission])
    with pytest.raises(ConfigurationError, match="sign_perms"):
        RequestorSettings("token", "x", sign_perms=[permission])


def test_unknown_method_is_refused() -> None:
    """An unknown method of authentication is refused, and no `repr` shows a key."""
    with pytest.raises(ConfigurationError, match="auth_method"):
        RequestorSettings("password", "x")  # type: ignore[arg-type]
    assert "secret" not in repr(RequestorSettings("token", "secret"))


def test_invalid_credential_type_is_refused() -> None:
    """A credential type must have three parts, and only its own attributes can be optional."""
    for identifier in ("a.b", "a.b.c.d", "a.b.c d"):
        with pytest.raises(ConfigurationError, match=r"scheme\.issuer\.credential"):
            CredentialType(identifier)
    with pytest.raises(ConfigurationError, match="optional"):
        CredentialType("a.b.c", ("d",), optional=frozenset({"e"}))


def test_a_key_can_be_given() -> None:
    """The server signs JWTs with the given key, and marks them as simulated."""
    pem = JwtSigner(None).private_key_pem
    server = InMemoryServer(ServerSettings(jwt_privkey=pem, jwt_issuer=""))
    http = Http(server.url, server.handle)
    token = http.start(disclosure([[OVER18]]))["token"]
    for call in ("result-jwt", "getproof"):
        body = http.call("GET", f"/session/{token}/{call}").body
        jwt = parse_jwt(body)
        assert jwt is not None
        assert verifies_rs256(server.public_key_pem, jwt)
        assert claims_in(body)["simulated"] is True
        assert "iss" not in claims_in(body)


@pytest.mark.parametrize("given", ["text", b"bytes", 3, True, [3], {"a": 1}, object()])
def test_an_argument_of_another_type_is_named(given: Any) -> None:
    """The constructors of the server, the app and the scheme refuse arguments of another type."""
    with pytest.raises(ConfigurationError, match="settings: must be"):
        InMemoryServer(given)
    with pytest.raises(ConfigurationError, match="scheme: must be"):
        InMemoryServer(scheme=given)
    with pytest.raises(ConfigurationError, match="server: must be"):
        SimulatedApp(given)
    with pytest.raises(ConfigurationError, match="credential_types: must be"):
        Scheme(given)
    with pytest.raises(ConfigurationError, match="credential_types: must be"):
        Scheme((given,))
    with pytest.raises(ConfigurationError, match=r"identifier: must be|scheme\.issuer"):
        CredentialType(given)
