"""`irma-backend dev-server`: run an IRMA server for development, with a page to play the app."""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click
from click.core import ParameterSource

from irma_backend.cli.options import FILE, Command, WholeNumber
from irma_backend.cli.output import print_line, print_message
from irma_backend.played_app import read_cards
from irma_backend.scheme_types import read_scheme
from irma_backend.settings import settings_with
from irma_core.errors import ConfigurationError, UsageError
from irma_testing import OPEN_SCHEME, InMemoryServer, ServerSettings
from irma_transport import SystemClock

__all__ = ["dev_server"]

_PORT = 8088
_INTERRUPTED = 130
_SECRET_BYTES = 16


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
    help="The IP address to listen on, such as 0.0.0.0 to let other machines in your network in. "
    "The address of the page has a secret then.",
)
@click.option(
    "--url",
    metavar="URL",
    help="The base URL at which apps and browsers reach this server, if it differs from its own "
    "address: behind a proxy or a tunnel.",
)
@click.option(
    "--cert",
    type=FILE,
    help="Serve HTTPS with this certificate, a PEM file. It may hold the private key, too.",
)
@click.option("--key-file", type=FILE, help="The private key of --cert, a PEM file.")
@click.option(
    "--requestors",
    type=FILE,
    help="A JSON file with the server's setting `requestors`, to authenticate programs by token, "
    "HMAC or public key. By default any program on this machine may start sessions.",
)
@click.option(
    "--scheme",
    type=FILE,
    help="The folder of a scheme, or of several. Requests for attributes that no scheme has are "
    "refused. By default every well-formed name exists.",
)
@click.option(
    "--has",
    multiple=True,
    metavar="ATTRIBUTE=VALUE",
    help="A value that the adult's app holds, in place of the usual one. Repeatable.",
)
@click.option(
    "--callbacks-anywhere",
    is_flag=True,
    help="Let callbacks and nextSession requests go to other machines. By default they go to "
    "localhost and loopback addresses only.",
)
@click.option(
    "--settings",
    "settings_file",
    type=FILE,
    envvar="IRMA_SETTINGS",
    show_envvar=True,
    help="A settings file, whose table `dev_server` has what no option sets.",
)
def dev_server(
    *,
    settings_file: Path | None,
    cert: Path | None,
    key_file: Path | None,
    callbacks_anywhere: bool,
    **options: Any,
) -> None:
    """Run an IRMA server for development, on this machine only unless you give --host.

    It keeps its sessions in memory, accepts programs without authentication unless you give
    --requestors, and has a page on which you play the app. `irma-backend app` plays it from a
    script. Web pages of other origins cannot start sessions. Its results are simulated and prove
    nothing.
    """
    try:
        # Only this command needs the extra `dev-server`.
        from irma_backend.dev_server import running_dev_server  # noqa: PLC0415
        from irma_backend.dev_server.reach import Reach  # noqa: PLC0415
        from irma_backend.dev_server.requestors_file import read_requestors  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    try:
        given = _Given(**_with_settings(options, settings_file))
        known = None if given.requestors is None else read_requestors(given.requestors)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        reach = Reach(given.host, given.url, _tls(cert, key_file), secret)
        if reach.is_local:
            reach = Reach(given.host, given.url, reach.tls)
        server = InMemoryServer(
            ServerSettings(requestors=known, enable_sse=True),
            scheme=OPEN_SCHEME if given.scheme is None else read_scheme(given.scheme),
            clock=SystemClock(),
        )
        with (
            _logging() as log,
            running_dev_server(
                server,
                given.port,
                callbacks_anywhere=callbacks_anywhere,
                reach=reach,
                cards=read_cards(given.has),
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
        raise click.UsageError(_named(str(error))) from None
    except KeyboardInterrupt:
        click.get_current_context().exit(_INTERRUPTED)


@attrs.frozen
class _Given:
    """The options that a settings file may set, too."""

    port: int
    host: str
    url: str | None
    requestors: Path | None
    scheme: Path | None
    has: Sequence[str]


def _with_settings(options: Mapping[str, Any], file: Path | None) -> dict[str, Any]:
    """Return the options, with the settings of the file in place of defaults."""
    context = click.get_current_context()
    settings = settings_with({}, file).dev_server
    return {
        name: settings.get(name, value)
        if context.get_parameter_source(name) is ParameterSource.DEFAULT
        else value
        for name, value in options.items()
    }


def _warning(*, has_requestors: bool) -> str:
    may_start = "" if has_requestors else ", and start sessions, as there are no --requestors"
    return (
        f"Other machines in your network can reach this server{may_start}. The address of the page "
        "has a secret: share it only with people who may play the app."
    )


def _named(message: str) -> str:
    """Return an error with options in place of arguments."""
    for argument in ("host", "url"):
        if message.startswith(f"{argument}: "):
            return f"--{message}"
    return message


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return the TLS context of a certificate, or None without one.

    Raises:
        ConfigurationError: A file cannot be used, or the certificate is missing.
    """
    if certificate is None:
        if key is not None:
            raise ConfigurationError("--key-file: needs --cert, the certificate of this key")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An encrypted key would otherwise be asked for at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError:
        reason = "the files must be a PEM certificate and its private key, without a password"
    except OSError as error:
        reason = f"cannot read the file: {error.strerror}"
    else:
        return context
    raise ConfigurationError(f"--cert and --key-file: {reason}")


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
