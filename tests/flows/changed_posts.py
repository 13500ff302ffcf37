"""Posts of the server that are changed or invented, as by a stranger."""

from __future__ import annotations

from irma_core import StartedSession
from irma_core.protocol.messages import HttpRequest
from irma_testing.memory.jwt import JwtSigner
from tests.flows.shop import Shop

__all__ = ["changed", "forged", "to_callback"]


def changed(post: HttpRequest, *, url: str | None = None, body: bytes | None = None) -> HttpRequest:
    """Return the same post with another URL or body."""
    return HttpRequest(
        post.method,
        post.url if url is None else url,
        label=post.label,
        headers=post.headers,
        body=post.body if body is None else body,
    )


def forged(shop: Shop, session: StartedSession, status: str) -> HttpRequest:
    """Return a post that the server signs, with a status that the session need not have."""
    now = int(shop.server.clock.now().timestamp())
    claims = {"iat": now, "exp": now + 120, "iss": "irmaserver", "sub": "disclosing_result"}
    said = {"token": session.token.reveal(), "status": status, "type": "disclosing"}
    # Without a configured key, a server in memory uses the key of this process.
    body = JwtSigner(None).sign({**claims, **said, "simulated": True})
    return to_callback(session, "text/plain; charset=UTF-8", body)


def to_callback(session: StartedSession, media_type: str, body: str) -> HttpRequest:
    """Return a post to the callback URL of a session."""
    url, headers = session.request.callback_url or "", (("Content-Type", media_type),)
    return HttpRequest("POST", url, label="POST callback", headers=headers, body=body.encode())
