"""Schemes, which list issuers, their credential types and their keys.

A scheme is a folder. Its file `index` lists the scheme's files with their hashes, and `index.sig`
is the signature over `index`. Files are read when they are first needed, because a scheme may have
hundreds of keys.

Source: irmago `Configuration`; IRMA documentation, "Schemes".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final, Protocol, TypeVar, final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.arguments import check_instance
from irma_core.tracebacks import boundary
from irma_proofs.credential_types import (
    CredentialType,
    Scheme,
    parse_credential_type,
    parse_issuer_name,
    parse_scheme,
)
from irma_proofs.issuer_keys import IssuerKey, parse_issuer_key

__all__ = ["SchemeFiles", "Schemes", "hash_of_type", "pinned_key", "read_index"]

ParsedT = TypeVar("ParsedT")

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_LINE: Final = re.compile(r"\A([0-9a-f]{64}) ([^\s\\][^\r\n\\]*)", re.ASCII)
_TYPE: Final = re.compile(
    r"\A([A-Za-z0-9_-]+)/([A-Za-z0-9_-]+)/Issues/([A-Za-z0-9_-]+)/description\.xml", re.ASCII
)
_LONGEST_INDEX: Final = 16 * 2**20
_HASH_LENGTH: Final = 16
"""The length in bytes of the hash that identifies a credential type in metadata."""


class SchemeFiles(Protocol):
    """The source of scheme files. `irma_backend.SchemeFolder` reads them from a folder."""

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Args:
            path: The path below the folder of all schemes, such as `pbdf/description.xml`.

        Raises:
            OSError: The file cannot be read; `Schemes` reports only its path.
            ConfigurationError: The file cannot be read; `Schemes` passes this error on unchanged.
        """
        ...


@final
@boundary
class Schemes:
    """Schemes whose signatures have been verified, with their credential types and keys.

    Threads may share an instance. It caches the files that it has read, so make a new instance when
    the files have changed.

    Args:
        files: The source of the files.
        pinned: The key of each scheme, by the scheme's name. Each key is the PEM of a public key on
            the curve P-256, as in the scheme's `pk.pem`. Get the key from a source that you trust,
            and keep it in your own configuration, because a key that comes with the files proves
            nothing. Schemes without a key here are ignored.

    Raises:
        ConfigurationError: A key is not a valid PEM, or an index is missing, is malformed, or is
            not signed by the key.
    """

    def __init__(self, files: SchemeFiles, *, pinned: Mapping[str, str | bytes]) -> None:
        if not callable(getattr(files, "read", None)):
            raise UsageError(
                "files: must be an object with a `read` method, such as a SchemeFolder"
            )
        self._files = files
        self._hashes: dict[str, str] = {}
        self._types_by_hash: dict[bytes, str] = {}
        self._schemes: dict[str, Scheme] = {}
        self._types: dict[str, CredentialType] = {}
        self._issuers: dict[str, Mapping[str, str]] = {}
        self._keys: dict[str, IssuerKey] = {}
        check_instance(pinned, Mapping, "pinned", "a mapping of schemes to keys")
        for name, pem in pinned.items():
            self._add(name, pinned_key(name, pem))

    def __repr__(self) -> str:
        return f"<Schemes {', '.join(self._schemes) or 'none'}>"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the schemes."""
        return tuple(self._schemes)

    def scheme(self, name: str) -> Scheme | None:
        """Return a scheme's description; None for an unknown scheme."""
        check_instance(name, str, "name", "a string")
        return self._schemes.get(name)

    def credential_types(self) -> Iterator[str]:
        """Yield the identifiers of all credential types, without reading their descriptions."""
        yield from self._types_by_hash.values()

    def credential_type(self, identifier: str) -> CredentialType | None:
        """Return a credential type; None if the type is unknown.

        Raises:
            ConfigurationError: A scheme file is missing, has been changed, or is malformed.
        """
        check_instance(identifier, str, "identifier", "a string")
        scheme, issuer, name = _three_parts(identifier)
        return self._parsed(
            self._types,
            f"{scheme}/{issuer}/Issues/{name}/description.xml",
            lambda data, path: parse_credential_type(data, identifier=identifier, path=path),
        )

    def attribute_types(self, credential_type: str) -> tuple[str, ...] | None:
        """Return the identifiers of a type's attributes, except the revocation attribute.

        Args:
            credential_type: The identifier of the credential type.

        Returns:
            The identifiers, in order; None for an unknown credential type.

        Raises:
            ConfigurationError: A scheme file is missing, has been changed, or is malformed.
        """
        check_instance(credential_type, str, "credential_type", "a string")
        found = self.credential_type(credential_type)
        if found is None:
            return None
        return tuple(each.identifier for each in found.attributes if not each.is_revocation)

    def credential_type_by_hash(self, digest: bytes) -> CredentialType | None:
        """Return the credential type that a hash in metadata identifies; None for an unknown hash.

        Raises:
            ConfigurationError: A scheme file is missing, has been changed, or is malformed.
        """
        check_instance(digest, bytes, "digest", "bytes")
        identifier = self._types_by_hash.get(digest)
        return None if identifier is None else self.credential_type(identifier)

    def issuer_name(self, issuer: str) -> Mapping[str, str] | None:
        """Return an issuer's name in each language; None if the issuer is unknown.

        Args:
            issuer: The issuer's identifier, `scheme.issuer`.

        Raises:
            ConfigurationError: A scheme file is missing, has been changed, or is malformed.
        """
        check_instance(issuer, str, "issuer", "a string")
        scheme, _, name = issuer.partition(".")
        return self._parsed(self._issuers, f"{scheme}/{name}/description.xml", parse_issuer_name)

    def issuer_key(self, issuer: str, counter: int) -> IssuerKey | None:
        """Return a public key of an issuer; None if the key is unknown.

        Args:
            issuer: The issuer's identifier, `scheme.issuer`.
            counter: The number of the key.

        Raises:
            ConfigurationError: A scheme file is missing, has been changed, or is malformed.
        """
        check_instance(issuer, str, "issuer", "a string")
        check_instance(counter, int, "counter", "a whole number")
        return self._parsed(
            self._keys,
            f"{issuer.replace('.', '/')}/PublicKeys/{counter}.xml",
            lambda data, path: parse_issuer_key(data, issuer=issuer, counter=counter, path=path),
        )

    def _add(self, name: str, key: EllipticCurvePublicKey) -> None:
        files = read_index(name, self._read(f"{name}/index"), self._read(f"{name}/index.sig"), key)
        for path, digest in files.items():
            self._hashes[path] = digest
            if found := _TYPE.fullmatch(path):
                identifier = ".".join(found.groups())
                self._types_by_hash[hash_of_type(identifier)] = identifier
        path = f"{name}/description.xml"
        self._schemes[name] = parse_scheme(self._checked(path), scheme=name, path=path)

    def _parsed(
        self,
        known: dict[str, ParsedT],
        path: str,
        parse: Callable[[bytes, str], ParsedT],
    ) -> ParsedT | None:
        if path not in known:
            if path not in self._hashes:
                return None
            known[path] = parse(self._checked(path), path)
        return known[path]

    def _checked(self, path: str) -> bytes:
        """Return the content of a file, after checking its hash against the scheme's index."""
        data = self._read(path)
        check_file_hash(data, self._hashes.get(path), path)
        return data

    def _read(self, path: str) -> bytes:
        try:
            return self._files.read(path)
        except (OSError, LookupError):
            raise ConfigurationError(f"{path}: this scheme file cannot be read") from None


