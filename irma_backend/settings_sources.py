"""The sources of settings: options, environment variables and the settings file.

An option of a command overrides an environment variable, which overrides the settings file.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, final

import attrs

from irma_backend.settings_kinds import NAME, RISK_NAMES
from irma_backend.settings_lines import TomlFault, read_toml
from irma_backend.settings_table import SETTINGS, Setting, is_table, setting_of
from irma_core.errors import ConfigurationError, PluginError
from irma_core.models.holders import Hidden, HiddenSecret

__all__ = ["Given", "Place", "naming", "read_file", "read_options", "read_variables"]

_LARGEST_FILE: Final = 256 * 1024


@final
@attrs.frozen(kw_only=True)
class Place:
    """The place of a setting: a line of a file, an environment variable, or an option.

    Attributes:
        name: The setting, such as `server.url`.
        file: The settings file.
        line: The line in that file, from 1.
        variable: The environment variable.
        option: The option of a command, such as `--server`.
    """

    name: str
    file: Path | None = None
    line: int | None = None
    variable: str | None = None
    option: str | None = None

    def __str__(self) -> str:
        if self.file is not None:
            return f"{self.file}, line {self.line}, {self.name}"
        return self.option or self.variable or self.name


def _hide(value: Any) -> Hidden[Any]:
    return HiddenSecret(value)


@final
@attrs.frozen
class Given:
    """The value of a setting, and the place where it was set. No `repr` shows the value."""

    place: Place
    _value: Hidden[Any] = attrs.field(alias="value", converter=_hide, repr=False)

    @property
    def value(self) -> Any:
        """The value, after its setting's kind has checked and converted it."""
        return self._value.reveal()


@contextmanager
def naming(place: Place | None, argument: str = "") -> Generator[None]:
    """Add the place of a setting to errors that the `with` block raises about its value.

    Args:
        place: The place; None for an argument, because the error already names the argument.
        argument: The name of the argument that receives the value. The place replaces this name at
            the start of the error message.

    Raises:
        ConfigurationError: The block's error, with the place at the start of its message.
    """
    try:
        yield
    except PluginError as error:
        if place is None:
            raise
        raise PluginError(error.plugin, f"{error.reason} ({place})") from None
    except ConfigurationError as error:
        if place is None:
            raise
        reason = str(error).removeprefix(f"{argument}: ")
        raise ConfigurationError(f"{place}: {_advice(reason, place)}") from None


def _advice(message: str, place: Place) -> str:
    if place.option is not None:  # the command's own message names the option that allows a risk
        return message
    for name, risk in RISK_NAMES.items():
        message = message.replace(f"allow Risk.{risk.name}", f'add "{name}" to server.allow')
    return message


def read_file(path: Path, what: str = "settings") -> Iterator[Given]:
    """Yield the settings in a file.

    Args:
        path: The file.
        what: The argument, variable or option that names the file.

    Raises:
        ConfigurationError: The file cannot be read, or a setting is unknown or invalid. The error
            names file, line and key, and shows no value.
    """
    try:
        document = read_toml(_content(path, what))
    except TomlFault as error:
        raise ConfigurationError(f"{path}, line {error.line}: {error.reason}") from None
    folder = path.absolute().parent
    for names, value in _leaves(document.values, ()):
        place = Place(name=".".join(names), file=path, line=document.line_of(names))
        setting = setting_of(names)
        if setting is None:
            raise _unknown(names, place)
        with naming(place):
            given = Given(place, setting.kind.read(value, folder))
        yield given


def _content(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "the path is not valid"
    else:
        if len(content) <= _LARGEST_FILE:
            return content
        reason = "it is larger than 256 KiB"
    raise ConfigurationError(f"{what}: the file cannot be read: {reason}")


def _leaves(
    value: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and value of each entry, including those in tables of settings."""
    for key, inner in value.items():
        names = (*path, key)
        if isinstance(inner, Mapping) and is_table(names):
            yield from _leaves(inner, names)
        else:
            yield names, inner


def _unknown(names: tuple[str, ...], place: Place) -> ConfigurationError:
    if is_table(names):
        return ConfigurationError(f"{place}: must be a table")
    table, name = names[:-1], names[-1]
    known = [each.name.split(".")[len(table)] for each in SETTINGS if each.is_below(table)]
    if not NAME.fullmatch(name):
        # The key may be a secret in the wrong place, or one line of a secret.
        place = attrs.evolve(place, name=".".join((*table, "…")))
    if "*" in known:
        reason = "the name must consist of 1 to 40 letters, digits, - or _"
    else:
        near = get_close_matches(name, known, 1)
        expected = ", ".join(dict.fromkeys(known))
        reason = (
            f"is unknown; did you mean {near[0]}?" if near else f"is unknown; expected {expected}"
        )
    return ConfigurationError(f"{place}: {reason}")


def read_variables() -> Iterator[Given]:
    """Yield the settings in the environment. An empty variable counts as missing.

    Raises:
        ConfigurationError: A variable is invalid. The error names it, and shows no value.
    """
    for setting in SETTINGS:
        variable = setting.variable or ""
        text = os.environ.get(variable)
        if text:
            place = Place(name=setting.name, variable=variable)
            yield _given_outside(setting, place, setting.kind.of_variable(variable, text))


def read_options(options: Mapping[str, tuple[str, object]]) -> Iterator[Given]:
    """Yield the settings in the options of a command.

    Args:
        options: The command's options by the name of the setting, each with its value as TOML would
            hold it.

    Raises:
        ConfigurationError: An option is invalid. The error names it, and shows no value.
    """
    for name, (option, value) in options.items():
        setting = setting_of(tuple(name.split(".")))
        if setting is None:
            raise ConfigurationError(
                f"{option}: the name must consist of 1 to 40 letters, digits, - or _"
            )
        yield _given_outside(setting, Place(name=name, option=option), value)


def _given_outside(setting: Setting, place: Place, value: object) -> Given:
    read = setting.kind.read_outside or setting.kind.read
    with naming(place):
        return Given(place, read(value, Path()))
