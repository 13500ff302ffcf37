"""`make mutants`: remove one check of `irma_proofs` at a time, and name the test that notices.

`make mutants ARGS="c_u alpha"` tries only checks with one of these strings in their names.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import pytest

from mutants.removing import Mutant, mutants, remove

TESTS = Path(__file__).parent.parent / "tests" / "proofs"
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "--no-header")


class Watch:
    """A plugin of pytest that keeps the name of the first test that fails."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def first_failure(tests: Sequence[str]) -> str:
    """Run the tests until one fails, and return its name, or an empty string if all pass."""
    watch = Watch()
    with redirect_stdout(StringIO()) as out, redirect_stderr(out):
        status = pytest.main([*OPTIONS, *tests], plugins=[watch])
    if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        raise SystemExit(f"pytest could not run the tests:\n{out.getvalue()}")
    return watch.failed


def forget_schemes() -> None:
    """Let the tests read schemes again, because the removed check may check schemes."""
    for name, module in sys.modules.items():
        if name.startswith("tests.proofs."):
            for each in ("schemes", "made_schemes"):
                if clear := getattr(getattr(module, each, None), "cache_clear", None):
                    clear()


def noticed_by(mutant: Mutant, tests: Sequence[str]) -> str:
    """Run the tests without a check, in a forked process; return the test that fails."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            forget_schemes()
            remove(mutant)
            os.write(writing, first_failure(tests).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may run on in the copy
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        failed = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"the tests could not be run without {mutant}")
    return failed


def tried(chosen: Sequence[Mutant], tests: Sequence[str]) -> Iterator[tuple[Mutant, str]]:
    """Yield each check, and the test that notices its absence."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from zip(chosen, pool.map(partial(noticed_by, tests=tests), chosen), strict=True)


def _slow_last(path: Path) -> tuple[bool, str]:
    return path.name.startswith(("test_changed_", "test_honest_", "test_vectors")), path.name


def main() -> None:
    """Try all checks, and print the table."""
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of the name of a check")
    parser.add_argument(
        "--tests", nargs="+", metavar="PATH", help="the tests to run; all of them by default"
    )
    given = parser.parse_args()
    tests = given.tests or [str(path) for path in sorted(TESTS.glob("test_*.py"), key=_slow_last)]
    chosen = [
        mutant
        for mutant in mutants()
        if not given.names or any(name in str(mutant) for name in given.names)
    ]
    if not chosen:
        parser.error("no check has one of these names")
    if failed := first_failure(tests):  # this also makes all proofs, once for all processes
        raise SystemExit(f"a test fails with all checks in place: {failed}")
    noticed = 0
    for mutant, failed in tried(chosen, tests):
        noticed += bool(failed)
        file, _, test = failed.partition("::")
        name = f"{Path(file).name}::{test}" if failed else "NOT NOTICED"
        sys.stdout.write(f"{mutant!s:<58} {name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} checks removed in turn, {noticed} of them noticed\n")
    raise SystemExit(noticed < len(chosen))


if __name__ == "__main__":
    main()
