"""`irma-backend dev-server`: run an IRMA server for development, with a page to play the app."""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, final

import click
from click.core import ParameterSource

from irma_backend.cli.options import FILE, Command, WholeNumber
from irma_backend.cli.output import print_line, print_message
from irma_backend.cli.settings import Settings, with_settings_file
from irma_backend.played_app import read_cards
from irma_backend.scheme_types import read_scheme
from irma_backend.settings import Settings as ReadSettings
from irma_backend.settings import settings_with
from irma_backend.settings_sources import naming
from irma_core.errors import ConfigurationError, UsageError
from irma_testing import OPEN_SCHEME, InMemoryServer, ServerSettings
from irma_transport import SystemClock

__all__ = ["dev_server"]

_PORT = 8088
_INTERRUPTED = 130
_SECRET_BYTES = 16
_ARGUMENTS: Final = {"host": "host", "url": "url", "cards": "has"}
"""The setting names, keyed by the argument names in the development server's errors."""
ReadT = TypeVar("ReadT")


@click.command("dev-server", cls=Command)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=_PORT,
    show_default=True,
    help="The port; 0 selects any free port.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The IP address to listen on, such as 0.0.0.0 to admit other machines in your network. "
    "The address of the page then contains a secret.",
)
@click.option(
    "--url",
    metavar="URL",
    help="The base URL at which apps and browsers reach this server, if it differs from its own "
    "address: for example, behind a proxy or a tunnel.",
)
@click.option(
    "--cert",
    type=FILE,
    help="Serve HTTPS with this certificate, a PEM file. The file may also hold the private key.",
)
@click.option("--key-file", type=FILE, help="The private key for --cert, a PEM file.")
@click.option(
    "--requestors",
    type=FILE,
    help="A JSON file with the server's `requestors` setting, to authenticate programs by token, "
    "HMAC or public key. By default any program on this machine may start sessions.",
)
@click.option(
    "--scheme",
    type=FILE,
    help="The folder of a scheme, or a folder with several of them. The server refuses requests "
    "for attributes that these schemes lack. By default it accepts every well-formed name.",
)
@click.option(
    "--has",
    multiple=True,
    metavar="ATTRIBUTE=VALUE",
    help="A value that the adult's app holds instead of the usual value. Repeatable.",
)
@click.option(
    "--callbacks-anywhere",
    is_flag=True,
    help="Let callbacks and nextSession requests go to other machines. By default they go to "
    "localhost and loopback addresses only.",
)
@with_settings_file
def dev_server(settings: Settings, **options: Any) -> None:
    """Run an IRMA server for development, on this machine only unless you give --host.

    It keeps its sessions in memory, accepts programs without authentication unless you give
    --requestors, and serves a page where you play the app. `irma-backend app` plays the app from a
    script. Web pages from other origins cannot start sessions. The results are simulated and prove
    nothing. The [dev_server] table of a settings file can set these options.
    """
    try:
        # Only this command needs the extra `dev-server`.
        from irma_backend.dev_server import running_dev_server  # noqa: PLC0415
        from irma_backend.dev_server.reach import Reach  # noqa: PLC0415
        from irma_backend.dev_server.requestors_file import read_requestors  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    given = _Given()
    try:
        given = _Given(settings_with(_typed(options), settings.settings_file))
        known = given.read("requestors", read_requestors)
        scheme = given.read("scheme", read_scheme)
        cards = given.read("has", read_cards)
        tls = _tls(given)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        host, url = given.value("host") or options["host"], given.value("url")
        reach = Reach(host, url, tls, secret)
        if reach.is_local:
            reach = Reach(host, url, tls)
        server = InMemoryServer(
            ServerSettings(requestors=known, enable_sse=True),
            scheme=scheme or OPEN_SCHEME,
            clock=SystemClock(),
        )
        port = given.value("port")
        with (
            _logging() as log,
            running_dev_server(
                server,
                options["port"] if port is None else port,
                callbacks_anywhere=given.value("callbacks_anywhere") is True,
                reach=reach,
                cards=cards,
            ) as base,
        ):
            log.warning(
                "For development only: results of this server are simulated and prove nothing."
            )
            if not reach.is_local:
                log.warning(_warning(has_requestors=known is not None))
            page = f"{base}/app-{reach.secret}/" if reach.secret else f"{base}/"
            print_line(f"IRMA server: {base}\nPlay the app: {page}")
            print_message("Press Ctrl-C to stop the server. Its sessions are not saved.")
            _wait()
    except UsageError as error:
        raise click.UsageError(given.named(str(error))) from None
    except KeyboardInterrupt:
        click.get_current_context().exit(_INTERRUPTED)


def _typed(options: Mapping[str, Any]) -> dict[str, tuple[str, object]]:
    """Return the options that the user gave, by setting name, with values as in a TOML file."""
    context = click.get_current_context()
    return {
        f"dev_server.{each.name}": (each.opts[0], _as_in_toml(options[each.name]))
        for each in context.command.params
        if each.name in options
        and context.get_parameter_source(each.name) is not ParameterSource.DEFAULT
    }


def _as_in_toml(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return [*value] if isinstance(value, tuple) else value


@final
class _Given:
    """The settings in the table `dev_server`, and the command's options, which override them."""

    def __init__(self, settings: ReadSettings | None = None) -> None:
        self._settings = ReadSettings(None, ()) if settings is None else settings

    def value(self, key: str) -> Any:
        """Return the value of a setting in the table `dev_server`; None if it is not given."""
        return self._settings.value(f"dev_server.{key}")

    def read(self, key: str, read: Callable[[Any], ReadT]) -> ReadT | None:
        """Convert a setting with a function; return None if the setting is not given.

        Raises:
            ConfigurationError: The function refuses the setting. The error says where the setting
                was given.
        """
        given = self._settings.first(f"dev_server.{key}")
        if given is None:
            return None
        with naming(given.place, "path"):
            return read(given.value)

    def named(self, message: str) -> str:
        """Replace the argument's name in a message with the place of the setting."""
        argument, _, reason = message.partition(": ")
        if argument == "settings":
            return f"--{message}"
        given = self._settings.first(f"dev_server.{_ARGUMENTS.get(argument, '')}")
        return message if given is None else f"{given.place}: {reason}"


def _warning(*, has_requestors: bool) -> str:
    may_start = "" if has_requestors else " and start sessions, because --requestors is missing"
    return (
        f"Other machines on your network can reach this server{may_start}. The address of the page "
        "has a secret: share it only with people who may play the app."
    )


def _tls(given: _Given) -> ssl.SSLContext | None:
    """Return a TLS context with the certificate, or None if no certificate is set.

    Raises:
        ConfigurationError: A file cannot be used, or a key is set without a certificate.
    """
    certificate, key = given.value("cert"), given.value("key_file")
    if certificate is None:
        given.read("key_file", _refuse_key_alone)
        return None
    return given.read("cert", lambda _: _context(certificate, key))


def _refuse_key_alone(_key: Path) -> None:
    raise ConfigurationError(
        "needs the certificate that belongs to this key: give --cert, or set cert in the settings"
    )


def _context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Otherwise OpenSSL would ask for an encrypted key's password at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError:
        reason = (
            "the files must be a PEM certificate and its private key (--key-file, or key_file in "
            "the settings), without a password"
        )
    except OSError as error:
        reason = f"cannot read the certificate or its key: {error.strerror}"
    else:
        return context
    raise ConfigurationError(reason)


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
