"""Check the types of arguments for callers that run no type checker.

The errors name the parameter and never show the value.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, TypeVar

from irma_core.errors import UsageError

__all__ = ["check_flag", "check_instance", "check_optional", "check_string", "check_timeout"]

ValueT = TypeVar("ValueT")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONGEST: Final = timedelta(days=36500)


def check_instance(
    value: object, kind: type[ValueT] | tuple[type[ValueT], ...], name: str, expected: str
) -> ValueT:
    """Return the value, which must be an instance of a class.

    Args:
        value: The argument.
        kind: The class, or several.
        name: The parameter's name.
        expected: What the value must be, with an article, for the error.

    Raises:
        UsageError: The value is not an instance.
    """
    if isinstance(value, kind):
        return value
    hint = "; this is the class itself" if isinstance(value, type) else ""
    raise UsageError(f"{name}: must be {expected}{hint}")


def check_optional(value: object, kind: type[object], name: str, expected: str) -> None:
    """Check that a value is None or an instance of a class; see `check_instance`.

    Raises:
        UsageError: The value is neither.
    """
    if value is not None:
        check_instance(value, kind, name, f"{expected}, or None")


def check_flag(value: object, name: str) -> bool:
    """Return the value, which must be a `bool`.

    Raises:
        UsageError: The value is not a `bool`.
    """
    return check_instance(value, bool, name, "True or False")


def check_string(value: object, name: str) -> str:
    """Return the value, which must be a string that is not empty and can be encoded.

    Raises:
        UsageError: The value is not such a string.
    """
    text = check_instance(value, str, name, "a string")
    if not text:
        raise UsageError(f"{name}: must not be empty")
    # By a search, as the native error of an encoder would hold the whole string.
    if _SURROGATE.search(text):
        raise UsageError(f"{name}: must not have a lone surrogate (half a character)")
    return text


def check_timeout(value: object, name: str) -> timedelta:
    """Return the value, which must be a `timedelta`; a negative one has already elapsed.

    Raises:
        UsageError: The value is not a `timedelta`, or is longer than a hundred years.
    """
    duration = check_instance(value, timedelta, name, "a timedelta such as timedelta(seconds=5)")
    if duration > _LONGEST:
        raise UsageError(f"{name}: must not be longer than a hundred years")
    return duration
