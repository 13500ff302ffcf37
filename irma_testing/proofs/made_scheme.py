"""Made-up scheme folders: descriptions, issuer keys and a signed index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from irma_testing.proofs.issuer_keys import MadeIssuerKey
from irma_testing.proofs.safe_primes import SAFE_PRIMES

__all__ = ["MadeAttribute", "MadeScheme", "MadeType", "sign_index"]

TIME_STAMPS = "https://stamps.example/"
_NO_URL = "http://localhost/"


@frozen
class MadeAttribute:
    """An attribute of a credential type."""

    name: str
    optional: bool = False
    random_blind: bool = False
    revocation: bool = False
    """Whether this is the revocation attribute, which has no name in the scheme's files."""

    def xml(self) -> str:
        """Return the XML element that describes this attribute in its type's description."""
        if self.revocation:
            return '<Attribute revocation="true" />'
        marks = ' optional="true"' if self.optional else ""
        marks += ' randomblind="true"' if self.random_blind else ""
        return f'<Attribute id="{self.name}"{marks}>{_named(self.name)}</Attribute>'


def _attributes(given: tuple[str | MadeAttribute, ...]) -> tuple[MadeAttribute, ...]:
    return tuple(MadeAttribute(each) if isinstance(each, str) else each for each in given)


@frozen
class MadeType:
    """A credential type: its identifier of three parts, and its attributes in order."""

    identifier: str
    attributes: tuple[MadeAttribute, ...] = field(converter=_attributes)
    singleton: bool = False
    deprecated_since: int | None = None
    """When the type was deprecated, in Unix time."""

    def index_of(self, name: str) -> int:
        """Return the index of an attribute in proofs, where 0 is the secret key."""
        return 2 + [each.name for each in self.attributes].index(name)

    def xml(self) -> bytes:
        """Return the file `Issues/<credential>/description.xml`."""
        scheme, issuer, name = self.identifier.split(".")
        revocation = any(each.revocation for each in self.attributes)
        since = self.deprecated_since
        deprecated = "" if since is None else f"<DeprecatedSince>{since}</DeprecatedSince>"
        servers = f"<RevocationServer>{_NO_URL}revocation</RevocationServer>" if revocation else ""
        return (
            f'<IssueSpecification version="4">{_named(f"Demo {name}")}'
            f"<SchemeManager>{scheme}</SchemeManager><IssuerID>{issuer}</IssuerID>"
            f"<CredentialID>{name}</CredentialID>"
            f"<ShouldBeSingleton>{str(self.singleton).lower()}</ShouldBeSingleton>"
            f"{deprecated}<RevocationServers>{servers}</RevocationServers>"
            f"<Attributes>{''.join(each.xml() for each in self.attributes)}</Attributes>"
            "</IssueSpecification>\n"
        ).encode()


def _scheme_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(2**200 + 1, ec.SECP256R1())


