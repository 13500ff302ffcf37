"""The settings of a gateway, and the credentials in a token request.

Source: RFC 6749, section 4.4 (client credentials); RFC 7523, section 2.2 (a signed assertion).

Authlib writes the form and the client's authentication. It does not make the assertion, because
Authlib would need the key, and a `Signer` may keep its key in hardware or in a key service.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar, final
from urllib.parse import quote

import attrs

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue
from irma_core.models.arguments import as_utc, check_instance
from irma_core.models.headers import is_free_for_token
from irma_core.models.holders import Hidden, hide_secret
from irma_core.tracebacks import boundary
from irma_core.trust.key_forms import what_surrounds
from irma_core.trust.request_jwt import CLOCK_MARGIN, UnsignedJwt, unsigned_jwt
from irma_core.trust.signing import HS256, RS256, AsyncSigner, Signer
from irma_core.value_object import ValueObject

__all__ = [
    "GatewayAssertion",
    "GatewayAuthentication",
    "GatewaySecret",
    "token_form",
    "unsigned_assertion",
]

SignerT_co = TypeVar("SignerT_co", bound=Signer | AsyncSigner, covariant=True)
_PRINTABLE: Final = r"[ -~]+"  # RFC 6749, appendix A
_SCOPE: Final = r"[!#-\[\]-~]+( [!#-\[\]-~]+)*"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(minutes=5)


def _is_printable(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_PRINTABLE, value) is not None


def _is_scope(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_SCOPE, value) is not None


@attrs.frozen(eq=False, repr=False)
class _Credentials(ValueObject, Generic[SignerT_co]):
    client_id: str

    def _check_id(self) -> None:
        if not _is_printable(self.client_id):
            raise ConfigurationError("client_id must be a non-empty string of printable ASCII")


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class GatewaySecret(_Credentials[Signer]):
    """Credentials for the authorization server: a client secret.

    Args:
        client_id: The authorization server's name for this backend.
        secret: The secret that this client shares with the authorization server.
        in_body: Whether to send the secret in the body (`client_secret_post`). This is for an
            authorization server that does not accept the secret in the header
            (`client_secret_basic`).

    Raises:
        ConfigurationError: `client_id` or `secret` is empty, or not printable ASCII.
    """

    _secret: Hidden[str] = attrs.field(alias="secret", converter=hide_secret)
    in_body: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._check_id()
        if not _is_printable(self.reveal()):
            hint = what_surrounds(self.reveal())
            raise ConfigurationError(f"secret must be one non-empty line of printable ASCII{hint}")

    def reveal(self) -> str:
        """Return the secret."""
        return self._secret.reveal()


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class GatewayAssertion(_Credentials[SignerT_co]):
    """Credentials for the authorization server: a JWT, signed for each token request.

    Args:
        client_id: The authorization server's name for this backend.
        signer: An `RsaSigner` whose public key the authorization server has (`private_key_jwt`), an
            `HmacSigner.from_client_secret(…)` (`client_secret_jwt`), or any other signer for one of
            these algorithms.
        audience: The name that the authorization server uses for itself. The default is its token
            URL.
        key_id: The JWT's `kid`, for a server that holds several keys for this client.

    Raises:
        ConfigurationError: A string is empty or not printable ASCII, or `signer` is not a signer.
    """

    # The `repr` of an application's own signer may show its key.
    signer: SignerT_co = attrs.field(repr=lambda signer: f"<{type(signer).__name__}>")
    audience: str | None = attrs.field(default=None, kw_only=True)
    key_id: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._check_id()
        if getattr(self.signer, "algorithm", None) not in {HS256, RS256}:
            raise ConfigurationError(f"signer must be a signer for {HS256} or {RS256}")
        for each in (self.audience, self.key_id):
            if each is not None and not _is_printable(each):
                raise ConfigurationError(
                    "audience and key_id must be non-empty strings of printable ASCII"
                )


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class GatewayAuthentication(ValueObject, Generic[SignerT_co]):
    """Settings for a server behind a gateway that requires an OAuth 2.0 token with each call.

    The requestor fetches a token when it first needs one, and caches the token until shortly before
    it expires. It fetches a new token when the gateway responds with 401. The token is sent only
    with the requestor's own calls to the IRMA server's base URL, never to the session pointer's
    URL. The gateway must remove the token, because an IRMA server refuses an `Authorization` header
    that it does not recognize.

    Args:
        token_url: The URL of the authorization server's token endpoint. The requestor checks the
            URL.
        credentials: A `GatewaySecret` or a `GatewayAssertion`.
        scope: The token's scopes, as the authorization server names them, separated by spaces.
        header: The header in which the gateway expects `Bearer …`. Choose a name other than
            `Authorization` if the requestor also sends a token to the IRMA server
            (`TokenAuthentication`).

    Raises:
        ConfigurationError: A setting is invalid, or the header is reserved for another use.
    """

    token_url: str
    credentials: _Credentials[SignerT_co]
    scope: str | None = attrs.field(default=None, kw_only=True)
    header: str = attrs.field(default="Authorization", kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_instance(self.token_url, str, "token_url", "a string")
        if not isinstance(self.credentials, GatewaySecret | GatewayAssertion):
            raise ConfigurationError("credentials must be a GatewaySecret or a GatewayAssertion")
        if self.scope is not None and not _is_scope(self.scope):
            raise ConfigurationError(
                "scope must be one or more ASCII names, separated by single spaces"
            )
        if not is_free_for_token(self.header):
            raise ConfigurationError(
                "header must be the name of an HTTP header that has no other use, such as "
                "X-Gateway-Authorization"
            )


@boundary
def unsigned_assertion(
    gateway: GatewayAuthentication[SignerT_co], *, now: datetime, jti: str
) -> tuple[SignerT_co, UnsignedJwt] | None:
    """Return the signer and the assertion to sign; None if the gateway's credentials are a secret.

    Args:
        gateway: The gateway's settings.
        now: The present time, as an aware `datetime`.
        jti: A new identifier for the assertion, because servers accept each identifier only once.
    """
    credentials = gateway.credentials
    if not isinstance(credentials, GatewayAssertion):
        return None
    seconds = as_utc(now, "now").timestamp()
    header: dict[str, JsonValue] = {"typ": "JWT", "alg": credentials.signer.algorithm}
    if credentials.key_id is not None:
        header["kid"] = credentials.key_id
    claims: dict[str, JsonValue] = {
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": credentials.audience or gateway.token_url,
        "iat": int(seconds - CLOCK_MARGIN.total_seconds()),
        "exp": int(seconds + _ASSERTION_LIFETIME.total_seconds()),
        "jti": jti,
    }
    return credentials.signer, unsigned_jwt(header, claims)


@boundary
def token_form(
    gateway: GatewayAuthentication[Signer | AsyncSigner], assertion: str | None
) -> tuple[dict[str, str], str]:
    """Return the headers and the body of a token request.

    Args:
        gateway: The gateway's settings.
        assertion: The signed assertion; None if the gateway's credentials are a secret.
    """
    # Imported here because it is slow to import, and few servers are behind a gateway.
    from authlib.oauth2.auth import ClientAuth  # noqa: PLC0415
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415

    credentials = gateway.credentials
    more: dict[str, str] = {}
    if assertion is not None:
        more = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
    body: str = prepare_token_request("client_credentials", scope=gateway.scope, **more)
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if isinstance(credentials, GatewaySecret):
        if credentials.in_body:
            auth = ClientAuth(credentials.client_id, credentials.reveal(), "client_secret_post")
        else:
            # RFC 6749, section 2.3.1: the ID and the secret are encoded before a colon joins them.
            encoded = (
                quote(each, safe="") for each in (credentials.client_id, credentials.reveal())
            )
            auth = ClientAuth(*encoded, auth_method="client_secret_basic")
        _url, headers, body = auth.prepare("POST", gateway.token_url, headers, body)
    return {name.lower(): value for name, value in headers.items()}, body
