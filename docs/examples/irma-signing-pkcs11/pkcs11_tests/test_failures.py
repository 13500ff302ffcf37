"""Errors about a token name the problem and contain neither its PIN nor its URI."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pkcs11 import Attribute, KeyType, MechanismFlag, Token

from irma_core.errors import ConfigurationError, IrmaError, SigningError
from irma_core.interfaces import Secret
from irma_signing_pkcs11.module import load_module
from irma_testing.contracts.signer import is_signature
from pkcs11_tests.conftest import Tokens
from pkcs11_tests.softhsm import PIN, AskedPin, SoftHsm

IRMA = "token=irma;object=webshop"
WRONG = "9999-wrong-9999"


def message_of(kind: type[IrmaError], call: Callable[[], object], uri: str) -> str:
    """Return the message of the expected error, which contains neither the PIN nor the URI."""
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    message = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for secret in (PIN, WRONG, uri, *(part for part in uri.split(";") if part)):
        assert secret not in message
    return str(caught.value)


def refused(softhsm: SoftHsm, uri: str, pin: Secret | None = PIN, module: str = "") -> str:
    """Return the message of the error that making a signer raises."""
    return message_of(
        ConfigurationError, lambda: softhsm.wire(uri, pin=pin, module=module).close(), uri
    )


def test_module_must_be_a_library(softhsm: SoftHsm, tmp_path: Path) -> None:
    """A module must be the absolute path of a PKCS#11 library."""
    text = tmp_path / "module.so"
    text.write_text("not a library")
    missing = f"{tmp_path}/missing.so"
    assert "no file at" in refused(softhsm, IRMA, module=missing)
    assert "is it a PKCS#11 module?" in refused(softhsm, IRMA, module=str(text))
    assert "absolute path" in refused(softhsm, IRMA, module="libsofthsm2.so")


def test_wrong_pin_is_sent_once(softhsm: SoftHsm) -> None:
    """A wrong PIN is sent once, because a token locks itself after some tries."""
    assert "the PIN is wrong" in refused(softhsm, IRMA, pin=WRONG)
    assert "the PIN is wrong" in refused(softhsm, IRMA, pin="1")
    pin = AskedPin()
    signer = softhsm.wire(IRMA, pin=pin)
    pin.text = WRONG
    softhsm.log_out("irma")
    for _ in range(3):
        message = message_of(SigningError, lambda: signer.sign(b"x"), IRMA)
        assert "the PIN is wrong; it is not sent again" in message
        assert "open the signer again" in message
    assert pin.asked == 2
    signer.close()


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("", "the PIN is empty"),
        ("\r\n", "the PIN is empty"),
        (f"\ufeff{PIN}", "a byte order mark"),
        (f"{PIN} ", "whitespace"),
        (f"{PIN} \n", "whitespace"),
        (f"\t{PIN}", "whitespace"),
        (f"{PIN}\n{PIN}", "a control character"),
        (f"{PIN}\0", "a control character"),
    ],
)
def test_impossible_pin_is_not_sent(softhsm: SoftHsm, tmp_path: Path, pin: str, why: str) -> None:
    """A PIN of an impossible form, from a secret or a file, uses up no try."""
    file = tmp_path / "pin"
    file.write_bytes(pin.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Token, "open", never_with_pin(Token.open))
        for message in (
            refused(softhsm, IRMA, pin=lambda: pin),
            refused(softhsm, f"{IRMA}?pin-source=file:{file}", pin=None),
        ):
            assert why in message
            assert "was not sent" in message


def never_with_pin(open_session: Callable[..., Any]) -> Callable[..., Any]:
    """Replace `Token.open` with a function that fails if it receives a PIN."""

    def open_without(*given: Any, **named: Any) -> Any:
        assert "user_pin" not in named
        return open_session(*given, **named)

    return open_without


