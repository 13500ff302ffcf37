"""`irma-backend dev-server`: an IRMA server for development, with a page to play the app.

Belongs here: the option, what is said, and the exit status. Does not belong here: the server.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

import click

from irma_backend.cli.options import Command, WholeNumber
from irma_backend.cli.output import put, tell
from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock

__all__ = ["dev_server"]

_PORT = 8088
_INTERRUPTED = 130


@click.command("dev-server", cls=Command)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=_PORT,
    show_default=True,
    help="Where it listens on 127.0.0.1; 0 for any free port.",
)
@click.option(
    "--callbacks-anywhere",
    is_flag=True,
    help="Let callbacks and next sessions leave this machine. By default they go to localhost and "
    "loopback addresses only.",
)
def dev_server(port: int, *, callbacks_anywhere: bool) -> None:
    """Run an IRMA server for development, on this machine only.

    It keeps its sessions in memory, takes requests from programs on this machine without
    authentication, and has a page on which you play the app. It refuses requests for sessions from
    web pages of other origins. Nothing that it says is proved.
    """
    try:
        # Only this command needs what its extra brings.
        from irma_backend.dev_server import running_dev_server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    try:
        with (
            _logging() as log,
            running_dev_server(server, port, callbacks_anywhere=callbacks_anywhere) as url,
        ):
            log.warning("For development only: nothing that this server says is proved.")
            put(f"IRMA server: {url}\nPlay the app: {url}/")
            tell("Ctrl-C ends it, and its sessions with it.")
            _wait()
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        click.get_current_context().exit(_INTERRUPTED)


@contextmanager
def _logging() -> Generator[logging.Logger]:
    log, shown = logging.getLogger("irma_backend.dev_server"), logging.StreamHandler()
    shown.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(shown)
    log.setLevel(logging.INFO)
    try:
        yield log
    finally:
        log.removeHandler(shown)
        log.setLevel(logging.NOTSET)


def _wait() -> None:
    threading.Event().wait()
