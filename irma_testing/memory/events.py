"""Status events: the streams of each session, and the events that they receive.

Source: irmago `serverSentEventsHandler` and `subscribeServerSentEvents`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias, final

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance
from irma_core.models.statuses import SessionStatus
from irma_testing.arguments import check_callable
from irma_testing.memory.replies import compact_json
from irma_testing.memory.sessions import Session, SessionStore
from irma_testing.memory.timeline import Timeline

__all__ = ["EventHub", "EventStream", "Listener"]

Listener: TypeAlias = Literal["requestor", "client", "frontend"]
_OPEN = b"event: open\n\n"
_OPEN_DELAY = 0.2
_HEADERS = (
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, OPTIONS"),
    (
        "access-control-allow-headers",
        "Keep-Alive,X-Requested-With,Cache-Control,Content-Type,Last-Event-ID",
    ),
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache"),
    ("connection", "keep-alive"),
    ("x-accel-buffering", "no"),
    ("vary", "Origin"),
)


@final
class EventStream:
    """A stream of events. Reading never blocks: it returns an event that has arrived, or nothing.

    Attributes:
        status: The HTTP status: 200.
        headers: The HTTP headers.
    """

    def __init__(self, listener: Listener, catch_up: Callable[[], None]) -> None:
        if listener not in ("requestor", "client", "frontend"):
            raise UsageError("listener: must be requestor, client or frontend")
        check_callable(catch_up, "catch_up")
        self.status = 200
        self.headers = _HEADERS
        self.listener: Listener = listener
        self._catch_up = catch_up
        self._chunks: deque[bytes] = deque()
        self._has_headers = listener == "requestor"
        self._has_ended = False

    @property
    def has_headers(self) -> bool:
        """Whether the headers have arrived. Apps and browsers get them with the first event."""
        self._catch_up()
        return self._has_headers

    def read(self) -> bytes:
        """Return the next chunk that has arrived, or empty bytes."""
        self._catch_up()
        return self._chunks.popleft() if self._chunks else b""

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the stream, and every chunk has been read."""
        self._catch_up()
        return self._has_ended and not self._chunks

    @property
    def has_news(self) -> bool:
        """Whether an unread chunk or the end of the stream has arrived."""
        return self._has_ended or bool(self._chunks)

    def close(self) -> None:
        """Close the stream for the reader, and drop the chunks that have not been read."""
        self.end()
        self._chunks.clear()

    def put(self, chunk: bytes) -> None:
        """Add a chunk. Only the server calls this."""
        check_instance(chunk, bytes, "chunk", "bytes")
        if not self._has_ended:
            self._has_headers = True
            self._chunks.append(chunk)

    def end(self) -> None:
        """End the stream. Only the server calls this."""
        self._has_headers = self._has_ended = True

    @property
    def is_open(self) -> bool:
        """Whether more chunks may arrive. Only the server reads this."""
        return not self._has_ended


@final
class EventHub:
    """All event streams, by the requestor token of their session."""

    def __init__(self, timeline: Timeline, now: Callable[[], float]) -> None:
        self._timeline = timeline
        self._now = now
        self._streams: dict[str, list[EventStream]] = {}
        self._watched: set[str] = set()
        """The sessions whose timeout will be checked; all streams of a session share one check."""
        self._lock = threading.Lock()

    def subscribe(
        self,
        session: Session,
        listener: Listener,
        store: SessionStore,
        catch_up: Callable[[], None],
    ) -> EventStream:
        """Return a new stream for a session that has not ended."""
        stream = EventStream(listener, catch_up)
        token = session.token
        with self._lock:
            # Closed streams are dropped, because a page may open and close streams again and again.
            opened = [each for each in self._streams.get(token, ()) if each.is_open]
            self._streams[token] = [*opened, stream]
        self._timeline.after(_OPEN_DELAY, lambda: self._open(token, listener))
        self._watch(session, store)
        return stream

    def publish(self, session: Session) -> None:
        """Send a new status to the streams of a session; a final status ends them."""
        for stream in self._listeners(session.token):
            stream.put(_event(stream.listener, session.status, session.next_pointer))
        if session.status.is_final:
            self.end(session.token)

    def end(self, token: str) -> None:
        """End all streams of a session."""
        with self._lock:
            streams = self._streams.pop(token, [])
        for stream in streams:
            stream.end()

    def _listeners(self, token: str) -> list[EventStream]:
        with self._lock:
            return [stream for stream in self._streams.get(token, ()) if stream.is_open]

    def _open(self, token: str, subscribed: Listener) -> None:
        # The official server sends this event to all streams of the same API. Requestors have one
        # API; apps and frontends share the other.
        recipients = ("requestor",) if subscribed == "requestor" else ("client", "frontend")
        for stream in self._listeners(token):
            if stream.listener in recipients:
                stream.put(_OPEN)

    def _watch(self, session: Session, store: SessionStore) -> None:
        token = session.token
        with self._lock:
            if token in self._watched:
                return
            self._watched.add(token)
        self._timeline.at(store.times_out_at(session), lambda: self.check_timeout(token, store))

    def check_timeout(self, token: str, store: SessionStore) -> None:
        """Send the status `TIMEOUT` to a session's streams, if the session has timed out."""
        with self._lock:
            self._watched.discard(token)
        session = store.find(token)
        if session is None or session.status.is_final or not self._listeners(token):
            return
        if store.times_out_at(session) > self._now():
            self._watch(session, store)
            return
        for stream in self._listeners(token):
            stream.put(_event(stream.listener, SessionStatus.TIMEOUT, None))
        self.end(token)


def _event(listener: Listener, status: SessionStatus, next_pointer: dict[str, str] | None) -> bytes:
    if listener != "frontend":
        return f'data: "{status.value}"\n\n'.encode()
    data: dict[str, object] = {"status": status.value}
    if next_pointer is not None:
        data["nextSession"] = next_pointer
    return f"data: {compact_json(data)}\n\n".encode()
