"""The official verifier, for all tests of a run."""

from pathlib import Path

import pytest

from tests.proofs.irmago import Irmago
from tests.proofs.made import STAMPS, scheme_files
from tests.realserver.build import build_proof_verifier
from tests.realserver.needing_go import build_or_skip


@pytest.fixture(scope="session")
def proof_verifier() -> Path:
    """The program that verifies by irmago."""
    return build_or_skip(build_proof_verifier)


@pytest.fixture(scope="session")
def irmago(proof_verifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Irmago:
    """The official verifier, which knows the made-up schemes."""
    folder = tmp_path_factory.mktemp("schemes")
    for path, content in scheme_files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return Irmago(proof_verifier, folder, {STAMPS.url: [STAMPS.public_key]})
