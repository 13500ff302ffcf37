"""The library's own signers pass the public contract of signers, and bad signers fail it."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from irma_core import HmacSigner, RsaSigner
from irma_core.trust.signing import AsyncSigner
from irma_testing.contracts import AsyncSignerContract, SignerContract
from irma_testing.contracts import signer as contract_tools
from irma_transport_aiohttp import in_thread
from tests.rsa_keys import RSA_KEY

KEY = b"a shared key of thirty-two bytes"
PEM = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class TestHmacSigner(SignerContract):
    """HS256 with a key in memory."""

    verifying_key = KEY

    def make_signer(self) -> HmacSigner:
        return HmacSigner(KEY)


class TestRsaSigner(SignerContract):
    """RS256 with a key in memory."""

    verifying_key = PUBLIC_PEM
    secrets = (PEM,)

    def make_signer(self) -> RsaSigner:
        return RsaSigner(PEM)


class TestOnThread(AsyncSignerContract):
    """A signer that blocks and is moved to a thread."""

    verifying_key = PUBLIC_PEM.decode()
    secrets = (PEM,)

    def make_signer(self) -> AsyncSigner:
        return in_thread(RsaSigner(PEM))


class BadSigner:
    """A correct HS256 signer, of which each subclass breaks one property."""

    algorithm = "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        return hmac.digest(KEY, signing_input, "sha256")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Constant(BadSigner):
    """Returns the same signature for every input."""

    def sign(self, signing_input: bytes) -> bytes:
        return bytes(32)


class Encoded(BadSigner):
    """Returns a string instead of bytes."""

    def sign(self, signing_input: bytes) -> Any:
        return super().sign(signing_input).hex()


class TooSmall(BadSigner):
    """Signs only a part of a large input."""

    def sign(self, signing_input: bytes) -> bytes:
        return super().sign(signing_input[:65536])


class OneAtATime(BadSigner):
    """Keeps its input where the next thread overwrites it."""

    kept = b""

    def sign(self, signing_input: bytes) -> bytes:
        self.kept = signing_input
        time.sleep(0.001)
        return super().sign(self.kept)


class Talkative(BadSigner):
    """Shows its key."""

    def __repr__(self) -> str:
        return f"<Talkative {KEY.hex()}>"


class Portable(BadSigner):
    """Includes its key when it is pickled."""

    def __init__(self) -> None:
        self.key = KEY


class Explaining(BadSigner):
    """Shows its input if it cannot sign it."""

    def sign(self, signing_input: bytes) -> bytes:
        raise ValueError(f"cannot sign {signing_input!r}")


class Behind(BadSigner):
    """Fails with its key in the cause of its error."""

    def sign(self, signing_input: bytes) -> bytes:
        raise RuntimeError("the service is down") from ValueError(KEY.decode())


class Fickle(BadSigner):
    """Signs differently in a child process."""

    def __init__(self) -> None:
        self.process = os.getpid()

    def sign(self, signing_input: bytes) -> bytes:
        return super().sign(signing_input) if os.getpid() == self.process else b"garbage"


class Hanging(Fickle):
    """Waits for its parent in a child process."""

    def sign(self, signing_input: bytes) -> bytes:
        if os.getpid() != self.process:
            time.sleep(60)
        return super().sign(signing_input)


class Changing(BadSigner):
    """Changes its algorithm."""

    algorithm = "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        self.algorithm = "RS256"
        return super().sign(signing_input)


BAD: list[tuple[Callable[[], BadSigner], str]] = [
    (Constant, "signatures_verify"),
    (Constant, "server_accepts_signature"),
    (Encoded, "signatures_verify"),
    (TooSmall, "signatures_verify"),
    (OneAtATime, "concurrent_calls"),
    (Talkative, "repr_contains_no_secret"),
    (Portable, "pickle_contains_no_secret"),
    (Explaining, "failure_contains_no_secret"),
    (Behind, "failure_contains_no_secret"),
    (BadSigner, "failure_contains_no_secret"),
    (Fickle, "fork"),
    (Hanging, "fork"),
    (Changing, "algorithm_is_constant"),
]


@pytest.mark.parametrize(("make", "test"), BAD)
def test_contract_rejects_a_bad_signer(
    make: Callable[[], BadSigner], test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bad signer fails the test that is meant for its fault."""
    monkeypatch.setattr(contract_tools, "_CHILD_TIMEOUT", 0.5)

    class Contract(SignerContract):
        verifying_key = KEY

        def make_signer(self) -> BadSigner:
            return make()

        def make_failing_signer(self) -> BadSigner:
            return make()

    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        getattr(Contract(), f"test_{test}")()
    assert not isinstance(caught.value, AttributeError | pytest.skip.Exception)


def test_contract_rejects_a_signer_broken_by_cancelling() -> None:
    """The contract finds a signer that hangs after a cancelled call."""

    class Stuck(BadSigner):
        busy = False

        async def sign(self, signing_input: bytes) -> bytes:  # type: ignore[override]  # awaited
            if self.busy:
                raise RuntimeError("busy")
            self.busy = True
            await asyncio.sleep(0.01)
            self.busy = False
            return super().sign(signing_input)

    class Contract(AsyncSignerContract):
        verifying_key = KEY

        def make_signer(self) -> Any:
            return Stuck()

    Contract().test_algorithm_is_constant()
    with pytest.raises(RuntimeError, match="busy"):
        Contract().test_cancelled_calls_are_harmless()
