"""The library uses only UTC, even for times in hours that local clocks repeat or skip."""

from __future__ import annotations

import ast
import base64
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

import irma_core
import irma_proofs
import irma_testing
from irma_core import (
    AttributeProofStatus,
    CredentialRequest,
    DisclosedAttribute,
    DisclosureRequest,
    ExtendedRequest,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    Proof,
    Requestor,
    Sealer,
    SessionPointer,
    SessionStatus,
    SessionType,
    StartedSession,
    new_sealing_key,
    sign_session_request,
    verify_result_jwt,
    verify_session_request_jwt,
)
from irma_core.errors import (
    ConfigurationError,
    HandleExpiredError,
    JwtError,
    ProofError,
    UsageError,
)
from irma_core.gateway.gateway_settings import (
    GatewayAssertion,
    GatewayAuthentication,
    unsigned_assertion,
)
from irma_core.models.credentials import resolve_validity
from irma_core.models.risks import resolve_request
from irma_core.models.sessions import SessionPackage
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.transport import utc_now
from irma_core.trust.request_jwt import unsigned_request_jwt
from irma_core.trust.result_jwt import verify_getproof_jwt
from irma_proofs import SignatureVerifier
from irma_testing import (
    HeldCredential,
    InMemoryServer,
    ManualClock,
    OpenSession,
    SimulatedApp,
)
from tests.flows.shop import PAGE, Shop
from tests.proofs.cases import CASES, schemes
from tests.rsa_keys import RSA_KEY
from tests.sealed_handles import handles_at
from tests.trust import make_jwt_vectors

ROOT = Path(__file__).parent.parent.parent
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TWICE = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # the second 2:30 of that night in Amsterdam
MINUTE, HOUR, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(weeks=1)
SHARED = HmacSigner(bytes(range(32)))
ASK, KEY = DisclosureRequest(["a.b.c.d"]), RSA_KEY
PEM = make_jwt_vectors.pem(KEY)
SEALING_KEY = new_sealing_key()
POINTER = SessionPointer("https://irma.example/irma/session/abc", SessionType.DISCLOSING)
PACKAGE = SessionPackage(POINTER, RequestorToken("A" * 20))


def claims_of(jwt: str) -> Any:
    payload = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def card(validity: Any = 2 * WEEK) -> CredentialRequest:
    return CredentialRequest("a.b.c", {"d": "x"}, validity=validity)


def is_accepted(check: Callable[..., object], given: object, **settings: Any) -> bool:
    try:
        check(given, **settings)
    except (JwtError, HandleExpiredError):
        return False
    return True


def result_jwt(sub: str, at: datetime) -> str:
    """Sign a result that is valid only at one moment."""
    seconds = int(at.timestamp())
    times = {"iat": seconds, "exp": seconds, "nbf": seconds, "attributes": {}}
    status = "VALID" if sub == "disclosure_result" else "DONE"
    changed = {**make_jwt_vectors.CLAIMS, **times, "sub": sub, "status": status}
    return make_jwt_vectors.sign(make_jwt_vectors.HEADER, changed, KEY)


def verified(verify: Callable[..., object], sub: str, now: datetime) -> list[bool]:
    """Return which of three results, an hour apart, a verifier accepts at a moment."""
    settings = {"keys": [PEM], "issuer": "irmaserver", "now": now}
    jwts = [result_jwt(sub, TWICE + hours * HOUR) for hours in (-1, 0, 1)]
    return [is_accepted(verify, jwt, **settings) for jwt in jwts]


def verified_request(now: datetime) -> list[bool]:
    jwts = [
        sign_session_request(ASK, name="shop", signer=SHARED, now=TWICE + hours * HOUR)
        for hours in (-1, 0, 1)
    ]
    settings: Any = {"keys": {"shop": bytes(range(32))}, "max_age": MINUTE, "now": now}
    return [is_accepted(verify_session_request_jwt, jwt, **settings) for jwt in jwts]


def sealed(now: datetime) -> list[bool]:
    """Return at which of four times a string that was sealed for an hour can be opened."""
    sealer = Sealer([SEALING_KEY])
    text = sealer.seal("v", purpose="p", now=now, lifetime=HOUR)
    moments = [TWICE + minutes * MINUTE for minutes in (-59, 0, 59, 61)]
    return [is_accepted(sealer.unseal, text, purpose="p", now=moment) for moment in moments]


def unsealed(now: datetime) -> list[bool]:
    sealer = Sealer([SEALING_KEY])
    texts = [
        sealer.seal("v", purpose="p", now=TWICE + minutes * MINUTE, lifetime=HOUR)
        for minutes in (-61, -59, 0)
    ]
    return [is_accepted(sealer.unseal, text, purpose="p", now=now) for text in texts]


def unsealed_handle(now: datetime) -> list[bool]:
    made = handles_at(now, [SEALING_KEY], lifetime=HOUR)
    sessions = [
        StartedSession(ExtendedRequest(ASK), PACKAGE, started_at=TWICE + minutes * MINUTE)
        for minutes in (-61, -59, 0)
    ]
    handles = [made.seal(session, binding="b") for session in sessions]
    return [is_accepted(made.unseal, each, binding="b") for each in handles]


