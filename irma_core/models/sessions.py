"""Started sessions: their requests, and the server's responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Final, TypeAlias, cast, final

import attrs

from irma_core.errors import RequestError, UsageError
from irma_core.json_text import JsonValue, read_json, write_json
from irma_core.models.arguments import (
    as_utc,
    check_flag,
    check_instance,
    check_optional,
    check_string,
)
from irma_core.models.holders import Hidden, HiddenSecret, hide_optional
from irma_core.models.pointers import SessionPointer
from irma_core.models.session_requests import ExtendedRequest
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = [
    "FrontendOptions",
    "FrontendRequest",
    "PairingMethod",
    "SessionPackage",
    "SessionReference",
    "SessionWithRequest",
    "StartedSession",
]


_Received: TypeAlias = Callable[[], dict[str, JsonValue]]
"""A function that returns a new copy of the received fields, so that a caller cannot change the
original."""
_NOTHING_RECEIVED: Final[Hidden[_Received]] = HiddenSecret(dict[str, JsonValue]().copy)
_SCALARS: Final = frozenset({str, int, bool, type(None)})
_STRINGS: Final = frozenset({str})


def _to_received(value: Mapping[str, JsonValue] | Hidden[_Received]) -> Hidden[_Received]:
    if isinstance(value, Hidden):
        return value
    if type(value) is not dict and not isinstance(value, Mapping):
        raise RequestError("received", "must be a mapping")
    items = dict(value)
    if _SCALARS.issuperset(map(type, items.values())) and _STRINGS.issuperset(map(type, items)):
        return HiddenSecret(items.copy)
    try:
        return HiddenSecret(partial(_read_object, write_json(items)))
    except (TypeError, ValueError, RecursionError):
        reason = "must be JSON that is not nested too deeply"
    raise RequestError("received", reason)


def _read_object(text: str) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", read_json(text))


# The types that fields usually have. Only other types need a closer check.
_FRONTEND_KINDS: Final = (FrontendAuthorization, bool, str, str)
_PACKAGE_KINDS: Final = (SessionPointer, RequestorToken)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class FrontendRequest(ValueObject):
    """The data that the browser needs to follow the session.

    Source: irmago `FrontendSessionRequest`.

    Args:
        authorization: The browser's secret for the frontend endpoints.
        pairing_hint: Whether the server recommends pairing.
        min_protocol_version: The lowest version of the frontend protocol that the server supports.
        max_protocol_version: The highest version that the server supports.
        received: All fields as the server wrote them, for browsers that know more fields than this
            library; empty if this object does not come from a server.
    """

    authorization: FrontendAuthorization
    pairing_hint: bool = False
    min_protocol_version: str = attrs.field(default="1.0", kw_only=True)
    max_protocol_version: str = attrs.field(default="1.0", kw_only=True)
    _received: Hidden[_Received] = attrs.field(
        default=_NOTHING_RECEIVED,
        alias="received",
        converter=_to_received,
        kw_only=True,
        repr=False,
        eq=False,
    )

    @property
    def received(self) -> dict[str, JsonValue]:
        """A copy of all fields, as the server wrote them."""
        return self._received.reveal()()

    def __attrs_post_init__(self) -> None:
        versions = (self.min_protocol_version, self.max_protocol_version)
        kinds = (type(self.authorization), type(self.pairing_hint), *map(type, versions))
        if kinds != _FRONTEND_KINDS:
            expected = "a FrontendAuthorization"
            check_instance(self.authorization, FrontendAuthorization, "authorization", expected)
            check_flag(self.pairing_hint, "pairing_hint")
            check_instance(self.min_protocol_version, str, "min_protocol_version", "a string")
            check_instance(self.max_protocol_version, str, "max_protocol_version", "a string")

    def json_value(self) -> dict[str, JsonValue]:
        """Return this object in the server's JSON form, for the browser."""
        written: dict[str, JsonValue] = {"authorization": self.authorization.reveal()}
        if self.pairing_hint:
            written["pairingHint"] = True
        written["minProtocolVersion"] = self.min_protocol_version
        written["maxProtocolVersion"] = self.max_protocol_version
        return {**self.received, **written}


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class SessionPackage(ValueObject):
    """The server's response to the start of a session.

    Source: irmago `SessionPackage`.

    Args:
        pointer: The session pointer, for the app.
        token: The requestor token, which must stay in the backend.
        frontend_request: What the browser needs; None if the server is older than 0.8.
    """

    pointer: SessionPointer
    token: RequestorToken
    frontend_request: FrontendRequest | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if (type(self.pointer), type(self.token)) != _PACKAGE_KINDS:
            check_instance(self.pointer, SessionPointer, "pointer", "a SessionPointer")
            check_instance(self.token, RequestorToken, "token", "a RequestorToken")
        if type(self.frontend_request) is not FrontendRequest:
            expected = "a FrontendRequest"
            check_optional(self.frontend_request, FrontendRequest, "frontend_request", expected)

    def json_value(self) -> dict[str, JsonValue]:
        """Return the package in the server's JSON form.

        The token in it must stay in the backend.
        """
        return _package(self.pointer, self.token.reveal(), self.frontend_request)


