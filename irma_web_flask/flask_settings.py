"""The settings `IRMA_…` of a Flask application, read into one frozen object."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast, final

import attrs
from flask import Flask

from irma_backend.settings import Settings
from irma_backend.web_site import (
    check_not_empty,
    check_site_url,
    site_defaults,
    site_settings,
)
from irma_core.errors import ConfigurationError
from irma_core.interfaces import Store
from irma_core.models.holders import Hidden, HiddenSecret
from irma_core.models.risks import parse_risks
from irma_core.protocol.server_url import ServerUrl
from irma_core.tracebacks import boundary

__all__ = ["SETTINGS", "FlaskSettings", "read_settings"]

_PREFIX: Final = "IRMA_"
SETTINGS: Final = (
    *("IRMA_SETTINGS", "IRMA_SERVER", "IRMA_TOKEN", "IRMA_SERVER_KEY", "IRMA_CONNECT"),
    *("IRMA_STORE", "IRMA_URL", "IRMA_ORIGINS", "IRMA_LIFETIME", "IRMA_PLAIN_COOKIE"),
    *("IRMA_SEALING_KEYS", "IRMA_BROWSER_PACKAGE"),
)
_MAY_BE_EMPTY: Final = frozenset({"IRMA_CONNECT", "IRMA_ORIGINS"})
_LABEL: Final = b"irma_web_flask.sealing"


def _hide_store(value: Store | str | None) -> Hidden[Store | str | None]:
    return HiddenSecret(value)  # a URI may hold a password


def _hide_connect(value: Mapping[str, Any]) -> Hidden[Mapping[str, Any]]:
    return HiddenSecret(value)


def _hide_keys(value: Sequence[str]) -> Hidden[Sequence[str]]:
    return HiddenSecret(value)


@final
@attrs.frozen(kw_only=True)
class FlaskSettings:
    """The values of the settings `IRMA_…`, with their defaults.

    Attributes:
        url: The application's own base URL. The IRMA server posts to URLs that begin with it. None
            without callbacks.
        origins: Other origins whose pages may start and finish sessions.
        lifetime: How long a person has to connect an app.
        is_cookie_plain: Whether the cookie may travel over HTTP on this machine.
        browser_package: The name of the browser package's file among the static files.
        file: The settings from a settings file and the environment, if the application uses them.
    """

    url: str | None
    origins: Sequence[str]
    lifetime: timedelta
    is_cookie_plain: bool
    browser_package: str
    file: Settings | None = attrs.field(repr=False)
    _store: Hidden[Store | str | None] = attrs.field(
        alias="store", converter=_hide_store, repr=False
    )
    _connect: Hidden[Mapping[str, Any]] = attrs.field(
        alias="connect", converter=_hide_connect, repr=False
    )
    _sealing_keys: Hidden[Sequence[str]] = attrs.field(
        alias="sealing_keys", converter=_hide_keys, repr=False
    )

    @property
    def store(self) -> Store | str | None:
        """The store, or its URI; None to use the store that the settings file names."""
        return self._store.reveal()

    @property
    def is_store_shared(self) -> bool | None:
        """Whether processes share the store; None if the application passed a store object."""
        uri = self.store
        if uri is None:
            uri = self.connect["settings"].value("parts.store")
        return uri != "memory:" if isinstance(uri, str) else None

    @property
    def connect(self) -> Mapping[str, Any]:
        """The keyword arguments of `irma_backend.connect`."""
        return self._connect.reveal()

    @property
    def sealing_keys(self) -> Sequence[str]:
        """The keys that seal handles, URLs and proofs."""
        return self._sealing_keys.reveal()


@boundary
def read_settings(app: Flask) -> FlaskSettings:
    """Return the settings of an application.

    Raises:
        ConfigurationError: A setting is missing, unknown or of the wrong type. The message names
            it, and contains no secret.
    """
    config: Mapping[str, Any] = app.config
    for name in config:
        if name.startswith(_PREFIX) and name not in SETTINGS:
            near = get_close_matches(name, SETTINGS, 1)
            advice = (
                f"did you mean {near[0]}?" if near else f"expected one of {', '.join(SETTINGS)}"
            )
            raise ConfigurationError(f"{name}: is unknown; {advice}")
    for name in SETTINGS:
        if name not in _MAY_BE_EMPTY:
            check_not_empty(config.get(name), name)
    server = config.get("IRMA_SERVER")
    file = site_settings(config.get("IRMA_SETTINGS"), server)
    defaults = {f"IRMA_{name.upper()}": value for name, value in site_defaults(file).items()}
    connect: dict[str, Any] = {"url": server, "settings": file}
    connect |= _typed(config, "IRMA_CONNECT", Mapping, {})
    if file is None or server is not None:
        if not isinstance(server, str):
            raise ConfigurationError("IRMA_SERVER: must be the base URL of the IRMA server")
        # Otherwise the first visitor would discover a wrong URL.
        risks = parse_risks(connect.get("allow", ())) | (file.risks if file else frozenset())
        ServerUrl.parse(server, allow=risks, what="IRMA_SERVER")
    elif file.first("server.url") is None:
        raise ConfigurationError(
            "IRMA_SERVER: is missing; set it, or set url in the [server] table of the settings file"
        )
    config = {**defaults, **{name: each for name, each in config.items() if each is not None}}
    for name, argument in (("IRMA_TOKEN", "token"), ("IRMA_SERVER_KEY", "server_key")):
        if config.get(name) is not None:
            connect[argument] = config[name]
    return FlaskSettings(
        store=config["IRMA_STORE"] if "IRMA_STORE" in config else _default_store(app, file),
        url=check_site_url(config.get("IRMA_URL"), "IRMA_URL"),
        origins=_typed(config, "IRMA_ORIGINS", (list, tuple), ()),
        lifetime=_typed(config, "IRMA_LIFETIME", timedelta, timedelta(minutes=5)),
        # `WebSessions` refuses this cookie for every host except this machine.
        is_cookie_plain=_typed(config, "IRMA_PLAIN_COOKIE", bool, app.debug),
        browser_package=_typed(config, "IRMA_BROWSER_PACKAGE", str, "yivi.js"),
        file=file,
        connect=connect,
        sealing_keys=tuple(
            _typed(config, "IRMA_SEALING_KEYS", (list, tuple), None) or _derived(app)
        ),
    )


def _typed(config: Mapping[str, Any], name: str, expected: Any, default: Any) -> Any:
    value = config.get(name)
    if value is None:
        return default
    if not issubclass(type(value), expected):  # a proxy only claims to have the class
        kinds = expected if isinstance(expected, tuple) else (expected,)
        wanted = " or ".join(kind.__name__.lower() for kind in kinds)
        raise ConfigurationError(f"{name}: expected {wanted}, got {type(value).__name__}")
    return value


def _default_store(app: Flask, file: Settings | None) -> str | None:
    """Return the URI of an SQLite store in the instance folder; None if `file` names a store."""
    if file is not None and file.first("parts.store") is not None:
        return None
    folder = Path(app.instance_path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"IRMA_STORE: is not set, and {folder} cannot be created for it: {error.strerror}"
        ) from None
    return f"sqlite:{folder / 'irma.db'}"


def _derived(app: Flask) -> Sequence[str]:
    """Return sealing keys derived from the application's secret keys, newest first."""
    secrets = [app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ())]
    if secrets[0] is None:
        raise ConfigurationError("SECRET_KEY: is not set; Flask's session also needs it")
    for number, secret in enumerate(secrets):
        if not isinstance(secret, str | bytes) or not secret:
            # Anyone could seal values with an empty key.
            name = "SECRET_KEY_FALLBACKS" if number else "SECRET_KEY"
            raise ConfigurationError(f"{name}: a key must be a non-empty string")
    given = cast("list[str | bytes]", secrets)
    return [_sealing_key(each.encode() if isinstance(each, str) else each) for each in given]


def _sealing_key(secret: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(secret, _LABEL, "sha256")).decode()
