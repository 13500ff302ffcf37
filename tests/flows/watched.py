"""A watch that follows a script to its end, in either mode."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from irma_core import AsyncRequestor, DisclosureRequest, Requestor, SessionStatus
from irma_core.errors import IrmaError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import AsyncScriptedTransport, ScriptedStream, ScriptedTransport
from irma_testing.scripted import Step
from tests.flows.scripted_backend import AsyncScriptedBackend, ScriptedBackend, ScriptedEnd
from tests.modes import MODES

__all__ = ["MODES", "OPEN", "PACKAGE", "UNKNOWN", "C", "D", "I", "Watched", "event", "status"]

JSON = (("content-type", "application/json"),)
TOKEN = "abcdefghijKLMNOPQRST"
PACKAGE = HttpResponse(
    200,
    JSON,
    body=b'{"sessionPtr":{"u":"https://irma.example/irma/session/x","irmaqr":"disclosing"},"token":'
    b'"%s","frontendRequest":{"authorization":"a","minProtocolVersion":"1.0",'
    b'"maxProtocolVersion":"1.1"}}' % TOKEN.encode(),
)
OPEN = b"event: open\n\n"
I, C, D = "INITIALIZED", "CONNECTED", "DONE"  # noqa: E741  # as short as the tables below


def status(word: str) -> HttpResponse:
    return HttpResponse(200, JSON, body=f'"{word}"'.encode())


def event(word: str) -> bytes:
    return f'data: "{word}"\n\n'.encode()


UNKNOWN = HttpResponse(
    400, JSON, body=b'{"status":400,"error":"SESSION_UNKNOWN","description":"unknown"}'
)


class Watched:
    """The record of a watch: its statuses and its polls, with their times."""

    def __init__(
        self,
        mode: str,
        streams: Iterable[ScriptedStream | Exception],
        answers: Iterable[Step],
        timeout: timedelta | None = timedelta(minutes=5),
        *,
        backend: Iterable[ScriptedEnd] | None = None,
        backend_waits: bool = True,
        observer: Any = None,
    ) -> None:
        self.observer = observer
        self.streams = tuple(streams)
        self.seen: list[tuple[str, float]] = []
        self.asked: list[float] = []
        self.error: IrmaError | None = None
        steps = [PACKAGE, *(self._noting(step) for step in answers)]
        kind = ScriptedBackend if mode == "sync" else AsyncScriptedBackend
        self.backend: Any = backend if backend is None else kind(backend, waits=backend_waits)
        try:
            if mode == "sync":
                self._watch(ScriptedTransport(steps, streams=self.streams), timeout)
            else:
                awaited = AsyncScriptedTransport(steps, streams=self.streams)
                asyncio.run(self._watch_async(awaited, timeout))
        except IrmaError as error:
            self.error = error

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.seen]

    def _noting(self, step: Step) -> Step:
        def play(_request: HttpRequest) -> HttpResponse:
            self.asked.append(self.now())
            if isinstance(step, Exception):
                raise step
            assert isinstance(step, HttpResponse)
            return step

        return play

    @property
    def subscriptions(self) -> list[HttpRequest]:
        subscribed: list[HttpRequest] = self._transport.subscriptions
        return subscribed

    def now(self) -> float:
        return float(round(self._transport.clock.monotonic() - 1000, 3))

    def _note(self, word: SessionStatus) -> None:
        self.seen.append((word.value, self.now()))

    def _wired(self) -> Any:
        if self.backend is not None:
            self.backend.clock = self._transport.clock
        return self.backend

    def _watch(self, transport: ScriptedTransport, timeout: timedelta | None) -> None:
        self._transport: Any = transport
        requestor = Requestor(
            "https://irma.example",
            transport,
            status_backend=self._wired(),
            observer=self.observer,
        )
        session = requestor.start_session(DisclosureRequest({"age": "a.b.c.d"}))
        with requestor.watch_status(session, timeout=timeout) as statuses:
            for word in statuses:
                self._note(word)

    async def _watch_async(
        self, transport: AsyncScriptedTransport, timeout: timedelta | None
    ) -> None:
        self._transport = transport
        backend = self._wired()
        requestor = AsyncRequestor(
            "https://irma.example", transport, status_backend=backend, observer=self.observer
        )
        session = await requestor.start_session(DisclosureRequest({"age": "a.b.c.d"}))
        async with requestor.watch_status(session, timeout=timeout) as statuses:
            async for word in statuses:
                self._note(word)