def started(now: datetime) -> object:
    session = StartedSession(ExtendedRequest(ASK), PACKAGE, started_at=now)
    assert session.started_at.tzinfo is UTC
    return session


def proved(now: datetime) -> object:
    proof = Proof(now, {}, "")
    assert proof.proved_at.tzinfo is UTC
    return proof


def adding(name: str) -> Callable[[datetime], object]:
    def add(now: datetime) -> object:
        app = SimulatedApp(InMemoryServer())
        return app.add("a.b.c", {"d": "x"}, **cast("Any", {name: now}))

    return add


def disclosed(name: str) -> Callable[[datetime], object]:
    """Return a function that puts a time into a disclosed attribute."""

    def make(now: datetime) -> object:
        times: dict[str, Any] = {"issued_at": TWICE, name: now}
        made = DisclosedAttribute("a.b.c.d", "x", status=AttributeProofStatus.PRESENT, **times)
        assert getattr(made, name).tzinfo is UTC
        return made

    return make


def held(name: str) -> Callable[[datetime], object]:
    """Return a function that puts a time into an app's credential."""

    def make(now: datetime) -> object:
        times: dict[str, Any] = {"issued_at": TWICE, "expires_at": TWICE, name: now}
        made = HeldCredential("a.b.c", {"d": "x"}, **times)
        assert getattr(made, name).tzinfo is UTC
        return made

    return make


def signature(name: str, argument: str) -> Callable[[datetime], object]:
    """Return a function that verifies a signature for a time and returns the result's time."""
    case = CASES[name]
    verifier = SignatureVerifier(schemes("bits", "shared"), time_stamps=case["trusted"])

    def judged(now: datetime) -> object:
        times: dict[str, Any] = {argument: now}
        try:
            verified = verifier.verify(json.dumps(case["proof"]), **times)
        except ProofError as error:
            return error.check
        return verified.signed_at

    return judged


def received(mode: str) -> Callable[[datetime], object]:
    def receive(at: datetime) -> object:
        shop = Shop(mode)
        post: Any = shop.receiver.receive("POST", PAGE, {}, b"", received_at=at)
        return shop.done(post).status

    return receive


GATEWAY = GatewayAuthentication("https://login.example/token", GatewayAssertion("shop", SHARED))

DOORS: dict[str, Callable[[datetime], object]] = {
    "sign_session_request(now)": lambda now: claims_of(
        sign_session_request(IssuanceRequest([card()]), name="x", signer=SHARED, now=now)
    ),
    "verify_session_request_jwt(now)": verified_request,
    "verify_result_jwt(now)": lambda now: verified(verify_result_jwt, "disclosing_result", now),
    "Sealer.seal(now)": sealed,
    "Sealer.unseal(now)": unsealed,
    "SessionPointer.android_intent(now)": POINTER.android_intent,
    "StartedSession(started_at)": started,
    "CallbackReceiver.receive(received_at)": received("sync"),
    "AsyncCallbackReceiver.receive(received_at)": received("async"),
    "CredentialRequest(validity)": card,
    "Proof(proved_at)": proved,
    "ManualClock(now)": lambda now: ManualClock(now).now(),
    "DisclosedAttribute(issued_at)": disclosed("issued_at"),
    "DisclosedAttribute(not_revoked_before)": disclosed("not_revoked_before"),
    "HeldCredential(issued_at)": held("issued_at"),
    "HeldCredential(expires_at)": held("expires_at"),
    "OpenSession(started_at)": lambda now: OpenSession(
        POINTER, SessionStatus.CONNECTED, started_at=now, request={}
    ),
    "SimulatedApp.add(issued_at)": adding("issued_at"),
    "SimulatedApp.add(expires_at)": adding("expires_at"),
    "VerifiedSignature(signed_at)": lambda now: (
        irma_core.VerifiedSignature({}, message="m", signed_at=now, is_time_stamped=True).signed_at
    ),
    "SignatureVerifier.verify(not_before)": signature("made-mid", "not_before"),
    "SignatureVerifier.verify(at)": signature("made-no-stamp", "at"),
}
INTERNAL_DOORS: dict[str, Callable[[datetime], object]] = {
    "HandleSettings.unseal(now)": unsealed_handle,
    "verify_getproof_jwt(now)": lambda now: verified(verify_getproof_jwt, "disclosure_result", now),
    "resolve_validity(now)": lambda now: resolve_validity(card(), now, ""),
    "resolve_request(now)": lambda now: resolve_request(
        ExtendedRequest(IssuanceRequest([card()])), now
    ),
    "unsigned_request_jwt(now)": lambda now: unsigned_request_jwt(
        ExtendedRequest(ASK), name="x", algorithm="HS256", now=now
    ),
    "unsigned_assertion(now)": lambda now: unsigned_assertion(GATEWAY, now=now, jti="1"),
}
"""Functions that are not exported, but could also treat a time wrongly."""


