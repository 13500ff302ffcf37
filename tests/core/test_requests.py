"""What a request may say, and the place that is named where it may not."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest

from irma_core import (
    AttributeRequest,
    ConDisCon,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    RequestorToken,
    RevocationRequest,
    Risk,
    SessionPointer,
    SessionType,
    SignatureRequest,
    all_of,
    any_of,
    optional,
    read_request,
)
from irma_core.errors import ConfigurationError, RequestError
from irma_core.models.condiscon import as_condiscon
from irma_core.models.risks import ready_to_start
from irma_core.models.wire import request_value

A, B, C = "s.i.card.a", "s.i.card.b", "s.i.other.c"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DISCLOSURE = "https://irma.app/ld/request/disclosure/v2"
ISSUANCE = "https://irma.app/ld/request/issuance/v2"
untyped: Callable[..., Any] = cast("Callable[..., Any]", DisclosureRequest)
credential: Callable[..., Any] = cast("Callable[..., Any]", CredentialRequest)
extended: Callable[..., Any] = cast("Callable[..., Any]", ExtendedRequest)
revocation: Callable[..., Any] = cast("Callable[..., Any]", RevocationRequest)

WRONG: list[tuple[str, Callable[[], object]]] = [
    ('disclose["age"][0][2]', lambda: untyped({"age": [[A, B, "x"]]})),
    ('disclose["age"][0][1]', lambda: untyped({"age": [[A, A]]})),
    ('disclose["age"][0][2]', lambda: untyped({"age": [[A, C, B]]})),
    ('disclose["age"]', lambda: untyped({"age": []})),
    ('disclose["age"]', lambda: untyped({"age": 5})),
    ('disclose["age"][0]', lambda: untyped({"age": [5]})),
    ("disclose[1]", lambda: untyped([A, {}])),
    ("disclose", lambda: untyped({})),
    ("disclose", lambda: untyped([[[]]])),
    ("disclose", lambda: untyped({"": A})),
    ("disclose", lambda: untyped({1: A})),
    ("disclose", lambda: untyped(A)),
    ("disclose", lambda: untyped(ConDisCon(as_condiscon([A]).disjunctions, ("a", "b")))),
    ("type", lambda: AttributeRequest("s.i")),
    ("value", lambda: AttributeRequest(A, value=cast("str", 1))),
    ("value", lambda: AttributeRequest(A, value="\ud800")),
    ("not_null", lambda: AttributeRequest(A, not_null=cast("bool", 1))),
    ("optional", optional),
    ("any_of", any_of),
    ("all_of[1]", lambda: all_of(A, A)),
    ('labels["name"]', lambda: untyped({"age": A}, labels={"name": {"en": "x"}})),
    ("labels[1]", lambda: untyped([A], labels={1: {"en": "x"}})),
    ("labels[False]", lambda: untyped([A], labels={False: {"en": "x"}})),
    ("labels", lambda: untyped([A], labels=5)),
    ("labels[0]", lambda: untyped([A], labels={0: {}})),
    ("skip_expiry_check", lambda: untyped([A], skip_expiry_check=["s.i.other"])),
    ("skip_expiry_check[0]", lambda: untyped([A], skip_expiry_check=[A])),
    ("skip_expiry_check", lambda: untyped([A], skip_expiry_check="s.i.card")),
    ("revocation", lambda: untyped([A], revocation=["s.i.other"])),
    ('revocation["s.i.card"]', lambda: untyped([A], revocation={"s.i.card": 5})),
    ("client_return_url", lambda: untyped([A], client_return_url="example.com")),
    ("client_return_url", lambda: untyped([A], client_return_url="javascript:alert(1)")),
    ("client_return_url", lambda: untyped([A], client_return_url="https://a b")),
    ("client_return_url", lambda: untyped([A], client_return_url="")),
    ("augment_return_url", lambda: untyped([A], augment_return_url=True)),
    ("augment_return_url", lambda: untyped([A], augment_return_url=1)),
    ("host", lambda: untyped([A], host="https://example.com")),
    ("message", lambda: SignatureRequest("", [A])),
    ("credentials", lambda: IssuanceRequest([])),
    ("credentials[0]", lambda: IssuanceRequest(cast("list[CredentialRequest]", ["x"]))),
    ("credential", lambda: credential("s.i.card.a", {})),
    ("attributes", lambda: credential("s.i.card", [])),
    ("attributes", lambda: credential("s.i.card", {"s.i": "x"})),
    ('attributes["a"]', lambda: credential("s.i.card", {"a": 1})),
    ("validity", lambda: credential("s.i.card", {}, validity=datetime(2027, 1, 1))),  # noqa: DTZ001
    ("validity", lambda: credential("s.i.card", {}, validity=timedelta(0))),
    ("validity", lambda: credential("s.i.card", {}, validity=date(2027, 1, 1))),
    ("validity", lambda: credential("s.i.card", {}, validity=NOW.replace(microsecond=1))),
    ("validity", lambda: credential("s.i.card", {}, validity=datetime(1960, 1, 1, tzinfo=UTC))),
    ("revocation_key", lambda: credential("s.i.card", {}, revocation_key="")),
    ("sd_jwt_batch_size", lambda: credential("s.i.card", {}, sd_jwt_batch_size=201)),
    ("request", lambda: extended("x")),
    ("validity", lambda: extended(untyped([A]), validity=timedelta(seconds=-1))),
    ("validity", lambda: extended(untyped([A]), validity=timedelta(milliseconds=1))),
    ("timeout", lambda: extended(untyped([A]), timeout=60)),
    ("timeout", lambda: extended(untyped([A]), timeout=timedelta(days=40000))),
    ("callback_url", lambda: extended(untyped([A]), callback_url="/callback")),
    ("callback_url", lambda: extended(untyped([A]), callback_url="http://[x")),
    ("next_session", lambda: extended(untyped([A]), next_session="https://x")),
    ("url", lambda: NextSession("")),
    ("credential", lambda: revocation("s.i", "key")),
    ("issued", lambda: revocation("s.i.card", "key", issued=-1)),
    ("token", lambda: RequestorToken("0123456789abcdefghi/")),
    ("name", lambda: SessionPointer.of_static_session("https://x", "a/b")),
]


@pytest.mark.parametrize(("place", "make"), WRONG)
def test_a_wrong_request_is_refused_at_its_place(place: str, make: Callable[[], object]) -> None:
    """What the server refuses, and what it should, is refused when the request is made."""
    with pytest.raises(RequestError) as caught:
        make()
    assert caught.value.place == place


WRONG_JSON: list[tuple[str, str]] = [
    ("", "["),
    ("", '{"a":1}{}'),
    ("", "NaN"),
    ("", '"\\ud800"'),
    ("", "9" * 5000),
    ("", "[" * 200000),
    ("", "[]"),
    ("@context", "{}"),
    ("type", '{"type":"other"}'),
    ("content[0].attributes[0]", '{"type":"disclosing","content":[{"attributes":[1]}]}'),
    ("disclose[0]", '{"@context":"%s","disclose":["a"]}' % DISCLOSURE),
    ("disclose[0][0]", '{"@context":"%s","disclose":[["a"]]}' % DISCLOSURE),
    ("disclose[0][0][0]", '{"@context":"%s","disclose":[[[1]]]}' % DISCLOSURE),
    ("disclose[0][0][0].typ", '{"@context":"%s","disclose":[[[{"typ":"a"}]]]}' % DISCLOSURE),
    (
        "clientReturnUrl",
        '{"@context":"%s","disclose":[[["%s"]]],"clientReturnUrl":"x"}' % (DISCLOSURE, A),
    ),
    (
        "labels",
        '{"@context":"%s","disclose":[[["%s"]]],"labels":{"00":{"en":"x"}}}' % (DISCLOSURE, A),
    ),
    ("credentials", '{"@context":"%s","credentials":"x"}' % ISSUANCE),
    (
        "credentials[0].keyCounter",
        '{"@context":"%s","credentials":[{"credential":"s.i.card",'
        '"attributes":{},"keyCounter":1}]}' % ISSUANCE,
    ),
    (
        "credentials[0].validity",
        '{"@context":"%s","credentials":[{"credential":"s.i.card",'
        '"attributes":{},"validity":99999999999999999}]}' % ISSUANCE,
    ),
    (
        "timeout",
        '{"request":{"@context":"%s","disclose":[[["%s"]]]},"timeout":%s}'
        % (DISCLOSURE, A, "9" * 30),
    ),
    (
        "request.host",
        '{"request":{"@context":"%s","disclose":[[["%s"]]],"host":5}}' % (DISCLOSURE, A),
    ),
]


@pytest.mark.parametrize(("place", "text"), WRONG_JSON)
def test_wrong_json_is_refused_at_its_place(place: str, text: str) -> None:
    """A request in JSON is read strictly, and errors speak the protocol's names."""
    with pytest.raises(RequestError) as caught:
        read_request(text)
    assert caught.value.place == place