@frozen
class MadeScheme:
    """A scheme with its issuers, their keys and their credential types.

    Args:
        name: The scheme's name, which is the first part of all its identifiers.
        types: The credential types.
        keys: The keys of each issuer, by the issuer's name.
        time_stamp_server: The URL of the time-stamping server; empty for none.
        keyshare_server: The URL of the keyshare server; empty for none. With a URL, the scheme is
            distributed.
        signing_key: The key that signs the index.
    """

    name: str
    types: tuple[MadeType, ...]
    keys: Mapping[str, tuple[MadeIssuerKey, ...]]
    time_stamp_server: str = TIME_STAMPS
    keyshare_server: str = ""
    signing_key: ec.EllipticCurvePrivateKey = field(factory=_scheme_key, eq=False, repr=False)

    @property
    def is_distributed(self) -> bool:
        """Return whether a keyshare server holds a part of each secret key."""
        return bool(self.keyshare_server)

    def type_of(self, identifier: str) -> MadeType:
        """Return the credential type with an identifier of three parts."""
        return next(each for each in self.types if each.identifier == identifier)

    def key_of(self, identifier: str, counter: int | None = None) -> MadeIssuerKey:
        """Return a key of a credential type's issuer: the last one unless a counter is given."""
        keys = self.keys[identifier.split(".")[1]]
        if counter is None:
            return keys[-1]
        return next(key for key in keys if key.counter == counter)

    @property
    def public_pem(self) -> str:
        """Return the public key that verifies the index's signature, in PEM. A verifier pins it."""
        return _pem(self.signing_key)

    def files(self, *, private_keys: bool = False) -> dict[str, bytes]:
        """Return the content of each file by its path, which begins with the scheme's name.

        Args:
            private_keys: Whether to include the private keys, which the official server needs to
                issue credentials.
        """
        files = {f"{self.name}/description.xml": self._description()}
        if self.is_distributed:
            files[f"{self.name}/kss-0.pem"] = _keyshare_pem()
        for issuer, keys in self.keys.items():
            folder = f"{self.name}/{issuer}"
            files[f"{folder}/description.xml"] = self._issuer(issuer)
            for key in keys:
                files[f"{folder}/PublicKeys/{key.counter}.xml"] = key.public_xml()
        for each in self.types:
            _, issuer, name = each.identifier.split(".")
            files[f"{self.name}/{issuer}/Issues/{name}/description.xml"] = each.xml()
        files = sign_index(self.name, files, self.signing_key)
        if private_keys:
            for issuer, keys in self.keys.items():
                for key in keys:
                    path = f"{self.name}/{issuer}/PrivateKeys/{key.counter}.xml"
                    files[path] = key.private_xml()
        return files

    def write(self, folder: Path, *, private_keys: bool = False) -> None:
        """Write all files into a folder of schemes."""
        for path, content in self.files(private_keys=private_keys).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def _description(self) -> bytes:
        return (
            f'<SchemeManager version="7"><Id>{self.name}</Id><Url>{_NO_URL}{self.name}</Url>'
            f"<Demo>true</Demo>{_named(f'Demo {self.name}')}"
            f"<KeyshareServer>{self.keyshare_server}</KeyshareServer>"
            f"<TimestampServer>{self.time_stamp_server}</TimestampServer>"
            f"<Contact>{_NO_URL}</Contact><Languages><Language>en</Language>"
            "<Language>nl</Language></Languages></SchemeManager>\n"
        ).encode()

    def _issuer(self, name: str) -> bytes:
        return (
            f'<Issuer version="4"><ID>{name}</ID>{_named(f"Demo {name}")}'
            f"<SchemeManager>{self.name}</SchemeManager><ContactAddress>Somewhere 1"
            "</ContactAddress><ContactEMail>issuer@example.com</ContactEMail></Issuer>\n"
        ).encode()


def sign_index(
    scheme: str, files: Mapping[str, bytes], key: ec.EllipticCurvePrivateKey
) -> dict[str, bytes]:
    """Return a scheme's public files, with a new index, the index's signature and the public key.

    With this function, a test can change a file of a scheme and sign the scheme again.
    """
    signed = {path: content for path, content in files.items() if "/PrivateKeys/" not in path}
    for name in ("index", "index.sig", "pk.pem"):
        signed.pop(f"{scheme}/{name}", None)
    signed.setdefault(f"{scheme}/timestamp", b"1795923053\n")
    lines = [f"{hashlib.sha256(signed[path]).hexdigest()} {path}\n" for path in sorted(signed)]
    index = "".join(lines).encode()
    signed[f"{scheme}/index"] = index
    signed[f"{scheme}/index.sig"] = key.sign(index, ec.ECDSA(SHA256()))
    signed[f"{scheme}/pk.pem"] = _pem(key).encode()
    return signed


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _keyshare_pem() -> bytes:
    """Return a keyshare server's public key, which a scheme must have but proofs do not use."""
    p, q = SAFE_PRIMES[2048][0]
    key = rsa.RSAPublicNumbers(65537, p * q).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _named(name: str) -> str:
    translated = f"<en>{name}</en><nl>{name}</nl>"
    return f"<Name>{translated}</Name><Description>{translated}</Description>"
