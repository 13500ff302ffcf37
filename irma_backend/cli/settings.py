"""The options, environment variables and files that select a server and authenticate to it.

Secrets are never passed as options, because other users of the machine can see command lines. A
token is read from the environment or from a file. A URI that holds a password belongs in the
environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click
from click.core import ParameterSource

from irma_backend.cli.exit_statuses import RISKS, note_server
from irma_backend.cli.inputs import read_bytes
from irma_backend.cli.options import FILE, OneOf
from irma_backend.installed import installed_plugins
from irma_backend.parts import open_parts
from irma_backend.settings import Settings as ReadSettings
from irma_backend.settings import settings_with
from irma_backend.settings_kinds import SecretReference
from irma_core import ExtendedRequest, Requestor, Risk, Signer
from irma_core.errors import ConfigurationError
from irma_core.flows.context import DEFAULT_JWT_ISSUER
from irma_core.models.session_requests import SessionRequest
from irma_core.trust.server_keys import GivenKey, parse_server_keys

__all__ = [
    "JWT_ISSUER",
    "Settings",
    "issuer_of",
    "server_keys",
    "with_key_settings",
    "with_result_settings",
    "with_settings",
    "with_settings_file",
]

_PLUGIN = re.compile(r"[a-z]+(-[a-z]+)*")
"""Matches a name that an error may repeat. Secrets hardly ever have this form."""
Command = TypeVar("Command", bound=Callable[..., Any])


@attrs.frozen
class Settings:
    """A command's options, which override the environment and the settings file."""

    server: str | None = None
    settings_file: Path | None = attrs.field(default=None, kw_only=True)
    frontend_url: str | None = attrs.field(default=None, kw_only=True)
    token_file: Path | None = attrs.field(default=None, kw_only=True)
    # the URI may hold a password
    key_uri: str | None = attrs.field(default=None, kw_only=True, repr=False)
    requestor_name: str | None = attrs.field(default=None, kw_only=True)
    server_key_files: tuple[Path, ...] = attrs.field(default=(), kw_only=True)
    jwt_issuer: str | None = attrs.field(default=None, kw_only=True)
    """The issuer in the server's JWTs: None for the issuer in the settings, empty for no issuer."""
    plugins: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    secret_files: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    allow: tuple[str, ...] = attrs.field(default=(), kw_only=True)

    @contextmanager
    def requestor(self, *, status: str | None = None) -> Generator[Requestor]:
        """Open a requestor for a `with` block.

        Args:
            status: URI of the status backend for the watch.

        Raises:
            ConfigurationError: A setting is invalid or missing, or a file cannot be used.
        """
        if self.all.first("server.url") is None:
            raise ConfigurationError(
                "--server is missing: give the base URL of the IRMA server, set IRMA_SERVER, or "
                "set url in the [server] table of a settings file"
            )
        if self.has_key:
            _ = self.name
        with open_parts(settings=self.all) as parts:
            note_server(self.all.value("server.url"))
            # A command reports errors to its caller, not to a log.
            yield parts.requestor(status=status, observer=None)

    @contextmanager
    def signer(self) -> Generator[Signer]:
        """Open the signer that uses the key, for a `with` block.

        Raises:
            ConfigurationError: The URI or a file cannot be used.
        """
        with open_parts(settings=self.all) as parts:
            yield parts.signer()

    @property
    def risks(self) -> frozenset[Risk]:
        """The accepted risks."""
        return self.all.risks

    @property
    def requests(self) -> Mapping[str, SessionRequest | ExtendedRequest]:
        """The session requests in the settings file, by name."""
        return self.all.requests

    @property
    def has_key(self) -> bool:
        """Whether requests are signed."""
        return self.all.first("authentication.key") is not None

    @property
    def name(self) -> str:
        """The requestor's name in the server's configuration, which identifies the key.

        Raises:
            ConfigurationError: --requestor is missing.
        """
        name = self.all.value("authentication.requestor")
        if not isinstance(name, str):
            raise ConfigurationError(
                "--key needs --requestor: the requestor's name in the server's `requestors` setting"
            )
        return name

    @cached_property
    def all(self) -> ReadSettings:
        """The settings, in which these options override the environment and the settings file.

        Raises:
            ConfigurationError: An option, a variable or the settings file is invalid.
        """
        options: dict[str, tuple[str, object]] = {
            "server.url": ("--server", self.server),
            "server.frontend_url": ("--frontend-url", self.frontend_url),
            "server.key_files": (
                "--server-key-file",
                [str(each) for each in self.server_key_files],
            ),
            "server.jwt_issuer": ("--jwt-issuer", self.jwt_issuer),
            "server.allow": ("--allow", list(self.allow)),
            "authentication.requestor": ("--requestor", self.requestor_name),
            "authentication.key": ("--key", self.key_uri),
            "authentication.token": (
                "--token-file",
                None if self.token_file is None else SecretReference.to_file(self.token_file),
            ),
            "plugins.use": ("--plugin", list(_installed(self.plugins))),
            **dict(map(_secret, self.secret_files)),
        }
        given = {name: each for name, each in options.items() if each[1] not in (None, [])}
        return settings_with(given, self.settings_file)


