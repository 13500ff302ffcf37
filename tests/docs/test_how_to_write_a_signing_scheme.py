"""The how-to on signing schemes shows the files of examples that pass the contracts."""

from __future__ import annotations

import os
import re
import shutil
import tomllib

import pytest

from irma_testing.contracts import AsyncSignerContract, SignerContract
from tests.docs.pages import ROOT, code_of, runs
from tests.pytest_plugin.running import outcome

SCHEME = ROOT / "docs" / "examples" / "ssh_agent_scheme"
SERVICE = ROOT / "docs" / "examples" / "key_service"
PAGE = "docs/how-to/write-a-signing-scheme.md"


def count_of(contract: type) -> int:
    return len([name for name in dir(contract) if name.startswith("test_")])


@runs(PAGE, python=3)
def test_blocks_are_the_example_files() -> None:
    """The blocks equal the files of the examples, and the scheme has at most 60 lines."""
    names = ("ssh_agent_scheme.py", "test_ssh_agent_scheme.py")
    files = [*(SCHEME / name for name in names), SERVICE / "remote_signer.py"]
    blocks = code_of(PAGE)
    assert blocks == [path.read_text(encoding="utf-8") for path in files]
    assert len(blocks[0].splitlines()) <= 60


def test_scheme_passes_the_contracts() -> None:
    """The scheme passes both contracts with a real SSH agent when a reader runs its tests."""
    if shutil.which("ssh-agent") is None:
        reason = "ssh-agent is not installed: apt-get install openssh-client"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    # The example has no failing async signer.
    passed = count_of(SignerContract) + count_of(AsyncSignerContract) - 1
    assert outcome(SCHEME) == f"{passed} passed, 1 skipped"


@runs(PAGE, toml=1)
def test_entry_point_names_the_module() -> None:
    """The entry point is in the group of our plugins, and names the module of the example."""
    (block,) = code_of(PAGE, "toml")
    (entry,) = tomllib.loads(block)["project"]["entry-points"]["irma_backend"].values()
    assert (SCHEME / f"{entry}.py").exists()


def test_remote_signer_passes_the_contract() -> None:
    """The remote signer passes the contract and the example's own tests."""
    text = (SERVICE / "test_key_service.py").read_text(encoding="utf-8")
    own = len(re.findall(r"^def test_", text, re.MULTILINE))
    assert outcome(SERVICE) == f"{count_of(AsyncSignerContract) + own} passed"
