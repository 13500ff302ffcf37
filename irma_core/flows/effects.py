"""Effects: the steps of a flow that may have to wait.

The effects are a closed union of frozen classes. A flow is a generator. It yields an effect and
receives its result; `yield from Send(…)` has the exact type of that result. Only a step that may
have to wait is an effect. Reading the clock and parsing JSON never wait, so a flow does both
directly.

Framework authors may write their own drivers. For them, these parts are stable: the six classes in
`Effect`, their fields, `RunningFlow`, and the rules in `driver`. A driver need not know the purpose
of a `Call`. It calls `Call.function`, and awaits the result if that is awaitable.

Belongs here: the effects. Does not belong here: how an effect is performed (`driver`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from functools import partial
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast, final

import attrs

from irma_core.errors import (
    ConfigurationError,
    IrmaError,
    SigningError,
    StatusBackendError,
    StoreError,
    VerifierError,
)
from irma_core.models.disclosed import AttributeBasedSignature
from irma_core.models.session_requests import SignatureRequest
from irma_core.models.tokens import RequestorToken
from irma_core.models.verified_signatures import VerifiedSignature
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.signature_verifiers import SignatureVerifier
from irma_core.protocol.status_backends import AsyncStatusBackend, PublishedEnd, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncByteStream, ByteStream, ReadOutcome
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = [
    "Call",
    "CloseStream",
    "Effect",
    "ExpectedResult",
    "Flow",
    "OpenStream",
    "ReadStream",
    "Send",
    "Sleep",
    "call_application",
    "delete_stored",
    "get_stored",
    "publish_end",
    "put_if_absent",
    "sign",
    "verify_signature",
    "wait_for_end",
]

ResultT = TypeVar("ResultT")
ReturnT = TypeVar("ReturnT")


class _EffectBase(Generic[ResultT]):
    """Base class that gives `yield from effect` the type of the effect's result.

    The `repr` shows no field, because requests, keys and values are secrets. Effects are not
    compared, and generated `__repr__` and `__eq__` methods would slow down the import.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __iter__(self) -> Generator[Effect, Any, ResultT]:
        return cast("ResultT", (yield cast("Effect", self)))


@final
@attrs.frozen(repr=False, eq=False)
class Send(_EffectBase[HttpResponse]):
    """Send a request and receive the whole response.

    Args:
        request: The request.
        deadline: When the response must have arrived, on the monotonic clock.
    """

    request: HttpRequest
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class Sleep(_EffectBase[None]):
    """Wait for `duration`."""

    duration: timedelta


@final
@attrs.frozen(repr=False, eq=False)
class OpenStream(_EffectBase[ByteStream | AsyncByteStream]):
    """Send a request and receive the response as a stream, as soon as its head has arrived.

    The driver closes the stream when the flow ends or, if the flow is one step of a watch, when the
    watch ends.

    Args:
        request: The request.
        deadline: When the head must have arrived, on the monotonic clock.
    """

    request: HttpRequest
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class ReadStream(_EffectBase[bytes | ReadOutcome]):
    """Read the next bytes of a stream. The driver closes a stream that breaks.

    Args:
        stream: The result of `OpenStream`.
        deadline: When to stop waiting, on the monotonic clock.
    """

    stream: ByteStream | AsyncByteStream
    deadline: float


@final
@attrs.frozen(repr=False, eq=False)
class CloseStream(_EffectBase[None]):
    """Close a stream; closing again does nothing."""

    stream: ByteStream | AsyncByteStream


class ExpectedResult(NamedTuple):
    """The classes that are allowed for a result from a signer, store, backend or verifier.

    Attributes:
        method: The names of the class and the method, for error messages.
        kinds: The allowed classes.
        description: The allowed classes in words, for error messages.
    """

    method: str
    kinds: tuple[type, ...]
    description: str