_SETTINGS_FILE = click.option(
    "--settings",
    "settings_file",
    type=FILE,
    envvar="IRMA_SETTINGS",
    show_envvar=True,
    help="A settings file. Options and environment variables override it. `irma-backend config` "
    "shows where each setting comes from.",
)
_KEY_OPTIONS = (
    _SETTINGS_FILE,
    click.option(
        "--key",
        "key_uri",
        envvar="IRMA_KEY",
        show_envvar=True,
        metavar="URI",
        help="URI of the key that signs requests: file:PATH (PEM for RS256, base64 for HS256), "
        "hmac:NAME (a --secret-file in base64), or a URI that a --plugin supports.",
    ),
    click.option(
        "--requestor",
        "requestor_name",
        envvar="IRMA_REQUESTOR",
        show_envvar=True,
        metavar="NAME",
        help="The name of the key in the server's `requestors` setting.",
    ),
    click.option(
        "--plugin",
        "plugins",
        multiple=True,
        metavar="NAME",
        help="Use this installed plugin. Run `irma-backend plugins` to list them. Repeatable.",
    ),
    click.option(
        "--secret-file",
        "secret_files",
        multiple=True,
        metavar="NAME=FILE",
        help="A file with a secret, and the name by which a URI or a plugin refers to it. "
        "Repeatable.",
    ),
    click.option(
        "--allow",
        multiple=True,
        type=OneOf(list(RISKS)),
        help="Accept a risk: a server without HTTPS, demo attributes that anyone can get, the "
        "session token in the return URL, or results of a development server, which prove nothing. "
        "Repeatable.",
    ),
)
_SERVER_OPTIONS = (
    click.option(
        "--server",
        envvar="IRMA_SERVER",
        show_envvar=True,
        metavar="URL",
        help="Base URL of the IRMA server.",
    ),
    click.option(
        "--frontend-url",
        envvar="IRMA_FRONTEND_URL",
        show_envvar=True,
        metavar="URL",
        help="The URL at which browsers and apps reach the server, if it differs from --server: "
        "the server's `url` setting without `/irma`.",
    ),
    click.option(
        "--token-file",
        type=FILE,
        help="File with the API token. Without it, IRMA_TOKEN is used if it is set.",
    ),
)
JWT_ISSUER = click.option(
    "--jwt-issuer",
    show_default=DEFAULT_JWT_ISSUER,
    metavar="NAME",
    help="The value of the server's `jwt_issuer` setting, which may be empty.",
)
_RESULT_OPTIONS = (
    click.option(
        "--server-key-file",
        "server_key_files",
        type=FILE,
        multiple=True,
        help="PEM file with the server's public key. The result must then be signed with it. "
        "Repeat the option for each key during a key change.",
    ),
    JWT_ISSUER,
)


def with_settings(command: Command) -> Command:
    """Add the server's options to a command, and pass them to it as a `Settings` argument."""
    return _with(command, (*_SERVER_OPTIONS, *_KEY_OPTIONS))


def with_result_settings(command: Command) -> Command:
    """Do what `with_settings` does, and also add the options for verifying a signed result."""
    return _with(command, (*_SERVER_OPTIONS, *_RESULT_OPTIONS, *_KEY_OPTIONS))


def with_settings_file(command: Command) -> Command:
    """Add --settings to a command, and pass it in a `Settings` argument."""
    return _with(command, (_SETTINGS_FILE,))


def with_key_settings(command: Command) -> Command:
    """Add the options for a key to a command, and pass them as a `Settings` argument."""
    return _with(command, _KEY_OPTIONS)


def _with(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    @wraps(command)
    def with_options(**given: Any) -> Any:
        names = [field.name for field in attrs.fields(Settings) if field.name in given]
        options = {name: given.pop(name) for name in names}
        typed = {name: value for name, value in options.items() if not _is_variable(name)}
        return command(Settings(**typed), **given)

    wrapped: Command = with_options  # type: ignore[assignment]  # click calls it by keywords only
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def server_keys(paths: Sequence[Path]) -> tuple[GivenKey, ...]:
    """Return the server's public keys, from the files of --server-key-file.

    Raises:
        ConfigurationError: A file cannot be read, or is not a public key in PEM.
    """
    return parse_server_keys([read_bytes(path, "--server-key-file") for path in paths])


def issuer_of(option: str | None) -> str | None:
    """Return the issuer for --jwt-issuer: the default if `option` is None, None if it is empty."""
    return DEFAULT_JWT_ISSUER if option is None else option or None


def _installed(names: Sequence[str]) -> Sequence[str]:
    """Check that each name could be a plugin's, and not a misplaced secret; return the names."""
    for number, name in enumerate(names, 1):
        known = installed_plugins()
        if not (_PLUGIN.fullmatch(name) or any(plugin.is_called(name) for plugin in known)):
            there = ", ".join(plugin.name for plugin in known) or "none"
            raise ConfigurationError(
                f"--plugin (number {number} on the command line): this plugin is not installed. "
                f"Installed plugins: {there}"
            )
    return names


def _is_variable(name: str) -> bool:
    """Return whether an option's value came from its environment variable.

    The caller then ignores the option: `settings_with` reads the variables itself, so that errors
    name the variable.
    """
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.ENVIRONMENT


def _secret(text: str) -> tuple[str, tuple[str, object]]:
    """Parse `NAME=FILE`; return the setting, the option, and a reference to the secret's file."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ConfigurationError("--secret-file must be NAME=FILE")
    return f"secrets.{name}", ("--secret-file", SecretReference.to_file(Path(path)))
