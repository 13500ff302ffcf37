"""Time stamps of signatures, which show that proofs and a message existed at a certain time.

Source: irmago `SignedMessage.VerifyTimestamp`; bwesterb/go-atum.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeAlias, final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from irma_core.errors import ConfigurationError, ProofError
from irma_core.json_text import JsonValue
from irma_core.models.arguments import check_instance
from irma_proofs.disclosure_proof import DisclosureProof
from irma_proofs.numbers import der_integer, der_octets, der_sequence, read_bytes
from irma_proofs.proof_json import LAST_SECOND, read_integer, read_members
from irma_proofs.schemes import Schemes

__all__ = [
    "TimeStamp",
    "TimeStampKeys",
    "check_not_before",
    "read_time_stamp",
    "read_time_stamp_keys",
    "same_server",
    "time_stamp_server",
    "verify_time_stamp",
]

TimeStampKeys: TypeAlias = Mapping[str, Iterable[str | bytes]]
"""The Ed25519 keys of time-stamping servers, by URL: each as 32 bytes, or in base64."""

_KEY_LENGTH: Final = 32
_SIGNATURE_LENGTH: Final = 64
_TIME_LENGTH: Final = 8
_STATUS: Final = "INVALID_TIMESTAMP"


@final
@attrs.frozen
class TimeStamp:
    """A time stamp whose form has been checked.

    Args:
        time: The time, in Unix seconds.
        signature: The signature of the time-stamping server.
        public_key: The key with which the server claims to have signed.
    """

    time: int
    signature: bytes
    public_key: bytes


def read_time_stamp(value: JsonValue, path: str) -> TimeStamp:
    """Return a time stamp, given its JSON.

    Raises:
        ProofError: The time stamp does not have the right form.
    """
    members = read_members(
        value,
        path,
        required=frozenset({"Time", "ServerUrl", "Sig"}),
        optional=frozenset({"Hashing"}),
    )
    check_no_hashing(members, path)
    # `ServerUrl` is ignored, because the scheme says which server must sign.
    inner = f"{path}.Sig"
    sig = read_members(members["Sig"], inner, required=frozenset({"Alg", "Data", "PublicKey"}))
    check_algorithm(sig["Alg"], inner)
    stamp = TimeStamp(
        time=read_integer(members["Time"], f"{path}.Time", most=LAST_SECOND),
        signature=read_bytes(sig["Data"], f"{inner}.Data", most=_SIGNATURE_LENGTH),
        public_key=read_bytes(sig["PublicKey"], f"{inner}.PublicKey", most=_KEY_LENGTH),
    )
    check_lengths(stamp, inner)
    return stamp


def read_time_stamp_keys(keys: TimeStampKeys) -> dict[str, frozenset[bytes]]:
    """Return the pinned keys of each time-stamping server.

    Raises:
        ConfigurationError: The setting is not a mapping of URLs to keys, or a key is neither 32
            bytes nor the base64 of 32 bytes.
    """
    check_instance(keys, Mapping, "time_stamps", "a mapping of URLs to lists of keys")
    return {_server(url): frozenset(map(_key, _list(values))) for url, values in keys.items()}


def _server(url: object) -> str:
    if not isinstance(url, str):
        raise ConfigurationError("time_stamps: must map URLs of servers to lists of keys")
    return same_server(url)


def _list(values: object) -> list[object]:
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise ConfigurationError("time_stamps: each URL must have a list of keys")
    return list(values)


def time_stamp_server(proofs: Sequence[DisclosureProof], schemes: Schemes) -> str:
    """Return the URL of the time-stamping server that the credentials' schemes name.

    Raises:
        ProofError: The schemes name several servers, or one of them names no server.
    """
    found = {schemes.scheme(proof.credential_type.scheme) for proof in proofs}
    urls = {scheme.time_stamp_server if scheme is not None else "" for scheme in found}
    if len(urls) != 1 or "" in urls:
        raise ProofError(
            "timestamp",
            "the schemes of the credentials must have the same time-stamping server",
            check="time_stamp_server",
            status=_STATUS,
        )
    return urls.pop()


def verify_time_stamp(
    stamp: TimeStamp,
    proofs: Sequence[DisclosureProof],
    message: str,
    *,
    keys: frozenset[bytes],
    server: str,
    is_first_form: bool,
) -> None:
    """Check that a pinned key signed the time, together with the proofs and the message.

    Args:
        stamp: The time stamp.
        proofs: The proofs that the time stamp covers.
        message: The message that the time stamp covers.
        keys: The pinned keys of the server.
        server: The server's URL, for error messages.
        is_first_form: Whether the signature has the form that was used until 2019.

    Raises:
        ProofError: The key is not pinned, or did not sign the time, the proofs and the message.
    """
    check_pinned_key(stamp, keys, server)
    content = der_sequence(
        [
            der_sequence(der_integer(proof.a) for proof in proofs),
            der_octets(sha256(message.encode()).digest()),
            der_sequence(
                _numbers(proof) if is_first_form else der_integer(proof.product) for proof in proofs
            ),
        ]
    )
    signed = stamp.time.to_bytes(_TIME_LENGTH, "big") + sha256(content).digest()
    check_stamp_signature(stamp, signed)


def _numbers(proof: DisclosureProof) -> bytes:
    """Return the DER of a proof's attributes, with 0 in place of each hidden attribute."""
    indices = range(proof.credential_type.number_of_indices)
    return der_sequence(der_integer(proof.disclosed.get(i, 0)) for i in indices)


