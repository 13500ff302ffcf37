"""Proofs are refused if one file of their scheme is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec

from irma_core.errors import ConfigurationError, ProofError
from irma_testing.proofs import MadeIssuerKey, sign_index
from tests.proofs.honest import honest
from tests.proofs.made import made_scheme, pinned, scheme_files, shared_scheme
from tests.proofs.verifying import refusal, schemes_of, verified

NEEDED = [
    "made/index",
    "made/index.sig",
    "made/description.xml",
    "made/small/PublicKeys/2.xml",
    "made/small/Issues/pass/description.xml",
]
"""The files that are read for the proof."""


def changed(content: bytes) -> Iterator[bytes]:
    """Yield other contents: with a flipped bit at several places, truncated, longer and empty."""
    for position in range(0, len(content), max(1, len(content) // 7)):
        flipped = content[position] ^ 1
        yield content[:position] + bytes((flipped,)) + content[position + 1 :]
    yield from (content[:-1], content + b"\n", b"")


@pytest.mark.parametrize("path", NEEDED)
def test_a_changed_file_is_refused(path: str) -> None:
    """A file that differs from the signed index is refused, and so is a changed index."""
    proof, files = honest("not revoked"), dict(scheme_files())
    for content in changed(files[path]):
        with pytest.raises(ConfigurationError, match=path.removesuffix(".sig")):
            verified(proof, schemes_of(files | {path: content}))
    del files[path]
    with pytest.raises(ConfigurationError, match=path):
        verified(proof, schemes_of(files))


def test_the_key_in_the_folder_is_not_trusted() -> None:
    """A scheme that another key signed is refused, even if its folder contains that key."""
    other = ec.generate_private_key(ec.SECP256R1())
    files = made_scheme().files()
    with pytest.raises(ConfigurationError, match=r"made/index\.sig"):
        schemes_of(sign_index("made", files, other) | shared_scheme().files())
    signed = sign_index("made", files, other)
    by_it = schemes_of(signed, {"made": signed["made/pk.pem"].decode()})
    assert refusal(honest("one attribute"), by_it) is None


def test_a_changed_number_of_the_issuer_key_is_refused() -> None:
    """Proofs are refused if one number of the issuer's key is changed, even in a signed scheme."""
    proof, path = honest("not revoked"), "made/small/PublicKeys/2.xml"
    files = made_scheme().files()
    content = files[path].decode()
    used = ("n", "Z", "S", "G", "H", *(f"Base_{i}" for i in range(5)))
    for name in used:
        number = re.search(f"<{name}>([0-9]+)</{name}>", content)
        assert number
        start, end = number.span(1)
        other = f"{content[:start]}{int(number[1]) + 2}{content[end:]}".encode()
        signed = sign_index("made", files | {path: other}, made_scheme().signing_key)
        with pytest.raises((ProofError, ConfigurationError)):
            verified(proof, schemes_of(signed | shared_scheme().files()))


def test_the_key_of_another_issuer_is_refused() -> None:
    """A proof is refused if another issuer's key replaces the right one."""
    other = MadeIssuerKey.make(1024, pair=2, counter=2)
    old = made_scheme().keys["small"][0]
    scheme = evolve(made_scheme(), keys={**made_scheme().keys, "small": (old, other)})
    error = refusal(honest("one attribute"), schemes_of(scheme.files() | shared_scheme().files()))
    assert error is not None
    assert error.check in {"group_element", "stamp_signature"}


def test_credentials_of_unpinned_schemes_are_refused() -> None:
    """Credentials of schemes without a pinned key are refused."""
    keys = pinned()
    del keys["shared"]
    schemes = schemes_of(scheme_files(), keys)
    assert refusal(honest("one attribute"), schemes) is None
    error = refusal(honest("both schemes"), schemes)
    assert error is not None
    assert error.check == "known_credential_type"
