"""Read a file of requestors, in the form of the official server's `requestors` setting.

    {"shop": {"auth_method": "token", "key": "…", "disclose_perms": ["pbdf.*"]}}

Source: IRMA documentation, "IRMA server: Requestors", and irmago `requestorserver/conf.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from irma_backend.settings_kinds import read_small_file
from irma_core.errors import ConfigurationError, UsageError
from irma_core.json_text import JsonTextError, read_json
from irma_testing import RequestorSettings

__all__ = ["read_requestors"]

_PERMISSIONS: Final = ("disclose_perms", "sign_perms", "issue_perms", "revoke_perms", "host_perms")
_FIELDS: Final = frozenset({"auth_method", "key", "key_file", *_PERMISSIONS})
_EXAMPLE: Final = '{"shop": {"auth_method": "token", "key": "…"}}'


def read_requestors(path: Path) -> dict[str, RequestorSettings]:
    """Return the requestors in a file, by name.

    The file contains JSON: the value of the official server's `requestors` setting, or an object
    with only that setting. A `key_file` is relative to the folder of the file.

    Raises:
        ConfigurationError: A file cannot be read, or a requestor is malformed. The error names the
            requestor and the setting, and shows no key.
    """
    try:
        value = read_json(read_small_file(path), unique_keys=True)
    except JsonTextError as error:
        raise ConfigurationError(f"the file is not valid JSON: {error}") from None
    if isinstance(value, dict) and list(value) == ["requestors"]:
        value = value["requestors"]
    if not isinstance(value, dict) or not value:
        raise ConfigurationError(
            f"must be an object that maps requestor names to settings, such as {_EXAMPLE}"
        )
    return {name: _requestor(name, settings, path.parent) for name, settings in value.items()}


def _requestor(name: str, value: Any, folder: Path) -> RequestorSettings:
    place = f"requestor {name}"
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{place}: must be an object, as in {_EXAMPLE}")
    if unknown := sorted(set(value) - _FIELDS):
        raise ConfigurationError(
            f"{place}: {unknown[0]} is unknown; expected one of {', '.join(sorted(_FIELDS))}"
        )
    if ("key" in value) == ("key_file" in value):
        raise ConfigurationError(f"{place}: must have either key or key_file")
    # `RequestorSettings` checks the types.
    settings: dict[str, Any] = {each: value[each] for each in _PERMISSIONS if each in value}
    settings |= {"auth_method": value.get("auth_method"), "key": value.get("key")}
    if "key_file" in value:
        if not isinstance(value["key_file"], str):
            raise ConfigurationError(f"{place}: key_file: must be a path")
        settings["key"] = _content_of(folder / value["key_file"], f"{place}: key_file").strip()
    try:
        return RequestorSettings(**settings)
    except UsageError as error:
        raise ConfigurationError(f"{place}: {error}") from None


def _content_of(path: Path, place: str) -> str:
    try:
        return read_small_file(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from None
