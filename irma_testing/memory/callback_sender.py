"""What the server itself sends: results to a callback URL, and to a `nextSession` URL.

Belongs here: how they are sent. Does not belong here: when (`lifecycle`, `chaining`). Source:
irmago `DoResultCallback` in `irma/server/api.go`, and `irma/transport.go`.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from typing import TypeAlias, final
from urllib.parse import unquote_to_bytes

from irma_core.errors import TransportError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Clock, utc_now
from irma_testing.memory.go_urls import follow_location, requestable_url
from irma_testing.memory.jwt import JwtSigner
from irma_testing.memory.replies import compact_json
from irma_testing.memory.results import result_claims, result_json
from irma_testing.memory.sessions import Session
from irma_testing.memory.settings import ServerSettings

__all__ = ["Deliver", "Posts"]

Deliver: TypeAlias = Callable[[HttpRequest], HttpResponse]
_AGENT = ("user-agent", "irmago")
_TRIES = 3
_MOST_REQUESTS = 10
_DEEPEST = 10
_AS_GET = (301, 302, 303)
_AS_BEFORE = (307, 308)


@final
class Posts:
    """Sends, and remembers what it sent.

    Args:
        settings: The server's.
        clock: The server's.
        signer: Signs the results, where the server has a key.
        deliver: What brings a request to its receiver; None loses it on the way.
    """

    def __init__(
        self, settings: ServerSettings, clock: Clock, signer: JwtSigner, deliver: Deliver | None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._signer = signer
        self.deliver = deliver
        self._depth = threading.local()
        self.sent: list[HttpRequest] = []

    def send_callback(self, session: Session) -> None:
        """Post the result to the callback URL, if there is one. The answer is ignored.

        A receiver that cancels the session is called again for that, and so on: in the official
        server until its time is up, here ten times.
        """
        url = session.request.callback_url
        depth = getattr(self._depth, "value", 0)
        if not url or depth >= _DEEPEST:
            return
        self._depth.value = depth + 1
        try:
            self._post(url if url.endswith("/") else f"{url}/", "POST callback", session)
        finally:
            self._depth.value = depth

    def ask_next(self, url: str, session: Session) -> HttpResponse | None:
        """Post the result so far to a `nextSession` URL; None if it cannot be reached."""
        return self._post(url, "POST nextSession", session)

    def _post(self, url: str, path: str, session: Session) -> HttpResponse | None:
        if self._settings.has_jwt_key:
            claims = result_claims(session, self._settings.jwt_issuer, utc_now(self._clock))
            body, content_type = self._signer.sign(claims), "text/plain; charset=UTF-8"
        else:
            body = compact_json(result_json(session))
            content_type = "application/json; charset=UTF-8"
        headers = (_AGENT, ("content-type", content_type), ("accept-encoding", "gzip"))
        try:
            target = requestable_url(url)
        except ValueError:
            return None
        return self._try(
            HttpRequest("POST", target, label=path, headers=headers, body=body.encode())
        )

    def _try(self, request: HttpRequest) -> HttpResponse | None:
        for _ in range(_TRIES):
            response = self._follow(request)
            if response is not None or self.deliver is None:
                return response
        return None

    def _follow(self, request: HttpRequest) -> HttpResponse | None:
        """Send a request, and follow redirects; None if one of them leads nowhere."""
        for _ in range(_MOST_REQUESTS):
            response = self._send(request)
            target = response.header("location").strip(" \t") if response else ""
            if response is None or not target:
                return response
            if response.status not in (*_AS_GET, *_AS_BEFORE):
                return response
            try:
                url = follow_location(request.url, target)
            except ValueError:
                return None
            if response.status in _AS_BEFORE:
                request = HttpRequest(
                    request.method,
                    url,
                    label=request.label,
                    headers=request.headers,
                    body=request.body,
                )
            else:
                request = HttpRequest("GET", url, label=request.label, headers=(_AGENT,))
        return None

    def _send(self, request: HttpRequest) -> HttpResponse | None:
        request = _with_authorization(request)
        self.sent.append(request)
        if self.deliver is None:
            return None
        try:
            return self.deliver(request)
        except TransportError:
            return None


def _with_authorization(request: HttpRequest) -> HttpRequest:
    """Move the user and the password of a URL into a header, as Go's client does."""
    scheme, _, rest = request.url.partition("://")
    user, at, _ = re.split("[/?]", rest, maxsplit=1)[0].rpartition("@")
    if not at:
        return request
    name, _, password = user.partition(":")
    pair = b":".join(map(unquote_to_bytes, (name, password)))
    header = ("authorization", f"Basic {base64.b64encode(pair).decode()}")
    return HttpRequest(
        request.method,
        f"{scheme}://{rest[len(user) + 1 :]}",
        label=request.label,
        headers=(*request.headers, header),
        body=request.body,
    )