def check_no_hashing(members: Mapping[str, JsonValue], path: str) -> None:
    """Check that the time stamp has no `Hashing`, which the app never requests.

    Raises:
        ProofError: The check fails.
    """
    if "Hashing" in members:
        raise ProofError(f"{path}.Hashing", "is not supported", check="no_hashing", status=_STATUS)


def check_algorithm(algorithm: JsonValue, path: str) -> None:
    """Check that the time stamp is signed with Ed25519; XMSS is not supported.

    Raises:
        ProofError: The time stamp is signed with a different algorithm.
    """
    if algorithm != "ed25519":
        raise ProofError(
            f"{path}.Alg",
            "must be ed25519; other algorithms, such as XMSSMT, are not supported",
            check="algorithm",
            status=_STATUS,
        )


def check_lengths(stamp: TimeStamp, path: str) -> None:
    """Check that the signature and the key have the lengths that Ed25519 requires.

    Raises:
        ProofError: The check fails.
    """
    if len(stamp.signature) != _SIGNATURE_LENGTH or len(stamp.public_key) != _KEY_LENGTH:
        raise ProofError(
            path,
            f"Data must be {_SIGNATURE_LENGTH} bytes long, and PublicKey {_KEY_LENGTH}",
            check="lengths",
            status=_STATUS,
        )


def check_pinned_key(stamp: TimeStamp, keys: frozenset[bytes], server: str) -> None:
    """Check that the caller has pinned the key of the time stamp.

    Raises:
        ProofError: The check fails.
    """
    if stamp.public_key not in keys:
        raise ProofError(
            "timestamp.Sig.PublicKey",
            f"is not among the keys given in time_stamps for {server}",
            check="pinned_key",
            status=_STATUS,
        )


def check_stamp_signature(stamp: TimeStamp, signed: bytes) -> None:
    """Check that the time-stamping server signed the time, the proofs and the message.

    Raises:
        ProofError: The check fails.
    """
    try:
        # An unsuitable key also fails here, because it cannot verify anything.
        Ed25519PublicKey.from_public_bytes(stamp.public_key).verify(stamp.signature, signed)
    except InvalidSignature:
        raise ProofError(
            "timestamp",
            "is not valid for this time, these proofs and this message",
            check="stamp_signature",
            status=_STATUS,
        ) from None


def check_not_before(stamp: TimeStamp, not_before: datetime) -> None:
    """Check that the time stamp is not earlier than a given time, such as the start of a session.

    Time stamps have whole seconds, so the whole second that contains the given time is accepted.

    Raises:
        ProofError: The check fails.
    """
    if stamp.time < int(not_before.timestamp()):
        raise ProofError(
            "timestamp.Time", "is earlier than not_before", check="not_before", status=_STATUS
        )


def same_server(url: str) -> str:
    """Return a URL without trailing slashes, so that it can be compared with others."""
    return url.rstrip("/")


def _key(value: object) -> bytes:
    data = value
    if isinstance(value, str):
        try:
            data = b64decode(value, validate=True)
        except (Base64Error, ValueError):
            data = None
    if not isinstance(data, bytes) or len(data) != _KEY_LENGTH:
        raise ConfigurationError(
            f"time_stamps: each key must be {_KEY_LENGTH} bytes, either raw or in base64"
        )
    return data
