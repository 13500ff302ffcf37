"""A session that was started: what the server gave, and what had been asked."""

from __future__ import annotations

from datetime import datetime
from typing import final

import attrs

from irma_core.models.pointers import SessionPointer
from irma_core.models.session_requests import ExtendedRequest
from irma_core.models.tokens import FrontendAuthorization, RequestorToken

__all__ = ["FrontendRequest", "SessionPackage", "StartedSession"]


@final
@attrs.frozen
class FrontendRequest:
    """What the browser needs to follow the session by itself.

    Source: irmago `FrontendSessionRequest`.

    Args:
        authorization: The browser's secret for the frontend endpoints.
        pairing_hint: Whether the server advises pairing.
        min_protocol_version: The lowest frontend protocol the server speaks.
        max_protocol_version: The highest.
    """

    authorization: FrontendAuthorization
    pairing_hint: bool = False
    min_protocol_version: str = attrs.field(default="1.0", kw_only=True)
    max_protocol_version: str = attrs.field(default="1.0", kw_only=True)


@final
@attrs.frozen
class SessionPackage:
    """The server's answer to a start.

    Source: irmago `SessionPackage`.

    Args:
        pointer: For the app.
        token: For the backend alone.
        frontend_request: For the browser; None from servers before 0.8.
    """

    pointer: SessionPointer = attrs.field(metadata={"wire": "sessionPtr"})
    token: RequestorToken
    frontend_request: FrontendRequest | None = attrs.field(default=None, kw_only=True)


@final
@attrs.frozen
class StartedSession:
    """A session, and what was asked in it: only against that a result makes an answer.

    Args:
        request: What was asked.
        package: What the server gave.
        started_at: When, aware.
    """

    request: ExtendedRequest
    package: SessionPackage
    started_at: datetime = attrs.field(kw_only=True)

    @property
    def pointer(self) -> SessionPointer:
        """For the app: show it as a QR or a link."""
        return self.package.pointer

    @property
    def token(self) -> RequestorToken:
        """For the backend alone."""
        return self.package.token

    @property
    def frontend_request(self) -> FrontendRequest | None:
        """For the browser."""
        return self.package.frontend_request
