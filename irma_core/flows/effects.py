"""Effects: the steps of a flow that may have to wait. A closed union of frozen values.

A flow is a generator: it yields an effect and receives its answer. `yield from Send(…)` has the
exact type of that answer. An effect exists only for what may have to wait: clock, chance and JSON
never do, so they are arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from datetime import timedelta
from typing import Any, Generic, TypeAlias, TypeVar, cast, final

import attrs

from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import AsyncStatusBackend, Idle, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncByteStream, ByteStream, ReadOutcome
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = [
    "Ask",
    "CloseStream",
    "DeleteStored",
    "Effect",
    "Flow",
    "GetStored",
    "NextStatus",
    "OpenStream",
    "PublishStatus",
    "PublishedResult",
    "PutIfAbsent",
    "ReadStream",
    "Send",
    "Sign",
    "Sleep",
    "UseStatusBackend",
    "UseStore",
]

AnswerT = TypeVar("AnswerT")
ReturnT = TypeVar("ReturnT")


class _Awaited(Generic[AnswerT]):
    """What makes `yield from` give the answer's type; the one cast stands here.

    A `repr` shows nothing of what an effect holds: requests, keys and values are secrets. That and
    an `==`, which nobody needs, would be half of what these many classes cost at import.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __iter__(self) -> Generator[Effect, Any, AnswerT]:
        return cast("AnswerT", (yield cast("Effect", self)))


@final
@attrs.frozen(repr=False, eq=False)
class Send(_Awaited[HttpResponse]):
    """Send a request, and receive the whole response.

    Args:
        request: What to send.
        deadline: By when the response must be there, on the monotonic clock.
    """

    request: HttpRequest
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class Sleep(_Awaited[None]):
    """Wait."""

    duration: timedelta


@final
@attrs.frozen(repr=False, eq=False)
class Sign(_Awaited[bytes]):
    """Let a signer sign.

    Args:
        signer: Of either mode; a sync driver takes a `Signer` only.
        signing_input: What to sign.
        deadline: By when the signature must be there, on the monotonic clock. An async driver
            cancels a signer that takes longer; nothing can end one that blocks its thread.
    """

    signer: Signer | AsyncSigner
    signing_input: bytes
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class OpenStream(_Awaited[ByteStream | AsyncByteStream]):
    """Send a request, and receive the response as a stream once its head has come.

    The driver closes it with the flow, or with the watch that the flow is a step of.

    Args:
        request: What to send.
        deadline: By when the head must be there, on the monotonic clock.
    """

    request: HttpRequest
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class ReadStream(_Awaited[bytes | ReadOutcome]):
    """Read what comes next. A stream that breaks is closed at once.

    Args:
        stream: What `OpenStream` gave.
        deadline: How long to wait for it, on the monotonic clock.
    """

    stream: ByteStream | AsyncByteStream
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class CloseStream(_Awaited[None]):
    """Let go of a stream; closing again does nothing."""

    stream: ByteStream | AsyncByteStream


@final
@attrs.frozen(repr=False, eq=False)
class PutIfAbsent(_Awaited[bool]):
    """Put a value into a store unless the key has one; receive whether it was put.

    What calls a part from outside has a deadline on the monotonic clock: see `Sign`.
    """

    store: Store | AsyncStore
    key: str
    value: bytes
    lifetime: timedelta
    deadline: float

    def call(self) -> bool | Awaitable[bool]:
        """Do it."""
        return self.store.put_if_absent(self.key, self.value, self.lifetime)


@final
@attrs.frozen(repr=False, eq=False)
class GetStored(_Awaited[bytes | None]):
    """Get the value of a key from a store, or None."""

    store: Store | AsyncStore
    key: str
    deadline: float

    def call(self) -> bytes | Awaitable[bytes | None] | None:
        """Do it."""
        return self.store.get(self.key)


@final
@attrs.frozen(repr=False, eq=False)
class DeleteStored(_Awaited[None]):
    """Take a key out of a store."""

    store: Store | AsyncStore
    key: str
    deadline: float

    def call(self) -> Awaitable[None] | None:
        """Do it."""
        return self.store.delete(self.key)


@final
@attrs.frozen(repr=False, eq=False)
class NextStatus(_Awaited[SessionStatus | Idle]):
    """Wait for a status that a status backend tells; see `StatusBackend.next_status`."""

    backend: StatusBackend | AsyncStatusBackend
    token: RequestorToken
    after: SessionStatus | None
    within: timedelta
    deadline: float

    def call(self) -> SessionStatus | Idle | Awaitable[SessionStatus | Idle]:
        """Do it."""
        return self.backend.next_status(self.token, self.after, self.within)


@final
@attrs.frozen(repr=False, eq=False)
class PublishStatus(_Awaited[None]):
    """Tell a status backend what was learnt; see `StatusBackend.publish`."""

    backend: StatusBackend | AsyncStatusBackend
    token: RequestorToken
    status: SessionStatus
    result_jwt: str | None
    deadline: float

    def call(self) -> Awaitable[None] | None:
        """Do it."""
        return self.backend.publish(self.token, self.status, self.result_jwt)


@final
@attrs.frozen(repr=False, eq=False)
class PublishedResult(_Awaited[str | None]):
    """Get the signed result that was published; see `StatusBackend.published_result`."""

    backend: StatusBackend | AsyncStatusBackend
    token: RequestorToken
    deadline: float

    def call(self) -> str | Awaitable[str | None] | None:
        """Do it."""
        return self.backend.published_result(self.token)


@final
@attrs.frozen(repr=False, eq=False)
class Ask(_Awaited[AnswerT]):
    """Call a function of the application's, of either mode.

    What it raises is thrown into the flow as it is, which cleans up and lets it pass.
    """

    function: Callable[[], AnswerT | Awaitable[AnswerT]]
    deadline: float


UseStore: TypeAlias = PutIfAbsent | GetStored | DeleteStored
UseStatusBackend: TypeAlias = NextStatus | PublishStatus | PublishedResult
Effect: TypeAlias = (
    Send
    | Sleep
    | Sign
    | OpenStream
    | ReadStream
    | CloseStream
    | UseStore
    | UseStatusBackend
    | Ask[Any]
)
Flow: TypeAlias = Generator[Effect, Any, ReturnT]
