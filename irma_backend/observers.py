"""Filters that remove secrets from error reports, traces and logs.

The transports hide their secrets from tools that hook into HTTP libraries. However, a web server
logs the URL of each callback, an error tracker stores the URL and body of each incoming request,
and an application may log anything. Configure such tools with these functions:

    sentry_sdk.init(…, before_send=redact_event, before_send_transaction=redact_event,
                    before_breadcrumb=redact_event)
    AioHttpClientInstrumentor().instrument(url_filter=redact_url)
    logging.getLogger("aiohttp.access").addFilter(RedactingFilter())

The filters recognise secrets by their form: sealed strings (handles and callback URLs), JWTs,
bearer tokens, session tokens after `session/`, `token` or `authorization`, the binding cookie of a
web session, and the number of a session in a page's URL. `redact_event` also looks at field names.
Attribute values have no recognisable form, so no filter removes them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from irma_core.errors import UsageError

__all__ = ["RedactingFilter", "redact", "redact_event", "redact_url"]

_REDACTED: Final = "[redacted]"
_MOST_LEVELS: Final = 40
_SECRETS: Final = re.compile(
    r"gAAAA[A-Za-z0-9_-]{20,}(?:=|%3D)*"  # a sealed string: Fernet's version and timestamp
    # A JWT. It starts at a word boundary; otherwise repeated `eyJ` would take quadratic time.
    r"|(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*eyJ)[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*+"
    # A session token in a path, a query, a header or JSON.
    r"|((?:(?:[Ss]ession|SESSION)(?:\\?/|%(?:25){0,3}2[Ff])"
    r"|(?:[Tt]oken|TOKEN|[Aa]uthorization|AUTHORIZATION)"
    r"(?:\\?[\"']?\s?[:=]\s?\\?[\"']?|%(?:25){0,3}3[Dd])))"
    r"[0-9A-Za-z]{20}(?![0-9A-Za-z])"
    r"|(\b(?:[Bb]earer|BEARER)(?:\s|%20|\+))[A-Za-z0-9._~+/=-]{16,}+"
    # The binding cookie: 256 random bits. An application's own cookie names may also end in `irma`.
    r"|((?<![A-Za-z0-9])(?:__Host-)?irma=)[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"
    # The number of a session in the URL of a page, and in the JSON that the page sends.
    r"|((?:#irma-[a-z0-9_-]{1,40}-|\bslot\\?[\"']?\s?[:=]\s?))[0-9]{6,15}(?![0-9])"
)
_NAME_ENDS: Final = ("token", "authorization", "cookie", "apikey", "secret", "clientassertion")
_NAMES: Final = frozenset({"cookies", "frontendrequest", "handle", "sessionptr", "slot"})
ValueT = TypeVar("ValueT")


def redact(text: str) -> str:
    """Return the string, with each recognised secret replaced.

    Raises:
        UsageError: The argument is not a string.
    """
    given: object = text
    if not isinstance(given, str):
        raise UsageError("text: must be a string")
    redacted = _SECRETS.sub(_replacement, text)
    if "%" in redacted and _SECRETS.search(unquote(redacted)):
        # The pattern does not match secrets that are percent-encoded in this way.
        return _SECRETS.sub(_replacement, unquote(redacted))
    return redacted


def _replacement(found: re.Match[str]) -> str:
    return next(filter(None, found.groups()), "") + _REDACTED


def redact_url(url: object) -> str:
    """Return a redacted URL as a string; use this as the `url_filter` of OpenTelemetry."""
    return redact(str(url))


def redact_event(event: ValueT, hint: object = None) -> ValueT:  # noqa: ARG001  # Sentry gives it
    """Return a Sentry event or breadcrumb with its secrets replaced.

    Args:
        event: The event: nested dictionaries, lists and strings.
        hint: Sentry's second argument, which is ignored.
    """
    redacted: ValueT = _redacted(event, _MOST_LEVELS)
    return redacted


def _redacted(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return redact(bytes(value).decode("utf-8", "replace")).encode()
    if levels <= 0:
        return value if value is None or isinstance(value, int | float) else _REDACTED
    if isinstance(value, Mapping):
        return {
            _redacted(name, 0): _REDACTED if _is_secret(name) else _redacted(item, levels - 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = [_redacted(item, levels - 1) for item in value]
        if isinstance(value, list | tuple) and len(items) == 2 and _is_secret(value[0]):  # noqa: PLR2004
            items[1] = _REDACTED  # a header as a pair, as in ASGI and in some error trackers
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _is_secret(name: object) -> bool:
    """Return whether a field's name suggests a secret, in the spelling of WSGI, HTTP or code."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str):
        return False
    plain = name.lower().replace("-", "").replace("_", "").strip(" :")
    return plain.endswith(_NAME_ENDS) or plain in _NAMES


class RedactingFilter(logging.Filter):
    """Redacts log records. Add it to the loggers or handlers that log requests.

    A record keeps its level, name and time. Its formatted message and traceback are redacted.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place and return True."""
        try:
            message = redact(record.getMessage())
        except Exception as error:  # noqa: BLE001  # an error here would reach the code that logs
            message = f"(a message that cannot be formatted: {type(error).__name__})"
        record.msg, record.args = message, None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        for name, value in list(vars(record).items()):
            if name not in _OF_A_RECORD:
                setattr(record, name, _redacted(value, _MOST_LEVELS))
        return True


_OF_A_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) - {"exc_text", "stack_info"}
