"""Looks for secrets in log records, warnings, and errors with their causes.

Some secrets are recognised by their form. `secret_watch` reports every other secret when a test
makes it.
"""

from __future__ import annotations

import base64
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Final

__all__ = ["SecretSearch", "texts_of"]

FORMS: Final = {
    "a JWT": r"eyJ[\w-]{8,}\.[\w-]{8,}\.",
    "a token in a path": r"/session/[0-9A-Za-z]{20}(?![0-9A-Za-z])",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a sealed text": r"gAAAAA[\w-]{80,}",
    "a stack trace of the server": r"goroutine \d+ \[|runtime/debug\.Stack",
}
_FORMS = re.compile("|".join(f"({form})" for form in FORMS.values()))
_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{20}(?![0-9A-Za-z])")
_SHORTEST = 9
"""The minimum length: shorter secrets, such as the value "yes", also occur for other reasons."""


class SecretSearch:
    """The known secrets of this process."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._others: dict[str, dict[str, str]] = {}
        """The kind of each other secret, by its first characters and the whole secret."""

    def note_token(self, text: str) -> None:
        """Remember a token of a session: 20 letters and digits, or another string used as one."""
        if _TOKEN.fullmatch(text):
            self._tokens.add(text)

    def note(self, kind: str, secret: str | bytes) -> None:
        """Remember any other secret, and a key in each form that a log may have."""
        if isinstance(secret, bytes):
            encoded = base64.b64encode(secret).decode().rstrip("=")
            forms = [encoded, encoded.translate(str.maketrans("+/", "-_")), secret.hex()]
            forms.append(repr(secret)[2:-1])
        else:
            forms = [secret]
        for form in forms:
            if len(form) >= _SHORTEST:
                self._others.setdefault(form[:_SHORTEST], {})[form] = kind

    def found_in(self, text: str) -> str | None:
        """Return the first secret that a string contains, or None."""
        if form := _FORMS.search(text):
            return list(FORMS)[(form.lastindex or 1) - 1]
        if any(token in self._tokens for token in _TOKEN.findall(text)):
            return "a token"
        # A run makes thousands of secrets. A search for each of them would slow every later test
        # down.
        parts = {text[start : start + _SHORTEST] for start in range(len(text) - _SHORTEST + 1)}
        for beginning in self._others.keys() & parts:
            for secret, kind in self._others[beginning].items():
                if secret in text:
                    return kind
        return None


def texts_of(thing: logging.LogRecord | BaseException | Warning) -> Iterator[str]:
    """Yield all strings of an object that a log, a page or a person may see."""
    if isinstance(thing, logging.LogRecord):
        yield f"{thing.name}: {thing.getMessage()} {thing.args!r} {thing.stack_info or ''}"
        if thing.exc_info and thing.exc_info[1]:
            yield from texts_of(thing.exc_info[1])
        return
    # Leave out source lines, because a test's own lines may contain a secret.
    yield f"{thing!r} {thing} {''.join(traceback.format_exception_only(thing))}"
    for other in (thing.__cause__, thing.__context__):
        if other is not None:
            yield from texts_of(other)
