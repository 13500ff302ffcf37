"""Effects: the steps of a flow that may have to wait. A closed union of frozen values.

A flow is a generator: it yields an effect and receives its answer. `yield from Send(…)` has the
exact type of that answer. An effect exists only for what may have to wait: clock, chance and JSON
never do, so they are arguments.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Generic, TypeAlias, TypeVar, cast, final

import attrs

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import AsyncByteStream, ByteStream, Silence
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["CloseStream", "Effect", "Flow", "OpenStream", "ReadStream", "Send", "Sign", "Sleep"]

AnswerT = TypeVar("AnswerT")
ReturnT = TypeVar("ReturnT")


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

    # As in `authentication`: it may show its key.
    signer: Signer | AsyncSigner = attrs.field(repr=lambda signer: f"<{type(signer).__name__}>")
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


Effect: TypeAlias = Send | Sleep | Sign | OpenStream | ReadStream | CloseStream
Flow: TypeAlias = Generator[Effect, Any, ReturnT]
