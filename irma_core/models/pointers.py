"""The session pointer: what the QR holds, and the links that open the app."""

from __future__ import annotations

from datetime import datetime
from typing import final
from urllib.parse import quote, urlsplit

import attrs

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.arguments import check_instance
from irma_core.models.hidden import Hidden, hide_text
from irma_core.models.moments import as_utc
from irma_core.models.statuses import SessionType
from irma_core.models.tokens import fingerprint_of
from irma_core.models.validation import check_address
from irma_core.tracebacks import boundary

__all__ = ["LINK_BASE", "SessionPointer"]

LINK_BASE = "https://open.yivi.app/-/session"
"""What universal links begin with; it has moved once, so it is a setting."""


@final
@boundary
@attrs.frozen(repr=False)
class SessionPointer:
    """Tells an app where the session is. Show it to the person who is to answer, and nobody else.

    Source: irmago `Qr`; IRMA documentation, "Session pointer".

    Args:
        url: The session's URL at the server (`u`); its end is the client token.
        type: The kind of session (`irmaqr`).

    Raises:
        RequestError: The URL is no `http` or `https` URL, or could lead elsewhere than it reads.
        UsageError: The type is not a `SessionType`.
    """

    _url: Hidden[str] = attrs.field(alias="url", converter=hide_text)
    type: SessionType

    def __attrs_post_init__(self) -> None:
        check_address(self.url, "u")
        check_instance(self.type, SessionType, "type", "a SessionType")
        if "@" in self.url and "@" in urlsplit(self.url).netloc:
            raise RequestError("u", "must hold no user name and no password")

    @property
    def url(self) -> str:
        """The session's URL at the server."""
        return self._url.reveal()

    @classmethod
    def of_static_session(cls, server: str, name: str) -> SessionPointer:
        """Make the pointer of a static session, to be printed.

        Args:
            server: The server's URL as apps reach it, without `/irma`.
            name: The session's name in the server's configuration: letters and digits.

        Raises:
            RequestError: The URL or the name is malformed.
        """
        parts = urlsplit(check_address(server, "server"))
        if parts.query or parts.fragment or server.endswith(("?", "#")):
            raise RequestError("server", "must hold no query and no fragment")
        check_instance(name, str, "name", "a string")
        if not name.isascii() or not name.isalnum():
            raise RequestError("name", "a static session's name is letters and digits")
        url = f"{server.rstrip('/')}/irma/session/{name}"
        return cls(url, SessionType.REDIRECT)

    def json_value(self) -> dict[str, JsonValue]:
        """Give it as the server writes it, for a larger JSON value."""
        return {"u": self.url, "irmaqr": self.type.value}

    def json_text(self) -> str:
        """Give the bare JSON: the QR's content for apps of before October 2025, and for scripts."""
        return write_json(self.json_value())

    def qr_text(self, *, base: str = LINK_BASE) -> str:
        """Give the QR's content for a second device: a link with a mark that says so.

        Args:
            base: The universal link of another app than Yivi's.

        Raises:
            RequestError: The base is not a whole URL.
        """
        value = self.json_value() | {"continueOnSecondDevice": True}
        return f"{check_address(base, 'base')}#{_encoded(write_json(value))}"

    def link(self, *, base: str = LINK_BASE) -> str:
        """Give the universal link that opens the app on this device; `base` as in `qr_text`."""
        return f"{check_address(base, 'base')}#{_encoded(self.json_text())}"

    def android_intent(self, now: datetime) -> str:
        """Give the Android intent that opens the app on this device.

        Args:
            now: An aware time.

        Raises:
            UsageError: It is not aware.
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
    # What JavaScript's encodeURIComponent leaves alone.
    return quote(text, safe="!~*'()")
