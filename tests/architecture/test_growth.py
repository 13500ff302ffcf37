"""Functions that read a stranger's input do linear work, and raise the library's own errors.

Work is counted in lines that Python runs, so the result does not depend on the machine's load.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irma_core import (
    DisclosureRequest,
    Finished,
    Requestor,
    WebRequest,
    WebSessions,
    new_sealing_key,
    read_request,
    same_site_url,
    verify_session_request_jwt,
)
from irma_core.callbacks.inbound import InboundRequest
from irma_core.errors import IrmaError
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.pointers import SessionPointer
from irma_core.protocol.endpoints import parse_start_response, parse_status_response
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.sse import EventStreamDecoder
from irma_core.trust.request_jwt import request_in_jwt
from irma_core.trust.result_jwt import verify_result_jwt
from irma_core.wire.read_results import read_session_result
from irma_core.wire.values import WireError
from irma_testing import InMemoryServer
from irma_testing.memory.go_json import GoJsonError, parse_json
from tests.counting import count_lines
from tests.memory_stores import memory_store
from tests.sealed_handles import handles_at

pytestmark = pytest.mark.search
SMALL, FACTOR = 30, 8
# Eight times the input takes about eight times the work; quadratic work would take sixty-four
# times.
MOST_GROWTH = FACTOR * 1.6
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"an HMAC key of 32 bytes or more."
HANDLES = handles_at(NOW, [new_sealing_key()])
DISCLOSURE = "https://irma.app/ld/request/disclosure/v2"
ISSUANCE = "https://irma.app/ld/request/issuance/v2"
JSON_HEAD = (("content-type", "application/json"),)
SERVER = InMemoryServer()


def jwt(claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.AAAA"


def disclosing(disclose: object, **others: object) -> dict[str, Any]:
    return {"@context": DISCLOSURE, "disclose": disclose, **others}


def requests(size: int) -> list[dict[str, Any]]:
    """Return start requests that repeat one part many times."""
    names = [f"a.b.c{number}.d" for number in range(size)]
    card = {"credential": "a.b.c", "attributes": {f"x{number}": "y" for number in range(size)}}
    return [
        disclosing([[[name]] for name in names]),
        disclosing([[[name] for name in names]]),
        disclosing([[names]]),
        disclosing([[[f"a.b.c.d{number}" for number in range(size)]]]),
        disclosing([[["a.b.c.d"]]] * size),
        disclosing([[["a.b.c.d"]]], labels={str(number): {"en": "x"} for number in range(size)}),
        disclosing([[["a.b.c.d"]]], skipExpiryCheck=["a.b.c"] * size),
        disclosing([[["a.b.c.d"]]], revocation=[f"a.b.c{number}" for number in range(size)]),
        *(disclosing([[["a.b.c.d"]]], **long) for long in long_numbers("9" * size)),
        disclosing([[[{"type": name, "value": "x" * size}] for name in names]]),
        {"@context": ISSUANCE, "credentials": [card]},
        {"@context": ISSUANCE, "credentials": [{**card, "attributes": {"x": "y"}}] * size},
        {"request": disclosing([[["a.b.c.d"]]]), **{f"odd{number}": 1 for number in range(size)}},
    ]


def long_numbers(digits: str) -> list[dict[str, Any]]:
    """Return fields of a request that are numbers, or strings that are read as numbers."""
    return [
        {"labels": {digits: {"en": "x"}}},
        {"revocation": {"a.b.c": {"updates": {digits: {}}, "tolerance": 1}}},
        {"nonce": digits},
        {"nonce": f"-{digits}"},
        {"context": digits},
        {"protocolVersion": f"{digits}.{digits}"},
        {"timeout": digits},
    ]


def documents(size: int) -> list[bytes]:
    """Return JSON that is large in one way, and strings that are not JSON."""
    texts: list[object] = [
        list(range(size)),
        {str(number): number for number in range(size)},
        "x" * size,
        '\u20ac\n\\"' * size,
    ]
    return [
        *(json.dumps(text).encode() for text in texts),
        *(json.dumps(each).encode() for each in requests(size)),
        b"{" + b'"a":1,' * size + b'"a":1}',
        b"[" * size + b"]" * size,
        b"[" * size,
        b'{"a":' * size,
        b"9" * size,
        b"-" * size,
        b"1e" + b"9" * size,
        b'"' + b"\\ud800" * size + b'"',
        b'"' + b"\\" * size,
        b" " * size + b"1" + b" " * size,
        b"\xff" * size,
        b"1," * size,
    ]


def results(size: int) -> list[dict[str, Any]]:
    given = {"id": "a.b.c.d", "rawvalue": "x", "value": {"en": "x"}, "status": "PRESENT"}
    said = {"token": "A" * 20, "status": "DONE", "type": "disclosing", "proofStatus": "VALID"}
    many = {"value": {f"l{number}": "x" for number in range(size)}}
    return [
        {**said, "disclosed": [[{**given, "issuancetime": 1}] for _ in range(size)]},
        {**said, "disclosed": [[{**given, "issuancetime": 1} for _ in range(size)]]},
        {**said, "disclosed": [[{**given, **many, "issuancetime": 1}]]},
        {**said, **{f"odd{number}": 1 for number in range(size)}},
        {**said, "error": {"error": "X", "message": "y" * size, "stacktrace": "z" * size}},
    ]


def streams(size: int) -> list[list[bytes]]:
    """Return event streams, in chunks."""
    return [
        [b"data: x\n\n" * size],
        [b"data: x\n" * size],
        [b"data: x" * size],
        [b"d"] * size,
        [b"\r"] * size,
        [b"data: x\r", b"\n"] * size,
        [b": " + b"x" * size],
        [b"id: " + b"9" * size + b"\nretry: " + b"9" * size + b"\n\n"],
        [b":\n"] * size,
    ]


def decode(chunks: list[bytes]) -> None:
    decoder = EventStreamDecoder()
    for chunk in chunks:
        decoder.feed(chunk)


def reply(body: bytes, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, (*JSON_HEAD, *headers.items()), body=body)


def ask(path: str, body: bytes | None = None, *headers: tuple[str, str]) -> None:
    method = "GET" if body is None else "POST"
    sent = (*JSON_HEAD, *headers)
    SERVER.handle(HttpRequest(method, f"{SERVER.url}{path}", label="x", headers=sent, body=body))


def encoded(values: list[Any]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def many_headers(size: int) -> list[list[tuple[str, str]]]:
    return [
        [(f"x-{number}", "y") for number in range(size)],
        [("cookie", "a=b; " * size)],
        [("origin", "x")] * size,
        [("content-type", ";" * size)],
    ]


WEB = WebSessions(
    Requestor(SERVER.url, SERVER.transport()),
    [new_sealing_key()],
    store=memory_store(SERVER.clock),
    questions={"login": DisclosureRequest(["a.b.c.d"])},
)


def finish(
    url: str = "https://x.example/", headers: Any = JSON_HEAD, body: bytes = b"{}"
) -> Finished:
    """Finish a page's session with input from a stranger."""
    return WEB.finish("login", WebRequest("POST", url, headers, body), lambda _web: None)


