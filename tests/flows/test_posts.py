"""The server's posts: each accepted one, and each refused one with its code and status."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core import (
    AnswerError,
    AttributeRequest,
    CallbackReceiver,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    Requestor,
    Sealer,
    SessionOutcome,
    SessionStatus,
    SignatureRequest,
    new_sealing_key,
)
from irma_core.callbacks.callback_urls import CALLBACK, NEXT_SESSION, SealedUrl
from irma_core.errors import ConfigurationError, RequestError, UsageError, WrongSessionError
from irma_core.json_text import JsonValue
from irma_core.models.session_requests import SessionRequest, as_extended
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_core.wire.stored_requests import stored_request
from irma_testing import ManualClock, ScriptedTransport
from tests.memory_stores import memory_store

MAX_POST_BYTES = 1024 * 1024
RECORDED = Path(__file__).parent.parent / "vectors" / "recorded"
PAGE = "https://shop.example/irma/callback"
SEALER = Sealer([new_sealing_key()])
OVER18 = "example.town.age.over18"
AGE = DisclosureRequest({"age": OVER18})
CARD = CredentialRequest("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})
PLAIN = (("Content-Type", "text/plain; charset=UTF-8"),)
JSON = (("content-type", "application/json; charset=UTF-8"),)


def recorded(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return value


KEY = recorded("callback-done")["public_key"]


class Receiving:
    """A receiver at the time of a recording, and its deliveries."""

    def __init__(self, at: int, *steps: HttpResponse, unsigned: bool = False) -> None:
        transport = ScriptedTransport(steps)
        self.clock = transport.clock = ManualClock(datetime.fromtimestamp(at, UTC))
        self.delivered: list[SessionOutcome] = []
        self.later: list[Any] = []
        key = None if unsigned else KEY
        self.receiver = CallbackReceiver(
            Requestor("https://irma.example", transport, server_key=key),
            PAGE,
            sealer=SEALER,
            store=memory_store(transport.clock),
            deliver=self.delivered.append,
            accept_unsigned=unsigned,
            run_later=self.later.append if unsigned else None,
        )

    def url(self, request: SessionRequest = AGE) -> str:
        url = self.receiver.with_callback(request).callback_url
        assert url is not None
        return url


def has_an_answer(end: SessionOutcome) -> bool:
    try:
        end.get_answer()
    except AnswerError:
        return False
    return True


def headers_of(value: dict[str, Any]) -> list[tuple[str, str]]:
    return list(value["request"]["headers"].items())


@pytest.mark.parametrize(
    ("name", "request_", "status", "has_answer"),
    [
        ("callback-done", AGE, SessionStatus.DONE, True),
        ("callback-query", AGE, SessionStatus.DONE, True),
        ("callback-refused", AGE, SessionStatus.CANCELLED, False),
        ("callback-deleted", AGE, SessionStatus.CANCELLED, False),
        ("callback-timeout", AGE, SessionStatus.TIMEOUT, False),
        ("callback-issued", IssuanceRequest([CARD]), SessionStatus.DONE, True),
        ("callback-issuance-failed", IssuanceRequest([CARD]), SessionStatus.CANCELLED, False),
    ],
)
def test_recorded_callbacks_are_accepted(
    name: str, request_: SessionRequest, status: SessionStatus, has_answer: bool
) -> None:
    """Each recorded callback is accepted at the time of its recording."""
    value = recorded(name)
    receiving = Receiving(value["recorded"])
    body = value["request"]["body"].encode()
    reply = receiving.receiver.receive("POST", receiving.url(request_), headers_of(value), body)
    assert (reply.status, reply.body) == (204, b"")
    (end,) = receiving.delivered
    assert end.status is status
    assert has_an_answer(end) is has_answer


def test_recorded_signature_is_in_the_answer() -> None:
    """The answer to a recorded signature session contains the whole signature."""
    value = recorded("callback-signed")
    claims = value["request"]["body"].split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    message = said["signature"]["message"]
    receiving = Receiving(value["recorded"])
    url = receiving.url(SignatureRequest(message, {"age": OVER18}))
    body = value["request"]["body"].encode()
    assert receiving.receiver.receive("POST", url, headers_of(value), body).status == 204
    signature = receiving.delivered[0].get_answer().signature
    assert signature is not None


def test_a_recorded_unsigned_post_is_not_delivered() -> None:
    """A recorded unsigned post is not delivered, but causes a later request to the server."""
    value = recorded("callback-unsigned")
    receiving = Receiving(value["recorded"], unsigned=True)
    body = value["request"]["body"].encode()
    reply = receiving.receiver.receive("POST", receiving.url(), headers_of(value), body)
    assert reply.status == 204
    assert (len(receiving.later), receiving.delivered) == (1, [])


def test_result_of_another_session() -> None:
    """A result of a session other than the requested one is not delivered."""
    value = recorded("callback-unsigned")
    other = value["request"]["body"].replace("KQeXp9yoLqEJj9itndiE", "a" * 20).encode()
    receiving = Receiving(value["recorded"], HttpResponse(200, JSON, body=other), unsigned=True)
    body = value["request"]["body"].encode()
    receiving.receiver.receive("POST", receiving.url(), headers_of(value), body)
    with pytest.raises(WrongSessionError):
        receiving.later[0]()
    assert receiving.delivered == []


def code_of(reply: HttpResponse) -> str:
    text = reply.body.decode()
    assert text.startswith("the POST is refused (")
    assert reply.header("content-type") == "text/plain; charset=utf-8"
    assert reply.header("cache-control") == "no-store"
    return text.partition("(")[2].partition(")")[0]


DONE = recorded("callback-done")
GOOD = DONE["request"]["body"].encode()
CONNECTED = recorded("next-session-post")["request"]["body"].encode()
UNFINISHED = b'{"token":"0123456789abcdefghij","status":"CONNECTED","type":"disclosing"}'


@pytest.mark.parametrize(
    ("changed", "code", "status"),
    [
        ({"method": "GET"}, "method", 405),
        ({"method": "post"}, "method", 405),
        ({"url": ""}, "url", 404),
        ({"url": PAGE}, "url", 404),
        ({"url": f"{PAGE}/AAAA/"}, "url", 404),
        ({"url": "http://["}, "url", 404),
        ({"url": f"{PAGE}/?sealed", "body": b"x" * (MAX_POST_BYTES + 1)}, "url", 404),
        ({"body": b"x" * (MAX_POST_BYTES + 1), "headers": JSON}, "too_large", 413),
        ({"headers": ()}, "media_type", 415),
        ({"headers": JSON}, "media_type", 415),
        ({"body": b""}, "form", 403),
        ({"body": GOOD + b"\n"}, "form", 403),
        ({"body": GOOD[:-9] + b"AAAAAAAAA"}, "signature", 403),
        ({"later": timedelta(hours=1)}, "expired", 403),
        ({"request": IssuanceRequest([CARD])}, "session", 403),
        ({"body": CONNECTED}, "status", 409),
    ],
)
def test_a_post_is_refused(changed: dict[str, Any], code: str, status: int) -> None:
    """The reason for refusing a post is the first failed check, and nothing is delivered."""
    receiving = Receiving(DONE["recorded"])
    url = receiving.url(changed.get("request", AGE))
    receiving.clock.advance(changed.get("later", timedelta(0)))
    reply = receiving.receiver.receive(
        changed.get("method", "POST"),
        changed.get("url", url),
        changed.get("headers", PLAIN),
        changed.get("body", GOOD),
    )
    assert (code_of(reply), reply.status) == (code, status)
    assert reply.header("allow") == ("POST" if code == "method" else "")
    assert receiving.delivered == []


@pytest.mark.parametrize(
    ("headers", "body", "code", "status"),
    [
        (PLAIN, GOOD, "media_type", 415),
        (JSON, b"", "json", 400),
        (JSON, b"\xff", "json", 400),
        (JSON, b"[" * 100_000, "json", 400),
        (JSON, b'{"token":"../../session/etc","status":"DONE","type":"disclosing"}', "json", 400),
        (JSON, b'{"status":"DONE","type":"disclosing"}', "json", 400),
        (JSON, UNFINISHED.replace(b"{", b'{"status":"DONE",', 1), "json", 400),
        (JSON, UNFINISHED, "status", 409),
        (JSON, UNFINISHED.replace(b"disclosing", b"signing"), "session", 403),
    ],
)
def test_an_unsigned_post_is_refused(
    headers: Sequence[tuple[str, str]], body: bytes, code: str, status: int
) -> None:
    """A refused unsigned post starts no job."""
    receiving = Receiving(DONE["recorded"], unsigned=True)
    reply = receiving.receiver.receive("POST", receiving.url(), headers, body)
    assert (code_of(reply), reply.status) == (code, status)
    assert receiving.later == []


def test_a_refusal_shows_nothing_of_the_post() -> None:
    """The reply to a refused post contains neither a value nor a token."""
    receiving = Receiving(DONE["recorded"], unsigned=True)
    body = b'{"token":"secretsecretsecret!!","status":"SECRET","type":"secret"}'
    reply = receiving.receiver.receive("POST", receiving.url(), JSON, body)
    assert b"secret" not in reply.body.lower()


def test_a_url_is_valid_for_one_page_and_a_limited_time() -> None:
    """A URL for another purpose, page, key, format or time is refused with the same code."""
    receiving = Receiving(DONE["recorded"])
    now = datetime.fromtimestamp(DONE["recorded"], UTC)
    asked = as_extended(AGE)
    page = ServerUrl.parse(PAGE)
    other_keys = Sealer([new_sealing_key()])
    hour = timedelta(hours=1)
    kept = stored_request(asked)
    odd: list[JsonValue] = ["odd", [1, "odd", ""], [1.5, kept, ""], [1, kept, 2], [1, kept]]
    purpose = f"{CALLBACK} at {PAGE}"
    unsealed = SEALER.unseal(
        receiving.url().rsplit("/", 2)[1], purpose=purpose, now=now
    )  # the format of a valid URL, which the odd ones change
    assert unsealed == [4500, kept, "", DONE["recorded"]]
    for url in (
        SealedUrl(page, SEALER, purpose=NEXT_SESSION).url_for(asked, now),
        SealedUrl(page, other_keys, purpose=CALLBACK).url_for(asked, now),
        SealedUrl(ServerUrl.parse(f"{PAGE}/2"), SEALER, purpose=CALLBACK).url_for(asked, now),
        SealedUrl(page, SEALER, purpose=CALLBACK).url_for(asked, now - timedelta(hours=2)),
        *(page.join(SEALER.seal(value, purpose=purpose, now=now, lifetime=hour)) for value in odd),
    ):
        reply = receiving.receiver.receive("POST", url, PLAIN, GOOD)
        assert (code_of(reply), reply.status) == ("url", 404)


def test_each_callback_url_is_different_and_unreadable() -> None:
    """Each callback URL is different, begins with the page, and contains nothing readable."""
    receiving = Receiving(DONE["recorded"])
    first, second = receiving.url(), receiving.url()
    assert first != second
    assert first.startswith(f"{PAGE}/")
    assert first.endswith("/")
    assert "example.town" not in first
    assert len(first) < 400


def test_only_the_last_segment_of_the_url_counts() -> None:
    """Only the last segment of the URL counts, with or without a slash."""
    url = Receiving(DONE["recorded"]).url()
    for there in (url[:-1], url.removeprefix(PAGE), url.rsplit("/", 2)[1], f"{url}?trace=1"):
        receiving = Receiving(DONE["recorded"])
        assert receiving.receiver.receive("POST", there, PLAIN, GOOD).status == 204


def test_the_url_outlives_the_session() -> None:
    """A callback URL is valid for an hour after the app's time-out."""
    receiving = Receiving(DONE["recorded"])
    long = ExtendedRequest(AGE, timeout=timedelta(days=3))
    url = receiving.receiver.with_callback(long).callback_url or ""
    receiving.clock.advance(timedelta(days=3, minutes=59))
    assert code_of(receiving.receiver.receive("POST", url, PLAIN, GOOD)) == "expired"
    receiving.clock.advance(timedelta(minutes=1))
    assert code_of(receiving.receiver.receive("POST", url, PLAIN, GOOD)) == "url"


