"""The session pointer: the content of the QR code, and links that open the app."""

from __future__ import annotations

from datetime import datetime
from typing import final
from urllib.parse import quote, urlsplit

import attrs

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.arguments import as_utc, check_instance
from irma_core.models.holders import Hidden, hide_text
from irma_core.models.statuses import SessionType
from irma_core.models.tokens import fingerprint_of
from irma_core.models.validation import check_address
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["LINK_BASE", "SessionPointer"]

LINK_BASE = "https://open.yivi.app/-/session"
"""The base of universal links. It has changed before, so the methods accept a different one."""


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class SessionPointer(ValueObject):
    """Leads an app to a session. Show it only to the person whom the session is for.

    Source: irmago `Qr`; IRMA documentation, "Session pointer".

    Args:
        url: The session's URL at the server (`u`), which ends with the client token.
        type: The type of session (`irmaqr`).

    Raises:
        RequestError: The URL is not an `http` or `https` URL, or has a user name, a password or a
            dot segment.
        UsageError: The type is not a `SessionType`.
    """

    _url: Hidden[str] = attrs.field(alias="url", converter=hide_text)
    type: SessionType

    def __attrs_post_init__(self) -> None:
        url = check_address(self.url, "u")
        if type(self.type) is not SessionType:
            check_instance(self.type, SessionType, "type", "a SessionType")
        if "@" in url and "@" in urlsplit(url).netloc:
            raise RequestError("u", "must not have a user name or password")

    @property
    def url(self) -> str:
        """The session's URL at the server."""
        return self._url.reveal()

    @classmethod
    def of_static_session(cls, server: str, name: str) -> SessionPointer:
        """Return the pointer of a static session, for a printed QR code.

        Args:
            server: The server's URL for apps, without `/irma`.
            name: The session's name in the server's configuration: letters and digits.

        Raises:
            RequestError: The URL or the name is malformed.
        """
        parts = urlsplit(check_address(server, "server"))
        if parts.query or parts.fragment or server.endswith(("?", "#")):
            raise RequestError("server", "must not have a query or fragment")
        check_instance(name, str, "name", "a string")
        if not name.isascii() or not name.isalnum():
            raise RequestError("name", "must consist of letters and digits")
        url = f"{server.rstrip('/')}/irma/session/{name}"
        return cls(url, SessionType.REDIRECT)

    def json_value(self) -> dict[str, JsonValue]:
        """Return the pointer in the server's JSON form, to embed it in a larger JSON value."""
        return {"u": self.url, "irmaqr": self.type.value}

    def json_text(self) -> str:
        """Return the QR code's content as JSON, for scripts and apps from before October 2025."""
        return write_json(self.json_value())

    def qr_text(self, *, base: str = LINK_BASE) -> str:
        """Return the QR code's content: a universal link for an app on a second device.

        Args:
            base: The base of universal links, for an app other than Yivi.

        Raises:
            RequestError: The base is not an absolute URL.
        """
        value = self.json_value() | {"continueOnSecondDevice": True}
        return f"{check_address(base, 'base')}#{_encoded(write_json(value))}"

    def link(self, *, base: str = LINK_BASE) -> str:
        """Return the universal link that opens the app on this device; for `base` see `qr_text`."""
        return f"{check_address(base, 'base')}#{_encoded(self.json_text())}"

    def android_intent(self, now: datetime) -> str:
        """Return the Android intent that opens the app on this device.

        Args:
            now: The present time, as an aware `datetime`.

        Raises:
            UsageError: The time is not aware.
        """
        milliseconds = round(as_utc(now, "now").timestamp() * 1000)
        return (
            f"intent://qr/json/{_encoded(self.json_text())}#Intent;package=org.irmacard.cardemu;"
            f"scheme=irma;l.timestamp={milliseconds};end"
        )

    def __repr__(self) -> str:
        host = urlsplit(self.url).netloc
        return f"<SessionPointer {self.type.value} at {host} {fingerprint_of(self.url)}>"


def _encoded(text: str) -> str:
    # Like JavaScript's encodeURIComponent.
    return quote(text, safe="!~*'()")
