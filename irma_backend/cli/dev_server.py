"""`irma-backend dev-server`: run an IRMA server for development, with a page to play the app."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

import click

from irma_backend.cli.options import Command, WholeNumber
from irma_backend.cli.output import print_line, print_message
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
    help="The port on 127.0.0.1; 0 selects any free port.",
)
@click.option(
    "--callbacks-anywhere",
    is_flag=True,
    help="Let callbacks and nextSession requests go to other machines. By default they go to "
    "localhost and loopback addresses only.",
)
def dev_server(port: int, *, callbacks_anywhere: bool) -> None:
    """Run an IRMA server for development, on this machine only.

    It keeps its sessions in memory, accepts programs on this machine without authentication, and
    has a page on which you play the app. Web pages of other origins cannot start sessions. Its
    results are simulated and prove nothing.
    """
    try:
        # Only this command needs the extra `dev-server`.
        from irma_backend.dev_server import running_dev_server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    try:
        with (
            _logging() as log,
            running_dev_server(server, port, callbacks_anywhere=callbacks_anywhere) as url,
        ):
            log.warning(
                "For development only: results of this server are simulated and prove nothing."
            )
            print_line(f"IRMA server: {url}\nPlay the app: {url}/")
            print_message("Press Ctrl-C to stop the server. Its sessions are not saved.")
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
