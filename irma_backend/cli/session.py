"""`irma-backend session`: run a whole session at a terminal or from a script."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from irma_backend.cli.answer_output import VALUE_OPTION, AnswerOutput
from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.options import FILE, Command, WholeNumber
from irma_backend.cli.request_options import request_from_options, with_request_options
from irma_backend.cli.session_link import open_session, show_session
from irma_backend.cli.session_run import SessionRun
from irma_backend.cli.settings import Settings, with_result_settings
from irma_backend.cli.state_files import NewStateFile, new_state_file
from irma_backend.cli.terminal import duration_in_words, stderr_console
from irma_core import SessionPointer

__all__ = ["session"]


@click.command(cls=Command)
@with_request_options
@click.option(
    "--pairing",
    is_flag=True,
    help="Require pairing: the app shows a code, and you confirm that the code is right.",
)
@click.option(
    "--timeout",
    default=300,
    show_default=True,
    type=WholeNumber(1, 86400),
    metavar="SECONDS",
    help="How long to wait for the answer before the session is cancelled.",
)
@click.option(
    "--state-file",
    type=FILE,
    help="Write the session to this new file, for the commands status, result and cancel. The "
    "session then stays open after a timeout or an error.",
)
@click.option(
    "--status",
    "status_uri",
    envvar="IRMA_STATUS",
    show_envvar=True,
    metavar="URI",
    help="URI of the status backend that the callback receiver publishes to.",
)
@click.option("--no-qr", is_flag=True, help="Show only the link, without a QR code.")
@click.option(
    "--open",
    "opens",
    is_flag=True,
    help="Open the link in your browser, or open the server's page if it runs on this machine. "
    "Other users of this machine may see the link.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer or error as JSON.")
@VALUE_OPTION
@with_result_settings
def session(
    settings: Settings,
    *,
    pairing: bool,
    timeout: int,
    state_file: Path | None,
    status_uri: str | None,
    no_qr: bool,
    opens: bool,
    as_json: bool,
    slot: str | None,
    **request_options: Any,
) -> None:
    """Start a session, show its QR code, and wait for the answer.

    A SLOT is [NAME[?]=]ATTRIBUTE[==VALUE]. Use "?" for an optional slot, "+" for a further
    attribute of the same slot, and "|" for an alternative. A value extends to the end of the slot,
    or to a "+" or "|" that is followed by an attribute:

    \b
      --disclose pbdf.sidn-pbdf.email.email
      --disclose 'age=pbdf.gemeente.personalData.over18==Yes|pbdf.pilot-amsterdam.idcard.over18==1'
      --disclose 'email=pbdf.sidn-pbdf.email.email==ada+shop@example.com'
      --disclose 'name?=pbdf.gemeente.personalData.firstnames+pbdf.gemeente.personalData.surname'

    For anything more complex use --request FILE. Other users of this machine can see command-line
    options, so keep private values in a file.

    At a terminal, the answer is printed as a table. In a pipe, each attribute is one line: its
    slot, attribute, value and time of issuance, separated by tabs.

    Ctrl-C, SIGTERM and SIGHUP cancel the session on the server. If the answer cannot be written, it
    is saved in a private file, whose path is printed.
    """  # noqa: D301  # click keeps the lines after this character as they are
    output, within = AnswerOutput(as_json, slot), timedelta(seconds=timeout)

    def show_link(console: Console, pointer: SessionPointer) -> None:
        show_session(console, pointer, draw=not no_qr)
        if console.is_terminal:
            console.print(
                f"Waiting up to {duration_in_words(within)}. Press Ctrl-C to cancel the session."
            )
        if opens:
            open_session(pointer)

    with reporting_errors(as_json=as_json):
        request = request_from_options(settings.requests, **request_options)
        output.check(request)
        with _state_file(state_file) as state, settings.requestor(status=status_uri) as requestor:
            SessionRun(
                requestor,
                stderr_console(),
                timeout=within,
                show_link=show_link,
                state_file=state,
            ).run(request, output.write, pairing=pairing)


def _state_file(path: Path | None) -> AbstractContextManager[NewStateFile | None]:
    return nullcontext() if path is None else new_state_file(path)
