"""The secrets of a session, each with its own type, so that they cannot be mixed up.

| secret                 | who may hold it        | where it may appear                    |
| ---------------------- | ---------------------- | -------------------------------------- |
| requestor token        | the backend            | nowhere else: it unlocks the result    |
| client token           | the browser, the app   | the session pointer's URL              |
| frontend authorization | the browser            | the frontend request, a header         |

Only `reveal()` returns the string; `repr`, `str` and `format` show the fingerprint. These are plain
classes, because attrs, rich and pytest show the fields of attrs classes. They cannot be pickled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NoReturn, Self, final

from irma_core.errors import RequestError, UsageError
from irma_core.models.holders import Hidden, HiddenSecret
from irma_core.tracebacks import boundary

__all__ = ["FrontendAuthorization", "RequestorToken", "fingerprint_of"]

_TOKEN = re.compile(r"[0-9A-Za-z]{20}", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+")


@boundary
def fingerprint_of(secret: str) -> str:
    """Return the first 12 hex digits of a secret's SHA-256, to show in logs and errors."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


class _Secret:
    """A string that only `reveal` returns."""

    __slots__ = ("_text",)

    _text: Hidden[str]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a secret cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a secret cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Secret) or type(self) is not type(other):
            return NotImplemented
        # Digests are compared, so that timing reveals nothing about the strings.
        return _digest(self._text.reveal()) == _digest(other._text.reveal())

    def __hash__(self) -> int:
        return hash((type(self), self._text))

    def __repr__(self) -> str:
        # A crash reporter may show this object even if the constructor refused its string.
        held: Hidden[str] | None = getattr(self, "_text", None)
        shown = "without a value" if held is None else fingerprint_of(held.reveal())
        return f"<{type(self).__name__} {shown}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            f"a {type(self).__name__} cannot be pickled: seal the session into a handle, or store "
            "the result of reveal() where only the backend can read it"
        )


_set_text: Final[Callable[[_Secret, Hidden[str]], None]] = vars(_Secret)["_text"].__set__


@final
@boundary
class RequestorToken(_Secret):
    """The secret that gives access to a session's result. It stays in the backend.

    Args:
        text: The token itself, as `reveal` returns it.

    Raises:
        RequestError: The string is not 20 ASCII letters and digits.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        # The whole string must match, because it becomes part of a URL. The server's own check is
        # not anchored.
        given: object = text  # not every caller runs mypy
        if not isinstance(given, str) or not _TOKEN.fullmatch(given):
            raise RequestError("token", "must be 20 letters and digits")
        _set_text(self, HiddenSecret(text))

    def reveal(self) -> str:
        """Return the token itself, to store it where only the backend can read it."""
        return self._text.reveal()

    @property
    def fingerprint(self) -> str:
        """The part of the token's hash that logs and errors show."""
        return fingerprint_of(self._text.reveal())


@final
@boundary
class FrontendAuthorization(_Secret):
    """The secret with which the browser calls the frontend endpoints (`Authorization` header).

    Args:
        text: The secret itself, as `reveal` returns it.

    Raises:
        RequestError: The string cannot be sent in a header.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        given: object = text  # not every caller runs mypy
        if not isinstance(given, str) or not _VISIBLE.fullmatch(given):
            raise RequestError("authorization", "must be ASCII without whitespace")
        _set_text(self, HiddenSecret(text))

    def reveal(self) -> str:
        """Return the secret itself, for the browser."""
        return self._text.reveal()
