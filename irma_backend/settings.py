"""The settings of a program, from a settings file and the environment.

`docs/settings.md` lists all settings. `connect` and `open_parts` take what `read_settings` returns.
The web adapters, the command line and the development server also call `read_settings`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import attrs

from irma_backend.settings_kinds import RISK_NAMES, SecretReference
from irma_backend.settings_sources import Given, naming, read_file, read_options, read_variables
from irma_backend.settings_table import SETTINGS, setting_of
from irma_core.errors import ConfigurationError
from irma_core.models.holders import FrozenMapping
from irma_core.models.risks import Risk
from irma_core.models.session_requests import ExtendedRequest, SessionRequest
from irma_core.plugins.hookspecs import Secret
from irma_core.tracebacks import boundary

__all__ = [
    "Settings",
    "SettingsSource",
    "WebSettings",
    "as_settings",
    "read_settings",
    "settings_with",
]

_VARIABLE: Final = "IRMA_SETTINGS"
_KEY, _TOKEN = "authentication.key", "authentication.token"
_SEPARATORS: Final = re.compile(r"[,\s]+")


@final
@attrs.frozen(kw_only=True)
class WebSettings:
    """The settings that web adapters share. A setting is None if no source has it.

    Attributes:
        url: The website's own base URL. The IRMA server posts to URLs under it.
        origins: Other origins whose pages may start and finish sessions.
        lifetime: The time limit for connecting an app.
        plain_cookie: Whether the cookie may travel over HTTP on this machine.
    """

    url: str | None
    origins: tuple[str, ...] | None
    lifetime: timedelta | None
    plain_cookie: bool | None


@final
@boundary
class Settings:
    """The settings of a program, as `read_settings` returns them. No `repr` shows a value.

    Secrets are read each time they are used.

    Args:
        file: The settings file, or None.
        sources: The settings from each source. If several sources have a setting, the first one
            takes precedence.

    Raises:
        ConfigurationError: Two settings cannot be combined.
    """

    def __init__(self, file: Path | None, sources: Iterable[Iterable[Given]]) -> None:
        self._file = file
        self._given: dict[str, list[Given]] = {}
        for source in sources:
            self._add(list(source))
        self._check_requests()

    def __repr__(self) -> str:
        return f"<Settings: {', '.join(self._given) or 'none'}>"

    @property
    def given(self) -> tuple[Given, ...]:
        """All settings in effect, and their values, in the order of `docs/settings.md`."""
        return tuple(each for name in sorted(self._given, key=_order) for each in self._given[name])

    def first(self, name: str) -> Given | None:
        """Return the setting `name`, with the place where it was set; None if no source has it."""
        return next(iter(self._given.get(name, ())), None)

    def value(self, name: str) -> Any:
        """Return a setting's value, without its place; None if no source has it."""
        found = self.first(name)
        return None if found is None else found.value

    def has_table(self, name: str) -> bool:
        """Return whether any source has a setting in the table `name`."""
        return any(each.startswith(f"{name}.") for each in self._given)

    def missing(self, name: str) -> ConfigurationError:
        """Return an error for a setting that a program needs but no source has."""
        table, _, key = name.rpartition(".")
        setting = setting_of((table, key))
        variable = f", or set {setting.variable}" if setting and setting.variable else ""
        if self._file is None:
            advice = f"set it in a settings file, whose path is in {_VARIABLE}{variable}"
            return ConfigurationError(f"{name}: is missing; {advice}")
        return ConfigurationError(
            f"{self._file}: {name} is missing; set {key} in the [{table}] table{variable}"
        )

    @property
    def requests(self) -> Mapping[str, SessionRequest | ExtendedRequest]:
        """The session requests by name, from the tables `[requests.NAME]`."""
        named = (name.split(".") for name in self._given if name.startswith("requests."))
        return FrozenMapping(
            {parts[1]: self._given[".".join(parts)][0].value for parts in named},
            is_personal=True,
        )

    @property
    def web(self) -> WebSettings:
        """The settings that web adapters share, from the table `[web]`."""
        names = (each.name for each in attrs.fields(WebSettings))
        return WebSettings(**{name: self.value(f"web.{name}") for name in names})

    @property
    def plugins(self) -> list[str]:
        """The names of the plugins to use."""
        return list(dict.fromkeys(self._all("plugins.use")))

    @property
    def risks(self) -> frozenset[Risk]:
        """The accepted risks."""
        return frozenset(RISK_NAMES[name] for name in self._all("server.allow"))

    @property
    def secrets(self) -> Mapping[str, Secret]:
        """Functions that read the secrets, by name."""
        return FrozenMapping(
            {
                name.removeprefix("secrets."): partial(_read, given[0])
                for name, given in self._given.items()
                if name.startswith("secrets.")
            },
            is_personal=True,
        )

    def sealing_keys(self) -> list[str] | None:
        """Read the sealing keys, newest first; None if there are none.

        Raises:
            ConfigurationError: A file or an environment variable cannot be read.
        """
        given = self.first("web.sealing_keys")
        if given is None:
            return None
        with naming(given.place):
            return [
                key
                for reference in given.value
                for key in _SEPARATORS.split(reference.read())
                if key
            ]

    def _all(self, name: str) -> list[str]:
        return [each for given in self._given.get(name, ()) for each in given.value]

    def _add(self, source: list[Given]) -> None:
        known = set(self._given)
        credentials = [each.place for each in source if each.place.name in {_KEY, _TOKEN}]
        if len(credentials) > 1:
            raise ConfigurationError(
                f"{credentials[1]}: cannot be combined with {credentials[0]}; a requestor has "
                "either a key or a token"
            )
        if known & {_KEY, _TOKEN}:  # the other setting would be a second way to authenticate
            known |= {_KEY, _TOKEN}
        for each in source:
            name = each.place.name
            setting = setting_of(tuple(name.split(".")))
            if name not in known or (setting is not None and setting.adds_up):
                self._given.setdefault(name, []).append(each)

    def _check_requests(self) -> None:
        for name in self._given:
            twin = self.first(f"{name.removesuffix('.json')}.file")
            if name.endswith(".json") and twin is not None:
                raise ConfigurationError(f"{twin.place}: give either json or file, not both")


