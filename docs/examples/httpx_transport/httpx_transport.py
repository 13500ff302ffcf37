import asyncio
import random
from contextlib import aclosing
from datetime import timedelta

import httpx

from irma_core import errors as e
from irma_core.interfaces import HttpRequest, HttpResponse, ReadOutcome
from irma_transport import SystemClock


class HttpxTransport(httpx.AsyncHTTPTransport):  # not a client, which would keep cookies
    clock, jitter = SystemClock(), staticmethod(random.SystemRandom().random)

    def __init__(self) -> None:
        super().__init__(limits=httpx.Limits(keepalive_expiry=1.4), trust_env=False)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(duration.total_seconds(), 0))

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        async with aclosing(await self.open_stream(request, deadline)) as stream:
            body = b""
            while isinstance(piece := await stream.read(deadline), bytes):
                if len(body := body + piece) > 1024 * 1024:
                    raise e.ResponseTooLargeError(request.label, "over 1 MiB", request_sent=True)
        if piece is ReadOutcome.IDLE:
            raise explain(request.label, TimeoutError())
        return HttpResponse(stream.status, stream.headers, body=body)

    async def open_stream(self, request: HttpRequest, deadline: float) -> "HttpxStream":
        headers = {"accept-encoding": "identity", **dict(request.headers)}
        url = httpx.URL(request.url)
        path = request.label.rpartition(" ")[2]  # the label without its method
        shown = url.copy_with(path=f"/{path}", query=None)  # the URL that tracing tools see
        sent = httpx.Request(
            request.method,
            shown,
            headers=headers,
            content=request.body,
            extensions={"target": url.raw_path},  # the path that is sent, with the requestor token
        )
        failure: Exception = httpx.ConnectTimeout("late")
        if (left := deadline - self.clock.monotonic()) > 0:
            try:
                response = await asyncio.wait_for(self.handle_async_request(sent), left)
                if "content-encoding" not in response.headers:
                    return HttpxStream(response, request.label)
                await response.aclose()
                failure = httpx.DecodingError("compressed")
            except (httpx.TransportError, TimeoutError) as error:
                failure = error
        raise explain(request.label, failure)  # outside `except`: a context would show the URL


class HttpxStream:
    def __init__(self, response: httpx.Response, label: str) -> None:
        self.status, self._response, self._label = response.status_code, response, label
        self.headers = tuple(response.headers.multi_items())
        self._pieces = response.aiter_raw()
        self._next: asyncio.Future[bytes | ReadOutcome] | None = None

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        # httpx closes a response whose read is cancelled, so the read goes on after the deadline.
        self._next = self._next or asyncio.ensure_future(anext(self._pieces, ReadOutcome.END))
        left = max(deadline - HttpxTransport.clock.monotonic(), 0)
        if not (await asyncio.wait({self._next}, timeout=left))[0]:
            return ReadOutcome.IDLE
        read, self._next = self._next, None
        if error := read.exception():
            raise explain(self._label, error)
        return read.result()

    async def aclose(self) -> None:
        if self._next is not None and self._next.cancel():
            await asyncio.wait({self._next})
        await self._response.aclose()


def explain(label: str, error: BaseException) -> e.TransportError:
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return e.TransportTimeoutError(label, "the deadline passed", request_sent=sent)
    if not sent:
        return e.ConnectionFailedError(label, "no connection", request_sent=False)
    cut = "closed connection" in str(error) or "disconnected" in str(error)
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError) and not cut:
        return e.MalformedResponseError(label, "invalid HTTP", request_sent=True)
    return e.ConnectionBrokenError(label, "the connection broke", request_sent=True)
