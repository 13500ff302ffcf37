"""Sign messages with attributes, and stamp signatures with the time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irma_testing.proofs.chance import Chance
from irma_testing.proofs.encoding import (
    der_bytes,
    der_integer,
    der_sequence,
    hash_number,
    json_number,
)
from irma_testing.proofs.made_scheme import TIME_STAMPS
from irma_testing.proofs.proving import Json, OpenProofs, Shown, default_indices

__all__ = ["TimeStamper", "sign_message", "signature_nonce", "stamped_content"]

CONTEXT = "https://irma.app/ld/signature/v2"
"""The `@context` of a signature in the current form; signatures from before 2019 lack it."""


@frozen
class TimeStamper:
    """A time-stamping server's key.

    Args:
        url: The server's URL, as in the scheme.
        seed: Any string; equal seeds give equal keys.
    """

    url: str = TIME_STAMPS
    seed: str = "time stamps"

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.seed.encode()).digest())

    @property
    def public_key(self) -> str:
        """Return the server's public key, which a verifier pins, in base64."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes, *, at: int) -> bytes:
        """Sign a hash together with a Unix time in seconds."""
        return self._key.sign(at.to_bytes(8) + content)

    def stamp(self, signature: bytes, *, at: int) -> Json:
        """Return the time stamp as JSON. `signature` is the result of `sign` for the same time."""
        return {
            "Time": at,
            "ServerUrl": self.url,
            "Sig": {
                "Alg": "ed25519",
                "Data": base64.b64encode(signature).decode(),
                "PublicKey": self.public_key,
            },
        }


def sign_message(
    message: str,
    shown: Sequence[Shown],
    chance: Chance,
    *,
    stamper: TimeStamper | None = None,
    at: int = 0,
    nonce: int = 7,
    context: int = 1,
    first_form: bool = False,
    indices: list[list[Json]] | None = None,
) -> Json:
    """Return an attribute-based signature as JSON.

    Args:
        message: The message.
        shown: The credentials to show, in order.
        chance: The source of random numbers.
        stamper: Stamps the signature; without a stamper, the signature has no time stamp.
        at: The time of the stamp, as Unix time in seconds.
        nonce: The session's nonce.
        context: The session's context.
        first_form: Whether to make the first form of signatures, which was in use until 2019.
        indices: The disclosed attributes for each disjunction, as pairs of indices; by default each
            credential answers one disjunction.
    """
    proofs = OpenProofs(shown, chance)
    signature: Json = {} if first_form else {"@context": CONTEXT}
    stamp: bytes | None = None
    if stamper:
        stamp = stamper.sign(stamped_content(message, proofs, first_form=first_form), at=at)
    bound = signature_nonce(message, nonce, stamp)
    signature |= {
        "signature": proofs.close(bound, context, is_signature=True),
        "indices": default_indices(shown) if indices is None else indices,
        "nonce": json_number(nonce),
        "context": json_number(context),
        "message": message,
    }
    if stamper and stamp:
        signature["timestamp"] = stamper.stamp(stamp, at=at)
    return signature


def signature_nonce(message: str, nonce: int, stamp: bytes | None = None) -> int:
    """Return the nonce of a signature's proofs, which binds them to the message.

    Args:
        message: The message.
        nonce: The session's nonce.
        stamp: The signature of the time-stamping server, if there is one.
    """
    numbers = [der_integer(nonce), der_integer(hash_number(message.encode()))]
    return hash_number(der_sequence(*numbers, *([] if stamp is None else [der_bytes(stamp)])))


def stamped_content(message: str, proofs: OpenProofs, *, first_form: bool = False) -> bytes:
    """Return the 32-byte hash that a time-stamping server signs."""
    shown: list[bytes] = []
    for each in proofs.shown:
        disclosed = each.disclosed
        if first_form:
            count = len(each.credential.numbers)
            numbers = [disclosed.get(index, 0) for index in range(count)]
            shown.append(der_sequence(*map(der_integer, numbers)))
        else:
            shown.append(der_integer(each.credential.key.represent(disclosed)))
    content = der_sequence(
        der_sequence(*map(der_integer, proofs.randomized)),
        der_bytes(hashlib.sha256(message.encode()).digest()),
        der_sequence(*shown),
    )
    return hashlib.sha256(content).digest()
