"""`irma-backend demo`: the main job in a few seconds, and what is never taken for an answer.

Without `--server` it runs the server in memory over real HTTP, with an app that answers by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import attrs
import click
from rich.console import Console

from irma_backend.cli.conversation import Conversation
from irma_backend.cli.exit_statuses import ending
from irma_backend.cli.options import Command
from irma_backend.cli.settings import Settings
from irma_backend.cli.terminal import show_answer, stderr_console, to_output
from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    ProofStatus,
    Requestor,
    SessionPointer,
    optional,
)
from irma_core.errors import AnswerError
from irma_core.models.session_requests import as_extended
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["demo", "play"]

_CARD = "pbdf.gemeente.personalData"
_OVER18 = f"{_CARD}.over18"
_ASKED = DisclosureRequest(
    {
        "age": AttributeRequest(_OVER18, value="Yes"),
        "name": optional(f"{_CARD}.firstnames"),
    }
)
_DEMO_DELAY = timedelta(seconds=1.2)  # to see the QR before the app comes, and its question
_TIMEOUT = timedelta(minutes=5)


@click.command(cls=Command)
@click.option(
    "--server",
    metavar="URL",
    help="A real IRMA server, and a person with an app; its token, if it wants one, in IRMA_TOKEN.",
)
def demo(server: str | None) -> None:
    """Play a whole session, with an app that answers by itself."""
    with ending():
        if server is not None:
            with Settings(server).requestor() as requestor:
                _main_job(requestor, stderr_console(), to_output())
            return
        play(stderr_console(), to_output())


def play(person: Console, output: Console) -> None:
    """Play it all at a server in memory.

    Args:
        person: Where everything but the answer is shown.
        output: Where the answer is.
    """
    with _served() as (requestor, memory, app):
        person.print("The server is in memory, the app simulated: nothing here is proved.\n")
        _main_job(requestor, person, output, after_start=partial(_accept_later, memory, app))
        person.print("\nWhat is never taken for an answer:")
        _failures(requestor, memory, app, person)


@contextmanager
def _served() -> Generator[tuple[Requestor, InMemoryServer, SimulatedApp]]:
    from irma_backend.dev_server import running_server  # noqa: PLC0415  # aiohttp, only here

    memory = InMemoryServer(clock=SystemClock())
    app = SimulatedApp(memory)
    app.add(_CARD, {"over18": "Yes", "firstnames": "Ada"})
    with running_server(memory) as url, Urllib3Transport() as transport:
        yield Requestor(url, transport), memory, app


def _main_job(
    requestor: Requestor,
    person: Console,
    output: Console,
    *,
    after_start: Callable[[SessionPointer], None] | None = None,
) -> None:
    person.print("Are you over 18? And, if you like: what is your name?\n")
    Conversation(requestor, person, timeout=_TIMEOUT).hold(
        _ASKED, lambda answer, _started: show_answer(output, answer), after_start=after_start
    )


def _accept_later(memory: InMemoryServer, app: SimulatedApp, pointer: SessionPointer) -> None:
    def scan() -> None:
        scanned = app.scan(pointer)
        memory.after(_DEMO_DELAY, scanned.accept)

    memory.after(_DEMO_DELAY, scan)


def _failures(
    requestor: Requestor, memory: InMemoryServer, app: SimulatedApp, console: Console
) -> None:
    minor = SimulatedApp(memory)
    minor.add(_CARD, {"over18": "No", "firstnames": "Joy"})
    acts: dict[str, tuple[DisclosureRequest, Callable[[SessionPointer], object]]] = {
        "a refusal": (_ASKED, app.refuse),
        "a cheating app": (_ASKED, lambda pointer: app.scan(pointer).cheat(ProofStatus.INVALID)),
        # A server that does not look at values, as it were: the library looks itself.
        "a wrong value": (DisclosureRequest({"age": _OVER18}), minor.accept),
    }
    for name, (asked, act) in acts.items():
        started = requestor.start_session(asked)
        act(started.pointer)
        session = attrs.evolve(started, request=as_extended(_ASKED))
        try:
            requestor.wait_for_answer(session, timeout=_TIMEOUT)
        except AnswerError as error:
            console.print(f"  {name}: {type(error).__name__}: {error.reason}")
        else:
            raise AssertionError(f"{name} was taken for an answer")