def test_key_that_always_needs_the_pin(softhsm: SoftHsm) -> None:
    """A key that needs the PIN for each signature is refused when the signer is made."""
    signer = softhsm.wire(IRMA)
    module = load_module(str(softhsm.module))
    with module.get_token(token_label="irma").open(rw=True) as session:
        session.generate_keypair(
            KeyType.RSA,
            2048,
            label="careful",
            store=True,
            private_template={Attribute.TOKEN: True, Attribute.ALWAYS_AUTHENTICATE: True},
        )
    assert "CKA_ALWAYS_AUTHENTICATE" in refused(softhsm, "token=irma;object=careful")
    signer.close()


def test_failing_pin_function(softhsm: SoftHsm) -> None:
    """If the PIN function raises, the error names the type and omits its message."""

    def broken() -> str:
        raise OSError(f"no vault for {PIN}")

    assert "'pkcs11-pin' failed: OSError" in refused(softhsm, IRMA, pin=broken)
    assert "the PIN cannot be read: UnicodeDecodeError" in refused(softhsm, IRMA, pin=b"\xff")
    missing = f"{IRMA}?pin-source=file:/nowhere/pin"
    assert "the PIN cannot be read: FileNotFoundError" in refused(softhsm, missing, pin=None)


def test_pin_has_one_source(softhsm: SoftHsm) -> None:
    """A signer is refused without a PIN and with two sources of a PIN."""
    assert "give the PIN once" in refused(softhsm, IRMA, pin=None)
    assert "give the PIN once" in refused(softhsm, f"{IRMA}?pin-source=file:/run/pin")


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("token=irmaaa;object=webshop", "no token has that name"),
        ("token=irma;serial=00;object=webshop", "no token has that name"),
        ("token=irma;object=webshopp", "the token has no private key with that name"),
        ("token=irma;object=webshop;id=%99", "the token has no private key with that name"),
        ("token=irma;object=changing", "several private keys have that name"),
        ("token=twin;object=webshop", "several tokens have that name"),
        ("token=irma;object=short", "RS256 needs an RSA key of 2048 bits or more"),
        ("token=irma;object=elliptic", "RS256 needs an RSA key of 2048 bits or more"),
    ],
)
def test_missing_key_is_refused(softhsm: SoftHsm, uri: str, why: str) -> None:
    """A missing, ambiguous or weak key is refused when the signer is made."""
    assert why in refused(softhsm, uri)


def test_missing_key_beside_an_open_login(softhsm: SoftHsm) -> None:
    """A missing key is reported even while another signer is logged in, which can still sign."""
    signer = softhsm.wire(IRMA)
    assert "no private key with that name" in refused(softhsm, "token=irma;object=webshopp")
    signer.sign(b"x")
    signer.close()


def test_key_that_may_not_sign(softhsm: SoftHsm) -> None:
    """A key that may only decrypt is refused."""
    signer = softhsm.wire(IRMA)
    module = load_module(str(softhsm.module))
    with module.get_token(token_label="irma").open(rw=True) as session:
        session.generate_keypair(
            KeyType.RSA,
            2048,
            label="decrypts",
            store=True,
            capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
        )
    assert "may not sign" in refused(softhsm, "token=irma;object=decrypts")
    signer.close()


def test_removed_token(softhsm: SoftHsm, tokens: Tokens) -> None:
    """Signing fails while a token is removed, and other tokens still sign."""
    uri = "token=leaving;object=webshop"
    signer, other = softhsm.wire(uri), softhsm.wire(IRMA)
    assert is_signature("RS256", tokens.leaving, b"x", signer.sign(b"x"))
    for directory in softhsm.tokens.iterdir():
        if b"leaving" in (directory / "token.object").read_bytes():
            shutil.rmtree(directory)
    for _ in range(2):
        message = message_of(SigningError, lambda: signer.sign(b"x"), uri)
        assert "no token has that name" in message
    assert is_signature("RS256", tokens.webshop, b"x", other.sign(b"x"))
    assert "no token has that name" in refused(softhsm, uri)
    signer.close()
    other.close()
