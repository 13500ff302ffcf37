"""The report of a check: its outcome, a summary, and each problem with its remedy."""

from __future__ import annotations

from enum import Enum
from typing import final

import attrs

from irma_core.errors import IrmaError, ServerRefusedError, UsageError
from irma_core.web.site_checks import CHECKS, Finding, Level

__all__ = ["Cause", "Diagnosis", "NotApplicableError", "Outcome", "Problem"]


class Outcome(Enum):
    """How a check ended."""

    OK = "ok"
    """The check found no problem."""
    WARNING = "warning"
    """Something works, but is less safe or slower than it could be."""
    ERROR = "error"
    """Something does not work, or is not safe."""
    SKIPPED = "skipped"
    """The check could not run, or does not apply."""
    CRASHED = "crashed"
    """The check itself failed, because of a bug in `irma-backend`."""


class Cause(Enum):
    """Where the fault lies. The cause determines the exit status."""

    SETTINGS = "settings"
    """A setting of this program is wrong."""
    REFUSED = "refused"
    """The server refuses a request."""
    NETWORK = "network"
    """The network or a server fails."""


class NotApplicableError(Exception):
    """The check has nothing to examine; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@final
@attrs.frozen(kw_only=True)
class Problem:
    """Something that should be changed.

    Args:
        id: The stable identifier, such as `events.buffered`.
        level: How serious the problem is.
        finding: What is wrong, without the value of any setting.
        exactly: Details of the finding, such as a URL. A bug report leaves them out.
        remedy: What to do.
        command: What to type; empty if no single command does it.
        cause: Where the fault lies.
    """

    id: str
    level: Level = Level.ERROR
    finding: str
    exactly: str = ""
    remedy: str = ""
    command: str = ""
    cause: Cause = Cause.SETTINGS

    @classmethod
    def of_error(cls, check: str, error: IrmaError) -> Problem:
        """Return a problem that describes the error with which a check ended."""
        return cls(
            id=f"{check}.failed",
            finding=f"A call failed with {type(error).__name__}",
            exactly=str(error),
            cause=cause_of(error),
        )

    @classmethod
    def of_site(cls, found: Finding) -> Problem:
        """Return a problem that describes a finding of `check_site`."""
        finding = next(row.finding for row in CHECKS if row.id == found.id)
        return cls(
            id=found.id,
            level=found.level,
            finding=finding,
            exactly=found.finding.removeprefix(finding).strip(" ()"),
            remedy=found.remedy,
        )


def cause_of(error: IrmaError) -> Cause:
    """Return the cause of an error."""
    if isinstance(error, UsageError):
        return Cause.SETTINGS
    return Cause.REFUSED if isinstance(error, ServerRefusedError) else Cause.NETWORK


@final
@attrs.frozen
class Diagnosis:
    """The result of a check.

    Args:
        check: The name of the check.
        outcome: How the check ended.
        seen: What the check found, why it was skipped, or where it crashed; empty if there are
            problems.
        problems: What should be changed.
    """

    check: str
    outcome: Outcome
    seen: str = ""
    problems: tuple[Problem, ...] = ()
