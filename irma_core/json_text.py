"""Read and write JSON strictly, without regard to its meaning."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from math import isfinite
from typing import Final, TypeAlias, Union

__all__ = ["DuplicateKeyError", "JsonTextError", "JsonValue", "read_json", "write_json"]

# `X | Y` fails at run time if a name in it is quoted.
JsonValue: TypeAlias = Union[  # noqa: UP007
    bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"], None
]

# Python's own limit differs between versions, and between the reader and the writer. The server's
# messages are about ten levels deep.
_DEEPEST = 200
_STRING_OR_BRACKET: Final = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{\]}])'
_STEPS = {"": 0, "[": 1, "{": 1, "]": -1, "}": -1}
_WHITESPACE = " \t\n\r"
_LONE_SURROGATE: Final = r"\\u[dD][89a-fA-F]"


class JsonTextError(ValueError):
    """The input is not exactly one JSON value. The error's message never shows the input."""

    def __init__(self, reason: str, end: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.end = end
        """The position at which the first complete value ends, if more data follows it."""


class DuplicateKeyError(JsonTextError):
    """A JSON object has the same key twice. Some readers use the first value, others the last."""

    def __init__(self) -> None:
        super().__init__("has a key twice in an object")


def write_json(value: JsonValue) -> str:
    """Write compact JSON as JavaScript's `JSON.stringify` does, with keys in the given order."""
    return _WRITER.encode(value)


def read_json(body: bytes | str, *, unique_keys: bool = False) -> JsonValue:
    """Read exactly one JSON value.

    Args:
        body: The JSON; as bytes, it must be UTF-8.
        unique_keys: Whether to refuse an object that has the same key twice. Set this for anything
            that is signed. The server's own reader uses the last value of such a key.

    Raises:
        DuplicateKeyError: An object has the same key twice, and `unique_keys` is set.
        JsonTextError: The input is not UTF-8, is not exactly one JSON value, is nested too deeply,
            or holds NaN, an infinity, a number too large, or a lone surrogate.
    """
    reader = _UNIQUE_READER if unique_keys else _READER
    try:
        if isinstance(body, str):
            body.encode("utf-8")
            text = body
        else:
            text = body.decode("utf-8")
        _check_depth(text)
        return _decoded(text, reader)
    except UnicodeDecodeError:
        failure = JsonTextError("is not UTF-8")
    except UnicodeEncodeError:
        failure = JsonTextError("has a lone surrogate (half a character)")
    except JsonTextError as error:
        failure = error
    except json.JSONDecodeError as error:
        failure = JsonTextError(f"is not JSON (at character {error.pos})")
    except RecursionError:
        failure = JsonTextError("is nested too deeply")
    except ValueError:
        failure = JsonTextError("has a number that is too long, or not finite")
    # Raised outside the `except` block, because Python's own error holds the whole input and must
    # not become this error's context.
    raise failure


def _decoded(text: str, reader: json.JSONDecoder) -> JsonValue:
    # `JSONDecoder.decode` does the same with regular expressions.
    start = len(text) - len(text.lstrip(_WHITESPACE))
    value: JsonValue
    value, end = reader.raw_decode(text, start)
    if end != len(text) and text[end:].strip(_WHITESPACE):
        raise JsonTextError("has more than one JSON value", end=end)
    # The reader accepts a lone "\ud800"; encoding it would fail far from here.
    if "\\" in text and re.search(_LONE_SURROGATE, text):
        write_json(value).encode("utf-8")
    return value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= _DEEPEST:
        return
    steps = map(_STEPS.__getitem__, re.findall(_STRING_OR_BRACKET, text, flags=re.DOTALL))
    if max(accumulate(steps)) > _DEEPEST:
        raise RecursionError


def _no_constant(_name: str) -> float:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):  # float("1e999") is an infinity
        raise ValueError
    return number


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise DuplicateKeyError
    return value


_UNIQUE_READER = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique
)
_READER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
