"""The commands status, result, cancel, public-key and health."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from irma_backend.cli.answer_output import VALUE_OPTION, AnswerOutput
from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.inputs import read_secret
from irma_backend.cli.json_values import status_value, unchecked_value
from irma_backend.cli.options import FILE, Command
from irma_backend.cli.output import print_json, print_line, print_message
from irma_backend.cli.settings import Settings, with_result_settings, with_settings
from irma_backend.cli.state_files import load_session
from irma_backend.cli.terminal import describe, duration_in_words
from irma_core import SessionStatus, StartedSession
from irma_core.errors import ConfigurationError
from irma_core.models.tokens import RequestorToken

__all__ = ["cancel", "health", "public_key", "result", "status"]

_ENDS = {SessionStatus.CANCELLED: 3, SessionStatus.TIMEOUT: 4}
"""The exit statuses of `status --watch`, which are the same as for `session`."""
_STATE_FILE = click.option(
    "--state-file",
    type=FILE,
    help="The file that `session --state-file` wrote. Without it, the requestor token is read from "
    "standard input.",
)


def _session(state_file: Path | None) -> StartedSession | RequestorToken:
    if state_file is not None:
        return load_session(state_file)
    token = read_secret("requestor token")
    if not token:
        raise ConfigurationError(
            "expected --state-file FILE, or the requestor token on standard input"
        )
    return RequestorToken(token)


@click.command(cls=Command)
@_STATE_FILE
@click.option(
    "--watch",
    is_flag=True,
    help="Print each status until the session ends; needs --state-file. The exit status is then 3 "
    "if the session was cancelled, and 4 if it timed out.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON; with --watch, one line for each status.",
)
@with_settings
def status(settings: Settings, *, state_file: Path | None, watch: bool, as_json: bool) -> None:
    """Print the status of a session."""
    with reporting_errors(as_json=as_json), settings.requestor() as requestor:
        if watch and state_file is None:
            raise ConfigurationError("--watch needs --state-file FILE")
        session = _session(state_file)
        if not watch or isinstance(session, RequestorToken):
            _print_status(session, requestor.get_status(session), as_json=as_json)
            return
        last = SessionStatus.INITIALIZED
        with requestor.watch_status(session) as statuses:
            for last in statuses:
                _print_status(session, last, as_json=as_json)
    sys.exit(_ENDS.get(last, 0))


def _print_status(
    session: StartedSession | RequestorToken, status: SessionStatus, *, as_json: bool
) -> None:
    token = session.token if isinstance(session, StartedSession) else session
    if as_json:
        print_json(status_value(token, status))
    elif not sys.stdout.isatty():
        print_line(status.value)
    elif isinstance(session, StartedSession):
        age = datetime.now(UTC) - session.started_at
        print_line(f"{status.value}: {describe(status)}, started {duration_in_words(age)} ago")
    else:
        print_line(f"{status.value}: {describe(status)}")


@click.command(cls=Command)
@_STATE_FILE
@VALUE_OPTION
@with_result_settings
def result(settings: Settings, *, state_file: Path | None, slot: str | None) -> None:
    """Print the result of a session as JSON.

    With a state file, this prints the answer to the request, once all checks have passed. With a
    token, it prints the server's result, which is not compared with any request.
    """
    output = AnswerOutput(as_json=slot is None, slot=slot)
    with reporting_errors(as_json=output.as_json), settings.requestor() as requestor:
        if slot is not None and state_file is None:
            raise ConfigurationError("--value needs --state-file FILE")
        session = _session(state_file)
        if isinstance(session, StartedSession):
            output.check(session.request)
            output.write(requestor.get_answer(session), session)
        else:
            print_json(unchecked_value(requestor.get_unchecked_result(session)))


@click.command(cls=Command)
@_STATE_FILE
@with_settings
def cancel(settings: Settings, *, state_file: Path | None) -> None:
    """Cancel a session."""
    with reporting_errors(), settings.requestor() as requestor:
        requestor.cancel_session(_session(state_file))
        print_message("The session was cancelled.")


@click.command("public-key", cls=Command)
@with_settings
def public_key(settings: Settings) -> None:
    """Print the public key that verifies the server's result JWTs."""
    with reporting_errors(), settings.requestor() as requestor:
        print_line(requestor.get_public_key().rstrip("\n"))


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def health(settings: Settings, *, as_json: bool) -> None:
    """Check that the server is up."""
    with reporting_errors(as_json=as_json), settings.requestor() as requestor:
        requestor.check_health()
        if as_json:
            print_json({"status": "up"})
        else:
            print_line("The server is up." if sys.stdout.isatty() else "up")
