"""Read the credential types of schemes in a folder, for commands and the in-memory server."""

from __future__ import annotations

from pathlib import Path

from irma_backend.scheme_folder import SchemeFolder
from irma_core.errors import ConfigurationError
from irma_proofs import Schemes
from irma_proofs.credential_types import CredentialType as Described
from irma_testing import CredentialType, Scheme

__all__ = ["described_types", "open_schemes", "read_scheme"]


def read_scheme(path: Path) -> Scheme:
    """Return the credential types in a folder with one scheme or several.

    Raises:
        ConfigurationError: The folder holds no scheme, or a file is missing, changed or malformed.
    """
    return Scheme(tuple(map(_known, described_types(open_schemes(path)))))


def open_schemes(path: Path) -> Schemes:
    """Return the schemes in a folder that holds one scheme or several.

    The index of each scheme must be signed by its `pk.pem`. That key comes with the files, so this
    check finds damage, but not forgery. `irma-backend scheme get` checks the signature with a key
    that the user supplies.

    Raises:
        ConfigurationError: The folder holds no scheme, or a file is missing, changed or malformed.
    """
    folders = [path] if _is_scheme(path) else sorted(filter(_is_scheme, _folders_in(path)))
    if not folders:
        raise ConfigurationError(
            "path: must be a scheme folder that contains the files index and pk.pem"
        )
    files = SchemeFolder(folders[0].absolute().parent)
    names = [folder.absolute().name for folder in folders]
    return Schemes(files, pinned={name: files.read(f"{name}/pk.pem") for name in names})


def described_types(schemes: Schemes) -> list[Described]:
    """Return all credential types in the schemes that `open_schemes` returned.

    Raises:
        ConfigurationError: A file is missing, changed or malformed.
    """
    types = (schemes.credential_type(each) for each in schemes.credential_types())
    return [each for each in types if each is not None]


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
            # The issuer does not know the value of a random blind attribute, and cannot set one.
            if attribute.is_optional or attribute.is_random_blind
        ),
        singleton=described.is_singleton,
        revocation=described.revocation_index is not None,
    )
