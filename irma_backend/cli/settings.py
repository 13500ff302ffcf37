"""Which server, and how it knows us: options, environment variables and files.

No secret is an option: other users of the machine read the list of processes. A token is in the
environment or in a file, a key in a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from irma_core import (
    HmacAuthentication,
    HmacSigner,
    NoAuthentication,
    PublicKeyAuthentication,
    Requestor,
    Risk,
    RsaSigner,
    Signer,
    TokenAuthentication,
)
from irma_core.errors import ConfigurationError
from irma_core.trust.authentication import Authentication
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["Settings", "with_settings"]

_RISKS = {"plain-http": Risk.PLAIN_HTTP, "demo-attributes": Risk.DEMO_ATTRIBUTES}
_File = click.Path(exists=True, dir_okay=False, path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])


@attrs.frozen
class Settings:
    """The server, and how to be known there."""

    server: str
    token_file: Path | None = attrs.field(default=None, kw_only=True)
    hmac_key_file: Path | None = attrs.field(default=None, kw_only=True)
    rsa_key_file: Path | None = attrs.field(default=None, kw_only=True)
    requestor_name: str | None = attrs.field(default=None, kw_only=True)
    allow: tuple[str, ...] = attrs.field(default=(), kw_only=True)

    @contextmanager
    def requestor(self) -> Generator[Requestor]:
        """Give a requestor, and close its transport afterwards.

        Raises:
            ConfigurationError: The settings contradict each other, or a file is not what it
                should be.
        """
        allow = [_RISKS[name] for name in self.allow]
        authentication = self._authentication()
        with Urllib3Transport() as transport:
            yield Requestor(self.server, transport, authentication=authentication, allow=allow)

    def _authentication(self) -> Authentication[Signer]:
        files = [self.token_file, self.hmac_key_file, self.rsa_key_file]
        given = [file for file in files if file is not None]
        if len(given) > 1:
            raise ConfigurationError("give one of --token-file, --hmac-key-file, --rsa-key-file")
        if self.hmac_key_file is not None:
            signer = HmacSigner.from_base64(_text_of(self.hmac_key_file))
            return HmacAuthentication(self._name(), signer)
        if self.rsa_key_file is not None:
            return PublicKeyAuthentication(self._name(), RsaSigner(_text_of(self.rsa_key_file)))
        if self.token_file is not None:
            return TokenAuthentication(_text_of(self.token_file))
        token = os.environ.get("IRMA_TOKEN")
        return TokenAuthentication(token) if token else NoAuthentication()

    def _name(self) -> str:
        if not self.requestor_name:
            raise ConfigurationError("a key needs --requestor: the name that the server has for it")
        return self.requestor_name


def with_settings(command: Command) -> Command:
    """Give a command the options for the server; its first argument is then `Settings`."""

    @click.option(
        "--server",
        envvar="IRMA_SERVER",
        show_envvar=True,
        required=True,
        metavar="URL",
        help="Base URL of the IRMA server.",
    )
    @click.option(
        "--token-file", type=_File, help="File with the API token. Else IRMA_TOKEN, else none."
    )
    @click.option(
        "--hmac-key-file", type=_File, help="File with the base64 key that signs requests (HS256)."
    )
    @click.option(
        "--rsa-key-file", type=_File, help="PEM file with the key that signs requests (RS256)."
    )
    @click.option(
        "--requestor",
        "requestor_name",
        envvar="IRMA_REQUESTOR",
        show_envvar=True,
        help="The name that the server has for the key.",
    )
    @click.option(
        "--allow",
        multiple=True,
        type=click.Choice(list(_RISKS)),
        help="Take a risk: a server without HTTPS, or attributes that anybody can have.",
    )
    @wraps(command)
    def with_options(server: str, **options: Any) -> Any:
        names = [field.name for field in attrs.fields(Settings)][1:]
        settings = Settings(server, **{name: options.pop(name) for name in names})
        return command(settings, **options)

    return with_options  # type: ignore[return-value]  # click calls it by keywords only


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path}: cannot be read as text") from None
