"""`irma-backend session`: a whole session at a terminal, or for a script.

Belongs here: its options and the order of what is shown. Does not belong here: how it is shown
(`screen`, `results`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from irma_backend.cli.conversation import Conversation
from irma_backend.cli.exit_statuses import ending
from irma_backend.cli.options import FILE, Command, WholeNumber
from irma_backend.cli.output import issued_in, print_answer
from irma_backend.cli.request_options import asked_of, with_request
from irma_backend.cli.settings import Settings, with_settings
from irma_backend.cli.state_files import NewStateFile, new_state_file
from irma_backend.cli.terminal import show_answer, stderr_console, to_output
from irma_core import Answer, StartedSession

__all__ = ["session"]


@click.command(cls=Command)
@with_request
@click.option("--pairing", is_flag=True, help="Have the app confirm a code.")
@click.option(
    "--timeout",
    default=300,
    show_default=True,
    type=WholeNumber(1, 86400),
    metavar="SECONDS",
    help="How long to wait for the answer; then the session is cancelled.",
)
@click.option(
    "--state-file",
    type=FILE,
    help="Write the session to this new file, for status, result and cancel. A session that is "
    "kept there stays open after a time-out or an error.",
)
@click.option(
    "--status",
    "status_uri",
    envvar="IRMA_STATUS",
    show_envvar=True,
    metavar="URI",
    help="Wait for statuses where the receiver of callbacks publishes them; a --plugin offers it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer or error as JSON.")
@with_settings
def session(
    settings: Settings,
    *,
    pairing: bool,
    timeout: int,
    state_file: Path | None,
    status_uri: str | None,
    as_json: bool,
    **asking: Any,
) -> None:
    """Start a session, show its QR, and wait for the answer.

    A slot is [NAME[?]=]ATTRIBUTE[==VALUE]; "?" makes it optional, "+" adds an attribute of the
    same slot, "|" an alternative. A value goes on to the end, or to a "+" or "|" with an attribute
    after it:

    \b
      --disclose pbdf.sidn-pbdf.email.email
      --disclose 'age=pbdf.gemeente.personalData.over18==Yes|pbdf.pilot-amsterdam.idcard.over18==1'
      --disclose 'email=pbdf.sidn-pbdf.email.email==ada+shop@example.com'
      --disclose 'name?=pbdf.gemeente.personalData.firstnames+pbdf.gemeente.personalData.surname'

    What needs more goes into a request in a file. Options are seen by other users of this machine:
    issue what is private from a file. Ctrl-C cancels the session at the server; so do SIGTERM and
    SIGHUP. An answer that cannot be written is kept in a private file, which is named.
    """  # noqa: D301  # click wants the character: it keeps the lines below as they are

    def give(answer: Answer, started: StartedSession) -> None:
        if as_json:
            print_answer(answer, started)
        else:
            show_answer(to_output(), answer, issued_in(started))

    with ending(as_json=as_json):
        asked = asked_of(**asking)
        with _state_file(state_file) as state, settings.requestor(status=status_uri) as requestor:
            Conversation(
                requestor, stderr_console(), timeout=timedelta(seconds=timeout), state_file=state
            ).hold(asked, give, pairing=pairing)


def _state_file(path: Path | None) -> AbstractContextManager[NewStateFile | None]:
    return nullcontext() if path is None else new_state_file(path)
