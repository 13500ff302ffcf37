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
from irma_core.protocol.status_backends import AsyncStatusBackend, Quiet, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncByteStream, ByteStream, Silence
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


def _kind(part: object) -> str:
    # As in `authentication`: a part from outside may show its key, or the password in its address.
    return f"<{type(part).__name__}>"


class _Awaited(Generic[AnswerT]):
    """What makes `yield from` give the answer's type; the one cast stands here."""

    __slots__ = ()

    def __iter__(self) -> Generator[Effect, Any, AnswerT]:
        return cast("AnswerT", (yield cast("Effect", self)))


@final
@attrs.frozen
class Send(_Awaited[HttpResponse]):
    """Send a request, and receive the whole response.

    Args:
        request: What to send.
        deadline: By when the response must be there, on the monotonic clock.
    """

    request: HttpRequest
    deadline: float


@final
@attrs.frozen
class Sleep(_Awaited[None]):
    """Wait."""

    duration: timedelta


@final
@attrs.frozen
class Sign(_Awaited[bytes]):
    """Let a signer sign.

    Args:
        signer: Of either colour; a sync driver takes a `Signer` only.
        signing_input: What to sign.
    """

    signer: Signer | AsyncSigner = attrs.field(repr=_kind)
    signing_input: bytes = attrs.field(repr=False)


@final
@attrs.frozen
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
@attrs.frozen
class ReadStream(_Awaited[bytes | Silence]):
    """Read what comes next. A stream that breaks is closed at once.

    Args:
        stream: What `OpenStream` gave.
        deadline: How long to wait for it, on the monotonic clock.
    """

    stream: ByteStream | AsyncByteStream
    deadline: float


@final
@attrs.frozen
class CloseStream(_Awaited[None]):
    """Let go of a stream; closing again does nothing."""

    stream: ByteStream | AsyncByteStream


@final
@attrs.frozen
class PutIfAbsent(_Awaited[bool]):
    """Put a value into a store unless the key has one; receive whether it was put."""

    store: Store | AsyncStore = attrs.field(repr=_kind)
    key: str = attrs.field(repr=False)
    value: bytes = attrs.field(repr=False)
    lifetime: timedelta

    def call(self) -> bool | Awaitable[bool]:
        """Do it."""
        return self.store.put_if_absent(self.key, self.value, self.lifetime)


@final
@attrs.frozen
class GetStored(_Awaited[bytes | None]):
    """Get the value of a key from a store, or None."""

    store: Store | AsyncStore = attrs.field(repr=_kind)
    key: str = attrs.field(repr=False)

    def call(self) -> bytes | Awaitable[bytes | None] | None:
        """Do it."""
        return self.store.get(self.key)


@final
@attrs.frozen
class DeleteStored(_Awaited[None]):
    """Take a key out of a store."""

    store: Store | AsyncStore = attrs.field(repr=_kind)
    key: str = attrs.field(repr=False)

    def call(self) -> Awaitable[None] | None:
        """Do it."""
        return self.store.delete(self.key)


@final
@attrs.frozen
class NextStatus(_Awaited[SessionStatus | Quiet]):
    """Wait for a status that a status backend tells; see `StatusBackend.next_status`."""

    backend: StatusBackend | AsyncStatusBackend = attrs.field(repr=_kind)
    token: RequestorToken
    after: SessionStatus | None
    within: timedelta

    def call(self) -> SessionStatus | Quiet | Awaitable[SessionStatus | Quiet]:
        """Do it."""
        return self.backend.next_status(self.token, self.after, self.within)


@final
@attrs.frozen
class PublishStatus(_Awaited[None]):
    """Tell a status backend what was learnt; see `StatusBackend.publish`."""

    backend: StatusBackend | AsyncStatusBackend = attrs.field(repr=_kind)
    token: RequestorToken
    status: SessionStatus
    result_jwt: str | None = attrs.field(repr=False)

    def call(self) -> Awaitable[None] | None:
        """Do it."""
        return self.backend.publish(self.token, self.status, self.result_jwt)


@final
@attrs.frozen
class PublishedResult(_Awaited[str | None]):
    """Get the signed result that was published; see `StatusBackend.published_result`."""

    backend: StatusBackend | AsyncStatusBackend = attrs.field(repr=_kind)
    token: RequestorToken

    def call(self) -> str | Awaitable[str | None] | None:
        """Do it."""
        return self.backend.published_result(self.token)


@final
@attrs.frozen
class Ask(_Awaited[AnswerT]):
    """Call a function of the application's, of either colour.

    What it raises is thrown into the flow as it is, which cleans up and lets it pass.
    """

    function: Callable[[], AnswerT | Awaitable[AnswerT]] = attrs.field(repr=False)


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
