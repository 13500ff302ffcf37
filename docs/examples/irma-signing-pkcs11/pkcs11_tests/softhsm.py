"""Software tokens for tests: SoftHSM in a separate directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from ctypes import CDLL
from itertools import count
from pathlib import Path
from typing import Final, Never, final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pkcs11.exceptions import PKCS11Error

from irma_core.interfaces import FactoryContext, Mode, PluginUri, Secret
from irma_signing_pkcs11 import MODULE, irma_signing_schemes
from irma_signing_pkcs11 import PIN as PIN_NAME
from irma_signing_pkcs11.module import load_module
from irma_signing_pkcs11.signer import AsyncPkcs11Signer, Pkcs11Signer
from irma_testing import ScriptedTransport

__all__ = ["PIN", "AskedPin", "SoftHsm", "SoftHsmMissing"]

PIN: Final = "8267-0143-hex"
_MODULES: Final = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),  # Debian
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),  # Fedora
    Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
)


@final
class SoftHsmMissing(Exception):  # noqa: N818  # nothing failed
    """SoftHSM is not installed."""

    def skip_or_fail(self) -> Never:
        """Skip the test with this error's message; on CI, fail the test."""
        if os.environ.get("CI") == "true":
            pytest.fail(str(self), pytrace=False)
        pytest.skip(str(self))


@final
class AskedPin:
    """A callable that returns the PIN, and counts its calls."""

    def __init__(self) -> None:
        self.text = PIN
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.text


@final
class SoftHsm:
    """SoftHSM, with its tokens in a directory."""

    def __init__(self, directory: Path) -> None:
        module = next((path for path in _MODULES if path.exists()), None)
        if module is None or shutil.which("softhsm2-util") is None:
            raise SoftHsmMissing("SoftHSM is not installed: apt-get install softhsm2")
        self.module = module
        self._numbers = count()  # softhsm2-util accepts each id only once per token
        self.tokens = directory / "tokens"
        self.tokens.mkdir()
        self.configuration = directory / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )

    def make_token(self, label: str) -> str:
        """Make a token, and return its serial number."""
        before = {*self.tokens.iterdir()}
        self._run("--init-token", "--free", "--label", label, "--so-pin", "so-pin-1", "--pin", PIN)
        (made,) = {*self.tokens.iterdir()} - before
        return made.name.replace("-", "")[-16:]  # SoftHSM names the directory after a longer number

    def add_key(self, serial: str, label: str, *, bits: int = 2048, number: str = "") -> bytes:
        """Put a new RSA key into a token, and return its public key in PEM."""
        return self._import(
            serial,
            label,
            number or f"{next(self._numbers):02}",
            rsa.generate_private_key(65537, bits),
        )

    def add_elliptic_key(self, serial: str, label: str) -> None:
        """Put a key that is not an RSA key into a token."""
        self._import(
            serial, label, f"{next(self._numbers):02}", ec.generate_private_key(ec.SECP256R1())
        )

    def log_out(self, token: str) -> None:
        """Log all signers of this process out of a token, as closing one of them may do."""
        for slot in load_module(str(self.module)).get_slots():
            with suppress(PKCS11Error):  # the token was removed
                if slot.get_token().label == token:
                    session = slot.get_token().open()
                    CDLL(str(self.module)).C_Logout(getattr(session, "handle"))  # noqa: B009  # not in its stub
                    session.close()

    def wire(self, rest: str, *, pin: Secret | None = PIN, module: str = "") -> Pkcs11Signer:
        """Make a signer as irma-backend does, from the URI without `pkcs11:`."""
        signer = self._wire(rest, Mode.SYNC, pin, module)
        assert isinstance(signer, Pkcs11Signer)
        return signer

    def wire_async(self, rest: str) -> AsyncPkcs11Signer:
        """Make an async signer in the same way."""
        signer = self._wire(rest, Mode.ASYNC, PIN, "")
        assert isinstance(signer, AsyncPkcs11Signer)
        return signer

    def _wire(self, rest: str, mode: Mode, pin: Secret | None, module: str) -> object:
        transport = ScriptedTransport()
        secrets: dict[str, Secret] = {MODULE: module or str(self.module)}
        if pin is not None:
            secrets[PIN_NAME] = pin
        context = FactoryContext(mode, transport.clock, transport, secrets)
        (factory,) = irma_signing_schemes().values()
        return factory(PluginUri("pkcs11", f"pkcs11:{rest}"), context)

    def _import(
        self,
        serial: str,
        label: str,
        number: str,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    ) -> bytes:
        file = self.tokens.parent / "key.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        where = ("--serial", serial, "--label", label, "--id", number, "--pin", PIN)
        self._run("--import", str(file), *where)
        file.unlink()
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _run(self, *arguments: str) -> None:
        environment = {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}
        command = ["softhsm2-util", "--module", str(self.module), *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True)
