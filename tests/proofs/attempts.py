"""Change a vector or its schemes, and find out which check notices."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from irma_core.errors import ProofError
from irma_core.models.condiscon import ConDisCon
from irma_core.models.verified_signatures import VerifiedSignature
from irma_proofs import Schemes, SignatureVerifier
from irma_proofs.numbers import as_bytes
from irma_proofs.proved_slots import Asked
from irma_proofs.verification import verify_disclosure
from tests.proofs.cases import CASES, FOLDER, Files, pinned, schemes

__all__ = [
    "LOT",
    "PASS",
    "SIGNED",
    "TWO",
    "UNSTAMPED",
    "altered",
    "attempt",
    "encoded",
    "refused",
    "refused_disclosure",
    "resigned",
    "scheme_file",
    "signed",
    "spoiled",
]

SIGNED: Final = "real-sign-mid"
"""A signature that discloses a person's name and email and a badge's level, all of `bits.mid`."""
TWO: Final = "real-kss-sign"
"""A signature with credentials of two schemes."""
PASS: Final = "made-mid-not-revoked"
"""A signature with a proof of non-revocation."""
UNSTAMPED: Final = "made-no-stamp"
"""A signature without a time stamp."""
LOT: Final = "real-disclose-lot"
"""A disclosure with a random blind attribute."""

Change = Callable[[Any], object]


def encoded(number: int) -> str:
    """Return a number in base64, as in the JSON of a proof."""
    return b64encode(as_bytes(number)).decode()


def scheme_file(path: str) -> str:
    """Return the content of a file of the schemes."""
    return (FOLDER / "schemes" / path).read_text(encoding="utf-8")


def resigned(scheme: str, changed: dict[str, str | None]) -> Files:
    """Return the schemes with some files replaced, and the index signed again.

    Args:
        scheme: The scheme of the files.
        changed: Their contents. With None, a file stays in the folder but is missing from the
            index.
    """
    lines: dict[str, str] = {}
    for line in scheme_file(f"{scheme}/index").splitlines():
        digest, _, path = line.partition(" ")
        lines[path] = digest
    contents: dict[str, bytes | None] = {}
    for path, content in changed.items():
        if content is None:
            del lines[path]
        else:
            contents[path] = content.encode()
            lines[path] = sha256(content.encode()).hexdigest()
    index = "".join(f"{digest} {path}\n" for path, digest in lines.items()).encode()
    return Files(contents | signed(scheme, index))


def signed(scheme: str, index: bytes) -> dict[str, bytes | None]:
    """Return an index and its signature, made with the key that is pinned."""
    key = load_pem_private_key((FOLDER / "schemes" / "sk.pem").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return {f"{scheme}/index": index, f"{scheme}/index.sig": key.sign(index, ECDSA(SHA256()))}


def altered(scheme: str, changed: dict[str, str | None]) -> Schemes:
    """Return the schemes of the vectors, one of them changed by `resigned`."""
    return Schemes(resigned(scheme, changed), pinned=pinned("bits", "shared"))


def spoiled(name: str, change: Change | None) -> str:
    """Return the JSON of a vector's proof after a change."""
    proof = deepcopy(CASES[name]["proof"])
    if change is not None:
        change(proof)
    return json.dumps(proof)


def attempt(
    name: str,
    change: Change | None = None,
    *,
    known: Schemes | None = None,
    min_key_bits: int = 1024,
    trusted: Any = None,
    **arguments: Any,
) -> VerifiedSignature:
    """Return the verified content of a vector's signature after a change of its JSON.

    Args:
        name: The vector.
        change: The change of the JSON.
        known: The schemes, if not those of the vectors.
        min_key_bits: The length of the shortest key.
        trusted: The keys of time-stamping servers, if not those of the vector.
        arguments: For `verify`.
    """
    verifier = SignatureVerifier(
        known or schemes("bits", "shared"),
        time_stamps=CASES[name]["trusted"] if trusted is None else trusted,
        min_key_bits=min_key_bits,
    )
    return verifier.verify(spoiled(name, change), **arguments)


def refused(name: str, change: Change | None = None, **options: Any) -> ProofError:
    """Return the error with which `attempt` fails."""
    with pytest.raises(ProofError) as caught:
        attempt(name, change, **options)
    return caught.value


def refused_disclosure(
    name: str, change: Change | None = None, *, known: Schemes | None = None
) -> ProofError:
    """Return the error with which the disclosure of a vector fails after a change."""
    with pytest.raises(ProofError) as caught:
        verify_disclosure(
            spoiled(name, change),
            Asked(ConDisCon(), {}, frozenset()),
            known or schemes("bits", "shared"),
            nonce=1,
            context=1,
            at=datetime(2026, 11, 30, tzinfo=UTC),
            min_key_bits=1024,
        )
    return caught.value
