"""The gaps of older official servers, from `old_servers.toml`: exactly their tests must fail.

A gap lists the names of tests without the version among their parameters. At a version with the
gap, each listed test must fail: pytest reports a listed test that passes, and any other test that
fails. A listed test may pass only if the server's fault is a race.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.realserver.versions import VERSIONS, key_of

__all__ = ["Gap", "expect_gap", "gaps", "name_of", "refuse_skip", "releases"]

_DATA = Path(__file__).with_name("old_servers.toml")


@attrs.frozen
class Gap:
    """A feature that some servers lack.

    Args:
        what: A description of the feature for people.
        first: The first version that lacks the feature; by default the oldest.
        is_race: Whether the tests sometimes pass without the feature, so that either result is
            accepted.
        last: The last version that lacks the feature.
        is_feature: Whether users of the library may miss the feature. Otherwise it is a detail of
            responses, for which the server in memory follows the newest version.
        tests: The tests that fail without the feature.
    """

    what: str
    last: str
    is_feature: bool
    tests: frozenset[str] = attrs.field(converter=frozenset)
    first: str = VERSIONS[0]
    is_race: bool = False

    def is_at(self, version: str) -> bool:
        """Return whether that version lacks the feature."""
        return key_of(self.first) <= key_of(version) <= key_of(self.last)


def gaps() -> tuple[Gap, ...]:
    """Read all gaps."""
    return tuple(Gap(**gap) for gap in _data()["gap"])


def releases() -> dict[str, str]:
    """Read the release date of each version, the oldest first."""
    days: dict[str, str] = _data()["released"]
    return {version: days[version] for version in VERSIONS}


def name_of(item: pytest.Item, version: str) -> str:
    """Return a test's name without the version, such as `test_routes.py::test_x[GET-/health]`."""
    name, _, parameters = item.name.partition("[")
    rest = "-".join(
        each for each in parameters.removesuffix("]").split("-") if version not in each.split(" ")
    )
    return f"{item.path.name}::{name}" + (f"[{rest}]" if rest else "")


def expect_gap(request: pytest.FixtureRequest, version: str) -> None:
    """Expect the current test to fail, if the version lacks the tested feature."""
    name = name_of(request.node, version)
    for gap in gaps():
        if gap.is_at(version) and name in gap.tests:
            reason = f"{version} lacks {gap.what}"
            request.applymarker(pytest.mark.xfail(strict=not gap.is_race, reason=reason))


def refuse_skip(item: pytest.Item, report: pytest.TestReport) -> None:
    """Turn the skip of a test with an official server into a failure, unless Go is missing.

    A test that cannot run with some version must be listed in a gap, not hidden by a skip.
    """
    is_expected = hasattr(report, "wasxfail") or shutil.which("go") is None
    fixtures: list[str] = getattr(item, "fixturenames", [])
    if report.skipped and not is_expected and "pool_of_version" in fixtures:
        report.outcome = "failed"
        report.longrepr = f"a skip that is not a gap in {_DATA.name}: {report.longrepr}"


def _data() -> dict[str, Any]:
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))
