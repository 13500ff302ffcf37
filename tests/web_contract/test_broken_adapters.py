"""The contract of web adapters finds typical faults of adapters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.pytest_plugin.running import run_pytest
from tests.web_contract.broken import FAULTS

SUITE = """
from tests.web_contract.broken import FAULTS
from tests.web_contract.test_web_adapters import TestWsgi as Good

def broken(name):
    fault, _ = FAULTS[name]

    class Broken(Good):
        def make_application(self, site):
            good = super().make_application(site)
            return lambda request: fault(request, good)

    Broken.__name__ = Broken.__qualname__ = f"Test{name}"
    return Broken

globals().update({f"Test{name}": broken(name) for name in FAULTS})
del Good
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pytest's report on each broken adapter, for the test that must find its fault."""
    directory: Path = tmp_path_factory.mktemp("broken")
    (directory / "test_broken.py").write_text(SUITE, encoding="utf-8")
    (directory / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n", encoding="utf-8")
    tests = [f"test_broken.py::Test{name}::{test}" for name, (_, test) in FAULTS.items()]
    return run_pytest(directory, "-q", "-rfE", "--tb=no", *tests)


@pytest.mark.parametrize("name", FAULTS)
def test_the_contract_finds_the_fault(report: str, name: str) -> None:
    """A test fails for the adapter with the fault."""
    _, test = FAULTS[name]
    failed = rf"^(FAILED|ERROR) test_broken\.py::Test{name}::{test}"
    assert re.search(failed, report, re.MULTILINE), report
