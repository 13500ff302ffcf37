"""The signatures in irmago's own tests, read from its sources."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from irma_backend import SchemeFolder
from irma_core.errors import ProofError
from irma_proofs import Schemes, SignatureVerifier
from tests.realserver.build import irmago_sources
from tests.realserver.needing_go import build_or_skip

FORMS = {
    "irma/irmago_test.go": r':= "(\{\\"signature\\".*)"\n',
    "internal/sessiontest/revocation_test.go": r'`(\{"@context":"https://irma.app/ld/signature.*?)`',
}


@pytest.fixture(scope="session")
def irmago() -> Path:
    """The folder of irmago's sources."""
    return build_or_skip(irmago_sources)


def signatures(irmago: Path, file: str) -> list[str]:
    """Return the signatures in the source of one of irmago's tests."""
    found = re.findall(FORMS[file], (irmago / file).read_text(encoding="utf-8"))
    return [json.loads(f'"{text}"') if text.startswith("{\\") else text for text in found]


def verify(irmago: Path, signature: str) -> Any:
    """Verify a signature with the demo schemes and the key that it names, as irmago's tests do."""
    folder = irmago / "testdata" / "irma_configuration"
    pem = (folder / "irma-demo" / "pk.pem").read_bytes()
    schemes = Schemes(SchemeFolder(folder), pinned={"irma-demo": pem})
    demo = schemes.scheme("irma-demo")
    assert demo is not None
    key = json.loads(signature)["timestamp"]["Sig"]["PublicKey"]
    stamps = {demo.time_stamp_server: [key]}
    return SignatureVerifier(schemes, time_stamps=stamps, min_key_bits=1024).verify(signature)


def test_signatures_of_the_first_form(irmago: Path) -> None:
    """A signature of 2018 is valid; with another challenge or nonce it is not."""
    valid, other_challenge, other_nonce = signatures(irmago, "irma/irmago_test.go")
    (attribute,) = verify(irmago, valid).extra
    assert (attribute.attribute, attribute.value) == ("irma-demo.RU.studentCard.studentID", "456")
    for changed in (other_challenge, other_nonce):
        with pytest.raises(ProofError) as caught:
            verify(irmago, changed)
        assert caught.value.status == "INVALID"


def test_a_signature_with_non_revocation(irmago: Path) -> None:
    """A signature of 2020 is valid, and proves that its credential was not revoked."""
    (signature,) = signatures(irmago, "internal/sessiontest/revocation_test.go")
    (attribute,) = verify(irmago, signature)[0]
    assert (attribute.attribute, attribute.value) == (
        "irma-demo.MijnOverheid.root.BSN",
        "299792458",
    )
    assert attribute.not_revoked