@final
@attrs.frozen(repr=False, eq=False)
class Call(_EffectBase[ResultT]):
    """Call anything but the transport: a signer, a store, a status backend or the application.

    Args:
        function: The function to call, without arguments. In async mode, an awaitable result is
            awaited; in sync mode, it is an error.
        deadline: When the result must be available, on the monotonic clock. An async driver cancels
            a call that takes longer. Nothing can end a call that blocks its thread.
        callee: The kind of object that is called, such as "store", for error messages.
        failure: The class of the error that the flow receives when the call fails. None for a
            function of the application, whose exceptions the flow receives unchanged.
        expected: What the called method must return; None if any result is allowed. A driver need
            not check the result.
        computes: Whether the call only computes and never waits. An async driver should run such a
            call in a thread.
    """

    function: Callable[[], ResultT | Awaitable[ResultT]]
    deadline: float
    callee: str = attrs.field(kw_only=True)
    failure: type[IrmaError] | None = attrs.field(kw_only=True)
    expected: ExpectedResult | None = attrs.field(default=None, kw_only=True)
    computes: bool = attrs.field(default=False, kw_only=True)

    def __iter__(self) -> Generator[Effect, Any, ResultT]:
        result: object = yield self
        # The result may come from code that no type checker has seen. For example, a store that
        # returns "OK" for a key that already exists would let a handle be redeemed twice.
        if self.expected is not None and not isinstance(result, self.expected.kinds):
            failure = self.failure or ConfigurationError
            raise failure(
                f"the {self.callee} is wrong: {self.expected.method} must return "
                f"{self.expected.description}, got {type(result).__name__}"
            )
        return cast("ResultT", result)


Effect: TypeAlias = Send | Sleep | OpenStream | ReadStream | CloseStream | Call[Any]
Flow: TypeAlias = Generator[Effect, Any, ReturnT]


# Each call is a `partial`, because the frame of a lambda would show secret arguments in a
# traceback.


def sign(signer: Signer | AsyncSigner, signing_input: bytes, deadline: float) -> Call[bytes]:
    """Return the effect that calls `Signer.sign`."""
    function: Any = partial(signer.sign, signing_input)
    expected = _expected(signer, "sign", (bytes,), "the signature as bytes")
    return Call(function, deadline, callee="signer", failure=SigningError, expected=expected)


def put_if_absent(
    store: Store | AsyncStore, key: str, value: bytes, lifetime: timedelta, deadline: float
) -> Call[bool]:
    """Return the effect that calls `Store.put_if_absent`."""
    function: Any = partial(store.put_if_absent, key, value, lifetime)
    expected = _expected(store, "put_if_absent", (bool,), "True or False")
    return Call(function, deadline, callee="store", failure=StoreError, expected=expected)


def get_stored(store: Store | AsyncStore, key: str, deadline: float) -> Call[bytes | None]:
    """Return the effect that calls `Store.get`."""
    function: Any = partial(store.get, key)
    expected = _expected(store, "get", (bytes, NoneType), "bytes or None")
    return Call(function, deadline, callee="store", failure=StoreError, expected=expected)


def delete_stored(store: Store | AsyncStore, key: str, deadline: float) -> Call[None]:
    """Return the effect that calls `Store.delete`."""
    function: Any = partial(store.delete, key)
    return Call(function, deadline, callee="store", failure=StoreError)


def publish_end(
    backend: StatusBackend | AsyncStatusBackend,
    token: RequestorToken,
    end: PublishedEnd,
    deadline: float,
) -> Call[None]:
    """Return the effect that calls `StatusBackend.publish`."""
    function: Any = partial(backend.publish, token, end)
    return Call(function, deadline, callee="status backend", failure=StatusBackendError)


def wait_for_end(
    backend: StatusBackend | AsyncStatusBackend,
    token: RequestorToken,
    timeout: timedelta,
    deadline: float,
) -> Call[PublishedEnd | None]:
    """Return the effect that calls `StatusBackend.wait`."""
    function: Any = partial(backend.wait, token, timeout)
    expected = _expected(backend, "wait", (PublishedEnd, NoneType), "a PublishedEnd or None")
    return Call(
        function,
        deadline,
        callee="status backend",
        failure=StatusBackendError,
        expected=expected,
    )


def verify_signature(
    verifier: SignatureVerifier,
    signature: AttributeBasedSignature,
    request: SignatureRequest,
    *,
    not_before: datetime,
    deadline: float,
) -> Call[VerifiedSignature]:
    """Return the effect that calls `SignatureVerifier.verify`.

    The flow receives a `ProofError` unchanged.
    """
    function: Any = partial(verifier.verify, signature, request, not_before=not_before)
    expected = _expected(verifier, "verify", (VerifiedSignature,), "a VerifiedSignature")
    return Call(
        function,
        deadline,
        callee="signature verifier",
        failure=VerifierError,
        expected=expected,
        computes=True,
    )


def call_application(
    function: Callable[[], ResultT | Awaitable[ResultT]], deadline: float
) -> Call[ResultT]:
    """Return the effect that calls a function of the application.

    The flow receives any exception from the function unchanged.
    """
    return Call(function, deadline, callee="application's function", failure=None)


def _expected(
    part: object, method: str, kinds: tuple[type, ...], description: str
) -> ExpectedResult:
    return ExpectedResult(f"{type(part).__name__}.{method}()", kinds, description)
