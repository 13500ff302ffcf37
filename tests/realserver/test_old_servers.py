"""The list of gaps in older servers contains only tests and versions that exist."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.realserver.old_servers import gaps, refuse_skip, releases
from tests.realserver.versions import EACH_RUN, NEWEST, VERSIONS, key_of, versions_to_try

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("tests/contract", "tests/realserver/test_versions.py")


def test_each_gap_names_existing_tests() -> None:
    """Each gap names only tests that exist, so that a renamed test is noticed."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    oldest = {**os.environ, "IRMA_SERVERS": VERSIONS[0]}
    said = subprocess.run(
        [*command, *ROOMS], cwd=ROOT, env=oldest, capture_output=True, text=True, check=True
    ).stdout
    found = {
        line.rpartition("/")[2] if "[" not in line else _short(line)
        for line in said.splitlines()
        if "::" in line
    }
    assert {name for gap in gaps() for name in gap.tests} - found == set()


def _short(line: str) -> str:
    path, _, name = line.partition("::")
    function, _, parameters = name.removesuffix("]").partition("[")
    rest = [part for part in parameters.split("-") if VERSIONS[0] not in part.split(" ")]
    return f"{path.rpartition('/')[2]}::{function}" + (f"[{'-'.join(rest)}]" if any(rest) else "")


def test_gaps_of_a_version_do_not_share_tests() -> None:
    """The newest version has no gaps, and at each version at most one gap names a test."""
    for gap in gaps():
        assert key_of(gap.first) <= key_of(gap.last) < key_of(NEWEST), gap
        assert {gap.first, gap.last} <= set(VERSIONS), gap
        assert gap.tests, gap
    for version in VERSIONS:
        named = [name for gap in gaps() if gap.is_at(version) for name in gap.tests]
        assert len(named) == len(set(named)), version


@pytest.mark.parametrize(
    ("has_go", "fixtures", "outcome"),
    [
        (True, ["pool_of_version"], "failed"),
        (True, ["other"], "skipped"),
        (False, ["pool_of_version"], "skipped"),
    ],
)
def test_an_unexpected_skip_fails(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    has_go: bool,
    fixtures: list[str],
    outcome: str,
) -> None:
    """A skipped test with an official server fails, unless Go is missing."""

    def which(_command: str) -> str | None:
        return "/go" if has_go else None

    monkeypatch.setattr("shutil.which", which)
    monkeypatch.setattr(request.node, "fixturenames", fixtures)
    report = pytest.TestReport("x", ("x", 0, "x"), {}, "skipped", ("x", 0, "why"), "call")
    refuse_skip(request.node, report)
    assert report.outcome == outcome


def test_versions_are_sorted_and_dated() -> None:
    """Versions are sorted by number, and their release dates are in the same order."""
    assert all(key_of(one) < key_of(other) for one, other in pairwise(VERSIONS))
    assert all(one < other for one, other in pairwise(releases().values()))
    assert list(releases()) == list(VERSIONS)


@pytest.mark.parametrize(
    ("asked", "tried"),
    [("", EACH_RUN), ("all", VERSIONS), ("0.7.0", ("0.7.0",)), ("0.7.0,1.0.0", ("0.7.0", "1.0.0"))],
)
def test_irma_servers_selects_the_versions(
    monkeypatch: pytest.MonkeyPatch, asked: str, tried: tuple[str, ...]
) -> None:
    """`IRMA_SERVERS` selects the versions to test; without it, a run has the default versions."""
    monkeypatch.setenv("IRMA_SERVERS", asked)
    assert versions_to_try() == tried


def test_an_unknown_version_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown version in `IRMA_SERVERS` raises an error that names it."""
    monkeypatch.setenv("IRMA_SERVERS", "0.8.0,1.0.0")
    with pytest.raises(ValueError, match=r"IRMA_SERVERS: no such version: 0\.8\.0"):
        versions_to_try()
