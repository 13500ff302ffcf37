"""The contract of web adapters finds typical faults of adapters."""

from __future__ import annotations

import re
from pathlib import Path

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


def test_the_contract_finds_each_fault(tmp_path: Path) -> None:
    """For each adapter with a fault, the test that is named for it fails."""
    (tmp_path / "test_broken.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n", encoding="utf-8")
    tests = [f"test_broken.py::Test{name}::{test}" for name, (_, test) in FAULTS.items()]
    report = run_pytest(tmp_path, "-q", "-rfE", "--tb=no", *tests)
    failed = r"^(?:FAILED|ERROR) (test_broken\.py::\w+::\w+)"
    assert set(tests) - set(re.findall(failed, report, re.MULTILINE)) == set(), report
