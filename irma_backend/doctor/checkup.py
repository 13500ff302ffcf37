"""The table of checks. If one check fails or crashes, the others still run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path
from typing import Final, TypeAlias, final

import attrs

from irma_backend.doctor.diagnoses import Diagnosis, NotApplicableError, Outcome, Problem
from irma_backend.doctor.examination import Examination
from irma_backend.doctor.server_checks import check_clock, check_reachable, check_tls, check_version
from irma_backend.doctor.session_checks import (
    check_authentication,
    check_events,
    check_key,
    check_permissions,
)
from irma_backend.doctor.visitor_checks import check_cors, check_pointer
from irma_backend.doctor.website_checks import (
    check_browser_package,
    check_callback,
    check_settings,
    check_status,
    check_store,
)
from irma_core.errors import IrmaError
from irma_core.web.site_checks import Level

__all__ = ["CHECKS", "Check", "Run", "examine"]

Run: TypeAlias = Callable[[Examination], Generator[Problem, None, str]]
"""A function that runs a check. It yields problems as it finds them, and returns a sentence about
the result."""


@final
@attrs.frozen
class Check:
    """One check of `irma-backend doctor`.

    Args:
        name: The check's name on the command line and in JSON, which never changes.
        purpose: The question that the check answers, in words for the user.
        run: The function that looks for problems.
        needs_server: Whether the check is skipped if the server cannot be reached.
    """

    name: str
    purpose: str
    run: Run = attrs.field(repr=False)
    needs_server: bool = True


CHECKS: Final = (
    Check(
        "settings",
        "Are the settings valid, and safe for production?",
        check_settings,
        needs_server=False,
    ),
    Check("reachable", "Does an IRMA server answer?", check_reachable, needs_server=False),
    Check(
        "tls",
        "Are the server's certificates trusted, and valid for long enough?",
        check_tls,
        needs_server=False,
    ),
    Check("clock", "Do the clocks of this machine and the server agree?", check_clock),
    Check("version", "How old is the server, roughly?", check_version),
    Check("authentication", "Does the server know this requestor?", check_authentication),
    Check(
        "permissions",
        "May this requestor start a session for each of its requests?",
        check_permissions,
    ),
    Check("key", "Does the configured key verify the server's results?", check_key),
    Check("events", "Do status events arrive at once, even through a proxy?", check_events),
    Check("pointer", "Can a phone reach the URL in the QR code?", check_pointer),
    Check("cors", "Can browsers follow a session, but not start one?", check_cors),
    Check("callback", "Does the website respond at its callback URLs?", check_callback),
    Check("store", "Do all processes share one store?", check_store, needs_server=False),
    Check(
        "status",
        "Do all processes learn how a session ended?",
        check_status,
        needs_server=False,
    ),
    Check(
        "browser-package",
        "Is the official browser package where the pages need it?",
        check_browser_package,
        needs_server=False,
    ),
)
"""All checks, in the order in which they run."""


def examine(examination: Examination, checks: Collection[Check] = CHECKS) -> Iterator[Diagnosis]:
    """Run checks, and yield the diagnosis from each as soon as it is known."""
    for check in checks:
        yield _diagnose(check, examination)


def _diagnose(check: Check, examination: Examination) -> Diagnosis:
    problems: list[Problem] = []
    try:
        seen = _run(check, examination, problems)
    except NotApplicableError as skipped:
        if not problems:
            return Diagnosis(check.name, Outcome.SKIPPED, skipped.reason)
        seen = ""
    except IrmaError as error:
        problems.append(Problem.of_error(check.name, error))
        seen = ""
    except Exception as error:  # noqa: BLE001  # a fault in one check must not hide the others
        return Diagnosis(check.name, Outcome.CRASHED, _location(error), tuple(problems))
    return Diagnosis(check.name, _outcome(problems), "" if problems else seen, tuple(problems))


def _run(check: Check, examination: Examination, problems: list[Problem]) -> str:
    if check.needs_server:
        examination.need_server()
    running = check.run(examination)
    while True:
        try:
            problems.append(next(running))
        except StopIteration as end:
            return str(end.value)


def _outcome(problems: Collection[Problem]) -> Outcome:
    levels = {problem.level for problem in problems}
    if Level.ERROR in levels:
        return Outcome.ERROR
    return Outcome.WARNING if levels else Outcome.OK


def _location(error: Exception) -> str:
    """Return the class and location of an error, but not its message, which may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}, line {frames[-1].lineno}"
