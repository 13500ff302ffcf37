"""Tools that inspect objects show no secret, and nothing inside a frozen object can be changed."""

from __future__ import annotations

import copy
import io
import json
import pickle
import pprint
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import attrs
import pytest
from rich import inspect as rich_inspect
from rich.console import Console
from rich.pretty import pretty_repr

import irma_core
from irma_backend import connect, connect_async, open_parts
from irma_core import (
    AnsweredSlot,
    AttributeBasedSignature,
    AttributeProofStatus,
    AttributeRequest,
    Binding,
    CredentialRequest,
    DisclosedAttribute,
    DisclosureRequest,
    Evidence,
    ExtendedRequest,
    FetchedServerKey,
    Finished,
    FrontendAuthorization,
    FrontendOptions,
    FrontendRequest,
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    NextSession,
    PairingMethod,
    Proof,
    Question,
    Requestor,
    RequestorToken,
    RevocationRequest,
    Sealer,
    SessionPackage,
    SessionPointer,
    SessionResult,
    SessionStatus,
    SessionType,
    SignatureRequest,
    StartedSession,
    StaticSessionReceiver,
    TokenAuthentication,
    VerifiedRequest,
    VerifiedSignature,
    WebReply,
    WebRequest,
    new_sealing_key,
    sign_session_request,
    verify_session_request_jwt,
)
from irma_core.errors import UsageError
from irma_core.flows.single_flight import CachedValue
from irma_core.models.holders import FrozenMapping, Hidden, HiddenSecret
from irma_core.models.sessions import SessionReference
from irma_core.plugins.hookspecs import FactoryContext, Mode, PluginUri
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.status_backends import PublishedEnd
from irma_core.trust.result_jwt import GetproofResult
from irma_testing import ManualClock, RequestorSettings, ScriptedTransport, ServerSettings
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from irma_web_flask.flask_settings import FlaskSettings
from irma_web_starlette import Irma
from tests.memory_stores import memory_store
from tests.pytest_plugin.running import run_pytest
from tests.sealed_handles import handles_at

SECRET = "Kz7secretKz7secretKz"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = f"{SECRET}{SECRET}é".encode()  # letters and digits alone would be mistaken for an encoded key
SIGNER = HmacSigner(KEY)
AGE = "example.town.age.over18"
TOKEN = RequestorToken(SECRET)
POINTER = SessionPointer(f"https://irma.example/session/{SECRET}", SessionType.DISCLOSING)
FRONTEND = FrontendRequest(
    FrontendAuthorization(SECRET), received={"authorization": SECRET, "more": [{"x": SECRET}]}
)
ASKED = ExtendedRequest(
    DisclosureRequest(
        {"x": AttributeRequest(AGE, SECRET)},
        labels={"x": {"en": "Age"}},
        revocation={"example.town.age": timedelta(hours=1)},
    ),
    callback_url=f"https://shop.example/{SECRET}",
    next_session=NextSession(f"https://shop.example/{SECRET}"),
)
CARD = CredentialRequest("a.b.c", {"bsn": SECRET}, revocation_key=SECRET)
DISCLOSED = DisclosedAttribute(
    AGE,
    SECRET,
    status=AttributeProofStatus.PRESENT,
    issued_at=NOW,
    translations={"en": SECRET},
)
PACKAGE = SessionPackage(POINTER, TOKEN, frontend_request=FRONTEND)
RESULT = SessionResult(
    TOKEN,
    SessionStatus.DONE,
    type=SessionType.DISCLOSING,
    unchecked_disclosed=((DISCLOSED,),),
    unchecked_signature=AttributeBasedSignature(SECRET, SECRET),
    next_session=TOKEN,
)


def verified() -> VerifiedRequest:
    jwt = sign_session_request(IssuanceRequest([CARD]), name="shop", signer=SIGNER, now=NOW)
    return verify_session_request_jwt(
        jwt, keys={"shop": KEY}, max_age=timedelta(minutes=5), now=NOW
    )


