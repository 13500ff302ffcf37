"""The official verifier, for all tests of a run."""

import os
from pathlib import Path

import pytest

from tests.proofs.irmago import Irmago
from tests.proofs.made import STAMPS, scheme_files
from tests.realserver.build import GoMissing, build_proof_verifier


@pytest.fixture(scope="session")
def proof_verifier() -> Path:
    """The program that verifies by irmago."""
    try:
        return build_proof_verifier()
    except GoMissing as missing:
        why = str(missing)
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def irmago(proof_verifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Irmago:
    """The official verifier, which knows the made-up schemes."""
    folder = tmp_path_factory.mktemp("schemes")
    for path, content in scheme_files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return Irmago(proof_verifier, folder, {STAMPS.url: [STAMPS.public_key]})
