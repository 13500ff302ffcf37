"""The URLs that the IRMA server posts to, and the session data that each URL contains.

For a session that this backend starts, the URL contains the sealed request: see `SealedUrl`. For a
static session, the URL is in the server's configuration and the request is known: see `StaticUrl`.
Both URLs are secrets, so a POST from a stranger is refused before its body is read.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, final
from urllib.parse import urlsplit

import attrs

from irma_core.errors import (
    ConfigurationError,
    HandleInvalidError,
    RequestError,
)
from irma_core.models.session_requests import ExtendedRequest
from irma_core.models.sessions import SessionReference
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.server_url import ServerUrl
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject
from irma_core.wire.stored_requests import read_stored_request, stored_request

__all__ = ["CALLBACK", "NEXT_SESSION", "CallbackContext", "SealedUrl", "StaticUrl", "last_segment"]

CALLBACK: Final = "callback"
"""The purpose of a URL to which the server posts results."""
NEXT_SESSION: Final = "next session"
"""The purpose of a URL from which the server gets the next session's request."""

LONGEST_URL: Final = 4000
"""The maximum length of a URL, in characters. Some web servers limit it: gunicorn, for example,
accepts request lines of up to 4094 characters by default.
"""
_DEFAULT_APP_TIMEOUT: Final = timedelta(minutes=15)
"""How long the server waits for an app if the request has no `timeout`."""
_MARGIN: Final = timedelta(hours=1)
"""How much longer than its session's `timeout` a URL is valid. This leaves time for the session
itself once the app has connected, and for posts that report a timeout, which the server repeats for
five minutes."""
_STATIC_LIFETIME: Final = timedelta(hours=2)
_STATIC_MAX_AGE: Final = timedelta(hours=1)
"""The maximum age of a JWT that is posted to a static session's URL. It is shorter than
`_STATIC_LIFETIME`, so a JWT is already too old to be accepted when the store forgets that its
session's outcome was delivered."""
_RANDOM_PART: Final = r"[A-Za-z0-9_-]{20,}"


@final
@attrs.frozen(eq=False, repr=False)
class CallbackContext(ValueObject):
    """The session data that the URL of a post contains or refers to.

    Args:
        request: The request, in its stored form.
        reference: The application's own reference, or an empty string.
        lifetime: How long posts about the session may arrive, and how long the store keeps its
            records of them.
        name: A hash of the URL's secret segment, which identifies the URL in the store.
        started_after: The earliest time at which the session can have started.
        issued_after: The earliest `iat` that is accepted in a result JWT posted to a URL that never
            expires; None for a URL that expires.
    """

    request: ExtendedRequest
    reference: str = attrs.field(repr=False)
    lifetime: timedelta
    name: str
    started_after: datetime = attrs.field(kw_only=True)
    issued_after: datetime | None = None

    def session(self, token: RequestorToken) -> SessionReference:
        """Return the `SessionReference` with which the session's answer is checked."""
        return SessionReference(self.request, token, started_after=self.started_after)


