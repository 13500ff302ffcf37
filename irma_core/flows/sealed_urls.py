"""Addresses of the application's that nobody knows but the server: sealed URLs.

The server posts to the URL that a request names, and shows no other sign of who it is. So the URL
itself holds a secret, one for each session: a sealed text, in which the request is kept too, so
that any process can tell what was asked without a database.
Belongs here: making such a URL, and opening it again. Does not belong here: what is posted there.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, final

import attrs

from irma_core.errors import HandleInvalidError, RequestError
from irma_core.models.kept_requests import kept_request, read_kept_request
from irma_core.models.session_requests import ExtendedRequest
from irma_core.protocol.addresses import ServerUrl
from irma_core.trust.sealing import Sealer

__all__ = ["CALLBACK", "NEXT_SESSION", "SealedAddress", "Unsealed"]

CALLBACK: Final = "callback"
"""The purpose of a URL that results are posted to."""
NEXT_SESSION: Final = "next session"
"""The purpose of a URL that the next session's request is asked from."""

LONGEST_URL: Final = 4000
"""Characters. gunicorn, for one, takes a request line of 4094 by default."""
_APP_MAY_TAKE: Final = timedelta(minutes=15)
"""The server's own default for a request without `timeout`."""
_MARGIN: Final = timedelta(hours=1)
"""For the session itself once the app has come, and the posts of a time-out, which repeat for five
minutes."""


@final
@attrs.frozen
class Unsealed:
    """What a sealed URL held.

    Args:
        request: What was asked, in its kept form.
        lifetime: How long such a URL lives: what its posts leave behind must live as long.
        name: Another name for the URL, in which no secret can be read.
    """

    request: ExtendedRequest
    lifetime: timedelta
    name: str


@final
@attrs.frozen
class SealedAddress:
    """A page of the application's that the server posts to, for one purpose.

    Args:
        page: The page's own URL.
        sealer: Seals what is added to it.
        purpose: `CALLBACK` or `NEXT_SESSION`.
    """

    page: ServerUrl
    sealer: Sealer
    purpose: str = attrs.field(kw_only=True)

    def url_for(self, request: ExtendedRequest, now: datetime) -> str:
        """Make the URL for one session.

        It ends with a slash: the server appends one to a callback URL that lacks it, so the URL is
        called as it is registered.

        Raises:
            RequestError: The request is too large to be kept in a URL.
        """
        lifetime = (request.timeout or _APP_MAY_TAKE) + _MARGIN
        sealed = self.sealer.seal(
            [int(lifetime.total_seconds()), kept_request(request)],
            purpose=self._sealed_for,
            now=now,
            lifetime=lifetime,
        )
        url = self.page.below(f"{sealed}/")
        if len(url) > LONGEST_URL:
            raise RequestError("", f"too large to be kept in a URL of {LONGEST_URL} characters")
        return url

    def unseal(self, url: str, now: datetime) -> Unsealed:
        """Open the URL that a post came to; only its last part counts, as proxies change the rest.

        The page that it was made for is sealed into it: no other of the application's takes it.

        Raises:
            HandleError: One of its subclasses: it is none of ours, for another purpose, or too old.
        """
        path = url.partition("#")[0].partition("?")[0]
        sealed = path.removesuffix("/").rpartition("/")[2]
        value = self.sealer.unseal(sealed, purpose=self._sealed_for, now=now)
        match value:
            case [int() as seconds, kept]:
                with suppress(RequestError):
                    name = sha256(sealed.encode()).hexdigest()
                    return Unsealed(read_kept_request(kept), timedelta(seconds=seconds), name)
            case _:
                pass
        raise HandleInvalidError("what was sealed into the URL is no request that can be read here")

    @property
    def _sealed_for(self) -> str:
        return f"{self.purpose} at {self.page.text}"