EXAMPLES: list[Any] = [
    TOKEN,
    Proof(NOW, {"x": AnsweredSlot((DISCLOSED,), 0)}, SECRET),
    FrontendAuthorization(SECRET),
    TokenAuthentication(SECRET),
    HmacAuthentication("shop", SIGNER),
    SIGNER,
    Sealer([new_sealing_key()]),
    handles_at(NOW, [new_sealing_key()]),
    GatewaySecret("shop", SECRET),
    GatewayAssertion("shop", SIGNER),
    GatewayAuthentication("https://login.example/token", GatewaySecret("shop", SECRET)),
    PluginUri.parse(f"redis://:{SECRET}@host/0"),
    FactoryContext(Mode.SYNC, ScriptedTransport([]).clock, ScriptedTransport([]), {"x": SECRET}),
    POINTER,
    FRONTEND,
    PACKAGE,
    StartedSession(ASKED, PACKAGE, started_at=NOW),
    SessionReference(ASKED, TOKEN, started_after=NOW),
    ASKED,
    ASKED.request,
    AttributeRequest(AGE, SECRET),
    SignatureRequest(SECRET, [AGE]),
    CARD,
    IssuanceRequest([CARD]),
    RevocationRequest("a.b.c", SECRET),
    NextSession(f"https://shop.example/{SECRET}"),
    FrontendOptions(PairingMethod.PIN, SECRET),
    DISCLOSED,
    AttributeBasedSignature(SECRET, SECRET),
    VerifiedSignature(
        {"age": AnsweredSlot((DISCLOSED,), 0)},
        message=SECRET,
        signed_at=NOW,
        is_time_stamped=True,
        extra=(DISCLOSED,),
    ),
    RESULT,
    GetproofResult(SessionType.DISCLOSING, None, unchecked_attributes={"x": SECRET}),
    verified(),
    CachedValue(SECRET, until=0.0),
    HttpRequest(
        "GET", f"https://x/{SECRET}", label="GET x", headers=(("x", SECRET),), body=SECRET.encode()
    ),
    HttpResponse(200, (("x", SECRET),), body=SECRET.encode()),
    WebRequest("POST", f"https://x/{SECRET}", {"cookie": SECRET}, SECRET, {"x": SECRET}),
    Question(ASKED, SECRET),
    WebReply(200, (("x", SECRET),), body=SECRET.encode()),
    Finished(WebReply(200, (("x", SECRET),), body=SECRET.encode()), value={"x": SECRET}),
    RequestorSettings("token", SECRET),
    ServerSettings(requestors={"x": RequestorSettings("token", SECRET)}, jwt_privkey=SECRET),
    Requestor(
        "https://irma.example",
        ScriptedTransport([]),
        authentication=TokenAuthentication(SECRET),
        headers={"x-api-key": SECRET},
    ),
    StaticSessionReceiver(
        Requestor("https://irma.example", ScriptedTransport(), server_key=FetchedServerKey()),
        f"https://shop.example/irma/{SECRET}",
        request=ASKED.request,
        store=memory_store(ManualClock()),
        deliver=print,
    ),
    connect("https://irma.example", token=SECRET),
    connect_async("https://irma.example", token=SECRET),
    open_parts(secrets={"x": SECRET}),
    PublishedEnd(SessionStatus.DONE, SECRET),
    Urllib3Transport(proxy=f"https://user:{SECRET}@proxy", proxy_headers={"x": SECRET}),
    AiohttpTransport(proxy=f"https://user:{SECRET}@proxy", proxy_headers={"x": SECRET}),
    Irma(
        "https://irma.example",
        questions={"order": Question(ASKED, SECRET)},
        keys=[new_sealing_key()],
        store=f"redis://:{SECRET}@host/0",
        token=SECRET,
    ),
    FlaskSettings(
        url=None,
        origins=(),
        lifetime=timedelta(minutes=5),
        is_cookie_plain=False,
        browser_package="yivi.js",
        file=None,
        store=f"redis://:{SECRET}@host/0",
        connect={"token": SECRET},
        sealing_keys=(SECRET,),
    ),
]
NO_SECRET = {
    *("Con", "ConDisCon", "DisCon", "RemoteError", "FetchedServerKey", "NoAuthentication"),
    *("KeptInStore", "ReplayedCallback"),
}
"""Public attrs classes that hold no secret themselves."""
COMPOSED = {
    *("AnsweredSlot", "ChainStep", "Proof", "PublicKeyAuthentication", "SessionOutcome"),
    "WebAnswer",
}
"""Public attrs classes that consist of objects that are among the examples."""
TESTED_BY_SESSIONS = {"Answer"}


