"""`irma-backend doctor`: find out what is wrong with the settings, the server or the website."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import click
from rich.text import Text

from irma_backend.cli.exit_statuses import FAILED, FAULT, REFUSED, USAGE, reporting_errors
from irma_backend.cli.options import FILE, Command, OneOf
from irma_backend.cli.output import print_json, print_line
from irma_backend.cli.request_options import request_from_options, with_request_options
from irma_backend.cli.settings import Settings, with_result_settings
from irma_backend.cli.terminal import print_row, printable, stdout_console
from irma_backend.doctor.checkup import CHECKS, Check, examine
from irma_backend.doctor.diagnoses import Cause, Diagnosis, Outcome, Problem
from irma_backend.doctor.examination import Examination, Requests
from irma_backend.doctor.reports import bug_report
from irma_backend.parts import open_parts
from irma_core.errors import RequestError
from irma_core.json_text import JsonValue
from irma_core.web.site_checks import Level
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["doctor"]

_STATUSES = {Cause.SETTINGS: USAGE, Cause.REFUSED: REFUSED, Cause.NETWORK: FAILED}
_STYLES = {
    Outcome.OK: "green",
    Outcome.WARNING: "yellow",
    Outcome.ERROR: "bold red",
    Outcome.SKIPPED: "dim",
    Outcome.CRASHED: "bold red",
}
_WIDTH = max(len(outcome.value) for outcome in Outcome) + 1


@click.command(cls=Command)
@click.argument("names", metavar="[CHECK]...", nargs=-1, type=OneOf([each.name for each in CHECKS]))
@click.option("--list", "only_list", is_flag=True, help="List the checks without running them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--report",
    "as_report",
    is_flag=True,
    help="Print a report for an issue tracker: versions and findings, but no URL, name or secret.",
)
@click.option(
    "--static",
    type=FILE,
    metavar="DIR",
    help="The folder of the website's static files, where yivi.js should be.",
)
@with_request_options
@with_result_settings
def doctor(
    settings: Settings,
    *,
    names: tuple[str, ...],
    only_list: bool,
    as_json: bool,
    as_report: bool,
    static: Path | None,
    disclose: tuple[str, ...],
    sign: str | None,
    issue: tuple[str, ...],
    file: str | None,
    named: str | None,
) -> None:
    """Find out what is wrong with the settings, the server or the website.

    Run all checks, or only those that you name. A check that needs a session starts one and cancels
    it. It uses the requests in the settings file, unless an option gives another request. Each
    finding has a remedy.

    The exit status is 0 if no check found an error. Otherwise the first error decides: 2 for a
    setting, 5 if the server refuses a request, 7 for the network, and 9 if a check crashed.
    """
    checks = [each for each in CHECKS if each.name in names or not names]
    if only_list:
        _list(checks, as_json=as_json)
        return
    diagnoses: list[Diagnosis] = []
    with reporting_errors(as_json=as_json):
        requests: Requests = settings.requests
        if disclose or sign is not None or issue or file is not None or named is not None:
            asked = request_from_options(
                requests, disclose=disclose, sign=sign, issue=issue, file=file, named=named
            )
            if isinstance(asked, str):
                raise RequestError(
                    "--request",
                    "must be a request in JSON, not a JWT: this command itself authenticates the "
                    "request, with the configured token or key",
                )
            requests = {named or "the request": asked}
        with (
            Urllib3Transport() as transport,
            open_parts(settings=settings.all, transport=transport) as parts,
        ):
            examination = Examination(settings.all, parts, transport, requests, static=static)
            for each in examine(examination, checks):
                diagnoses.append(each)
                if not (as_json or as_report):
                    _show(each)
    if as_report:
        print_line(bug_report([each.place.name for each in settings.all.given], diagnoses))
    elif as_json:
        print_json({"checks": [_value(each) for each in diagnoses]})
    sys.exit(next(_failures(diagnoses), 0))


def _list(checks: Iterable[Check], *, as_json: bool) -> None:
    if as_json:
        print_json({"checks": [{"name": each.name, "purpose": each.purpose} for each in checks]})
        return
    width = max(len(each.name) for each in CHECKS) + 2 if stdout_console().is_terminal else 0
    for each in checks:
        if width:
            print_line(f"{each.name:{width}}{each.purpose}")
        else:
            print_row(each.name, each.purpose)


def _failures(diagnoses: Iterable[Diagnosis]) -> Iterator[int]:
    """Yield the exit status for each error that a check found, and for each crash."""
    for each in diagnoses:
        if each.outcome is Outcome.CRASHED:
            yield FAULT
        for problem in each.problems:
            if problem.level is Level.ERROR:
                yield _STATUSES[problem.cause]


def _value(diagnosis: Diagnosis) -> JsonValue:
    return {
        "name": diagnosis.check,
        "outcome": diagnosis.outcome.value,
        "seen": diagnosis.seen,
        "findings": [
            {
                "id": each.id,
                "level": each.level.value,
                "finding": each.finding,
                "exactly": each.exactly,
                "remedy": each.remedy,
                "command": each.command,
            }
            for each in diagnosis.problems
        ],
    }


def _show(diagnosis: Diagnosis) -> None:
    console = stdout_console()
    if not console.is_terminal:
        _print_rows(diagnosis)
        return
    mark = (f"{diagnosis.outcome.value:{_WIDTH}}", _STYLES[diagnosis.outcome])
    seen = f": {diagnosis.seen}" if diagnosis.seen else ""
    console.print(Text.assemble(mark, printable(console, f"{diagnosis.check}{seen}")))
    for each in diagnosis.problems:
        lines = [f"{_sentence(each)}. {each.remedy}".rstrip()]
        if each.command:
            lines.append(f"$ {each.command}")
        lines[-1] += f"  [{each.id}]"
        for line in lines:
            console.print(printable(console, f"{'':{_WIDTH}}{line}"))


def _print_rows(diagnosis: Diagnosis) -> None:
    if not diagnosis.problems:
        print_row(diagnosis.outcome.value, diagnosis.check, "", diagnosis.seen)
    for each in diagnosis.problems:
        row: Collection[str] = (_sentence(each), each.remedy, each.command)
        print_row(each.level.value, diagnosis.check, each.id, *row)


def _sentence(problem: Problem) -> str:
    return f"{problem.finding} ({problem.exactly})" if problem.exactly else problem.finding
