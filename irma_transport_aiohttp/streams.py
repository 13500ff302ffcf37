"""A response as a stream: its bytes as they come, and quiet while none do."""

from __future__ import annotations

import asyncio
from time import monotonic

from aiohttp import ClientError, ClientResponse

from irma_core.errors import TransportError
from irma_core.protocol.transport import ReadOutcome
from irma_core.tracebacks import boundary
from irma_transport_aiohttp.exchange import Exchange
from irma_transport_aiohttp.failures import explain
from irma_transport_urllib3.exchange import NotHttpError

__all__ = ["AiohttpStream"]

_LONGEST_WAIT = 86_400.0


@boundary
class AiohttpStream:
    """What `AiohttpTransport.open_stream` gives; for one task at a time.

    Args:
        response: aiohttp's response, which holds the connection.
        exchange: What it belongs to.
        path: The request's name for people.
        under_way: Its response is among these until it is closed.

    Raises:
        NotHttpError: Its body is compressed, which was not asked for.
    """

    def __init__(
        self,
        response: ClientResponse,
        exchange: Exchange,
        path: str,
        under_way: set[ClientResponse],
    ) -> None:
        encoding = response.headers.get("content-encoding") or "identity"
        if encoding.strip().lower() != "identity":
            raise NotHttpError("its body is in an encoding that was not asked for")
        self.status = response.status
        self.headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        )
        self._response = response
        self._exchange = exchange
        self._path = path
        self._under_way = under_way

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        """Give bytes as soon as some have come; see `ByteStream.read`.

        Raises:
            ConnectionBrokenError: The connection ended within the body, or the stream is closed.
            MalformedResponseError: What came is not HTTP.
        """
        failure: TransportError
        try:
            return await self._next(deadline)
        except (ClientError, OSError) as error:
            failure = explain(error, self._exchange, self._path)
        # Raised out here it has no context: native errors and their frames hold secrets.
        raise failure

    async def aclose(self) -> None:
        """Close the connection; closing again does nothing."""
        self._under_way.discard(self._response)
        self._response.close()

    async def _next(self, deadline: float) -> bytes | ReadOutcome:
        content = self._response.content
        if data := content.read_nowait():
            return data
        left = min(deadline - monotonic(), _LONGEST_WAIT)
        if not content.at_eof():
            if left <= 0:
                return ReadOutcome.IDLE
            # Bytes are taken without a further wait once they are there: cancelling loses none.
            try:
                async with asyncio.timeout(left):
                    data = await content.readany()
            except TimeoutError:
                return ReadOutcome.IDLE
        return data or ReadOutcome.END
