"""Signing with a key in a token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from irma_signing_pkcs11.signer import AsyncPkcs11Signer, Pkcs11Signer
from irma_testing.contracts import AsyncSignerContract, SignerContract
from irma_testing.contracts.signer import is_signature
from pkcs11_tests.conftest import Tokens
from pkcs11_tests.softhsm import PIN, AskedPin, SoftHsm

IRMA = "token=irma;object=webshop"


class TestContract(SignerContract):
    """The signer passes the contract of signers."""

    secrets = (PIN,)

    @pytest.fixture(autouse=True)
    def token(self, softhsm: SoftHsm, tokens: Tokens) -> None:
        """Store SoftHSM and the key's public key for the contract."""
        self.softhsm, self.verifying_key = softhsm, tokens.webshop

    def make_signer(self) -> Pkcs11Signer:
        """Make a signer with the plugin's hook."""
        return self.softhsm.wire(IRMA)

    def make_failing_signer(self) -> Pkcs11Signer:
        """Make a signer and close it, so that it cannot sign."""
        signer = self.make_signer()
        signer.close()
        return signer


class TestAsyncContract(AsyncSignerContract):
    """The asyncio signer passes the contract of signers."""

    secrets = (PIN,)

    @pytest.fixture(autouse=True)
    def token(self, softhsm: SoftHsm, tokens: Tokens) -> None:
        """Store SoftHSM and the key's public key for the contract."""
        self.softhsm, self.verifying_key = softhsm, tokens.webshop

    def make_signer(self) -> AsyncPkcs11Signer:
        """Make a signer with the plugin's hook."""
        return self.softhsm.wire_async(IRMA)

    def make_failing_signer(self) -> AsyncPkcs11Signer:
        """Make a signer and close it, so that it cannot sign."""
        signer = self.softhsm.wire(IRMA)
        signer.close()
        return AsyncPkcs11Signer(signer)


def test_the_pin_comes_from_a_file(softhsm: SoftHsm, tokens: Tokens, tmp_path: Path) -> None:
    """The PIN is read from a file, without the newline at its end."""
    file = tmp_path / "pin"
    file.write_text(f"{PIN}\n")
    signer = softhsm.wire(f"{IRMA}?pin-source=file:{file}", pin=None)
    assert is_signature("RS256", tokens.webshop, b"x", signer.sign(b"x"))
    signer.close()


def test_the_pin_comes_from_a_function(softhsm: SoftHsm, tokens: Tokens) -> None:
    """The PIN function is called for each login, and the PIN is not cached."""
    pin = AskedPin()
    signer = softhsm.wire(IRMA, pin=pin)
    for _ in range(3):
        assert is_signature("RS256", tokens.webshop, b"x", signer.sign(b"x"))
    assert pin.asked == 1
    signer.close()


def test_id_selects_the_key(softhsm: SoftHsm, tokens: Tokens) -> None:
    """The id selects one of two keys with the same label."""
    signer = softhsm.wire("token=irma;object=changing;id=%ab")
    assert is_signature("RS256", tokens.new, b"x", signer.sign(b"x"))
    signer.close()


def test_serial_number_selects_the_token(softhsm: SoftHsm, tokens: Tokens) -> None:
    """The serial number selects one of two tokens with the same label."""
    for serial, public_key in tokens.twins.items():
        signer = softhsm.wire(f"token=twin;serial={serial};object=webshop")
        assert is_signature("RS256", public_key, b"x", signer.sign(b"x"))
        signer.close()


def test_signers_of_one_token_survive_each_others_close(softhsm: SoftHsm, tokens: Tokens) -> None:
    """A signer logs in again after another signer has logged the token out."""
    first, second, third = (softhsm.wire(IRMA) for _ in range(3))
    first.close()
    for signer in (second, third, second):
        assert is_signature("RS256", tokens.webshop, b"x", signer.sign(b"x"))
    second.close()
    assert is_signature("RS256", tokens.webshop, b"x", third.sign(b"x"))
    third.close()


def test_threads_that_lose_the_login_at_once_all_sign(softhsm: SoftHsm, tokens: Tokens) -> None:
    """After a lost login one thread logs in again, and all threads sign."""
    inputs = [str(number).encode() for number in range(40)]
    for _ in range(5):
        pin = AskedPin()
        signer = softhsm.wire(IRMA, pin=pin)
        with ThreadPoolExecutor(20) as threads:
            for _ in range(2):
                softhsm.log_out("irma")
                for data, signature in zip(inputs, threads.map(signer.sign, inputs), strict=True):
                    assert is_signature("RS256", tokens.webshop, data, signature)
        assert pin.asked == 3
        signer.close()


def test_more_threads_than_sessions_wait_for_a_turn(softhsm: SoftHsm, tokens: Tokens) -> None:
    """Threads take turns if a token has fewer sessions."""
    signer = softhsm.wire(IRMA)
    inputs = [str(number).encode() for number in range(200)]
    with ThreadPoolExecutor(50) as threads:
        for data, signature in zip(inputs, threads.map(signer.sign, inputs), strict=True):
            assert is_signature("RS256", tokens.webshop, data, signature)
    signer.close()
