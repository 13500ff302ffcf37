"""Call plugins. An error from such a call names the plugin, and hides what the plugin received.

The message of a native error may quote a URI or a password. So an error raised here shows only the
type and line of a native error, and is never chained to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar, cast, final
from urllib.parse import unquote, urlsplit

import attrs

from irma_core.errors import IrmaError, PluginError
from irma_core.plugins.hookspecs import PluginUri
from irma_core.value_object import ValueObject

__all__ = ["OpenPart", "call_plugin"]

_SHORTEST_HIDDEN = 8
"""The length, in characters, from which a part of a URI is treated as secret. A message may contain
a shorter part by chance, such as the `web` of `hmac:web`."""
ResultT = TypeVar("ResultT")
ValueT_co = TypeVar("ValueT_co", covariant=True)


def call_plugin(
    plugin: str, action: str, call: Callable[[], ResultT], uri: PluginUri | None = None
) -> ResultT:
    """Call a function of a plugin, and return its result.

    Args:
        plugin: The name of the plugin.
        action: What the call does, for the error's message.
        call: A function without arguments that makes the call.
        uri: The URI that the plugin receives. The error never shows the URI, even if the message of
            the plugin's own error does.

    Raises:
        PluginError: The call raised an exception.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything
        reason = _reason_of(error, uri)
    # Raised outside `except`, so that the plugin's error is not the context of this one.
    raise PluginError(plugin, f"{action}: {reason}")


@final
@attrs.frozen(eq=False, repr=False)
class OpenPart(ValueObject, Generic[ValueT_co]):
    """A signer, status backend or store that a plugin made, together with the plugin's name.

    Args:
        value: The signer, status backend or store.
        plugin: The name of the plugin.
    """

    value: ValueT_co = attrs.field(repr=lambda value: f"<{type(value).__name__}>")
    plugin: str

    def close(self) -> None:
        """Close the value, if it has a `close` method.

        Raises:
            PluginError: Closing raised an exception.
        """
        close = getattr(self.value, "close", None)
        if callable(close):
            call_plugin(self.plugin, "closing failed", close)

    async def aclose(self) -> None:
        """Close the value, if it has an `aclose` method.

        Raises:
            PluginError: Closing raised an exception.
        """
        aclose: object = getattr(self.value, "aclose", None)
        if not callable(aclose):
            return
        try:
            await cast("Awaitable[object]", aclose())
        except Exception as error:  # noqa: BLE001  # as in `call_plugin`
            reason = _reason_of(error, None)
        else:
            return
        raise PluginError(self.plugin, f"closing failed: {reason}")


def _reason_of(error: Exception, uri: PluginUri | None) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"it needs the module {error.name}, which is not installed"
    if not isinstance(error, IrmaError):
        return f"{type(error).__name__} at {_line_of(error)}"
    reason = error.reason if isinstance(error, PluginError) else str(error)
    if uri is not None and any(part in reason for part in _secret_parts(uri)):
        return f"{type(error).__name__}, not shown in full because its message quotes the URI"
    return reason


def _secret_parts(uri: PluginUri) -> list[str]:
    parts = [part for part in (uri.rest, uri.rest.strip("/")) if len(part) >= _SHORTEST_HIDDEN]
    with suppress(ValueError):  # not a URL, so it has no password part
        parts.append(urlsplit(uri.text).password or "")
    return [each for part in parts for each in (part, unquote(part)) if each]


def _line_of(error: Exception) -> str:
    """Return the module and line that raised the error. They do not reveal the plugin's input."""
    traceback = error.__traceback__
    module, line = "?", 0
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        line, traceback = traceback.tb_lineno, traceback.tb_next
    return f"{module}:{line}"
