"""`manage.py irma_dev_server`: run the IRMA development server together with Django's."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_web_django.site_settings import current_settings

__all__ = ["Command"]


class Command(BaseCommand):
    """Runs the IRMA server and Django's server until Django's ends, for example after Ctrl-C."""

    help = (
        "Runs an IRMA server for development at IRMA['SERVER'], which must be on this machine, "
        "together with Django's runserver. You play the app on the IRMA server's page. Its results "
        "prove nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments of `runserver`."""
        parser.add_argument("runserver", nargs="*", help="Arguments of runserver, after --.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the IRMA server and Django's server.

        Raises:
            CommandError: `IRMA["SERVER"]` is not on this machine, or the port is in use.
        """
        try:
            # Only this command needs the extra `dev-server`.
            from irma_backend.dev_server import running_dev_server  # noqa: PLC0415

            server = urlsplit(current_settings().server)
            if server.hostname not in {"127.0.0.1", "localhost"} or server.scheme != "http":
                raise CommandError(
                    'IRMA["SERVER"]: must be on this machine, such as "http://127.0.0.1:8088"'
                )
            memory = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
            with running_dev_server(memory, server.port or 80) as url:
                self.stdout.write(f"IRMA server, whose results prove nothing: {url}")
                self.stdout.write(f"Play the app: {url}/")
                status = _run([*_this_program(), "runserver", *options["runserver"]])
            if status:
                raise CommandError(f"runserver ended with status {status}", returncode=status)
        except (ConfigurationError, ModuleNotFoundError) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            pass


def _this_program() -> list[str]:
    """Return the command line that runs this program again, without its arguments."""
    spec = sys.modules["__main__"].__spec__
    started = [sys.argv[0]] if spec is None else ["-m", f"{spec.parent}"]
    return [sys.executable, *started]


def _run(command: list[str]) -> int:
    """Run a command, and return its exit status; stop the command if this process ends first."""

    def stop(*_: object) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        process = subprocess.Popen(command)  # noqa: S603  # the user's own arguments
        try:
            return process.wait()
        finally:
            # Django's reloader stops the server that it has started; a kill would leave that server
            # running.
            process.terminate()
            process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
