"""JSON text and the values that stand in it.

Belongs here: reading and writing text, strictly. Does not belong here: what the values mean
(`wire`).
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TypeAlias, Union

__all__ = ["DuplicateKeyError", "JsonTextError", "JsonValue", "read_json", "write_json"]

# A quoted name in `X | Y` fails at run time.
JsonValue: TypeAlias = Union[  # noqa: UP007
    bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"], None
]

_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonTextError(ValueError):
    """A text is no JSON, or not only JSON. Its text names the place, never the content."""

    def __init__(self, reason: str, end: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.end = end
        """Where the first whole value ends, if more follows behind it."""


class DuplicateKeyError(JsonTextError):
    """An object has a key twice: who reads the first and who reads the last would differ."""

    def __init__(self) -> None:
        super().__init__("has a key twice in an object")


def write_json(value: JsonValue) -> str:
    """Write compact JSON, as JavaScript's `JSON.stringify` does: key order kept, no escapes."""
    return _WRITER.encode(value)


def read_json(body: bytes | str, *, unique_keys: bool = False) -> JsonValue:
    """Read one JSON value from UTF-8.

    Args:
        body: The text.
        unique_keys: Whether to refuse an object with a key twice, for what was signed; a server's
            own reader takes the last one.

    Raises:
        DuplicateKeyError: A key is there twice, and that was asked to be refused.
        JsonTextError: Not UTF-8, not JSON, more than one value, NaN, an infinity or a number
            beyond what can be held, nested too deeply, or a text that is no Unicode.
    """
    reader = _UNIQUE_READER if unique_keys else _READER
    try:
        if isinstance(body, str):
            body.encode("utf-8")
            text = body
        else:
            text = body.decode("utf-8")
        if _LONE_SURROGATE.search(text):
            # json.loads takes "\ud800" on its own; encoding it would fail far from here.
            value: JsonValue = reader.decode(text)
            write_json(value).encode("utf-8")
            return value
        return reader.decode(text)  # type: ignore[no-any-return]  # JSON is all it gives
    except UnicodeDecodeError:
        failure = JsonTextError("is not UTF-8")
    except UnicodeEncodeError:
        failure = JsonTextError("holds half a character (a lone surrogate)")
    except JsonTextError as error:
        failure = error
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            failure = JsonTextError("has more than one JSON value", end=error.pos)
        else:
            failure = JsonTextError(f"is not JSON (at character {error.pos})")
    except RecursionError:
        failure = JsonTextError("is nested too deeply")
    except ValueError:
        failure = JsonTextError("holds a number that is none, or too long")
    # Out here, or the native error, which has the whole text in it, would be its context.
    raise failure


def _no_constant(_name: str) -> float:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):  # 1e999 is written as a number, and read as an infinity
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
