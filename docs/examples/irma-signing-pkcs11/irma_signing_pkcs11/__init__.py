"""A plugin for irma-backend: `pkcs11:` URIs name RSA keys in hardware tokens, for signing."""

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
"""The secret that holds the absolute path of the PKCS#11 module."""
PIN: Final = "pkcs11-pin"
"""The secret that holds the PIN, or a function that returns it. A `pin-source` replaces it."""


@hookimpl
def irma_signing_schemes() -> Mapping[str, SignerFactory]:
    """Return the one factory of this plugin."""
    return {"pkcs11": make_signer}


@boundary
def make_signer(uri: PluginUri, context: FactoryContext) -> Pkcs11Signer | AsyncPkcs11Signer:
    """Return a signer for a key in a token, which is logged in to the token.

    Args:
        uri: `pkcs11:token=…;object=…`; see `uri`.
        context: Its secret `pkcs11-module` is the path of the module, `pkcs11-pin` the PIN.

    Raises:
        ConfigurationError: The URI, the module, the PIN or the key is invalid.
    """
    key = read_uri(uri.rest)
    module = os.fsdecode(context.secret(MODULE))
    signer = Pkcs11Signer(KeySessions(module, key, _pin_of(key, context)))
    signer.open()
    return signer if context.mode is Mode.SYNC else AsyncPkcs11Signer(signer)


def _pin_of(key: KeyUri, context: FactoryContext) -> Callable[[], bytes]:
    """Return a function that reads the PIN, which is read again for each login and never stored."""
    if (key.pin_file is None) == (PIN not in context.secrets):
        raise ConfigurationError(
            f"give the PIN once: `?pin-source=file:/…` in the URI, or the secret {PIN!r}"
        )
    file = key.pin_file
    return (lambda: context.secret(PIN)) if file is None else file.read_bytes
