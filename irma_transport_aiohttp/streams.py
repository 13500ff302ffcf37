"""A stream of the bytes in a response's body, as they arrive."""

from __future__ import annotations

import asyncio

from aiohttp import ClientError, ClientResponse

from irma_core.errors import TransportError
from irma_core.models.arguments import check_deadline
from irma_core.protocol.transport import ReadOutcome
from irma_core.tracebacks import boundary
from irma_transport.clock import seconds_until
from irma_transport.response_head import check_not_encoded
from irma_transport_aiohttp.exchange import Exchange
from irma_transport_aiohttp.failures import explain

__all__ = ["AiohttpStream"]


@boundary
class AiohttpStream:
    """The stream of `AiohttpTransport.open_stream`, for one task at a time.

    Args:
        response: aiohttp's response, which holds the connection.
        exchange: The exchange that the response belongs to.
        label: The request's label.
        open_responses: Holds the response until the stream is closed.

    Raises:
        NotHttpError: The response's body is compressed.
    """

    def __init__(
        self,
        response: ClientResponse,
        exchange: Exchange,
        label: str,
        open_responses: set[ClientResponse],
    ) -> None:
        check_not_encoded(response.headers.getall("content-encoding", ()))
        self.status = response.status
        self.headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        )
        self._response = response
        self._exchange = exchange
        self._label = label
        self._open_responses = open_responses

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        """Return bytes as soon as some have arrived; see `ByteStream.read`.

        Raises:
            ConnectionBrokenError: The connection ended before the whole body had arrived, or the
                stream is closed.
            MalformedResponseError: The framing of the body is invalid, for example a chunk's size.
            UsageError: The deadline is not a number.
        """
        failure: TransportError
        check_deadline(deadline)
        try:
            return await self._next(deadline)
        except (ClientError, OSError) as error:
            failure = explain(error, self._exchange, self._label)
        # The error is raised outside `except`, so it has no context: native errors and their frames
        # hold secrets.
        raise failure

    async def aclose(self) -> None:
        """Close the connection; closing again does nothing."""
        self._open_responses.discard(self._response)
        self._response.close()

    async def _next(self, deadline: float) -> bytes | ReadOutcome:
        content = self._response.content
        if data := content.read_nowait():
            return data
        left = seconds_until(deadline)
        if not content.at_eof():
            if left <= 0:
                return ReadOutcome.IDLE
            # Once bytes have arrived, `readany` returns them without waiting, so a cancellation
            # loses none.
            try:
                async with asyncio.timeout(left):
                    data = await content.readany()
            except TimeoutError:
                return ReadOutcome.IDLE
        return data or ReadOutcome.END
