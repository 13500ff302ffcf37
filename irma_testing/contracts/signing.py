"""What tells whether a signer signed well, and whether a text tells a secret.

Belongs here: what the contract of signers compares with. Does not belong here: its tests
(`signer`).
"""

from __future__ import annotations

import base64
import hmac
import os
import select
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from irma_core.trust.signing import HS256, RS256

__all__ = ["in_child", "is_signature", "told"]

_HANGS: Final = 10.0
"""Seconds after which a child is taken to hang."""
_WHOLE_LINE: Final = 16


def is_signature(algorithm: str, key: str | bytes, data: bytes, signature: bytes) -> bool:
    """Say whether the key made the signature: a shared key for HS256, a public one for RS256."""
    encoded = key.encode() if isinstance(key, str) else key
    if algorithm == HS256:
        return hmac.compare_digest(hmac.digest(encoded, data, "sha256"), signature)
    assert algorithm == RS256, "a server knows HS256 and RS256 only"
    public_key = load_pem_public_key(encoded)
    assert isinstance(public_key, RSAPublicKey), "the verifying key is an RSA public key in PEM"
    try:
        public_key.verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def told(thing: object, secrets: Iterable[str | bytes]) -> str | None:
    """Give how a secret is told by a thing: in its texts, as it is, in hex or in base64."""
    texts = [f"{thing!r} {thing}"]
    if isinstance(thing, BaseException):
        texts += traceback.format_exception(thing)
    if isinstance(thing, bytes):
        texts.append(thing.decode("latin-1"))
    text = "\n".join(texts)
    return next((how for secret in secrets for how, form in _forms(secret) if form in text), None)


def _forms(secret: str | bytes) -> Iterator[tuple[str, str]]:
    data = secret.encode() if isinstance(secret, str) else secret
    lines = [line for line in data.decode("latin-1").splitlines() if "-----" not in line]
    for line in lines:  # a PEM is looked for line by line; the last one may be too short to tell
        if len(lines) == 1 or len(line) >= _WHOLE_LINE:
            yield "as it is", line
    yield "as it is", repr(data)[2:-1]
    yield "in hex", data.hex()
    yield "in base64", base64.b64encode(data).decode().rstrip("=")
    yield "in base64", base64.urlsafe_b64encode(data).decode().rstrip("=")


def in_child(act: Callable[[], str]) -> str:
    """Give what comes of an act in a forked child; or how it failed, died or hung."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of a fork beside threads; what a signer makes of one is the question.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        outcome = "it failed"
        try:
            outcome = act()
        except AssertionError as error:
            outcome = str(error)
        finally:  # never back into the test run
            os.write(writing, outcome.encode())
            os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], _HANGS)
    outcome = os.read(reading, 4096).decode() if ready else "it hangs"
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return outcome or "it died"