def _started_at(value: datetime) -> datetime:
    return as_utc(value, "started_at")


def _started_after(value: datetime) -> datetime:
    return as_utc(value, "started_after")


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class StartedSession(ValueObject):
    """A started session and its request.

    The library compares the session's result with that request before it returns an answer.

    Args:
        request: The request.
        package: The server's response.
        started_at: When the session was started; an aware time, which is converted to UTC.

    Raises:
        UsageError: `started_at` is not an aware time.
    """

    request: ExtendedRequest
    package: SessionPackage
    started_at: datetime = attrs.field(kw_only=True, converter=_started_at)

    def __attrs_post_init__(self) -> None:
        if (type(self.request), type(self.package)) != (ExtendedRequest, SessionPackage):
            check_instance(self.request, ExtendedRequest, "request", "an ExtendedRequest")
            check_instance(self.package, SessionPackage, "package", "a SessionPackage")

    @property
    def pointer(self) -> SessionPointer:
        """The session pointer for the app; show it as a QR code or a link."""
        return self.package.pointer

    @property
    def token(self) -> RequestorToken:
        """The requestor token, which must stay in the backend."""
        return self.package.token

    @property
    def frontend_request(self) -> FrontendRequest | None:
        """The data that the browser needs to follow the session."""
        return self.package.frontend_request

    def browser_json(self, handle: str | None = None) -> str:
        """Return the JSON that the browser needs, without the requestor token.

        Send this JSON in response to the page's `start` call. Its fields are `sessionPtr`,
        `frontendRequest`, and `token`, which holds the handle.

        Args:
            handle: A sealed handle, which the page sends back when the session is done. None if the
                backend finds the visitor's session in another way.

        Raises:
            UsageError: The handle is not a string, or the JSON would hold the requestor token.
        """
        if handle is not None:
            check_string(handle, "handle")
        written = write_json(_package(self.pointer, handle, self.frontend_request))
        if self.token.reveal() in written:
            raise UsageError(
                "handle: must not contain the requestor token, because the handle goes to a "
                "browser; seal the session first"
            )
        return written


def _package(
    pointer: SessionPointer, token: str | None, frontend: FrontendRequest | None
) -> dict[str, JsonValue]:
    written: dict[str, JsonValue] = {"sessionPtr": pointer.json_value()}
    if token is not None:
        written["token"] = token
    if frontend is not None:
        written["frontendRequest"] = frontend.json_value()
    return written


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class SessionReference(ValueObject):
    """A session for which only the request and the requestor token are known.

    This is enough to make an answer. Callbacks and chains produce such references.

    Args:
        request: The request.
        token: The requestor token, which must stay in the backend.
        started_after: The earliest time at which the session may have started; an aware time, which
            is converted to UTC. A signature from before that time belongs to another session.

    Raises:
        UsageError: An argument has the wrong type, or `started_after` is not an aware time.
    """

    request: ExtendedRequest
    token: RequestorToken
    started_after: datetime = attrs.field(kw_only=True, converter=_started_after)

    def __attrs_post_init__(self) -> None:
        check_instance(self.request, ExtendedRequest, "request", "an ExtendedRequest")
        check_instance(self.token, RequestorToken, "token", "a RequestorToken")


SessionWithRequest: TypeAlias = StartedSession | SessionReference
"""A session and its request, which together are enough to turn its result into an answer."""


class PairingMethod(Enum):
    """How a person proves that the page and the app are both theirs.

    Source: irmago `PairingMethod`.
    """

    NONE = "none"
    PIN = "pin"
    """Four digits that the app shows."""


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class FrontendOptions(ValueObject):
    """The pairing options of a session, as the server returns them after each change.

    Source: irmago `SessionOptions`.

    Args:
        pairing_method: The current method.
        pairing_code: With `PIN`, the code that the app will show; else None. The server makes a new
            code for each change.
    """

    pairing_method: PairingMethod
    _pairing_code: Hidden[str | None] = attrs.field(
        default=None, alias="pairing_code", converter=hide_optional, repr=False
    )

    @property
    def pairing_code(self) -> str | None:
        """The code that the app will show; None without pairing."""
        return self._pairing_code.reveal()

    def __attrs_post_init__(self) -> None:
        check_instance(self.pairing_method, PairingMethod, "pairing_method", "a PairingMethod")
        check_optional(self.pairing_code, str, "pairing_code", "a string")