@pytest.mark.parametrize(
    "text",
    [
        '{"@context":"%s","disclose":[[["%s",{"type":"%s","value":"","notNull":true}],[]]],'
        '"labels":{"0":{"en":"x"}},"skipExpiryCheck":["s.i.card"],"revocation":["s.i.card"],'
        '"clientReturnUrl":"app:x","augmentReturnUrl":true,"host":"h:1"}' % (DISCLOSURE, A, B),
        '{"@context":"%s","disclose":[[["%s"]]],"revocation":{"s.i.card":{"tolerance":5}}}'
        % (DISCLOSURE, A),
        '{"@context":"%s","credentials":[{"credential":"s.i.card","attributes":{"a":"x","b":""},'
        '"validity":1798761600,"revocationKey":"k","sdJwtBatchSize":0}]}' % ISSUANCE,
        '{"request":{"@context":"%s","disclose":[[["%s"]]]},"validity":0,"timeout":9,'
        '"callbackUrl":"https://x/c","nextSession":{"url":"https://x/n"}}' % (DISCLOSURE, A),
        '{"@context":"https://irma.app/ld/request/revocation/v1","type":"s.i.card",'
        '"revocationKey":"k","issued":5}',
    ],
)
def test_json_comes_back_as_it_was(text: str) -> None:
    """From JSON to a model and back loses nothing."""
    assert request_value(read_request(text)) == json.loads(text)