def hash_of_type(identifier: str) -> bytes:
    """Return the hash that identifies a credential type in metadata: 16 bytes of its SHA-256."""
    return sha256(identifier.encode()).digest()[:_HASH_LENGTH]


def read_index(
    name: str, index: bytes, signature: bytes, key: EllipticCurvePublicKey
) -> dict[str, str]:
    """Return the SHA-256 hashes of a scheme's files in hexadecimal digits, by path.

    Args:
        name: The name of the scheme. Each path begins with it.
        index: The file `index`.
        signature: The file `index.sig`.
        key: The pinned key.

    Raises:
        ConfigurationError: The key did not sign the index, or the index is malformed.
    """
    if len(index) > _LONGEST_INDEX:
        raise ConfigurationError(f"{name}/index: must not be larger than {_LONGEST_INDEX} bytes")
    check_index_signature(index, signature, key, name)
    return dict(_index_lines(index, name))


def check_index_signature(
    index: bytes, signature: bytes, key: EllipticCurvePublicKey, name: str
) -> None:
    """Check that the pinned key signed the index.

    Raises:
        ConfigurationError: The check fails.
    """
    try:
        key.verify(signature, index, ECDSA(SHA256()))
    except InvalidSignature:
        raise ConfigurationError(
            f"{name}/index.sig: is not a valid signature over {name}/index by the pinned key; "
            "fetch the whole scheme again, and check the pinned key"
        ) from None


def check_file_hash(data: bytes, digest: str | None, path: str) -> None:
    """Check that a file has the hash that the index gives for it.

    Raises:
        ConfigurationError: The file has a different hash, or is not in the index.
    """
    if digest is None:
        raise ConfigurationError(f"{path}: is not listed in the scheme's index")
    if sha256(data).hexdigest() != digest:
        raise ConfigurationError(
            f"{path}: does not match its hash in the scheme's index; fetch the scheme again"
        )


def _index_lines(index: bytes, name: str) -> Iterator[tuple[str, str]]:
    try:
        lines = index.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}/index: must be UTF-8") from None
    seen = set[str]()
    for number, line in enumerate(lines, 1):
        if not line and number == len(lines):
            return
        found = _LINE.fullmatch(line)
        if not found or not found[2].startswith(f"{name}/") or found[2] in seen:
            raise ConfigurationError(
                f"{name}/index: line {number} must have a hash and a path in {name}, and each path "
                "may occur only once"
            )
        seen.add(found[2])
        yield found[2], found[1]


def pinned_key(name: object, pem: object) -> EllipticCurvePublicKey:
    """Return a scheme's public key, given its PEM.

    Args:
        name: The name of the scheme.
        pem: The key in PEM, as a string or bytes.

    Raises:
        ConfigurationError: The name or the key is malformed.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError("pinned: must map names of schemes to public keys")
    data = pem.encode(errors="replace") if isinstance(pem, str) else pem
    expected = f"pinned: the key of {name} must be the PEM of a public key on the curve P-256"
    if not isinstance(data, bytes):
        raise ConfigurationError(expected)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(expected) from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigurationError(expected)
    return key


def _three_parts(identifier: str) -> tuple[str, str, str]:
    parts = identifier.split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")  # noqa: PLR2004
