"""A compact JWS (RFC 7515) read so that only one text stands for what was signed.

Belongs here: form, base64, header and signature, in this order, whatever the claims are. Does not
belong here: the claims (`result_jwt`).

The form is checked by hand, as JOSE libraries decode first and leniently: a JWS whose base64 has
spare bits, or whose header has a key twice, is taken by some of them and not by others. The
signature is cryptography's.
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
from irma_core.wire.go_names import has_other_case, has_twins

if TYPE_CHECKING:
    # cryptography costs 60 ms to import; who verifies nothing does not pay.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["CompactJws", "check_public_keys", "read_compact"]

LARGEST_JWT: Final = 1024 * 1024
_LARGEST_HEADER = 4096  # it is read before the signature: anybody can make us read it
_SEGMENT = re.compile(r"[A-Za-z0-9_-]*")
_NESTED = re.compile(rb"\A[A-Za-z0-9_-]++(\.[A-Za-z0-9_-]*+){2}((\.[A-Za-z0-9_-]*+){2})?")
_MOST_VALUES = 30_000  # 1 MiB of small values takes three times as long as any that a server sends
_JWS_SEGMENTS, _JWE_SEGMENTS = 3, 5
_KEYS_IN_HEADER = ("jwk", "jku", "x5u", "x5c")
_HEADER = frozenset({"alg", "b64", "crit", "cty", "kid", "typ", "zip", *_KEYS_IN_HEADER})


@final
@attrs.frozen
class CompactJws:
    """A JWS whose form and header are right, and whose signature is not looked at yet.

    Args:
        header: The header.
        payload: What was signed.
        signature: By whom, is to be found out.
        signing_input: What the signature is over.
        refused: The error that this kind of JWT is refused by.
    """

    header: dict[str, JsonValue]
    payload: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False, kw_only=True)
    signing_input: bytes = attrs.field(repr=False, kw_only=True)
    refused: type[JwtError] = attrs.field(kw_only=True)

    def claims(self, known: frozenset[str], maps: Mapping[str, int]) -> dict[str, JsonValue]:
        """Read the claims; for after the signature.

        Args:
            known: The names of claims that count, none of which may stand there in another case.
            maps: As `has_twins` takes them.
        """
        if _NESTED.fullmatch(self.payload):
            raise self.refused("nested", "it holds another JWT")
        # Those within texts are counted too, which takes no time, and no honest JWT comes near.
        if sum(map(self.payload.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise self.refused("too_large", "it holds over 30 000 values")
        return _read_object(self.payload, "claims", self.refused, known, maps)

    def check_rs256(self, keys: Sequence[PublicKey | str | bytes]) -> None:
        """Check that one of these keys made the signature: public keys in PEM.

        Raises:
            ConfigurationError: No key, or one that is no RSA key in PEM.
        """
        # Imported here, as at the top of the module.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        loaded = [_public_key(key) for key in _listed(keys)]
        self._check_algorithm(RS256)
        for key in loaded:
            if key.key_size < SHORTEST_RSA_KEY:
                raise self.refused("weak_key", "the key has less than 2048 bits")
            try:
                key.verify(self.signature, self.signing_input, PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return
        raise self.refused("signature", "none of the keys made its signature")

    def check_hs256(self, key: bytes) -> None:
        """Check that this shared key made the signature."""
        self._check_algorithm(HS256)
        if not hmac.compare_digest(hmac.digest(key, self.signing_input, "sha256"), self.signature):
            raise self.refused("signature", "the key did not make its signature")

    def _check_algorithm(self, expected: str) -> None:
        algorithm = self.header.get("alg")
        if algorithm == expected:
            return
        # With HS256 for RS256 the public key would be the secret, and everybody knows it.
        known = algorithm in ("none", HS256, RS256)
        code = f"algorithm_{str(algorithm).lower()}" if known else "algorithm"
        raise self.refused(code, f"the key is for {expected}")


def read_compact(
    jwt: str | bytes, refused: type[JwtError], max_bytes: int | None = LARGEST_JWT
) -> CompactJws:
    """Read a JWS up to its header.

    Args:
        jwt: The text, and nothing around it.
        refused: What to refuse it by.
        max_bytes: The size from which it is not looked at; None where the caller made it.

    Raises:
        JwtError: Of that class; codes as in `result_jwt`.
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
        raise refused("form", "it is no text")
    if max_bytes is not None and len(jwt) > max_bytes:
        raise refused(
            "too_large", f"it is over {max_bytes} bytes: ask for less, or raise the limit"
        )
    text = jwt if isinstance(jwt, str) else jwt.decode("latin-1")
    segments = text.split(".", _JWE_SEGMENTS)
    if len(segments) == _JWE_SEGMENTS:
        raise refused("encrypted", "it is a JWE")
    if len(segments) != _JWS_SEGMENTS:
        raise refused("form", "it has not three parts")
    header, payload, signature = segments
    if len(header) > _LARGEST_HEADER:
        raise refused("too_large", "its header is over 4 KiB")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments) or not header or not payload:
        raise refused("form", "it holds what no JWT holds, or something around it")
    return header, payload, signature


def _decoded(segment: str, refused: type[JwtError]) -> bytes:
    if len(segment) % 4 == 1:
        raise refused("base64", "a part is cut off")
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    # Spare bits at the end are zero in the one right text; others decode to the same bytes.
    if (
        base64.urlsafe_b64encode(data[len(data) // 3 * 3 :]).rstrip(b"=").decode("ascii")
        != (segment[len(data) // 3 * 4 :])
    ):
        raise refused("base64", "a part is not in the one form that its bytes have")
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
        raise refused("duplicate_key", f"an object of the {code} has a key twice") from None
    except JsonTextError as error:
        raise refused(code, f"the {code} {error}") from None
    if not isinstance(value, dict):
        raise refused(code, f"the {code} must be a JSON object")
    if has_other_case(value, known):
        raise refused("other_case", f"a name in the {code} is a known one in another case")
    if has_twins(value, maps):
        raise refused("duplicate_key", f"an object of the {code} has a key twice, in two cases")
    return value


def _check_header(header: dict[str, JsonValue], refused: type[JwtError]) -> None:
    if "crit" in header:
        raise refused("critical", "it demands an extension; none is known")
    if "b64" in header:
        raise refused("b64", "its payload is not encoded as usual")
    if any(name in header for name in _KEYS_IN_HEADER):
        raise refused("key_in_header", "it brings its own key")
    if "zip" in header:
        raise refused("compressed", "it says that its payload is compressed")
    if "cty" in header:
        raise refused("nested", "it says that it holds another JWT")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise refused("kind", "it is a JWT of another kind")


def check_public_keys(keys: Sequence[object]) -> None:
    """Check keys before they are needed.

    Raises:
        ConfigurationError: One is no RSA public key of 2048 bits or more in PEM.
    """
    for key in keys:
        if _public_key(key).key_size < SHORTEST_RSA_KEY:
            raise ConfigurationError("a public key must be RSA of 2048 bits or more")


def _listed(keys: object) -> Sequence[object]:
    if not isinstance(keys, list | tuple) or not keys:
        raise ConfigurationError("keys must be a list of public keys in PEM, with one or more")
    return keys


def _public_key(key: object) -> RSAPublicKey:
    pem = key.pem if isinstance(key, PublicKey) else key
    if not isinstance(pem, str | bytes):
        raise ConfigurationError("a public key must be RSA in PEM, as str or bytes, or a PublicKey")
    return load_public_key(pem)
