"""`irma-backend app`: play the part of the app, from a script or another terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import click

from irma_backend.cli.app_run import (
    answered,
    application_url,
    check_choice,
    held_cards,
    print_session,
    report,
    scanned,
)
from irma_backend.cli.app_watch import Watch
from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.interrupts import signals_deferred
from irma_backend.cli.options import Command, Group, OneOf
from irma_backend.played_app import CHEATS
from irma_backend.played_app import cheat as cheat_in
from irma_testing import ScannedSession
from irma_testing.people import KINDS, Kind
from irma_testing.remote_server import RemoteServer
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["app"]

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
_DEFAULT_SERVER = "http://127.0.0.1:8088"
_INTERVAL = timedelta(milliseconds=250)


@click.group(cls=Group)
def app() -> None:
    """Play the app for a development server, from a script or another terminal.

    LINK is the link that your application shows, the session pointer in JSON, or the address of the
    session on the development server's page. Each command uses a new app. The answers are
    simulated, so the commands refuse a real IRMA server.

    Exit status: 0 success; 2 wrong usage, or the app lacks a credential; 4 session timed out or
    gone; 5 refused by the server; 6 the proof is not valid; 7 network or server failure.
    """


def _link(command: CommandT) -> CommandT:
    return click.argument("link", metavar="LINK")(command)


def _json(command: CommandT) -> CommandT:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the outcome or error as JSON."
    )(command)


def _holding(command: CommandT) -> CommandT:
    """Add the options for the app's cards to a command."""
    person = click.option(
        "--person",
        type=OneOf(KINDS),
        default=KINDS[0],
        show_default=True,
        help="The owner of the app. The adult and the minor have cards with name, age, address, "
        "phone number and e-mail address; the app of `nobody` has no cards.",
    )
    has = click.option(
        "--has",
        multiple=True,
        metavar="ATTRIBUTE=VALUE",
        help="A value that the app holds instead of the person's usual value. Repeatable.",
    )
    return person(has(command))


@app.command(cls=Command)
@_link
@_holding
@_json
def accept(link: str, *, person: Kind, has: Sequence[str], as_json: bool) -> None:
    """Accept the session, as an honest person does.

    The app shares or signs what the session asks for, or receives the credentials that it issues.
    The app also accepts the sessions that follow in a chain. It refuses if it lacks a credential.
    """
    _decide(link, person, has, as_json, lambda session: session.accept())


@app.command(cls=Command)
@_link
@click.argument("choices", metavar="SLOT=OPTION...", nargs=-1, required=True)
@_holding
@_json
def choose(
    link: str, *, choices: Sequence[str], person: Kind, has: Sequence[str], as_json: bool
) -> None:
    """Accept the session, and choose an option for each SLOT.

    Slots and options are numbered from 0, as `show` prints them. For every other slot, the app
    shares the first option that it can.
    """
    with reporting_errors(as_json=as_json):
        choice = check_choice(choices)
    _decide(link, person, has, as_json, lambda session: session.accept(choice))


@app.command(cls=Command)
@_link
@click.argument("kind", metavar="KIND", type=OneOf(list(CHEATS)))
@_holding
@_json
def cheat(link: str, *, kind: str, person: Kind, has: Sequence[str], as_json: bool) -> None:
    """Answer dishonestly, to check that your application notices.

    KIND is invalid (a proof that fails), wrong-value (not the value that the request requires),
    missing-attributes or expired. In a signature session it may also be unmatched-request (a
    signature on something else) or invalid-timestamp. The app makes up values that it does not
    hold. The exit status is 0 if the server noticed.
    """
    _decide(
        link, person, has, as_json, lambda session: cheat_in(session, kind), expects_valid=False
    )


@app.command(cls=Command)
@_link
@_json
def refuse(link: str, *, as_json: bool) -> None:
    """Refuse the session, which cancels it."""
    _decide(link, "nobody", (), as_json, lambda session: session.refuse())


@app.command("walk-away", cls=Command)
@_link
@_json
def walk_away(link: str, *, as_json: bool) -> None:
    """Scan the session and do nothing more, so that it times out.

    The server gives up after a quarter of an hour. To let the session time out at once, use the
    button on the development server's page.
    """
    _decide(link, "nobody", (), as_json, lambda session: session.lose_connection())


@app.command(cls=Command)
@_link
@_json
def show(link: str, *, as_json: bool) -> None:
    """Print what a session asks for, without scanning it."""
    with reporting_errors(as_json=as_json), Urllib3Transport() as transport:
        url, name = application_url(link)
        print_session(RemoteServer(url, transport).session(name), as_json=as_json)


@app.command(cls=Command)
@click.option(
    "--server",
    envvar="IRMA_SERVER",
    show_envvar=True,
    default=_DEFAULT_SERVER,
    show_default=True,
    metavar="URL",
    help="Base URL of the development server, or the address of its page.",
)
@click.option(
    "--answer-by-itself",
    is_flag=True,
    help="Answer each new session as an honest person: accept if the app holds the requested "
    "attributes, and refuse otherwise.",
)
@_holding
@_json
def watch(
    server: str, *, answer_by_itself: bool, person: Kind, has: Sequence[str], as_json: bool
) -> None:
    """Print each new session on a development server, until Ctrl-C.

    With --answer-by-itself, one app answers them, and keeps the credentials that it receives.
    """
    with reporting_errors(as_json=as_json), Urllib3Transport() as transport:
        watching = Watch(server, transport, as_json=as_json)
        if answer_by_itself:
            watching.answer_as(person, held_cards(has))
        while True:
            with signals_deferred():  # so that Ctrl-C cannot interrupt an answer halfway
                watching.look()
            transport.sleep(_INTERVAL)


def _decide(
    link: str,
    person: Kind,
    has: Sequence[str],
    as_json: bool,  # noqa: FBT001  # only the functions above call this
    decide: Callable[[ScannedSession], None],
    *,
    expects_valid: bool = True,
) -> None:
    with reporting_errors(as_json=as_json):
        cards = held_cards(has)
        with scanned(link, person, cards) as session:
            decide(session)
        status = report(answered(session), as_json=as_json, expects_valid=expects_valid)
    click.get_current_context().exit(status)
