"""The ready filters for error trackers, tracing and access logs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from irma_backend.observers import RedactingFilter, redact, redact_event, redact_url
from irma_core import (
    CallbackReceiver,
    DisclosureRequest,
    Handles,
    HmacSigner,
    Requestor,
    Sealer,
    new_sealing_key,
    sign_session_request,
)
from irma_core.errors import UsageError
from irma_core.models.risks import Risk
from irma_core.trust.random_secrets import new_random_secret
from irma_core.web.slots import return_number
from irma_testing import InMemoryServer
from tests.memory_stores import memory_store

KEY = new_sealing_key()
SERVER = InMemoryServer()
REQUESTOR = Requestor(
    SERVER.url,
    SERVER.transport(),
    server_key=SERVER.public_key_pem,
    allow=[Risk.SIMULATED_PROOFS],
)
ASKED = DisclosureRequest(["a.b.c.d"])
SESSION = REQUESTOR.start_session(ASKED)
RECEIVER = CallbackReceiver(
    REQUESTOR,
    "https://shop.example/irma",
    sealer=Sealer([KEY]),
    store=memory_store(SERVER.clock),
    deliver=print,
)
CALLBACK = str(RECEIVER.with_callback(ASKED).callback_url)
SEALED = CALLBACK.rstrip("/").rpartition("/")[2]
HANDLES = Handles(REQUESTOR, [KEY], store=memory_store(SERVER.clock), purpose="login")
HANDLE = HANDLES.seal(SESSION, binding="visit")
TOKEN = SESSION.token.reveal()
JWT = sign_session_request(
    ASKED, name="shop", signer=HmacSigner(bytes(range(32))), now=datetime.now(UTC)
)
BINDING = new_random_secret()
NUMBER = str(return_number(3, "claim"))
SECRETS = [SEALED, HANDLE, JWT, TOKEN, BINDING, NUMBER]
TEXTS = [
    f"POST {CALLBACK} 204",
    f"GET https://irma.example/session/{TOKEN}/status",
    f"GET /session/{TOKEN} HTTP/1.1",
    quote(f"https://irma.example/session/{TOKEN}/result", safe=""),
    quote(CALLBACK, safe=""),
    quote(quote(HANDLE, safe=""), safe=""),
    f'{{"token": "{HANDLE}"}}',
    f"handle={HANDLE}&x=1",
    f"Cookie: a=b; irma={HANDLE}; c=d",
    f"jwt {JWT}.",
    f"'{SEALED}'",
    f"GET /return?shop=1&token={TOKEN} HTTP/1.1",
    f"https://irma.example/session%252F{TOKEN}/result",
    f'{{"u": "https:\\/\\/irma.example\\/session\\/{TOKEN}"}}',
    f'{{"token": "{TOKEN}"}}',
    json.dumps(f'{{"requestorToken":"{TOKEN}"}}'),
    f"Authorization: {TOKEN}",
    f"Authorization: Bearer {TOKEN}",
    f"cookie: a=b; __Host-irma={BINDING}; c=d",
    f"irma={BINDING}",
    f"https://shop.example/wines#irma-login-{NUMBER}",
    quote(f"https://shop.example/wines#irma-over_18-{NUMBER}", safe=""),
    f'{{"slot":{NUMBER}}}',
    json.dumps(f'{{"slot": {NUMBER}, "next": "/"}}'),
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_secrets_in_a_string_are_redacted(text: str) -> None:
    """The filters redact every secret in a string."""
    for shown in (redact(text), redact_url(text)):
        assert "[redacted]" in shown
        assert not any(secret in shown for secret in SECRETS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /health 200",
        "session/{token}/status",
        "50% of session/abc",
        "eyJ",
        "the token: see below",
        "a bearer certificate",
        "authorization: administrators only",
        "slot: email",
        "slot=12",
        "irma=installed",
        "https://shop.example/#irma-login",
    ],
)
def test_a_string_without_a_secret_is_unchanged(text: str) -> None:
    """Strings without a secret stay unchanged, because users would disable too eager a filter."""
    assert redact(text) == text


def test_nested_values_of_an_event_are_redacted() -> None:
    """In an event, nested strings are redacted by their form, and some values by their name."""
    event = {
        "request": {"url": CALLBACK, "headers": {"Authorization": "word", "Accept": "x"}},
        "breadcrumbs": [{"data": {"url": f"/session/{TOKEN}/status", "n": 5}}],
        "extra": ({"body": HANDLE.encode()}, None, True),
        CALLBACK: "x",
    }
    shown = json.dumps(redact_event(event, {}), default=str)
    assert not any(secret in shown for secret in (*SECRETS, "word"))
    assert '"Accept": "x"' in shown
    assert '"n": 5' in shown


@pytest.mark.parametrize(
    "event",
    [
        {"headers": [["Authorization", "word"], ["Accept", "x"]]},
        {"headers": [(b"authorization", b"word"), (b"accept", b"x")]},
        {b"authorization": b"word"},
        {"env": {"HTTP_AUTHORIZATION": "word", "HTTP_COOKIE": "word"}},
        {"data": {"requestorToken": "word", "access_token": "word", "client_secret": "word"}},
        {"headers": {"X-Api-Key": "word", "Set-Cookie": "word"}},
        MappingProxyType({"cookies": {"a": "word"}}),
        {"urls": {f"/session/{TOKEN}", CALLBACK}},
        {"data": {"slot": int(NUMBER)}},
        {"body": bytearray(HANDLE.encode()), "view": memoryview(HANDLE.encode())},
    ],
)
def test_secrets_in_collections_and_bytes_are_redacted(event: object) -> None:
    """Secrets in pairs, environment variables, bytes and other collections are redacted."""
    shown = repr(redact_event(event))
    assert "[redacted]" in shown
    assert not any(secret in shown for secret in (*SECRETS, "word"))


def test_an_unformattable_record_raises_no_error() -> None:
    """The filter accepts a log record that cannot be formatted, and never raises."""
    for message, args in (("%d", (CALLBACK,)), ("%s %s", (CALLBACK,)), ("%(a)s", ({"b": 1},))):
        record = logging.LogRecord("a", logging.INFO, "a.py", 1, message, args, None)
        assert RedactingFilter().filter(record)
        assert record.getMessage().startswith("(a message that cannot be formatted: ")


def test_an_event_that_contains_itself_is_redacted() -> None:
    """An event that contains itself is redacted below a certain depth."""
    event: dict[str, object] = {"url": CALLBACK, "number": 5}
    event["self"] = event
    assert redact_event(event)["url"] == "https://shop.example/irma/[redacted]/"


def test_sentry_sends_redacted_events() -> None:
    """With the filter, the real Sentry SDK sends URLs, breadcrumbs and messages redacted."""
    sent: list[str] = []

    class RecordingTransport(Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            sent.extend(item.payload.get_bytes().decode() for item in envelope.items)

    client = sentry_sdk.Client(
        dsn="https://key@sentry.invalid/1",
        transport=RecordingTransport,
        default_integrations=False,
        before_send=redact_event,
        before_breadcrumb=redact_event,
    )
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.add_breadcrumb(message=f"GET /session/{TOKEN}/status")
        scope.add_event_processor(lambda event, _: {**event, "request": {"url": CALLBACK}})
        scope.capture_message(f"posted to {CALLBACK}")
    assert len(sent) == 1
    assert not any(secret in sent[0] for secret in SECRETS)


def test_a_log_record_is_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """In a log record, the message, its arguments, extra fields and the traceback are redacted."""
    logger = logging.getLogger("access")
    redacting = RedactingFilter()
    logger.addFilter(redacting)
    try:
        logger.warning('"POST %s" %d', CALLBACK, 204, extra={"first_request_line": CALLBACK})
        try:
            raise ValueError(f"no session/{TOKEN}")  # noqa: TRY301  # for its traceback
        except ValueError:
            logger.exception("failed at %s", CALLBACK)
    finally:
        logger.removeFilter(redacting)
    first, second = caplog.records
    assert first.getMessage() == '"POST https://shop.example/irma/[redacted]/" 204'
    assert "no session/[redacted]" in str(second.exc_text)
    for record in caplog.records:
        assert not any(secret in str(vars(record)) for secret in SECRETS)


def test_the_filters_do_not_import_sentry_or_opentelemetry() -> None:
    """Importing the filters imports neither Sentry nor OpenTelemetry."""
    module = sys.modules["irma_backend.observers"]
    assert not {"sentry_sdk", "opentelemetry"} & vars(module).keys()


def test_what_is_no_string_is_refused() -> None:
    """`redact` refuses an argument that is not a string, and `redact_url` accepts any object."""
    given: Any
    for given in (None, b"bytes", 3):
        with pytest.raises(UsageError, match="text: must be a string"):
            redact(given)
        assert redact_url(given) == str(given)