READERS: dict[str, tuple[Callable[[int], list[Any]], Callable[[Any], object]]] = {
    "JSON": (documents, read_json),
    "JSON without doubled names": (documents, lambda text: read_json(text, unique_keys=True)),
    "requests": (documents, read_request),
    "results": (
        lambda size: encoded(results(size)),
        lambda text: read_session_result(read_json(text)),
    ),
    "responses to a start": (documents, lambda text: parse_start_response(reply(text))),
    "refusals": (documents, lambda text: parse_status_response(reply(text, 400))),
    "refusals in other words": (
        lambda size: [f"{'x' * size} a.b ", "<html>" * size, "A1" * 10 * size],
        lambda text: parse_status_response(
            reply(json.dumps({"status": 400, "error": "X", "message": text}).encode(), 400)
        ),
    ),
    "event streams": (streams, decode),
    "result JWTs": (
        lambda size: [
            *(jwt(each) for each in results(size)),
            "." * size,
            "A" * size,
            "e30." * size,
            jwt({}) + "A" * size,
        ],
        lambda text: verify_result_jwt(text, keys=[SERVER.public_key_pem], issuer=None, now=NOW),
    ),
    "request JWTs": (
        lambda size: [
            *(
                jwt({"iss": "a", "sub": "verification_request", "sprequest": {"request": each}})
                for each in requests(size)
            ),
            "." * size,
            jwt({f"c{number}": number for number in range(size)}),
        ],
        lambda text: verify_session_request_jwt(
            text, keys={"a": KEY}, max_age=timedelta(minutes=5), now=NOW
        ),
    ),
    "request JWTs to start": (
        lambda size: [
            jwt({"sub": "verification_request", "sprequest": {"request": each}})
            for each in requests(size)
        ],
        request_in_jwt,
    ),
    "handles": (
        lambda size: ["A" * size, "." * size, "gAAAAA" * size, "\u20ac" * size],
        lambda text: HANDLES.unseal(text, binding="y"),
    ),
    "session pointers": (
        lambda size: [
            json.dumps({"u": "https://x/" + "y" * size, "irmaqr": "disclosing"}),
            json.dumps({f"k{number}": 1 for number in range(size)}),
            "%" * size,
        ],
        lambda text: SessionPointer.of_static_session("https://x.example", text),
    ),
    "headers of posts": (
        many_headers,
        lambda headers: InboundRequest.of("POST", "/x", headers, b"").media_type,
    ),
    "headers at the server in memory": (
        many_headers,
        lambda headers: ask("/health", None, *headers),
    ),
    "JSON at the server in memory": (documents, parse_json),
    "starts at the server in memory": (documents, lambda text: ask("/session", text)),
    "paths at the server in memory": (
        lambda size: ["/session/" + "x" * size, "/" * size, "/irma/" * size, "/%2f" * size],
        ask,
    ),
    "bodies of pages": (documents, lambda body: finish(body=body)),
    "headers of pages": (
        lambda size: [
            *many_headers(size),
            [("cookie", "__Host-irma=" + "a" * 43 + "; ") for _ in range(size)],
            [("cookie", ";" * size), ("cookie", "=" * size)],
            [("accept-language", "nl;q=0.1," * size)],
            [("accept-language", "n" * size)],
            [("sec-fetch-site", "x")] * size,
        ],
        lambda headers: finish(headers=[*JSON_HEAD, *headers]),
    ),
    "URLs of pages": (
        lambda size: [
            "https://x/" + "y" * size,
            "https://" + "x." * size,
            "https://[" + ":" * size,
        ],
        lambda url: finish(url=url),
    ),
    "next URLs": (
        lambda size: ["/" * size, "https://" + "a." * size, "x" * size, "/" + "\u00e9" * size],
        lambda text: same_site_url(text, "https://x.example/"),
    ),
}
OURS = (IrmaError, JsonTextError, WireError, GoJsonError)


