"""Read compact JWSs (RFC 7515) so strictly that no two strings have the same meaning.

Belongs here: the checks of form, base64, header and signature, in this order. Does not belong here:
the claims (`result_jwt`, `request_jwt`).

JOSE libraries decode before they check, and not all are strict: some accept base64 with unused bits
set, or a header with a duplicate key. So this module checks the form, before `cryptography` checks
the signature.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, final

import attrs

from irma_core.errors import ConfigurationError, JwtError
from irma_core.json_text import DuplicateKeyError, JsonTextError, JsonValue, read_json
from irma_core.trust.keys import SHORTEST_RSA_KEY, PublicKey, load_public_key
from irma_core.trust.signing import HS256, RS256
from irma_core.value_object import ValueObject
from irma_core.wire.go_names import has_other_case, has_twins

if TYPE_CHECKING:
    # cryptography is slow to import, and only needed to verify.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["CompactJws", "check_public_keys", "read_compact"]

LARGEST_JWT: Final = 1024 * 1024
_LARGEST_HEADER = 4096  # limited because the header is read before the signature is checked
_SEGMENT: Final = r"[A-Za-z0-9_-]*"
_NESTED: Final = rb"\A[A-Za-z0-9_-]++(\.[A-Za-z0-9_-]*+){2}((\.[A-Za-z0-9_-]*+){2})?"
_MOST_VALUES = 30_000  # 1 MiB of small values would take three times as long as any honest result
_JWS_SEGMENTS, _JWE_SEGMENTS = 3, 5
_KEYS_IN_HEADER = ("jwk", "jku", "x5u", "x5c")
_HEADER = frozenset({"alg", "b64", "crit", "cty", "kid", "typ", "zip", *_KEYS_IN_HEADER})


@final
@attrs.frozen(eq=False, repr=False)
class CompactJws(ValueObject):
    """A JWS whose form and header are valid, and whose signature is not checked yet.

    Args:
        header: The decoded header.
        payload: The signed bytes, which may be claims.
        signature: The signature. It is not yet known which key made it.
        signing_input: The bytes that the signature covers.
        refused: The class of the error to raise if a check refuses the JWS.
    """

    header: dict[str, JsonValue]
    payload: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False, kw_only=True)
    signing_input: bytes = attrs.field(repr=False, kw_only=True)
    refused: type[JwtError] = attrs.field(kw_only=True)

    def claims(self, known: frozenset[str], maps: Mapping[str, int]) -> dict[str, JsonValue]:
        """Read the claims, after the signature has been checked.

        Args:
            known: The names of the claims that the caller uses. A name that differs from one of
                them only in case is refused.
            maps: The claims that hold maps, whose keys Go compares exactly; see `has_twins`.

        Raises:
            JwtError: The claims are refused. The error is an instance of `refused`.
        """
        if re.fullmatch(_NESTED, self.payload):
            raise self.refused("nested", "it holds another JWT")
        # This also counts characters inside strings. It is fast, and no honest JWT comes near the
        # limit.
        if sum(map(self.payload.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise self.refused("too_large", "it holds over 30 000 values")
        return _read_object(self.payload, "claims", self.refused, known, maps)

    def check_rs256(self, keys: Sequence[PublicKey | str | bytes]) -> None:
        """Check that one of these public keys in PEM verifies the signature.

        Raises:
            ConfigurationError: There is no key, or one is not an RSA key in PEM.
            JwtError: The algorithm, a key or the signature is refused. The error is an instance of
                `refused`.
        """
        # Imported here because it is slow to import.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        loaded = [_public_key(key) for key in _listed(keys)]
        self._check_algorithm(RS256)
        for key in loaded:
            if key.key_size < SHORTEST_RSA_KEY:
                raise self.refused("weak_key", "the key has fewer than 2048 bits")
            try:
                key.verify(self.signature, self.signing_input, PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return
        raise self.refused("signature", "its signature does not match any configured key")

    def check_hs256(self, key: bytes) -> None:
        """Check that the signature was made with this shared key.

        Raises:
            JwtError: The algorithm or the signature is refused. The error is an instance of
                `refused`.
        """
        self._check_algorithm(HS256)
        if not hmac.compare_digest(hmac.digest(key, self.signing_input, "sha256"), self.signature):
            raise self.refused("signature", "its signature does not match the key")

    def _check_algorithm(self, expected: str) -> None:
        algorithm = self.header.get("alg")
        if algorithm == expected:
            return
        # If a JWT could choose HS256 in place of RS256, the public key would become the shared
        # secret.
        known = algorithm in ("none", HS256, RS256)
        code = f"algorithm_{str(algorithm).lower()}" if known else "algorithm"
        raise self.refused(
            code, f"its alg must be {expected}, because the key is for that algorithm"
        )


def read_compact(
    jwt: str | bytes, refused: type[JwtError], max_bytes: int | None = LARGEST_JWT
) -> CompactJws:
    """Read a JWS, and check its form and header, but not yet its signature or its claims.

    Args:
        jwt: The JWS itself, without whitespace or quotes around it.
        refused: The class of the error to raise if the JWS is refused.
        max_bytes: The maximum size of the JWS, in bytes; None for no limit, if the caller made the
            JWS.

    Raises:
        JwtError: The JWS is refused. The error is an instance of `refused`; `result_jwt` lists the
            codes.
    """
    header_text, payload_text, signature_text = _segments(jwt, refused, max_bytes)
    header = _read_object(_decoded(header_text, refused), "header", refused, _HEADER, {})
    _check_header(header, refused)
    return CompactJws(
        header,
        _decoded(payload_text, refused),
        signature=_decoded(signature_text, refused),
        signing_input=f"{header_text}.{payload_text}".encode("ascii"),
        refused=refused,
    )


def _segments(
    jwt: str | bytes, refused: type[JwtError], max_bytes: int | None
) -> tuple[str, str, str]:
    if not isinstance(jwt, str | bytes):
        raise refused("form", "it must be str or bytes")
    if max_bytes is not None and len(jwt) > max_bytes:
        raise refused(
            "too_large", f"it is over {max_bytes} bytes: ask for less, or raise the limit"
        )
    text = jwt if isinstance(jwt, str) else jwt.decode("latin-1")
    segments = text.split(".", _JWE_SEGMENTS)
    if len(segments) == _JWE_SEGMENTS:
        raise refused("encrypted", "it is encrypted (a JWE)")
    if len(segments) != _JWS_SEGMENTS:
        raise refused("form", "it must have three parts")
    header, payload, signature = segments
    if len(header) > _LARGEST_HEADER:
        raise refused("too_large", "its header is over 4 KiB")
    if (
        not all(re.fullmatch(_SEGMENT, segment) for segment in segments)
        or not header
        or not payload
    ):
        raise refused(
            "form",
            "it must consist of base64url characters and dots, with nothing before or after them",
        )
    return header, payload, signature


def _decoded(segment: str, refused: type[JwtError]) -> bytes:
    if len(segment) % 4 == 1:
        raise refused("base64", "a part is truncated")
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    # The unused bits at the end must be zero: other strings would decode to the same bytes.
    if (
        base64.urlsafe_b64encode(data[len(data) // 3 * 3 :]).rstrip(b"=").decode("ascii")
        != (segment[len(data) // 3 * 4 :])
    ):
        raise refused("base64", "the unused bits at the end of a part must be zero")
    return data


def _read_object(
    data: bytes,
    code: str,
    refused: type[JwtError],
    known: frozenset[str],
    maps: Mapping[str, int],
) -> dict[str, JsonValue]:
    try:
        value = read_json(data, unique_keys=True)
    except DuplicateKeyError:
        raise refused("duplicate_key", f"an object in the {code} has a key twice") from None
    except JsonTextError as error:
        raise refused(code, f"the {code} {error}") from None
    if not isinstance(value, dict):
        raise refused(code, f"the {code} must be a JSON object")
    if has_other_case(value, known):
        raise refused("other_case", f"a name in the {code} differs only in case from a known name")
    if has_twins(value, maps):
        raise refused(
            "duplicate_key", f"an object in the {code} has two keys that differ only in case"
        )
    return value


def _check_header(header: dict[str, JsonValue], refused: type[JwtError]) -> None:
    if "crit" in header:
        raise refused("critical", "it has `crit`, which requires an extension: none is supported")
    if "b64" in header:
        raise refused("b64", "it has `b64`, which encodes the payload in another way")
    if any(name in header for name in _KEYS_IN_HEADER):
        raise refused("key_in_header", "its header holds a key or a key's URL")
    if "zip" in header:
        raise refused("compressed", "it has `zip`, for a compressed payload")
    if "cty" in header:
        raise refused("nested", "it has `cty`, which announces another JWT inside")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise refused("kind", "its `typ` must be JWT")


def check_public_keys(keys: Sequence[object]) -> None:
    """Check public keys before they are needed.

    Raises:
        ConfigurationError: A key is not an RSA public key in PEM of 2048 bits or more.
    """
    for key in keys:
        if _public_key(key).key_size < SHORTEST_RSA_KEY:
            raise ConfigurationError("a public key must be an RSA key of 2048 bits or more")


def _listed(keys: object) -> Sequence[object]:
    if not isinstance(keys, list | tuple) or not keys:
        raise ConfigurationError("keys must be a list of one or more public keys in PEM")
    return keys


def _public_key(key: object) -> RSAPublicKey:
    pem = key.pem if isinstance(key, PublicKey) else key
    if not isinstance(pem, str | bytes):
        raise ConfigurationError(
            "a public key must be an RSA key in PEM, as str or bytes, or a PublicKey"
        )
    return load_public_key(pem)
