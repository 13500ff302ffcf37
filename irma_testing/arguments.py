"""Argument checks that only this package needs; see `irma_core.models.arguments`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from typing import Any, cast
from urllib.parse import urlsplit

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance, check_string, check_timedelta, check_timeout
from irma_core.protocol.transport import Clock

__all__ = [
    "as_tuple",
    "check_callable",
    "check_choice",
    "check_clock",
    "check_deliver",
    "check_duration",
    "check_items",
    "check_lists",
    "check_mapping",
    "check_url",
    "is_function",
]

_SCALARS = (str, bytes, bytearray, memoryview, Mapping)


def as_tuple(value: Any) -> Any:
    """Return the items of an iterable as a tuple.

    Return any other value unchanged. Strings, bytes and mappings do not count as iterables here.
    """
    is_several = isinstance(value, Iterable) and not isinstance(value, _SCALARS)
    return tuple(value) if is_several else value


def check_items(
    value: object, kind: type | tuple[type, ...], name: str, expected: str
) -> tuple[Any, ...]:
    """Return the items of an iterable. Each item must be an instance of `kind`.

    Raises:
        UsageError: The value is not an iterable, is a string or mapping, or holds other items.
    """
    items = as_tuple(value)
    if not isinstance(items, tuple) or not all(isinstance(each, kind) for each in items):
        raise UsageError(f"{name}: must be a list of {expected}")
    return items


def check_mapping(value: object, kind: type | tuple[type, ...], name: str, expected: str) -> None:
    """Check that a value is a mapping from strings to instances of `kind`.

    Raises:
        UsageError: The value is not such a mapping.
    """
    values = check_instance(value, Mapping, name, f"a mapping from names to {expected}")
    if not all(isinstance(key, str) and isinstance(each, kind) for key, each in values.items()):
        raise UsageError(f"{name}: must be a mapping from names to {expected}")


def check_duration(value: object, name: str) -> timedelta:
    """Return the value, which must be a `timedelta` from zero to a hundred years.

    Raises:
        UsageError: The value is not such a `timedelta`.
    """
    return check_timedelta(check_timeout(value, name), name)


def check_callable(value: object, name: str) -> Callable[..., object]:
    """Return the value, which must be a function but not a coroutine function.

    Raises:
        UsageError: The value is not such a function.
    """
    if not is_function(value):
        raise UsageError(f"{name}: must be a function, not a coroutine function")
    return cast("Callable[..., object]", value)


def is_function(value: object) -> bool:
    """Return whether a value can be called, and is neither a class nor a coroutine function."""
    return callable(value) and not isinstance(value, type) and not iscoroutinefunction(value)


def check_deliver(value: object) -> None:
    """Check that a value is a function, a coroutine function or None.

    Raises:
        UsageError: The value is none of these.
    """
    if value is not None and (isinstance(value, type) or not callable(value)):
        raise UsageError("deliver: must be a function, such as `wsgi(app)` or `asgi(app)`")


def check_lists(value: object, name: str) -> list[tuple[str, ...]]:
    """Return the value, which must be a list of lists of strings.

    Raises:
        UsageError: The value is not such a list.
    """
    expected = "lists of strings"
    return [
        check_items(each, str, name, expected)
        for each in check_items(value, object, name, expected)
    ]


def check_choice(value: object, name: str) -> Mapping[int, int]:
    """Return the value, which must be a mapping from slot numbers to option numbers.

    Raises:
        UsageError: The value is not such a mapping.
    """
    chosen = check_instance(value, Mapping, name, "a mapping")
    if not all(type(number) is int for pair in chosen.items() for number in pair):
        raise UsageError(f"{name}: must map slot numbers to option numbers")
    return chosen


def check_url(value: object, name: str) -> str:
    """Check an HTTP or HTTPS URL with a host, and return it without the slashes at its end.

    Raises:
        UsageError: The value is not such a URL.
    """
    url = check_string(value, name)
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_http = False
    if not is_http:
        raise UsageError(f"{name}: must be an http or https URL such as https://irma.example")
    return url.rstrip("/")


def check_clock(value: Clock, name: str) -> Clock:
    """Return the value, which must have the methods of a clock.

    Raises:
        UsageError: The value is not a clock.
    """
    clock: object = value
    functions = getattr(clock, "now", None), getattr(clock, "monotonic", None)
    # Refuse a datetime, which also has now(), and a clock class, which also has these methods.
    if isinstance(clock, type | datetime) or not all(callable(each) for each in functions):
        raise UsageError(f"{name}: must be a clock such as ManualClock() or SystemClock()")
    return value
