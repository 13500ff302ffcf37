"""`irma-backend demo`: run a session in a few seconds, and show which results are refused.

Without `--server`, the server runs in memory, over real HTTP, and a simulated app answers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import attrs
import click
from rich.console import Console

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.options import Command
from irma_backend.cli.session_link import show_session
from irma_backend.cli.session_run import SessionRun
from irma_backend.cli.settings import Settings
from irma_backend.cli.terminal import show_answer, stderr_console, stdout_console
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
_REQUEST = DisclosureRequest(
    {
        "age": AttributeRequest(_OVER18, value="Yes"),
        "name": optional(f"{_CARD}.firstnames"),
    }
)
_DEMO_DELAY = timedelta(seconds=1.2)  # leaves time to see the QR code and each status
_TIMEOUT = timedelta(minutes=5)


@click.command(cls=Command)
@click.option(
    "--server",
    metavar="URL",
    help="Use this IRMA server, and your own app. Set IRMA_TOKEN if it requires a token.",
)
def demo(server: str | None) -> None:
    """Play a whole session with a simulated app."""
    with reporting_errors():
        if server is not None:
            with Settings(server).requestor() as requestor:
                _main_job(requestor, stderr_console(), stdout_console(), show_session)
            return
        play(stderr_console(), stdout_console())


def play(console: Console, output: Console) -> None:
    """Play the whole demo with an in-memory server.

    Args:
        console: The console for everything but the answer.
        output: The console for the answer.
    """
    with _served() as (requestor, memory, app):
        console.print(
            "The server is in memory and the app is simulated: nothing is really proved.\n"
        )
        show_link = partial(show_session, intro="The app scans the QR code, or opens this link:")
        accept = partial(_accept_later, memory, app)
        _main_job(requestor, console, output, show_link, after_start=accept)
        console.print("\nNever accepted as an answer:")
        _failures(requestor, memory, app, console)


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
    console: Console,
    output: Console,
    show_link: Callable[[Console, SessionPointer], None],
    *,
    after_start: Callable[[SessionPointer], None] | None = None,
) -> None:
    console.print("Are you over 18? And, optionally, what is your name?\n")
    SessionRun(requestor, console, timeout=_TIMEOUT, show_link=show_link).run(
        _REQUEST, lambda answer, _started: show_answer(output, answer), after_start=after_start
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
        "a refusal": (_REQUEST, app.refuse),
        "a cheating app": (_REQUEST, lambda pointer: app.scan(pointer).cheat(ProofStatus.INVALID)),
        # The session was started without the required value, as if the server had ignored it.
        "a wrong value": (DisclosureRequest({"age": _OVER18}), minor.accept),
    }
    for name, (request, act) in acts.items():
        started = requestor.start_session(request)
        act(started.pointer)
        session = attrs.evolve(started, request=as_extended(_REQUEST))
        try:
            requestor.wait_for_answer(session, timeout=_TIMEOUT)
        except AnswerError as error:
            console.print(f"  {name}: {type(error).__name__}: {error.reason}")
        else:
            raise AssertionError(f"{name} was accepted as an answer")
