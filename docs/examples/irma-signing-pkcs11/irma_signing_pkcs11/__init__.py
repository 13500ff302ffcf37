"""A plugin for irma-backend that signs with RSA keys in hardware tokens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from irma_core.errors import ConfigurationError
from irma_core.interfaces import FactoryContext, Mode, PluginUri, SignerFactory, boundary, hookimpl
from irma_signing_pkcs11.sessions import KeySessions
from irma_signing_pkcs11.signer import AsyncPkcs11Signer, Pkcs11Signer
from irma_signing_pkcs11.uri import KeyUri, read_uri

__all__ = ["MODULE", "PIN", "irma_signing_schemes", "make_signer"]

MODULE: Final = "pkcs11-module"
"""The name of the secret with the absolute path of the PKCS#11 module."""
PIN: Final = "pkcs11-pin"
"""The name of the secret with the PIN, or with a function that returns the PIN.

It must be absent if the URI has a `pin-source`.
"""


@hookimpl
def irma_signing_schemes() -> Mapping[str, SignerFactory]:
    """Return the factory for `pkcs11:` URIs."""
    return {"pkcs11": make_signer}


@boundary
def make_signer(uri: PluginUri, context: FactoryContext) -> Pkcs11Signer | AsyncPkcs11Signer:
    """Log in to a token, and return a signer for a key in it.

    Args:
        uri: A URI such as `pkcs11:token=…;object=…`; see the module `uri`.
        context: Has the path of the module as the secret `pkcs11-module`, and the PIN as the secret
            `pkcs11-pin`.

    Raises:
        ConfigurationError: The URI, the module, the PIN or the key is invalid.
    """
    key = read_uri(uri.rest)
    module = os.fsdecode(context.secret(MODULE))
    signer = Pkcs11Signer(KeySessions(module, key, _pin_of(key, context)))
    signer.open()
    return signer if context.mode is Mode.SYNC else AsyncPkcs11Signer(signer)


def _pin_of(key: KeyUri, context: FactoryContext) -> Callable[[], bytes]:
    """Return a function that reads the PIN. Each login calls it, so the PIN is never stored."""
    if (key.pin_file is None) == (PIN not in context.secrets):
        raise ConfigurationError(
            f"give the PIN once: `?pin-source=file:/…` in the URI, or the secret {PIN!r}"
        )
    file = key.pin_file
    return (lambda: context.secret(PIN)) if file is None else file.read_bytes