@pytest.mark.parametrize("name", READERS)
def test_work_grows_linearly_with_the_input(name: str) -> None:
    """Input that is eight times as large takes about eight times the work."""
    make, read = READERS[name]
    for index, (small, large) in enumerate(zip(make(SMALL), make(SMALL * FACTOR), strict=True)):
        count_lines(lambda large=large: read(large))  # type: ignore[misc]  # compiles patterns
        few = count_lines(lambda small=small: read(small))  # type: ignore[misc]
        many = count_lines(lambda large=large: read(large))  # type: ignore[misc]
        assert many <= few * MOST_GROWTH + 100, (name, index, few, many)


@pytest.mark.parametrize("name", READERS)
def test_long_input_raises_our_own_errors(name: str) -> None:
    """Long numbers, deep nesting and long input raise the library's own errors."""
    make, read = READERS[name]
    for given in make(sys.get_int_max_str_digits() + 100):
        try:
            read(given)
        except OURS:
            continue


def test_quadratic_work_is_found() -> None:
    """The check of growth finds quadratic work."""

    def read(items: list[int]) -> int:
        found = 0
        for one in items:
            for other in items:
                found += one == other
        return found

    few = count_lines(lambda: read(list(range(SMALL))))
    many = count_lines(lambda: read(list(range(SMALL * FACTOR))))
    assert many > few * MOST_GROWTH + 100
