"""The ways to authenticate to the server; each corresponds to a value of its `auth_method`."""

from __future__ import annotations

import re
from typing import Final, Generic, TypeAlias, TypeVar, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.holders import Hidden, hide_secret
from irma_core.tracebacks import boundary
from irma_core.trust.key_forms import what_surrounds
from irma_core.trust.signing import HS256, RS256, AsyncSigner, Signer
from irma_core.value_object import ValueObject

__all__ = [
    "Authentication",
    "HmacAuthentication",
    "NoAuthentication",
    "PublicKeyAuthentication",
    "TokenAuthentication",
]

_SIGNERS = {HS256: "HmacSigner(key)", RS256: "RsaSigner(pem)"}
_NAME: Final = r"[^\ud800-\udfff]+"
SignerT_co = TypeVar("SignerT_co", bound=Signer | AsyncSigner, covariant=True)
_ONE_LINE: Final = r"[!-~]([ -~]*[!-~])?"


def _is_token(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_ONE_LINE, value) is not None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_NAME, value) is not None


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class NoAuthentication(ValueObject):
    """No authentication (`no_auth`): any caller that can reach the server can start sessions."""


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class TokenAuthentication(ValueObject):
    """Authentication with a shared token (`auth_method: token`).

    Args:
        secret: The shared token. It is sent without `Bearer`.

    Raises:
        ConfigurationError: The token is empty, or an HTTP header cannot hold it.
    """

    _secret: Hidden[str] = attrs.field(alias="secret", converter=hide_secret)

    def __attrs_post_init__(self) -> None:
        if not _is_token(self.reveal()):
            hint = what_surrounds(self.reveal())
            raise ConfigurationError(f"the token must be one non-empty line of ASCII{hint}")

    def reveal(self) -> str:
        """Return the shared token."""
        return self._secret.reveal()


@attrs.frozen(eq=False, repr=False)
class _SignedAuthentication(ValueObject, Generic[SignerT_co]):
    name: str
    # The `repr` of an application's own signer may show its key.
    signer: SignerT_co = attrs.field(repr=lambda signer: f"<{type(signer).__name__}>")

    def _check(self, algorithm: str) -> None:
        if not _is_name(self.name):
            raise ConfigurationError(
                "name must be the requestor's name in the server's `requestors` setting"
            )
        # The caller has probably passed a key instead of a signer. The error must not show that
        # key.
        other = getattr(self.signer, "algorithm", None)
        if other != algorithm:
            found = "this is not a signer" if other is None else f"this one is for {other}"
            raise ConfigurationError(
                f"{type(self).__name__} needs a signer for {algorithm}, such as "
                f"{_SIGNERS[algorithm]}: {found}"
            )


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class HmacAuthentication(_SignedAuthentication[SignerT_co]):
    """Authentication with session request JWTs, signed with HS256 (`auth_method: hmac`).

    Args:
        name: The requestor's name in the server's `requestors`.
        signer: A signer whose algorithm is `HS256`, such as an `HmacSigner`.

    Raises:
        ConfigurationError: `name` is empty, or the signer has another algorithm.
    """

    def __attrs_post_init__(self) -> None:
        self._check(HS256)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class PublicKeyAuthentication(_SignedAuthentication[SignerT_co]):
    """Authentication with session request JWTs, signed with RS256 (`auth_method: publickey`).

    Args:
        name: The requestor's name in the server's `requestors`.
        signer: A signer whose algorithm is `RS256`, such as an `RsaSigner`.

    Raises:
        ConfigurationError: `name` is empty, or the signer has another algorithm.
    """

    def __attrs_post_init__(self) -> None:
        self._check(RS256)


Authentication: TypeAlias = (
    NoAuthentication
    | TokenAuthentication
    | HmacAuthentication[SignerT_co]
    | PublicKeyAuthentication[SignerT_co]
)
