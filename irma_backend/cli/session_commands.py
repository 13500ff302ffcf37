"""The commands status, result, cancel, public-key and health."""

from __future__ import annotations

from pathlib import Path

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.inputs import read_secret
from irma_backend.cli.options import FILE, Command
from irma_backend.cli.output import print_answer, print_line, print_unchecked
from irma_backend.cli.settings import Settings, with_result_settings, with_settings
from irma_backend.cli.state_files import load_session
from irma_core import StartedSession
from irma_core.errors import ConfigurationError
from irma_core.models.tokens import RequestorToken

__all__ = ["cancel", "health", "public_key", "result", "status"]

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
@with_settings
def status(settings: Settings, *, state_file: Path | None) -> None:
    """Print the status of a session."""
    with reporting_errors(), settings.requestor() as requestor:
        print_line(requestor.get_status(_session(state_file)).value)


@click.command(cls=Command)
@_STATE_FILE
@with_result_settings
def result(settings: Settings, *, state_file: Path | None) -> None:
    """Print the result of a session as JSON.

    With a state file, this is the answer to the request, after every check. With a token, it is the
    server's result, not compared with any request.
    """
    with reporting_errors(as_json=True), settings.requestor() as requestor:
        session = _session(state_file)
        if isinstance(session, StartedSession):
            print_answer(requestor.get_answer(session), session)
        else:
            print_unchecked(requestor.get_unchecked_result(session))


@click.command(cls=Command)
@_STATE_FILE
@with_settings
def cancel(settings: Settings, *, state_file: Path | None) -> None:
    """Cancel a session."""
    with reporting_errors(), settings.requestor() as requestor:
        requestor.cancel_session(_session(state_file))


@click.command("public-key", cls=Command)
@with_settings
def public_key(settings: Settings) -> None:
    """Print the public key that verifies the server's result JWTs."""
    with reporting_errors(), settings.requestor() as requestor:
        print_line(requestor.get_public_key().rstrip("\n"))


@click.command(cls=Command)
@with_settings
def health(settings: Settings) -> None:
    """Check that the server is up."""
    with reporting_errors(), settings.requestor() as requestor:
        requestor.check_health()
        print_line("The server is up.")