def as_dict(thing: Any) -> object:
    return attrs.asdict(thing) if attrs.has(type(thing)) else thing


def as_tuple(thing: Any) -> object:
    return attrs.astuple(thing) if attrs.has(type(thing)) else thing


def inspected(thing: object) -> str:
    """Return what `rich.inspect` shows with all private attributes."""
    written = io.StringIO()
    # Only the public properties of a model may show its values.
    fields = {
        name: getattr(thing, name, None)
        for name in dir(thing)
        if name.startswith("_") and not name.startswith("__")
    }
    rich_inspect(fields, console=Console(file=written, width=500), private=True)
    return written.getvalue()


def debugged(thing: object) -> str:
    """Return the strings that a debugger or a heap dump shows of all attributes, at any depth."""
    found: list[str] = []
    waiting, seen = [thing], set[int]()
    while waiting:
        each: Any = waiting.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType | MethodType):
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes):
            found.append(each if isinstance(each, str) else each.decode("latin-1"))
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, tuple | list | set | frozenset | deque):
            waiting += each
        elif isinstance(each, partial):
            waiting += [each.args, each.keywords]
        waiting.append(getattr(each, "__dict__", None))
        names = {name for kind in type(each).__mro__ for name in vars(kind).get("__slots__", ())}
        waiting += [getattr(each, name, None) for name in names]
    return "\n".join(found)


TOOLS: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "rich": pretty_repr,
    "rich.inspect": inspected,
    "pprint": pprint.pformat,
    "asdict": lambda thing: pprint.pformat(as_dict(thing)),
    "astuple": lambda thing: pprint.pformat(as_tuple(thing)),
    "rich and asdict": lambda thing: pretty_repr(as_dict(thing)),
    "json and repr": lambda thing: json.dumps(as_dict(thing), default=repr, skipkeys=True),
    "vars": lambda thing: pprint.pformat(getattr(thing, "__dict__", None)),
    "debugger": debugged,
    "getstate": lambda thing: repr(getattr(thing, "__getstate__", lambda: None)()),
}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("thing", EXAMPLES, ids=lambda thing: type(thing).__name__)
def test_no_tool_shows_a_secret(tool: Callable[[Any], object], thing: object) -> None:
    """However a tool inspects an object, it shows no secret."""
    shown = str(tool(thing))
    assert SECRET not in shown
    assert SECRET not in shown.replace("\n", "").replace(" ", "")


def test_every_public_class_has_an_example() -> None:
    """Every public class has an example, or a reason for its absence."""
    named = {type(each).__name__ for each in EXAMPLES}
    for name in irma_core.__all__:
        thing: object = getattr(irma_core, name)
        if isinstance(thing, type) and attrs.has(thing):
            assert name in named | NO_SECRET | COMPOSED, name


def test_pytest_shows_no_secret_in_a_difference(tmp_path: Path) -> None:
    """Pytest shows no secret when it explains how two objects of a class differ."""
    (tmp_path / "test_differ.py").write_text(
        f"""
import pytest
from irma_core import *
from irma_core.plugins.hookspecs import PluginUri

MADE = [
    lambda text: RequestorToken(text),
    lambda text: FrontendAuthorization(text),
    lambda text: TokenAuthentication(text),
    lambda text: GatewaySecret("shop", text),
    lambda text: PluginUri.parse(f"redis://:{{text}}@host/0"),
    lambda text: CredentialRequest("a.b.c", {{"x": text}}, revocation_key=text),
    lambda text: AttributeRequest("a.b.c.d", text),
    lambda text: NextSession(f"https://shop.example/{{text}}"),
]


@pytest.mark.parametrize("make", MADE)
def test_differ(make):
    one, other = make("{SECRET}"), make("{SECRET[::-1]}")
    assert one == other
"""
    )
    said = run_pytest(tmp_path, "-q", "-vv", "--tb=short")
    assert "8 failed" in said
    assert SECRET not in said.replace("\n", "")
    assert SECRET[::-1] not in said.replace("\n", "")


