"""Checks of arguments: a value has the type that its parameter says, or a `UsageError` names it.

A type checker finds most of these mistakes, and not everybody runs one. An error here never shows
the value. Belongs here: checks of one value by its type. Does not belong here: what the value means
(`texts`, `moments`, `identifiers`).
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
        value: What the caller gave.
        kind: The class, or several.
        name: The parameter's name.
        expected: What the error says that it must be, with an article.

    Raises:
        UsageError: It is something else.
    """
    if isinstance(value, kind):
        return value
    hint = "; this is the class itself" if isinstance(value, type) else ""
    raise UsageError(f"{name}: must be {expected}{hint}")


def check_optional(value: object, kind: type[object], name: str, expected: str) -> None:
    """Check a value like `check_instance`, unless it is None.

    Raises:
        UsageError: It is something else.
    """
    if value is not None:
        check_instance(value, kind, name, f"{expected}, or None")


def check_flag(value: object, name: str) -> bool:
    """Return the value, which must be a `bool`.

    Raises:
        UsageError: It is something else.
    """
    return check_instance(value, bool, name, "True or False")


def check_string(value: object, name: str) -> str:
    """Return the value, which must be a string that is not empty and that UTF-8 can hold.

    Raises:
        UsageError: It is something else.
    """
    text = check_instance(value, str, name, "a string")
    if not text:
        raise UsageError(f"{name}: must not be empty")
    # Searched for, as the native error of an encoder would hold the whole string.
    if _SURROGATE.search(text):
        raise UsageError(f"{name}: holds half a character (a lone surrogate)")
    return text


def check_timeout(value: object, name: str) -> timedelta:
    """Return the value, which must be a `timedelta`. One below zero is a time that is over.

    Raises:
        UsageError: It is something else, or longer than a hundred years.
    """
    duration = check_instance(value, timedelta, name, "a timedelta such as timedelta(seconds=5)")
    if duration > _LONGEST:
        raise UsageError(f"{name}: must not be longer than a hundred years")
    return duration