def test_slots_have_names_or_numbers() -> None:
    """Names are local: on the wire they are positions, and so are the labels'."""
    request = DisclosureRequest({"x": A, "y": optional(C)}, labels={"y": {"en": "Why"}})
    assert request.disclose.slots == ("x", "y")
    assert request_value(request)["labels"] == {"1": {"en": "Why"}}
    assert request_value(request)["disclose"] == [[[A]], [[C], []]]
    assert DisclosureRequest([A, any_of(B, all_of(C))]).disclose.slots == (0, 1)


def test_a_validity_is_resolved_when_the_session_starts() -> None:
    """A duration becomes a date by the clock of the start, and a week or more is ahead."""
    asked = IssuanceRequest([CredentialRequest("s.i.card", {"a": "x"}, validity=timedelta(days=8))])
    with pytest.raises(RequestError, match="resolve_validity"):
        request_value(asked)
    ready = ready_to_start(ExtendedRequest(asked), NOW)
    assert isinstance(ready.request, IssuanceRequest)
    assert ready.request.credentials[0].validity == NOW + timedelta(days=8)
    assert ready_to_start(ready, NOW) is ready
    with pytest.raises(RequestError, match="a week or more"):
        ready_to_start(ready, NOW + timedelta(days=6))


def test_risks_are_refused_unless_allowed_by_name() -> None:
    """Demo attributes and a token in a URL need a permission."""
    demo = ExtendedRequest(DisclosureRequest(["irma-demo.i.card.a"]))
    url = ExtendedRequest(
        DisclosureRequest([A], client_return_url="https://x/", augment_return_url=True)
    )
    for request, risk in ((demo, Risk.DEMO_ATTRIBUTES), (url, Risk.TOKEN_IN_RETURN_URL)):
        with pytest.raises(ConfigurationError, match=risk.name):
            ready_to_start(request, NOW)
        assert ready_to_start(request, NOW, [risk]) is request


def test_a_pointer_gives_the_qr_and_the_links() -> None:
    """The forms of the table "QR code and links", to the letter."""
    pointer = SessionPointer("https://irma.example/irma/session/abc", SessionType.DISCLOSING)
    encoded = (
        "%7B%22u%22%3A%22https%3A%2F%2Firma.example%2Firma%2Fsession%2Fabc%22%2C"
        "%22irmaqr%22%3A%22disclosing%22"
    )
    base = "https://open.yivi.app/-/session#"
    assert pointer.json_text() == (
        '{"u":"https://irma.example/irma/session/abc","irmaqr":"disclosing"}'
    )
    assert pointer.link() == f"{base}{encoded}%7D"
    assert pointer.qr_text() == f"{base}{encoded}%2C%22continueOnSecondDevice%22%3Atrue%7D"
    assert pointer.android_intent(NOW) == (
        f"intent://qr/json/{encoded}%7D#Intent;package=org.irmacard.cardemu;scheme=irma;"
        "l.timestamp=1795435200000;end"
    )
    assert "abc" not in repr(pointer)
    static = SessionPointer.of_static_session("https://irma.example/", "door")
    assert static.url == "https://irma.example/irma/session/door"
    assert static.type is SessionType.REDIRECT