NEVER_PICKLED: list[object] = [
    TOKEN,
    FrontendAuthorization(SECRET),
    TokenAuthentication(SECRET),
    GatewaySecret("shop", SECRET),
    PluginUri.parse(f"redis://:{SECRET}@host/0"),
    StartedSession(ASKED, PACKAGE, started_at=NOW),
    PACKAGE,
    FRONTEND,
    RESULT,
    verified(),
    ServerUrl.parse("https://irma.example"),
    HttpRequest("GET", "https://x", label="GET x"),
    HttpResponse(200, (("x", SECRET),)),
    HiddenSecret(SECRET),
]


@pytest.mark.parametrize("thing", NEVER_PICKLED, ids=lambda thing: type(thing).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(thing: object, protocol: int) -> None:
    """Pickling a secret raises one of the library's errors, which explains why."""
    with pytest.raises(UsageError, match="pickled"):
        pickle.dumps(thing, protocol)


@pytest.mark.parametrize(
    "thing",
    [ASKED, CARD, DISCLOSED, IssuanceRequest([CARD]), FrozenMapping({"a": 1}, is_personal=True)],
    ids=lambda thing: type(thing).__name__,
)
def test_a_request_can_be_stored_and_copied(thing: object) -> None:
    """A pickle of a request contains its values, because it is meant to be read again."""
    again: object = pickle.loads(pickle.dumps(thing))
    assert again == thing
    assert copy.deepcopy(thing) == copy.copy(thing) == thing
    assert hash(again) == hash(thing)
    assert repr(again) == repr(thing)


# Frozen objects.


def reachable_from(thing: object, seen: set[int]) -> Iterator[object]:
    """Yield an object and all that can be reached from it by attributes, items and iteration."""
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | type | datetime):
        return
    seen.add(id(thing))
    yield thing
    held: list[object] = []
    if isinstance(thing, Mapping):
        held += [*thing, *thing.values()]
    elif isinstance(thing, tuple | list | frozenset | set):
        held += thing
    if type(thing).__module__.startswith("irma_"):
        names = {name for kind in type(thing).__mro__ for name in vars(kind).get("__slots__", ())}
        held += [getattr(thing, name) for name in names if name != "__weakref__"]
    for each in held:
        yield from reachable_from(each, seen)


PLAIN = (RequestorToken, DisclosedAttribute, HttpRequest, HttpResponse)
FROZEN = [each for each in EXAMPLES if attrs.has(type(each)) or isinstance(each, PLAIN)]
MUTABLE_PARTS = (ScriptedTransport, HmacSigner)
"""Parts of an application to which a setting refers."""


@pytest.mark.parametrize("thing", FROZEN, ids=lambda thing: type(thing).__name__)
def test_no_part_of_a_frozen_object_can_change(thing: object) -> None:
    """A frozen object leads to no list, dict or `__dict__`; its attributes cannot be changed."""
    for each in reachable_from(thing, set()):
        assert not isinstance(each, list | dict | set | bytearray), type(each)
        if not type(each).__module__.startswith("irma_core") or isinstance(each, MUTABLE_PARTS):
            continue
        if isinstance(each, Binding | SessionType | SessionStatus | PairingMethod | Evidence):
            continue
        assert not hasattr(each, "__dict__") or type(each).__name__ in ENUMS, type(each)
        for name in ("__class__", "anything", *getattr(type(each), "__slots__", ())):
            if name == "__weakref__" or type(each).__name__ in ENUMS:
                continue
            with pytest.raises((AttributeError, TypeError)):
                setattr(each, name, getattr(each, name, None))
            with pytest.raises((AttributeError, TypeError)):
                delattr(each, name)


ENUMS = {"AttributeProofStatus", "Mode", "Risk", "ProofStatus"}


