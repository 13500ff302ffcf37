"""The how-to on signing schemes shows the examples as they are, and they pass the contracts."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from irma_testing.contracts import AsyncSignerContract, SignerContract
from tests.pytest_plugin.running import outcome

ROOT = Path(__file__).parent.parent.parent
SCHEME = ROOT / "docs" / "examples" / "ssh_agent_scheme"
SERVICE = ROOT / "docs" / "examples" / "key_service"
HOW_TO = (ROOT / "docs" / "how-to" / "write-a-signing-scheme.md").read_text(encoding="utf-8")


def count_of(contract: type) -> int:
    return len([name for name in dir(contract) if name.startswith("test_")])


def test_the_blocks_are_the_examples_files() -> None:
    """Letter by letter; and the scheme is short."""
    names = ("ssh_agent_scheme.py", "test_ssh_agent_scheme.py")
    files = [*(SCHEME / name for name in names), SERVICE / "remote_signer.py"]
    blocks = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    assert blocks == [path.read_text(encoding="utf-8") for path in files]
    assert len(blocks[0].splitlines()) <= 60


def test_the_scheme_passes_the_contracts() -> None:
    """As its readers run it, with a real agent."""
    if shutil.which("ssh-agent") is None:
        why = "ssh-agent is not installed: apt-get install openssh-client"
        if os.environ.get("CI") == "true":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    # No failing signer of the second mode is shown.
    passed = count_of(SignerContract) + count_of(AsyncSignerContract) - 1
    assert outcome(SCHEME) == f"{passed} passed, 1 skipped"


def test_the_entry_point_is_of_the_group_that_is_looked_in() -> None:
    """And names the module."""
    (block,) = re.findall(r"```toml\n(.*?)```", HOW_TO, re.DOTALL)
    (entry,) = tomllib.loads(block)["project"]["entry-points"]["irma_backend"].values()
    assert (SCHEME / f"{entry}.py").exists()


def test_the_remote_signer_passes_the_contract() -> None:
    """Beside the example's own tests."""
    text = (SERVICE / "test_key_service.py").read_text(encoding="utf-8")
    own = len(re.findall(r"^def test_", text, re.MULTILINE))
    assert outcome(SERVICE) == f"{count_of(AsyncSignerContract) + own} passed"
