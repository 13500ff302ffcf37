"""Sites under load, each on a web framework, in three worker processes that share a store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import attrs

from irma_core import new_sealing_key
from tests.load.logins import FILE, Login, read_logins
from tests.load.stores import SharedStore
from tests.ports import unused_port

__all__ = ["DJANGO", "DJANGO_ASGI", "FASTAPI", "FLASK", "Framework", "RunningSite", "running_site"]

ROOT: Final = Path(__file__).parent.parent.parent
CELLAR: Final = ROOT / "docs" / "examples" / "django_login"
_PYTHON: Final = (sys.executable, "-m")
_STARTS_WITHIN: Final = 120.0


@final
@attrs.frozen
class Framework:
    """A web framework, and the way to serve its site.

    Args:
        serve: The command that serves the site, without the address.
        address: The options with host and port.
        greeting: The greeting on the page `/account/` for a person with the address `{email}`.
        prepare: A command to run first; empty if none is needed.
        may_be_busy: Whether a finish that is sent three times may have to be repeated.
    """

    serve: Sequence[str]
    address: str
    greeting: str = "Welcome, {email}"
    prepare: Sequence[str] = ()
    may_be_busy: bool = False


_GUNICORN: Final = ("gunicorn", "--workers", "3", "--timeout", "120")
# Without these options, a worker that is busy for long would be taken for dead.
_UVICORN: Final = (
    *("uvicorn", "--workers", "3", "--log-level", "warning"),
    *("--timeout-worker-healthcheck", "120"),
)
_BIND: Final = "--bind {host}:{port}"
_HOST: Final = "--host {host} --port {port}"
DJANGO: Final = Framework(
    (*_GUNICORN, "tests.load.django_site"),
    _BIND,
    greeting="Welcome, irma-",
    prepare=("django", "migrate", "--verbosity", "0"),
)
DJANGO_ASGI: Final = attrs.evolve(
    DJANGO,
    serve=(*_UVICORN, "--lifespan", "off", "tests.load.django_site:asgi_application"),
    address=_HOST,
    # A process runs its views one by one, so a repeated finish may block the first.
    may_be_busy=True,
)
FLASK: Final = Framework((*_GUNICORN, "tests.load.flask_site"), _BIND)
FASTAPI: Final = Framework((*_UVICORN, "tests.load.fastapi_site:application"), _HOST)


@final
@attrs.frozen
class RunningSite:
    """A running site.

    Args:
        url: The site's URL.
        framework: The site's framework.
        store: What its workers share.
    """

    url: str
    framework: Framework
    store: SharedStore
    _logins: Path

    def logins(self) -> list[Login]:
        """Return the logins that the site has run so far."""
        return read_logins(self._logins)


@contextmanager
def running_site(
    framework: Framework, store: SharedStore, irma_server: str, directory: Path
) -> Generator[RunningSite]:
    """Serve a site on a free port of this machine.

    Args:
        framework: The web framework of the site.
        store: What its workers share.
        irma_server: The IRMA server's URL.
        directory: The directory for its files and its log.
    """
    logins = directory / "logins"
    logins.touch()
    environment = {
        **os.environ,
        **store.environment,
        FILE: str(logins),
        "PYTHONPATH": f"{ROOT}:{CELLAR}",
        "DJANGO_SETTINGS_MODULE": "cellar.settings",
        "IRMA_SERVER": irma_server,
        "IRMA_SEALING_KEY": new_sealing_key(),
        "FLASK_IRMA_SERVER": irma_server,
        "FLASK_IRMA_PLAIN_COOKIE": "true",
        "FLASK_SECRET_KEY": "a long random string",
    }
    if framework.prepare:
        command = [*_PYTHON, *framework.prepare]
        subprocess.run(command, env=environment, cwd=directory, check=True)
    host, port = "127.0.0.1", unused_port()
    address = framework.address.format(host=host, port=port).split()
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*_PYTHON, *framework.serve, *address],
            env=environment,
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_open(host, port, process)
            yield RunningSite(f"http://{host}:{port}", framework, store, logins)
        finally:
            process.terminate()
            process.wait()


def _wait_until_open(host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            socket.create_connection((host, port), timeout=60).close()
        except OSError:
            assert process.poll() is None, "the web server ended by itself"
            assert time.monotonic() < ends, "the web server does not answer"
            time.sleep(0.05)
        else:
            return
