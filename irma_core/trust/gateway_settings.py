"""Who asks for a token for the API gateway in front of an IRMA server, and how that is shown.

Source: RFC 6749, section 4.4 (client credentials); RFC 7523, section 2.2 (a signed assertion).
Belongs here: the settings, and what of a token request is secret. Does not belong here: when a
token is asked for (`flows.gateway`).

The form is Authlib's. Its own assertions are not used: they take a key, not a signer, and read the
clock. Nor is its `is_secure_transport`: that reads the environment.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar, final
from urllib.parse import quote

import attrs

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue
from irma_core.models.arguments import check_instance
from irma_core.models.headers import is_free_for_token
from irma_core.models.hidden import Hidden, hide_secret
from irma_core.models.moments import as_utc
from irma_core.tracebacks import boundary
from irma_core.trust.key_forms import what_surrounds
from irma_core.trust.request_jwt import CLOCK_MARGIN, UnsignedJwt, unsigned_jwt
from irma_core.trust.signing import HS256, RS256, AsyncSigner, Signer

__all__ = [
    "GatewayAssertion",
    "GatewayAuthentication",
    "GatewaySecret",
    "token_form",
    "unsigned_assertion",
]

SignerT_co = TypeVar("SignerT_co", bound=Signer | AsyncSigner, covariant=True)
_TEXT = re.compile(r"[ -~]+")  # RFC 6749, appendix A
_SCOPE = re.compile(r"[!#-\[\]-~]+( [!#-\[\]-~]+)*")
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(minutes=5)


def _is_text(value: object, form: re.Pattern[str] = _TEXT) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


@attrs.frozen
class _Credentials(Generic[SignerT_co]):
    client_id: str

    def _check_id(self) -> None:
        if not _is_text(self.client_id):
            raise ConfigurationError("client_id: what the authorization server calls you, in ASCII")


@final
@boundary
@attrs.frozen
class GatewaySecret(_Credentials[Signer]):
    """Ask for tokens with a secret.

    Args:
        client_id: What the authorization server calls this backend.
        secret: The secret it has for it.
        in_body: Send it in the body (`client_secret_post`), for a server that does not take it in
            the header (`client_secret_basic`).

    Raises:
        ConfigurationError: One of them is empty, or no ASCII.
    """

    _secret: Hidden[str] = attrs.field(alias="secret", converter=hide_secret)
    in_body: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._check_id()
        if not _is_text(self.reveal()):
            hint = what_surrounds(self.reveal())
            raise ConfigurationError(f"secret must be ASCII on one line, and not empty{hint}")

    def reveal(self) -> str:
        """Return the secret."""
        return self._secret.reveal()


@final
@boundary
@attrs.frozen
class GatewayAssertion(_Credentials[SignerT_co]):
    """Ask for tokens with a JWT that is signed anew each time.

    Args:
        client_id: What the authorization server calls this backend.
        signer: An `RsaSigner`, whose public key the server has (`private_key_jwt`); or an
            `HmacSigner.from_client_secret(…)` (`client_secret_jwt`); or any other of these
            algorithms.
        audience: What the server calls itself; by default its token URL.
        key_id: Which of several keys it is, for the JWT's `kid`.

    Raises:
        ConfigurationError: One of them is empty or no ASCII, or the signer is none.
    """

    # As in `authentication`: it may show its key.
    signer: SignerT_co = attrs.field(repr=lambda signer: f"<{type(signer).__name__}>")
    audience: str | None = attrs.field(default=None, kw_only=True)
    key_id: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._check_id()
        if getattr(self.signer, "algorithm", None) not in {HS256, RS256}:
            raise ConfigurationError(f"signer: one for {HS256} or {RS256}")
        for each in (self.audience, self.key_id):
            if each is not None and not _is_text(each):
                raise ConfigurationError("audience and key_id: ASCII text, not empty")


@final
@boundary
@attrs.frozen
class GatewayAuthentication(Generic[SignerT_co]):
    """For a server behind a gateway that wants an OAuth 2.0 token with each call.

    A token is fetched when it is first needed, kept until shortly before its end, and fetched again
    once the gateway says 401. It goes only with the requestor's own calls to the IRMA server's base
    URL, never to the session pointer's URL. The gateway must take it off: an IRMA server refuses an
    `Authorization` that it does not know.

    Args:
        token_url: Where the authorization server gives tokens.
        credentials: How it knows this backend.
        scope: What the token is to be good for, as the server names it; several with blanks.
        header: Where the gateway wants it, as `Bearer …`; another one than `Authorization` where
            the IRMA server has that for itself (`TokenAuthentication`).

    Raises:
        ConfigurationError: The header or scope has not the form of one, or the header is in use;
            the requestor checks the URL.
    """

    token_url: str
    credentials: _Credentials[SignerT_co]
    scope: str | None = attrs.field(default=None, kw_only=True)
    header: str = attrs.field(default="Authorization", kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_instance(self.token_url, str, "token_url", "a string")
        if not isinstance(self.credentials, GatewaySecret | GatewayAssertion):
            raise ConfigurationError("credentials: a GatewaySecret or a GatewayAssertion")
        if self.scope is not None and not _is_text(self.scope, _SCOPE):
            raise ConfigurationError("scope: words of ASCII, one blank between them")
        if not is_free_for_token(self.header):
            raise ConfigurationError(
                "header must be the name of an HTTP header that has no other use, such as "
                "X-Gateway-Authorization"
            )


@boundary
def unsigned_assertion(
    gateway: GatewayAuthentication[SignerT_co], *, now: datetime, unique: str
) -> tuple[SignerT_co, UnsignedJwt] | None:
    """Give the assertion to be signed, and by whom; None where a secret is sent.

    Args:
        gateway: The settings.
        now: An aware time.
        unique: What no assertion had before: servers take each once.
    """
    known = gateway.credentials
    if not isinstance(known, GatewayAssertion):
        return None
    seconds = as_utc(now, "now").timestamp()
    header: dict[str, JsonValue] = {"typ": "JWT", "alg": known.signer.algorithm}
    if known.key_id is not None:
        header["kid"] = known.key_id
    claims: dict[str, JsonValue] = {
        "iss": known.client_id,
        "sub": known.client_id,
        "aud": known.audience or gateway.token_url,
        "iat": int(seconds - CLOCK_MARGIN.total_seconds()),
        "exp": int(seconds + _ASSERTION_LIFETIME.total_seconds()),
        "jti": unique,
    }
    return known.signer, unsigned_jwt(header, claims)


@boundary
def token_form(
    gateway: GatewayAuthentication[Signer | AsyncSigner], assertion: str | None
) -> tuple[dict[str, str], str]:
    """Give the headers and the body of a token request; with a secret or the signed assertion."""
    # Imported here: it costs 100 ms, and few servers stand behind a gateway.
    from authlib.oauth2.auth import ClientAuth  # noqa: PLC0415
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415

    known = gateway.credentials
    more: dict[str, str] = {}
    if assertion is not None:
        more = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
    body: str = prepare_token_request("client_credentials", scope=gateway.scope, **more)
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if isinstance(known, GatewaySecret):
        if known.in_body:
            auth = ClientAuth(known.client_id, known.reveal(), "client_secret_post")
        else:
            # RFC 6749, section 2.3.1: encoded before they are joined by a colon.
            encoded = (quote(each, safe="") for each in (known.client_id, known.reveal()))
            auth = ClientAuth(*encoded, auth_method="client_secret_basic")
        _url, headers, body = auth.prepare("POST", gateway.token_url, headers, body)
    return {name.lower(): value for name, value in headers.items()}, body
