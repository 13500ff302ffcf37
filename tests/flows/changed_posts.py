"""Posts of the server, changed as a stranger might change them."""

from __future__ import annotations

from irma_core.protocol.messages import HttpRequest

__all__ = ["changed"]


def changed(post: HttpRequest, *, url: str | None = None, body: bytes | None = None) -> HttpRequest:
    """Return the same post with another URL or body."""
    return HttpRequest(
        post.method,
        post.url if url is None else url,
        label=post.label,
        headers=post.headers,
        body=post.body if body is None else body,
    )
