"""The PKCS#11 plugin passes its own tests when they are run as its README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pkcs11_tests.softhsm import SoftHsm, SoftHsmMissing
from tests.pytest_plugin.running import outcome

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "irma-signing-pkcs11"


@pytest.mark.long
def test_the_plugin_passes_its_own_tests(tmp_path: Path) -> None:
    """With SoftHSM, all tests of the plugin pass: the contract, URIs and failures."""
    try:
        SoftHsm(tmp_path)
    except SoftHsmMissing as missing:
        missing.skip_or_fail()
    said = outcome(EXAMPLE)
    assert said.endswith(" passed"), said
    assert "," not in said
