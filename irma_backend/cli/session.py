"""`irma-backend session`: a whole session at a terminal, or for a script.

Belongs here: its options and the order of what is shown. Does not belong here: how it is shown
(`screen`, `results`).
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from irma_backend.cli.asks import asked_of, with_asked
from irma_backend.cli.exits import ending
from irma_backend.cli.results import print_answer
from irma_backend.cli.screen import (
    show_answer,
    show_pairing_code,
    show_session,
    show_status,
    to_person,
)
from irma_backend.cli.settings import Settings, with_settings
from irma_backend.cli.state import new_file, save_session
from irma_core import Answer, PairingMethod, Requestor, SessionStatus, StartedSession
from irma_core.errors import ConfigurationError, IrmaError

__all__ = ["cancelled_by_ctrl_c", "follow", "session"]


@click.command()
@with_asked
@click.option("--pairing", is_flag=True, help="Have the app confirm a code.")
@click.option(
    "--timeout",
    default=300,
    show_default=True,
    type=click.IntRange(1, 86400),
    metavar="SECONDS",
    help="How long to wait for the answer.",
)
@click.option(
    "--state-file",
    type=click.Path(path_type=Path),
    help="Write the session to this new file, for status, result and cancel.",
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
    same slot, "|" an alternative:

    \b
      --disclose pbdf.sidn-pbdf.email.email
      --disclose 'age=pbdf.gemeente.personalData.over18==Yes|pbdf.pilot-amsterdam.idcard.over18==1'
      --disclose 'name?=pbdf.gemeente.personalData.firstnames+pbdf.gemeente.personalData.surname'

    What needs more goes into a request in a file. Options are seen by other users of this machine:
    issue what is private from a file. Ctrl-C cancels the session at the server.
    """  # noqa: D301  # click wants the character: it keeps the lines below as they are
    console = to_person()
    with ending(as_json=as_json):
        asked = asked_of(**asking)
        descriptor = None if state_file is None else new_file(state_file)
        with settings.requestor(status=status_uri) as requestor:
            started = requestor.start_session(asked)
            if descriptor is not None:
                save_session(descriptor, started)
            with cancelled_by_ctrl_c(requestor, started):
                if pairing:
                    _pair(requestor, started, console)
                answer = follow(requestor, started, console, timeout=timedelta(seconds=timeout))
        if as_json:
            print_answer(answer)
        else:
            show_answer(console, answer)


@contextmanager
def cancelled_by_ctrl_c(requestor: Requestor, started: StartedSession) -> Generator[None]:
    """Cancel a session at the server when Ctrl-C comes."""
    try:
        yield
    except KeyboardInterrupt:
        try:
            requestor.cancel_session(started)
        except IrmaError:
            sys.stderr.write("The session could not be cancelled: it ends by its time-out.\n")
        raise


def follow(
    requestor: Requestor, started: StartedSession, console: Console, *, timeout: timedelta
) -> Answer:
    """Show the session and its statuses up to the answer.

    Raises:
        IrmaError: What `watch_status` and `get_answer` raise.
    """
    show_session(console, started.pointer)
    with requestor.watch_status(started, timeout=timeout) as statuses:
        for status in statuses:
            show_status(console, status)
            if status is SessionStatus.PAIRING:
                _confirm_pairing(requestor, started)
    return requestor.get_answer(started)


def _pair(requestor: Requestor, started: StartedSession, console: Console) -> None:
    code = requestor.set_pairing(started, PairingMethod.PIN).pairing_code
    if code is None:
        raise ConfigurationError("the server made no pairing code")
    show_pairing_code(console, code)


def _confirm_pairing(requestor: Requestor, started: StartedSession) -> None:
    if click.confirm("Does the app show that code?", err=True):
        requestor.complete_pairing(started)
    else:
        requestor.cancel_session(started)
