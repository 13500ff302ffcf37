"""A compact JWS (RFC 7515) read so that only one text stands for what was signed.

Belongs here: form, base64, header and signature, in this order, whatever the claims are. Does not
belong here: the claims (`result_jwt`).

The form is checked by hand, as JOSE libraries decode first and leniently: a JWS whose base64 has
spare bits, or whose header has a key twice, is taken by some of them and not by others. The
signature is cryptography's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from irma_core.errors import ConfigurationError, ResultJwtError
from irma_core.models.json_text import DuplicateKeyError, JsonTextError, JsonValue, read_json

if TYPE_CHECKING:
    # cryptography costs 60 ms to import; who verifies nothing does not pay.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["read_signed_claims"]

LARGEST_JWT: Final = 1024 * 1024
_SHORTEST_KEY = 2048
_SEGMENT = re.compile(r"[A-Za-z0-9_-]*")
_NESTED = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_JWS_SEGMENTS, _JWE_SEGMENTS = 3, 5
_KEYS_IN_HEADER = ("jwk", "jku", "x5u", "x5c")


def read_signed_claims(jwt: str | bytes, keys: Sequence[str | bytes]) -> dict[str, JsonValue]:
    """Give the claims of a JWS that one of the keys made, by RS256.

    Args:
        jwt: The text, and nothing around it.
        keys: Public keys in PEM; several during a change of keys.

    Raises:
        ResultJwtError: It is refused; codes as in `result_jwt`.
        ConfigurationError: No key, or one that is no RSA key in PEM.
    """
    header_text, payload_text, signature_text = _segments(jwt)
    header = _read_object(_decoded(header_text), "header")
    _check_header(header)
    signature, payload = _decoded(signature_text), _decoded(payload_text)
    _check_signature(f"{header_text}.{payload_text}".encode("ascii"), signature, keys)
    if _NESTED.fullmatch(payload):
        raise ResultJwtError("nested", "it holds another JWT")
    return _read_object(payload, "claims")


def _segments(jwt: str | bytes) -> tuple[str, str, str]:
    if not isinstance(jwt, str | bytes):
        raise ResultJwtError("form", "it is no text")
    if len(jwt) > LARGEST_JWT:
        raise ResultJwtError("too_large", "it is over 1 MiB")
    text = jwt if isinstance(jwt, str) else jwt.decode("latin-1")
    segments = text.split(".", _JWE_SEGMENTS)
    if len(segments) == _JWE_SEGMENTS:
        raise ResultJwtError("encrypted", "it is a JWE")
    if len(segments) != _JWS_SEGMENTS:
        raise ResultJwtError("form", "it has not three parts")
    header, payload, signature = segments
    if not all(_SEGMENT.fullmatch(segment) for segment in segments) or not header or not payload:
        raise ResultJwtError("form", "it holds what no JWT holds, or something around it")
    return header, payload, signature


def _decoded(segment: str) -> bytes:
    if len(segment) % 4 == 1:
        raise ResultJwtError("base64", "a part is cut off")
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    # Spare bits at the end are zero in the one right text; others decode to the same bytes.
    if (
        base64.urlsafe_b64encode(data[len(data) // 3 * 3 :]).rstrip(b"=").decode("ascii")
        != (segment[len(data) // 3 * 4 :])
    ):
        raise ResultJwtError("base64", "a part is not in the one form that its bytes have")
    return data


def _read_object(data: bytes, code: str) -> dict[str, JsonValue]:
    try:
        value = read_json(data, unique_keys=True)
    except DuplicateKeyError:
        raise ResultJwtError("duplicate_key", f"an object of the {code} has a key twice") from None
    except JsonTextError as error:
        raise ResultJwtError(code, f"the {code} {error}") from None
    if not isinstance(value, dict):
        raise ResultJwtError(code, f"the {code} must be a JSON object")
    return value


def _check_header(header: dict[str, JsonValue]) -> None:
    if "crit" in header:
        raise ResultJwtError("critical", "it demands an extension; none is known")
    if "b64" in header:
        raise ResultJwtError("b64", "its payload is not encoded as usual")
    if any(name in header for name in _KEYS_IN_HEADER):
        raise ResultJwtError("key_in_header", "it brings its own key")
    if "cty" in header:
        raise ResultJwtError("nested", "it says that it holds another JWT")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise ResultJwtError("kind", "it is a JWT of another kind")
    algorithm = header.get("alg")
    if algorithm in ("none", "HS256"):
        # With HS256 the public key would be the secret that everybody knows.
        raise ResultJwtError(f"algorithm_{str(algorithm).lower()}", "results are signed by RS256")
    if algorithm != "RS256":
        raise ResultJwtError("algorithm", "results are signed by RS256")


def _check_signature(signing_input: bytes, signature: bytes, keys: Sequence[str | bytes]) -> None:
    # Imported here, as at the top of the module.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    if isinstance(keys, str | bytes) or not keys:
        raise ConfigurationError("keys: a list of the server's public keys in PEM")
    for key in map(_public_key, keys):
        try:
            key.verify(signature, signing_input, PKCS1v15(), SHA256())
        except InvalidSignature:
            continue
        return
    raise ResultJwtError("signature", "none of the server's keys made its signature")


@lru_cache(maxsize=64)
def _public_key(pem: str | bytes) -> RSAPublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise ConfigurationError("a server's key must be an RSA public key in PEM")
    if key.key_size < _SHORTEST_KEY:
        raise ResultJwtError("weak_key", "the server's key has less than 2048 bits")
    return key