SettingsSource: TypeAlias = Settings | str | Path
"""Settings, or the path of a settings file, for `read_settings`."""


@boundary
def read_settings(path: str | Path | None = None) -> Settings:
    """Read a settings file and the environment.

    An environment variable overrides the file. `docs/settings.md` lists each setting with its key
    in the file and its environment variable.

    Args:
        path: The settings file. The default is the file that the environment variable
            `IRMA_SETTINGS` names. If neither is given, only the environment is read.

    Raises:
        ConfigurationError: The file cannot be read, or a setting is unknown or invalid. The error
            names the file, the line and the key, or the variable, and shows no value.
    """
    return settings_with({}, path)


def settings_with(
    options: Mapping[str, tuple[str, object]], path: str | Path | None = None
) -> Settings:
    """Return the settings of `read_settings`, overridden by a command's options (`read_options`).

    Raises:
        ConfigurationError: As for `read_settings`, or an option is invalid.
    """
    what, file = "settings", path
    if path is None:
        what, file = _VARIABLE, os.environ.get(_VARIABLE) or None
    if file is None:
        return Settings(None, [read_options(options), read_variables()])
    if not isinstance(file, str | Path):
        raise ConfigurationError("settings: must be the path of a settings file")
    file = Path(file)
    return Settings(file, [read_options(options), read_variables(), read_file(file, what)])


def as_settings(source: SettingsSource) -> Settings:
    """Return the settings, reading them from a file if a path is given.

    Raises:
        ConfigurationError: As for `read_settings`.
    """
    return source if isinstance(source, Settings) else read_settings(source)


def _read(given: Given) -> str:
    reference: SecretReference = given.value
    with naming(given.place):
        return reference.read()


def _order(name: str) -> int:
    setting = setting_of(tuple(name.split(".")))
    return len(SETTINGS) if setting is None else SETTINGS.index(setting)
