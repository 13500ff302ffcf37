"""Filters for error trackers, tracing and logs, for what the library cannot keep from them.

The transports show none of their secrets to what is hooked into HTTP libraries. But a web server
logs the URL of each callback, an error tracker keeps the URL and body of each request that the
application gets, and an application may log what it likes. Give these functions to such tools:

    sentry_sdk.init(…, before_send=redact_event, before_send_transaction=redact_event,
                    before_breadcrumb=redact_event)
    AioHttpClientInstrumentor().instrument(url_filter=redact_url)
    logging.getLogger("aiohttp.access").addFilter(RedactingFilter())

They find secrets by their form: sealed texts (handles and the URLs of callbacks), JWTs, and tokens
in the paths of an IRMA server. An attribute's value has no form, and no filter finds it.
Belongs here: plain functions, which import none of those tools.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final, TypeVar
from urllib.parse import unquote

__all__ = ["RedactingFilter", "redact", "redact_event", "redact_url"]

_REDACTED: Final = "[redacted]"
_MOST_LEVELS: Final = 40
_SECRETS: Final = re.compile(
    r"gAAAA[A-Za-z0-9_-]{20,}(?:=|%3D)*"  # a sealed text: Fernet's version, and its time
    r"|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # a JWT
    r"|(?<=session/)[0-9A-Za-z]{20}(?![0-9A-Za-z])"
    r"|(?<=session%2[Ff])[0-9A-Za-z]{20}(?![0-9A-Za-z])"
)
_NAMES: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "token", "access_token"}
    | {"client_secret", "client_assertion", "frontendrequest", "sessionptr", "handle"}
)
ValueT = TypeVar("ValueT")


def redact(text: str) -> str:
    """Return a text with every secret of the library's that it may hold replaced."""
    redacted = _SECRETS.sub(_REDACTED, text)
    if "%" in redacted and _SECRETS.search(unquote(redacted)):
        # Encoded in a way that the pattern does not know.
        return _SECRETS.sub(_REDACTED, unquote(redacted))
    return redacted


def redact_url(url: object) -> str:
    """Return a URL as a string, redacted: a `url_filter` for OpenTelemetry."""
    return redact(str(url))


def redact_event(event: ValueT, hint: object = None) -> ValueT:  # noqa: ARG001  # Sentry gives it
    """Return an event or breadcrumb of Sentry's, redacted: its strings, and values by their name.

    Args:
        event: What Sentry is about to send or keep: a nest of dictionaries, lists and strings.
        hint: What Sentry gives beside it; not looked at.
    """
    redacted: ValueT = _redacted(event, _MOST_LEVELS)
    return redacted


def _redacted(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "replace")).encode()
    if levels <= 0:
        return value if value is None or isinstance(value, int | float) else _REDACTED
    if isinstance(value, dict):
        return {
            _redacted(name, 0): _REDACTED
            if isinstance(name, str) and name.lower() in _NAMES
            else _redacted(item, levels - 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        items = [_redacted(item, levels - 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


class RedactingFilter(logging.Filter):
    """Redacts the records of a logger or a handler: put it on those that log requests.

    A record keeps its level, name and time. Its message is made and redacted, and so is the text of
    a traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record, and let it pass."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        for name, value in list(vars(record).items()):
            if name not in _OF_A_RECORD:
                setattr(record, name, _redacted(value, _MOST_LEVELS))
        return True


_OF_A_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) - {"exc_text", "stack_info"}
