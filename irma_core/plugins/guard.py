"""Calls into plugins: what comes out of one names it, and shows nothing that it was given.

Native errors hold what they were about: a URI, a password. So of those only the type and the place
are told, and none is the cause or the context of what is raised here.
Belongs here: this rule. Does not belong here: which calls there are (`wiring`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar, cast, final
from urllib.parse import unquote, urlsplit

import attrs

from irma_core.errors import IrmaError, PluginError
from irma_core.plugins.hookspecs import PluginUri

__all__ = ["OpenPart", "call_plugin"]

_SHORTEST_HIDDEN = 8
"""Characters: shorter ones are in a text by chance, as the `web` of `hmac:web` may be."""
ResultT = TypeVar("ResultT")
ValueT_co = TypeVar("ValueT_co", covariant=True)


def call_plugin(
    plugin: str, doing: str, call: Callable[[], ResultT], uri: PluginUri | None = None
) -> ResultT:
    """Call something of a plugin's.

    Args:
        plugin: Its name.
        doing: What is called, for the message.
        call: The call.
        uri: What it is given; not shown, even where the plugin's own message does.

    Raises:
        PluginError: It raised.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # somebody else's code
        reason = _told(error, uri)
    # Out here the error is no context of this one, so no traceback shows it.
    raise PluginError(plugin, f"{doing}: {reason}")


@final
@attrs.frozen
class OpenPart(Generic[ValueT_co]):
    """What a plugin's factory made, and who closes it.

    Args:
        value: The signer, status backend or store.
        plugin: The name of the plugin.
    """

    value: ValueT_co = attrs.field(repr=lambda value: f"<{type(value).__name__}>")
    plugin: str

    def close(self) -> None:
        """Close it, if it can be closed.

        Raises:
            PluginError: It raised.
        """
        close = getattr(self.value, "close", None)
        if callable(close):
            call_plugin(self.plugin, "closing", close)

    async def aclose(self) -> None:
        """Close it, if it can be closed by awaiting.

        Raises:
            PluginError: It raised.
        """
        aclose: object = getattr(self.value, "aclose", None)
        if not callable(aclose):
            return
        try:
            await cast("Awaitable[object]", aclose())
        except Exception as error:  # noqa: BLE001  # as above
            reason = _told(error, None)
        else:
            return
        raise PluginError(self.plugin, f"closing: {reason}")


def _told(error: Exception, uri: PluginUri | None) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"it needs the module {error.name}, which is not installed"
    if not isinstance(error, IrmaError):
        return f"{type(error).__name__} at {_place(error)}"
    reason = error.reason if isinstance(error, PluginError) else str(error)
    if uri is not None and any(part in reason for part in _hidden(uri)):
        return f"{type(error).__name__}, whose text holds what stands in the URI"
    return reason


def _hidden(uri: PluginUri) -> list[str]:
    parts = [part for part in (uri.rest, uri.rest.strip("/")) if len(part) >= _SHORTEST_HIDDEN]
    with suppress(ValueError):  # no URL, so no password at its place
        parts.append(urlsplit(uri.text).password or "")
    return [each for part in parts for each in (part, unquote(part)) if each]


def _place(error: Exception) -> str:
    """Give module and line of where it was raised: neither depends on what was being done."""
    traceback = error.__traceback__
    module, line = "?", 0
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        line, traceback = traceback.tb_lineno, traceback.tb_next
    return f"{module}:{line}"
