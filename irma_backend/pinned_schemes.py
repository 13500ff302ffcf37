"""The schemes and keys that settings pin, for looking up attributes and verifying signatures."""

from __future__ import annotations

from typing import Final

from irma_backend.scheme_folder import SchemeFolder
from irma_backend.settings import Settings
from irma_backend.settings_kinds import read_small_file
from irma_backend.settings_sources import naming
from irma_core.errors import ConfigurationError
from irma_proofs import Schemes, SignatureVerifier
from irma_proofs.schemes import pinned_key

__all__ = ["pinned_schemes", "pinned_verifier"]

_MIN_KEY_BITS: Final = 2048
_SCHEMES, _SCHEME_KEYS, _TIME_STAMP_KEYS = (
    "proofs.schemes",
    "proofs.scheme_keys",
    "proofs.time_stamp_keys",
)


def pinned_schemes(settings: Settings) -> Schemes:
    """Return the schemes that the table `[proofs]` of the settings names.

    Raises:
        ConfigurationError: A scheme or its key is missing, or a file cannot be used. The error
            names the setting.
    """
    folders, keys = settings.first(_SCHEMES), settings.first(_SCHEME_KEYS)
    if folders is None:
        raise settings.missing(_SCHEMES)
    if keys is None:
        raise settings.missing(_SCHEME_KEYS)
    with naming(folders.place):
        parents = {folder.absolute().parent for folder in folders.value}
        if len(parents) > 1:
            raise ConfigurationError("all scheme folders must have the same parent folder")
    with naming(keys.place):
        if {folder.absolute().name for folder in folders.value} != {name for name, _ in keys.value}:
            raise ConfigurationError(
                "each scheme folder needs a key of the same name, and each key needs a scheme "
                "folder of the same name"
            )
        pinned = {name: read_small_file(path) for name, path in keys.value}
    with naming(keys.place, "pinned"):
        for name, key in pinned.items():
            pinned_key(name, key)
    with naming(folders.place):
        return Schemes(SchemeFolder(parents.pop()), pinned=pinned)


def pinned_verifier(settings: Settings, schemes: Schemes) -> SignatureVerifier:
    """Return a signature verifier with the time-stamp keys in the table `[proofs]`.

    Raises:
        ConfigurationError: A key is invalid. The error names the setting.
    """
    given = settings.first(_TIME_STAMP_KEYS)
    keys: dict[str, list[str]] = {}
    for url, key in () if given is None else given.value:
        keys.setdefault(url, []).append(key)
    with naming(None if given is None else given.place, "time_stamps"):
        return SignatureVerifier(
            schemes,
            time_stamps=keys,
            min_key_bits=settings.value("proofs.min_key_bits") or _MIN_KEY_BITS,
        )
