"""`examine` runs the checks one by one, and a fault in one check does not stop the others."""

from __future__ import annotations

from collections.abc import Generator

from irma_backend.doctor.checkup import CHECKS, Check, examine
from irma_backend.doctor.diagnoses import Outcome, Problem
from irma_backend.doctor.examination import Examination
from irma_backend.doctor.reports import bug_report
from irma_backend.parts import open_parts
from irma_backend.settings import settings_with
from irma_core.errors import SigningError
from irma_testing import InMemoryServer
from tests.docs.pages import ROOT
from tests.doctor.conftest import ASKED, KNOWN


def crash(_examination: Examination) -> Generator[Problem, None, str]:
    """Fail with a message that holds a secret."""
    yield Problem(id="one.found", finding="Something is wrong")
    raise KeyError("hunter2")


def fail(_examination: Examination) -> Generator[Problem, None, str]:
    """Fail with an error of the library."""
    yield from ()
    raise SigningError("the signer failed")


def test_a_check_that_crashes_stops_no_other() -> None:
    """A check that crashes or raises gets a diagnosis, and the checks after it still run."""
    server = InMemoryServer(KNOWN)
    read = settings_with({"server.url": ("--server", server.url)})
    checks = [Check("one", "", crash), Check("two", "", fail), CHECKS[1]]
    with open_parts(settings=read, transport=server.transport()) as parts:
        examination = Examination(read, parts, server.transport(), ASKED)
        one, two, three = examine(examination, checks)
    assert (one.outcome, len(one.problems)) == (Outcome.CRASHED, 1)
    assert one.seen.startswith("KeyError in test_checkup.py, line ")
    assert (two.outcome, two.problems[0].id) == (Outcome.ERROR, "two.failed")
    assert (three.check, three.outcome) == ("reachable", Outcome.OK)
    report = bug_report(["server.url", "secrets.hunter2"], [one, two, three])
    assert "| one | crashed | one.found: Something is wrong; KeyError in test_checkup.py" in report
    assert "secrets.*" in report
    assert not any(secret in report for secret in ("hunter2", server.url, "the signer"))


def test_names_are_unique() -> None:
    """Each check has a unique name, and a question as its purpose."""
    assert len({each.name for each in CHECKS}) == len(CHECKS)
    assert all(each.purpose.endswith("?") for each in CHECKS)


def test_page_lists_each_check() -> None:
    """The page about `doctor` has the table of checks."""
    page = ROOT / "docs" / "how-to" / "command-line" / "find-out-what-is-wrong.md"
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == [f"| `{each.name}` | {each.purpose} |" for each in CHECKS]