def test_other_options_of_the_request_stay() -> None:
    """Adding a callback changes only the callback URL of the request."""
    receiving = Receiving(DONE["recorded"])
    asked = ExtendedRequest(AGE, validity=timedelta(seconds=7))
    added = receiving.receiver.with_callback(asked)
    assert attrs.evolve(added, callback_url=None) == asked


def test_a_request_too_large_for_a_url_is_refused() -> None:
    """A request that is too large for a callback URL is refused before the start."""
    receiving = Receiving(DONE["recorded"])
    for size, why in ((3500, "a URL of 4000 characters"), (140_000, "more than 131072 bytes")):
        noise = base64.b85encode(random.Random(1).randbytes(size * 4 // 5)).decode()
        with pytest.raises(RequestError, match=why):
            receiving.url(DisclosureRequest([AttributeRequest(OVER18, value=noise)]))


def test_receiver_needs_a_key_or_accept_unsigned() -> None:
    """A receiver is refused if its key and `accept_unsigned` do not match."""
    transport = ScriptedTransport()
    store = memory_store(transport.clock)
    without = Requestor("https://irma.example", transport)
    with_key = Requestor("https://irma.example", transport, server_key=KEY)
    common: Any = {"sealer": SEALER, "store": store, "deliver": print}
    with pytest.raises(ConfigurationError, match="server_key"):
        CallbackReceiver(without, PAGE, **common)
    unsigned: Any = {"accept_unsigned": True, "run_later": print}
    with pytest.raises(ConfigurationError, match=r"^accept_unsigned:"):
        CallbackReceiver(with_key, PAGE, **unsigned, **common)
    with pytest.raises(ConfigurationError, match=r"^run_later:"):
        CallbackReceiver(without, PAGE, accept_unsigned=True, **common)
    with pytest.raises(ConfigurationError, match=r"^run_later"):
        CallbackReceiver(with_key, PAGE, run_later=print, **common)
    CallbackReceiver(without, PAGE, **unsigned, **common)
    with pytest.raises(ConfigurationError, match="plain http"):
        CallbackReceiver(with_key, "http://shop.example/irma", **common)


TEXTS = st.text(max_size=60)


@given(
    method=st.sampled_from(["POST", "GET"]) | TEXTS,
    url=st.none() | TEXTS,
    headers=st.sampled_from([PLAIN, JSON]) | st.lists(st.tuples(TEXTS, TEXTS), max_size=3),
    body=st.binary(max_size=80) | st.sampled_from([GOOD[:-1], CONNECTED]),
    unsigned=st.booleans(),
)
def test_garbage_is_refused(
    method: str, url: str | None, headers: Any, body: bytes, unsigned: bool
) -> None:
    """Any invalid post gets a 4xx with a code, and nothing is delivered or raised."""
    receiving = Receiving(DONE["recorded"], unsigned=unsigned)
    there = receiving.url() if url is None else url
    reply = receiving.receiver.receive(method, there, headers, body)
    assert 400 <= reply.status < 500
    assert code_of(reply)
    assert receiving.delivered == receiving.later == []


@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_a_true_post_with_a_changed_bit_is_refused(at: int, bit: int) -> None:
    """A true post with any changed bit is refused."""
    receiving = Receiving(DONE["recorded"])
    changed = bytearray(GOOD)
    changed[at] ^= 1 << bit
    reply = receiving.receiver.receive("POST", receiving.url(), PLAIN, bytes(changed))
    assert 400 <= reply.status < 500
    assert receiving.delivered == []


def test_a_wsgi_environ_may_hold_any_object() -> None:
    """Entries of a WSGI environ with a dot in the name are ignored."""
    receiving = Receiving(DONE["recorded"])
    environ: Any = {"wsgi.input": object(), "wsgi.version": (1, 0), "CONTENT_TYPE": "text/plain"}
    assert receiving.receiver.receive("POST", receiving.url(), environ, GOOD).status == 204
    wrong: Any = {"CONTENT_TYPE": object()}
    with pytest.raises(UsageError, match="headers"):
        receiving.receiver.receive("POST", receiving.url(), wrong, GOOD)