def test_changed_arguments_leave_an_object_unchanged() -> None:
    """An object copies its arguments, so a later change of an argument does not change it."""
    labels: dict[str | int, dict[str, str]] = {"x": {"en": "Age"}}
    revocation: dict[str, timedelta | None] = {"example.town.age": None}
    request = DisclosureRequest({"x": AGE}, labels=labels, revocation=revocation)
    attributes: dict[str, str | None] = {"x": "1"}
    card = CredentialRequest("a.b.c", attributes)
    received: dict[str, Any] = {"more": []}
    frontend = FrontendRequest(FrontendAuthorization("x"), received=received)
    translations = {"en": "1"}
    given = DisclosedAttribute(
        AGE, "1", status=AttributeProofStatus.PRESENT, issued_at=NOW, translations=translations
    )
    headers = [("a", "b")]
    message = HttpResponse(200, headers)  # type: ignore[arg-type]
    labels["x"]["en"] = attributes["x"] = translations["en"] = "changed"
    revocation.clear()
    received["more"].append("changed")
    headers.clear()
    assert request.labels["x"] == {"en": "Age"}
    assert list(request.revocation) == ["example.town.age"]
    assert card.attributes == {"x": "1"}
    assert frontend.received == {"more": []}
    frontend.received["more"] = "changed"
    assert frontend.json_value()["more"] == []
    assert given.translations == {"en": "1"}
    assert message.headers == (("a", "b"),)


def test_a_received_request_must_be_json() -> None:
    """The error for a received frontend request that is not JSON names the argument."""
    deep: Any = {}
    for _ in range(100_000):
        deep = {"x": deep}
    wrong: Any
    for wrong in ("text", {"x": object()}, deep):
        with pytest.raises(UsageError, match=r"received: must be"):
            FrontendRequest(FrontendAuthorization("x"), received=wrong)
    while deep:
        deep = deep.pop("x")  # otherwise Python would free it recursively


# Provenance.


def test_evidence_cannot_be_passed_in() -> None:
    """The constructor, a changed copy and a restored state never claim a signature."""
    from irma_core.models.results import signed_result  # noqa: PLC0415  # for `result_jwt` alone

    signed = signed_result(RESULT)
    assert (RESULT.evidence, signed.evidence) == (Evidence.TRANSPORT, Evidence.SIGNED)
    assert attrs.evolve(signed).evidence is Evidence.TRANSPORT
    assert copy.copy(signed) is copy.deepcopy(signed) is signed
    changes: dict[str, Any] = {"evidence": Evidence.SIGNED}
    with pytest.raises(TypeError):
        SessionResult(TOKEN, SessionStatus.DONE, type=SessionType.DISCLOSING, **changes)
    with pytest.raises(TypeError):
        attrs.evolve(RESULT, **changes)
    assert not hasattr(RESULT, "__setstate__")
    with pytest.raises(AttributeError):
        RESULT.evidence = Evidence.SIGNED  # type: ignore[misc]


@pytest.mark.parametrize("kind", [VerifiedRequest, ServerUrl])
def test_only_the_check_makes_a_checked_object(kind: Any) -> None:
    """An object that only the library may make cannot be constructed, and a copy cannot differ."""
    made = verified() if kind is VerifiedRequest else ServerUrl.parse("https://irma.example")
    with pytest.raises((TypeError, UsageError)):
        kind()
    with pytest.raises((TypeError, UsageError)):
        attrs.evolve(made)
    assert copy.copy(made) is copy.deepcopy(made) is made
    assert not hasattr(made, "__setstate__")


def test_hidden_values_are_compared_and_hashed() -> None:
    """Hidden values are compared and hashed by value, and differ from other types."""
    assert Hidden("a") == Hidden("a") != Hidden("b")
    assert Hidden("a") != "a"
    assert len({Hidden("a"), Hidden("a")}) == 1
    assert [repr(Hidden(None)), repr(Hidden(""))] == ["None", "…"]
    assert copy.copy(HiddenSecret("a")) == copy.deepcopy(HiddenSecret("a")) == HiddenSecret("a")
    assert TOKEN != SECRET
    assert FrontendAuthorization(SECRET) != TOKEN
    assert DISCLOSED != AGE
    assert repr(FrozenMapping({"a": 1})) == "{'a': 1}"
    assert repr(FrozenMapping({"a": 1}, is_personal=True)) == "{'a': …}"
    unmade = object.__new__(RequestorToken)
    assert repr(unmade) == "<RequestorToken without a value>"