@final
@attrs.frozen(eq=False, repr=False)
class SealedUrl(ValueObject):
    """Makes and reads the URLs under one base URL, to which the server posts for one purpose.

    Args:
        page: The base URL. Each URL consists of this URL and a sealed segment.
        sealer: Seals each session's request into its URL.
        purpose: `CALLBACK` or `NEXT_SESSION`.
    """

    page: ServerUrl
    sealer: Sealer
    purpose: str = attrs.field(kw_only=True)

    def url_for(self, request: ExtendedRequest, now: datetime, reference: str = "") -> str:
        """Return the URL for one session.

        The URL ends with a slash, because the server appends a slash to a callback URL without one.

        Args:
            request: The session's request.
            now: The present time.
            reference: The application's own reference, which is also sealed into the URL; may be
                empty.

        Raises:
            RequestError: The request and the reference are too large for a URL.
        """
        lifetime = (request.timeout or _DEFAULT_APP_TIMEOUT) + _MARGIN
        sealed = self.sealer.seal(
            [
                int(lifetime.total_seconds()),
                stored_request(request),
                reference,
                int(now.timestamp()),
            ],
            purpose=self._sealed_for,
            now=now,
            lifetime=lifetime,
        )
        url = self.page.join(f"{sealed}/")
        if len(url) > LONGEST_URL:
            also = ", together with its reference" if reference else ""
            raise RequestError(
                "disclose",
                f"does not fit in a URL of {LONGEST_URL} characters{also}: ask for fewer "
                "attributes or shorter values, or leave out the callback and wait for the answer",
            )
        return url

    def unseal(self, url: str, now: datetime) -> CallbackContext:
        """Return the session data that the URL of a post contains.

        Only the URL's last segment counts, because proxies may change the rest.

        Raises:
            HandleError: The segment was not sealed by this backend for this base URL and purpose,
                or has expired; the subclass says which.
        """
        sealed = last_segment(url)
        value = self.sealer.unseal(sealed, purpose=self._sealed_for, now=now)
        match value:
            case [int() as seconds, stored, str() as reference, int() as made_at]:
                with suppress(RequestError):
                    return CallbackContext(
                        read_stored_request(stored),
                        reference,
                        timedelta(seconds=seconds),
                        _hash_of(sealed),
                        started_after=datetime.fromtimestamp(made_at, UTC),
                    )
            case _:
                pass
        raise HandleInvalidError(
            "the URL holds a request in a format that this version cannot read"
        )

    @property
    def _sealed_for(self) -> str:
        # Other pages of the application refuse a segment that was sealed for this page.
        return f"{self.purpose} at {self.page.text}"


def _as_stored(request: ExtendedRequest) -> ExtendedRequest:
    # An answer is always compared with the stored form, as for a sealed URL.
    return read_stored_request(stored_request(request))


def _name_of_secret(url: ServerUrl) -> str:
    segment = last_segment(urlsplit(url.text).path)
    if not re.fullmatch(_RANDOM_PART, segment):
        raise ConfigurationError(
            "url must end with a secret segment of at least 20 characters (letters, "
            "digits, '-' or '_'); make the segment with secrets.token_urlsafe()"
        )
    return _hash_of(segment)


@final
@attrs.frozen(eq=False, repr=False)
class StaticUrl(ValueObject):
    """The callback URL of a static session, as in the server's configuration.

    Args:
        url: The URL. Its last segment is a secret.
        request: The session's request, as in the server's configuration.

    Raises:
        ConfigurationError: The URL's last segment cannot be a secret, because it is too short or
            has characters other than letters, digits, `-` and `_`.
        RequestError: The request is too large to be stored.
    """

    name: str = attrs.field(converter=_name_of_secret, alias="url")
    """The hash of the URL's last segment. The URL itself is not kept."""
    request: ExtendedRequest = attrs.field(converter=_as_stored)
    purpose: str = attrs.field(default=CALLBACK, init=False)

    def unseal(self, url: str, now: datetime) -> CallbackContext:
        """Check the URL of a post, and return the session data that belongs to the URL.

        Only the URL's last segment counts, because proxies may change the rest.

        Raises:
            HandleInvalidError: The URL's last segment is not the secret.
        """
        # Hashes are compared, so that timing reveals nothing.
        if _hash_of(last_segment(url)) != self.name:
            raise HandleInvalidError("the URL does not end with the secret segment")
        oldest = now - _STATIC_MAX_AGE
        return CallbackContext(
            self.request,
            "",
            _STATIC_LIFETIME,
            self.name,
            # The server signs the result at the end of a session. The app signs a few seconds
            # earlier.
            started_after=oldest,
            issued_after=oldest,
        )


def last_segment(url: str) -> str:
    """Return the last segment of a post's URL or path, without a query."""
    path = url.partition("#")[0].partition("?")[0]
    return path.rstrip("/").rpartition("/")[2]


def _hash_of(segment: str) -> str:
    return sha256(segment.encode("utf-8", "replace")).hexdigest()
