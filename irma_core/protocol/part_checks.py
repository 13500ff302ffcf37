"""Check that a part, such as a transport or a store, has the right interface and mode.

The mode is sync or async. A type checker would reject a wrong part, but not every application runs
a type checker. Without these checks, an `AsyncRequestor` with a sync transport would start a
session before anything failed. So each part is checked where the application passes it in.
"""

from __future__ import annotations

import math
from inspect import iscoroutinefunction
from typing import Final, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.value_object import ValueObject

__all__ = [
    "check_function",
    "check_observer",
    "check_schemes",
    "check_signature_verifier",
    "check_signer",
    "check_status_backend",
    "check_store",
    "check_store_of_either_mode",
    "check_transport",
]


@final
@attrs.frozen(eq=False, repr=False)
class _Kind(ValueObject):
    """A kind of part, such as a store: its methods, and how errors describe it in each mode."""

    methods: tuple[str, ...]
    expected: str
    expected_async: str


_TRANSPORT: Final = _Kind(
    ("send", "open_stream", "sleep"),
    "a Transport, such as Urllib3Transport()",
    "an AsyncTransport, such as AiohttpTransport()",
)
_STORE: Final = _Kind(
    ("put_if_absent", "get", "delete"),
    "a Store, such as the one that Parts.store(uri) returns",
    "an AsyncStore, such as the one that AsyncParts.store(uri) returns",
)
_STATUS_BACKEND: Final = _Kind(
    ("publish", "wait"),
    "a StatusBackend, such as the one that Parts.status_backend(uri) returns",
    "an AsyncStatusBackend, such as the one that AsyncParts.status_backend(uri) returns",
)


def check_transport(transport: object, *, is_async: bool) -> None:
    """Check the transport of a requestor.

    Raises:
        ConfigurationError: The argument is not a transport, or is async where a sync transport is
            needed, or the reverse.
    """
    _check(transport, "transport", _TRANSPORT, is_async=is_async)
    clock, jitter = getattr(transport, "clock", None), getattr(transport, "jitter", None)
    if clock is None or jitter is None:
        raise ConfigurationError("transport: must have `clock` and `jitter`; see Transport")
    seconds = _number_from(getattr(clock, "monotonic", None))
    if seconds is None:
        raise ConfigurationError("transport: `clock.monotonic()` must return a number of seconds")
    share = _number_from(jitter)
    if share is None or not 0 <= share < 1:
        raise ConfigurationError("transport: `jitter()` must return a number in [0, 1)")


def check_store(store: object, *, is_async: bool) -> None:
    """Check a store; see `check_transport`."""
    _check(store, "store", _STORE, is_async=is_async)


def check_store_of_either_mode(store: object) -> None:
    """Check a store of either mode, for code that does not know yet which mode it needs.

    Raises:
        ConfigurationError: The argument is neither a store nor an async store.
    """
    methods = (getattr(store, name, None) for name in _STORE.methods)
    is_async = hasattr(store, "aclose") or any(map(_is_async, methods))
    _check(store, "store", _STORE, is_async=is_async)


def check_status_backend(backend: object, *, is_async: bool) -> None:
    """Check a status backend, which may be None; see `check_transport`."""
    if backend is not None:
        _check(backend, "status_backend", _STATUS_BACKEND, is_async=is_async)


def check_observer(observer: object) -> None:
    """Check an observer, which may be None.

    Raises:
        ConfigurationError: The observer has no method `observe`, or that method is `async def`.
    """
    expected = "an Observer, which is an object with an `observe(event)` method, or None"
    _check_plain(observer, "observer", ("observe",), expected)


def check_signature_verifier(verifier: object) -> None:
    """Check a signature verifier, which may be None.

    Raises:
        ConfigurationError: The verifier has no method `verify`, or that method is `async def`.
    """
    expected = "a SignatureVerifier, such as the one in irma_proofs, or None"
    _check_plain(verifier, "signature_verifier", ("verify",), expected)


def check_schemes(schemes: object) -> None:
    """Check schemes, which may be None.

    Raises:
        ConfigurationError: The schemes lack a method, or one of their methods is `async def`.
    """
    expected = "a KnownSchemes, such as irma_proofs.Schemes, or None"
    _check_plain(schemes, "schemes", ("credential_types", "attribute_types"), expected)


def check_signer(signer: object, place: str, *, is_async: bool) -> None:
    """Check a signer. A sync signer fits either mode.

    Raises:
        ConfigurationError: The signer is async, and the requestor is not.
    """
    if not is_async and iscoroutinefunction(getattr(signer, "sign", None)):
        raise ConfigurationError(
            f"{place}: only an AsyncRequestor can use an async signer; pass a Signer, such as "
            "HmacSigner(key)"
        )


def check_function(function: object, place: str, *, may_be_async: bool) -> None:
    """Check a function that the application passes in. A plain function fits either mode.

    Raises:
        ConfigurationError: The argument is not a function, or is `async def` in sync mode.
    """
    if not callable(function):
        raise ConfigurationError(f"{place}: must be a function")
    if not may_be_async and _is_async(function):
        raise ConfigurationError(
            f"{place}: nothing awaits this function, so it must not be `async def`"
        )


def _check_plain(part: object, place: str, methods: tuple[str, ...], expected: str) -> None:
    """Check a part whose methods are never awaited. The part may be None."""
    if part is None:
        return
    found = [getattr(part, name, None) for name in methods]
    if isinstance(part, type) or not all(map(callable, found)):
        raise ConfigurationError(f"{place}: must be {expected}")
    for method in found:
        check_function(method, place, may_be_async=False)


def _check(part: object, place: str, kind: _Kind, *, is_async: bool) -> None:
    expected = kind.expected_async if is_async else kind.expected
    if isinstance(part, type):
        raise ConfigurationError(f"{place}: must be {expected}; this is a class, so call it")
    methods = [getattr(part, name, None) for name in kind.methods]
    if not all(callable(method) for method in methods):
        raise ConfigurationError(f"{place}: must be {expected}")
    # A plain method may return an awaitable. Then only the closing method shows the mode.
    closes_async = hasattr(part, "aclose")
    awaits = any(map(_is_async, methods)) or (closes_async and not hasattr(part, "close"))
    if is_async and not awaits and not closes_async:
        raise ConfigurationError(
            f"{place}: must be {expected}; this one is sync, so it needs a Requestor"
        )
    if awaits and not is_async:
        raise ConfigurationError(
            f"{place}: must be {expected}; this one is async, so it needs an AsyncRequestor"
        )


def _is_async(function: object) -> bool:
    # The second check finds an object with an async `__call__`.
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # it is inspected, not called


def _number_from(function: object) -> float | None:
    """Return the finite number that a function returns, or None if it returns something else."""
    value: object = function() if callable(function) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return value
