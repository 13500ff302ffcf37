"""An OAuth 2.0 authorization server, written with Authlib, for client credentials of four kinds."""
# Pyright includes the types of an older Authlib.
# pyright: reportIncompatibleMethodOverride=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc.jwk import OctKey, RSAKey

from tests.gateway.serving import Handler, serving

__all__ = ["ASSERTION", "Client", "TokenServer", "running_token_server"]

ASSERTION = JWTBearerClientAssertion.CLIENT_AUTH_METHOD
METHODS = ["client_secret_basic", "client_secret_post", ASSERTION]


@dataclass
class Client(ClientMixin):  # type: ignore[misc]  # Authlib brings no types
    """A client that the server knows.

    Args:
        name: The client ID.
        key: The secret; for assertions the public or shared key.
        method: How the client must authenticate; `ASSERTION` allows both kinds of key.
        scope: The scope that its tokens may have.
    """

    name: str
    key: str = field(repr=False)  # because Authlib logs the client
    method: str
    scope: str = "irma"

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.key

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.method

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str | None) -> str | None:
        return self.scope if scope in {None, self.scope} else None


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]  # as above
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class _Request(OAuth2Request):  # type: ignore[misc]  # as above
    def __init__(self, uri: str, headers: Any, form: dict[str, str]) -> None:
        super().__init__("POST", uri, headers=headers)
        self.payload = BasicOAuth2Payload(form)
        self._form = form

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Assertion(JWTBearerClientAssertion):  # type: ignore[misc]  # as above
    def __init__(self, server: TokenServer) -> None:
        super().__init__()
        self._server = server

    def get_audiences(self) -> list[str]:
        return [self._server.token_url, self._server.name]

    def validate_jti(self, claims: Mapping[str, Any], jti: str) -> bool:
        self._server.assertions.append(jti)
        return self._server.assertions.count(jti) == 1

    def resolve_client_public_key(self, client: Client) -> Any:
        kind = RSAKey if client.key.startswith("-----BEGIN") else OctKey
        return kind.import_key(client.key)


@final
@dataclass
class TokenServer:
    """The issued tokens, and those that are still valid. Threads may share an object."""

    clients: dict[str, Client]
    expires_in: int | None = 3600
    name: str = "https://login.example/"
    token_url: str = ""
    issued: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    assertions: list[str] = field(default_factory=list)

    def revoke_all(self) -> None:
        self.good.clear()


class _Server(AuthorizationServer):  # type: ignore[misc]  # as above
    def __init__(self, state: TokenServer) -> None:
        super().__init__()
        self._state = state
        self._lock = threading.Lock()
        self.register_grant(_Grant)
        self.register_client_auth_method(ASSERTION, _Assertion(state))
        generator = BearerTokenGenerator(self._new_token, None, lambda *_: state.expires_in)
        self.register_token_generator("default", generator)

    def _new_token(self, **_: Any) -> str:
        with self._lock:
            token = f"token-{len(self._state.issued)}~of.the/gateway="
            self._state.issued.append(token)
        self._state.good.add(token)
        return token

    def query_client(self, client_id: str) -> Client | None:
        return self._state.clients.get(client_id)

    def save_token(self, token: Any, request: Any) -> None:
        return

    def send_signal(self, *_: Any, **__: Any) -> None:
        return

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        return status, body, headers


@contextmanager
def running_token_server(*clients: Client) -> Generator[TokenServer]:
    """Run the authorization server on loopback."""
    state = TokenServer({client.name: client for client in clients})
    server = _Server(state)

    class Answering(Handler):
        def do_POST(self) -> None:  # noqa: N802  # the name is Python's
            form = dict(parse_qsl(self.body().decode(), strict_parsing=True))
            request = _Request(state.token_url, self.headers, form)
            status, body, headers = server.create_token_response(request)
            text = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with serving(Answering) as url:
        state.token_url = f"{url}/token"
        yield state