def doors() -> Iterator[str]:
    """Yield every public function, method and class that takes a time."""
    for module in (irma_core, irma_proofs, irma_testing):
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isfunction(found):
                yield from times_of(name, found)
            elif inspect.isclass(found) and not getattr(found, "_is_protocol", False):
                yield from times_of(name, cast("Any", found).__init__)
                for method, function in inspect.getmembers(found, inspect.isfunction):
                    if not method.startswith("_"):
                        yield from times_of(f"{name}.{method}", function)


def times_of(name: str, function: Callable[..., object]) -> Iterator[str]:
    for parameter, kind in getattr(function, "__annotations__", {}).items():
        takes = "datetime" in str(kind) or str(kind) == "Validity"
        if takes and parameter != "return":
            yield f"{name}({parameter})"


def test_every_time_argument_is_tested() -> None:
    """Each public function that has a time argument, by its signature, is tested."""
    assert set(doors()) == set(DOORS)


@pytest.mark.parametrize("name", [*DOORS, *INTERNAL_DOORS])
def test_local_times_are_converted_correctly(name: str) -> None:
    """Times in a fixed zone, and in repeated and skipped hours, are converted correctly."""
    door = {**DOORS, **INTERNAL_DOORS}[name]
    zones: list[tzinfo] = [AMSTERDAM, timezone(timedelta(hours=9)), timezone(-HOUR)]
    moments = [TWICE, TWICE - HOUR, datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)]
    for moment in moments:
        for zone in zones:
            assert door(moment.astimezone(zone)) == door(moment), (name, zone)
    judged = door(TWICE)
    assert not isinstance(judged, list) or set(judged) == {True, False}  # both occur


class Broken(tzinfo):
    """A time zone that fails."""

    def utcoffset(self, _when: datetime | None) -> timedelta | None:
        raise KeyError

    def dst(self, _when: datetime | None) -> timedelta | None:
        raise KeyError

    def tzname(self, _when: datetime | None) -> str | None:
        raise KeyError


@pytest.mark.parametrize("name", [*DOORS, *INTERNAL_DOORS])
@pytest.mark.parametrize(
    "value",
    [
        TWICE.replace(tzinfo=None),
        datetime.min.replace(tzinfo=timezone(HOUR)),
        datetime.max.replace(tzinfo=timezone(-HOUR)),
        TWICE.replace(tzinfo=Broken()),
        date(2026, 10, 25),
        1_795_471_150,
        "2026-10-25T01:30:00Z",
    ],
    ids=["naive", "the beginning", "the end", "a broken zone", "a date", "seconds", "a string"],
)
def test_an_invalid_time_is_refused(name: str, value: Any) -> None:
    """Naive times, the ends of the calendar and other types raise an error naming the argument."""
    argument = name.partition("(")[2].removesuffix(")")
    with pytest.raises(UsageError, match=argument):
        {**DOORS, **INTERNAL_DOORS}[name](value)


@pytest.mark.parametrize("name", [*DOORS, *INTERNAL_DOORS])
@pytest.mark.parametrize("year", [1, 1969, 1970, 9999])
def test_overflowing_times_raise_our_own_errors(name: str, year: int) -> None:
    """A sum that would leave the calendar raises one of the library's errors, or is limited."""
    value = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    with suppress(UsageError, JwtError):
        {**DOORS, **INTERNAL_DOORS}[name](value)


class LocalClock(ManualClock):
    """A clock whose times have the wrong form."""

    def __init__(self, tell: Callable[[datetime], Any]) -> None:
        super().__init__(TWICE)
        self._tell = tell

    def now(self) -> datetime:
        return cast("datetime", self._tell(super().now()))


def test_a_clock_may_return_local_time() -> None:
    """A clock may return local time: a JWT signed in a repeated hour is accepted."""
    clock = LocalClock(lambda now: now.astimezone(AMSTERDAM))
    assert utc_now(clock) == TWICE
    assert utc_now(clock).tzinfo is UTC
    text = base64.b64encode(bytes(range(32))).decode()
    server = InMemoryServer(
        irma_testing.ServerSettings(
            requestors={"shop": irma_testing.RequestorSettings("hmac", text)}
        ),
        clock=clock,
    )
    known = HmacAuthentication("shop", SHARED)
    session = Requestor(server.url, server.transport(), authentication=known).start_session(ASK)
    assert session.started_at == TWICE


@pytest.mark.parametrize("reading", [None, 1.5, TWICE.replace(tzinfo=None)])
def test_a_clock_without_a_time_zone_is_refused(reading: Any) -> None:
    """A clock that returns no aware time raises a ConfigurationError about the clock."""
    with pytest.raises(ConfigurationError, match="clock"):
        utc_now(LocalClock(lambda _now: reading))


def test_only_utc_now_reads_a_clock() -> None:
    """Only `utc_now` calls `now()`, so that every time passes through it."""
    allowed = {"irma_core/protocol/transport.py", "irma_testing/contracts/transport.py"}
    found: set[str] = set()
    for package in ("irma_core", "irma_backend", "irma_testing"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "now"
                    and not node.args
                ):
                    found.add(path.relative_to(ROOT).as_posix())
    assert found == allowed
