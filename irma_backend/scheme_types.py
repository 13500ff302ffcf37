"""Read the credential types of a scheme in a folder, for the in-memory server."""

from __future__ import annotations

from pathlib import Path

from irma_backend.scheme_folder import SchemeFolder
from irma_core.errors import ConfigurationError
from irma_proofs import Schemes
from irma_proofs.credential_types import CredentialType as Described
from irma_testing import CredentialType, Scheme

__all__ = ["read_scheme"]


def read_scheme(path: Path) -> Scheme:
    """Return the credential types of a folder: of one scheme, or of a folder with several.

    The index of each scheme must be signed by its `pk.pem`. That key comes with the files, so it
    finds damage, but not a forgery: which attributes exist is no secret of the server.

    Raises:
        ConfigurationError: The folder holds no scheme, or a file is missing, changed or malformed.
    """
    folders = [path] if _is_scheme(path) else sorted(filter(_is_scheme, _folders_in(path)))
    if not folders:
        raise ConfigurationError(
            "--scheme: must be the folder of a scheme, with its files index and pk.pem"
        )
    try:
        keys = {folder.name: (folder / "pk.pem").read_bytes() for folder in folders}
        schemes = Schemes(SchemeFolder(folders[0].resolve().parent), pinned=keys)
        types = [schemes.credential_type(each) for each in schemes.credential_types()]
    except OSError as error:
        raise ConfigurationError(f"--scheme: cannot read a file: {error.strerror}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"--scheme: {error}") from None
    return Scheme(tuple(_known(each) for each in types if each is not None))


def _is_scheme(path: Path) -> bool:
    return (path / "index").is_file() and (path / "pk.pem").is_file()


def _folders_in(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir()] if path.is_dir() else []


def _known(described: Described) -> CredentialType:
    names = {
        attribute.identifier.rpartition(".")[2]: attribute
        for attribute in described.attributes
        if not attribute.is_revocation
    }
    return CredentialType(
        described.identifier,
        tuple(names),
        optional=frozenset(
            name
            for name, attribute in names.items()
            # An issuer does not know a random blind attribute, so it gives no value.
            if attribute.is_optional or attribute.is_random_blind
        ),
        singleton=described.is_singleton,
        revocation=described.revocation_index is not None,
    )
