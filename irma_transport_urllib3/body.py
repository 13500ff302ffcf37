"""Read a whole response body, up to a maximum size."""

from __future__ import annotations

from http.client import HTTPResponse

from urllib3 import BaseHTTPResponse

from irma_transport.response_errors import OverLimitError
from irma_transport.response_head import check_not_encoded
from irma_transport_urllib3.exchange import CutShortError, Exchange

__all__ = ["read_body"]


def read_body(response: BaseHTTPResponse, head: HTTPResponse, exchange: Exchange) -> bytes:
    """Read the whole body.

    Args:
        response: urllib3's response, which does not decompress the body.
        head: The same response as `http.client` sees it.
        exchange: The exchange that both belong to.

    Raises:
        OverLimitError: The body, or its `Content-Length`, is larger than the exchange allows.
        CutShortError: The connection ended before the last chunk.
        NotHttpError: The body is compressed.
        HTTPError: urllib3 could not read the body to its end.
    """
    if head.length != 0:
        check_not_encoded(head.headers.get_all("content-encoding", ()))
    limit = exchange.limits.body
    if head.length is None:
        body = response.read(limit + 1)
    elif head.length <= limit:
        body = response.read()
    else:
        raise OverLimitError
    if len(body) > limit:
        raise OverLimitError
    if head.chunked and exchange.at_end:
        # http.client mistakes the end of the connection for the end of the trailer.
        raise CutShortError
    return body
