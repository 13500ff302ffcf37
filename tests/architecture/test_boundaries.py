"""Every public function is a boundary, and tracebacks show no frame inside it.

The first part finds everything that is public. The second causes errors in many
functions, with secrets in every argument, and searches the tracebacks and local variables.
"""

from __future__ import annotations

import asyncio
import inspect
import pkgutil
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from importlib import import_module
from types import FunctionType
from typing import Any

import pytest

import irma_core
from irma_backend import connect
from irma_core import (
    AsyncHandles,
    AsyncNextSessionReceiver,
    AsyncRequestor,
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    FrontendAuthorization,
    GatewayAuthentication,
    GatewaySecret,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    NextSession,
    Requestor,
    RequestorToken,
    RevocationRequest,
    RsaSigner,
    Sealer,
    SessionOutcome,
    SessionPointer,
    SessionType,
    SignatureRequest,
    StartedSession,
    TokenAuthentication,
    new_sealing_key,
    read_request,
    sign_session_request,
    verify_result_jwt,
    verify_session_request_jwt,
)
from irma_core.errors import IrmaError
from irma_core.gateway.token_endpoint import parse_token_response
from irma_core.plugins.hookspecs import PluginUri
from irma_core.protocol.endpoints import parse_result_response, parse_start_response
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_core.tracebacks import is_boundary, is_own
from irma_testing import InMemoryServer, ScriptedTransport
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.flows.shop import Shop
from tests.memory_stores import async_memory_store
from tests.modes import MODES
from tests.sealed_handles import handles_at

INSIDE = {
    "irma_core.callbacks": "a driver runs a flow, and the driver is a boundary",
    "irma_core.errors": "its classes are raised, and their arguments hold no secret",
    "irma_core.flows": "a driver runs a flow, and the driver is a boundary",
    "irma_core.json_text": "boundaries call it",
    "irma_core.models": "its public names are in irma_core",
    "irma_core.plugins.guard": "it calls plugins for irma_backend",
    "irma_core.gateway": "its public names are in irma_core",
    "irma_core.plugins.registry": "it calls plugins for irma_backend",
    "irma_core.protocol.entry_checks": "boundaries call it",
    "irma_core.protocol.part_checks": "boundaries call it",
    "irma_core.protocol.policy": "its functions take errors and durations",
    "irma_core.protocol.replies": "parse functions call it",
    "irma_core.protocol.sse": "its decoder takes bytes of a server, and raises nothing",
    "irma_core.protocol.transport": "it has protocols, and functions that flows call",
    "irma_core.handles": "its public names are in irma_core",
    "irma_core.tracebacks": "it makes boundaries",
    "irma_core.blocks": "it makes boundaries of generators",
    "irma_core.interfaces": "each name is public in its own module",
    "irma_core.web.browser_posts": "boundaries call it",
    "irma_core.web.next_urls": "its public names are in irma_core",
    "irma_core.web.questions": "its public names are in irma_core",
    "irma_core.web.slots": "a driver runs a flow, and the driver is a boundary",
    "irma_core.web.store_calls": "a driver runs a flow, and the driver is a boundary",
    "irma_core.web.web_answers": "its public names are in irma_core",
    "irma_core.web.web_calls": "a driver runs a flow, and the driver is a boundary",
    "irma_core.web.web_finishing": "a driver runs a flow, and the driver is a boundary",
    "irma_core.web.web_handles": "boundaries call it",
    "irma_core.web.web_messages": "its public names are in irma_core",
    "irma_core.web.web_refusals": "boundaries call it",
    "irma_core.web.web_settings": "boundaries call it",
    "irma_core.web.web_starting": "a driver runs a flow, and the driver is a boundary",
    "irma_core.wire": "boundaries call it",
    "irma_core.trust": "its public names are in irma_core",
}
"""Modules that are not called from outside, and why."""
DRIVERS = "irma_core.flows.driver"
NO_BOUNDARY = {
    "Answer": "only checks make it, and its methods take slots",
    "AnsweredSlot": "its methods take identifiers; an answer has many of it",
    "DisclosedAttribute": "its properties take nothing; a result has many of it",
    "ManualClock": "it takes durations",
    "SystemClock": "it takes nothing",
    "CredentialType": "it takes names",
    "Scheme": "it takes names",
    "EventStream": "the server in memory makes it",
    "HeldCredential": "the app in memory makes it",
    "OpenSession": "the server in memory makes it",
    "RequestedAttribute": "the server in memory makes it",
    "FrontendOptions": "it checks nothing",
    "InstalledPackage": "`install_browser_package` makes it",
}
"""Public classes without a boundary, and why."""


def modules() -> Iterator[str]:
    """Yield the modules whose public names are for callers outside."""
    yield from ("irma_backend", "irma_core", "irma_testing", DRIVERS)
    yield from ("irma_transport", "irma_transport_aiohttp", "irma_transport_urllib3")
    yield "irma_web"
    yield from ("irma_redis", "irma_signing_pkcs11")
    for found in pkgutil.walk_packages(irma_core.__path__, "irma_core."):
        if not any(f"{found.name}.".startswith(f"{inside}.") for inside in INSIDE):
            yield found.name


def public_things() -> Iterator[Any]:
    for module in modules():
        if module == "irma_signing_pkcs11":
            pytest.importorskip("pkcs11")
        loaded = import_module(module)
        for name in getattr(loaded, "__all__", ()):
            thing: object = getattr(loaded, name)
            own_module = str(getattr(thing, "__module__", ""))
            if is_own(own_module) and isinstance(thing, type | FunctionType):
                yield pytest.param(thing, id=f"{module}.{name}")


@pytest.mark.parametrize("thing", list(public_things()))
def test_public_functions_are_boundaries(thing: Any) -> None:
    """Public functions and methods are boundaries, except for those in a table with reasons."""
    if not isinstance(thing, type):
        if thing.__name__.startswith("irma_"):
            return  # a hook that takes no arguments
        assert is_boundary(thing)
        return
    is_shape = getattr(thing, "_is_protocol", False)
    if is_shape or issubclass(thing, Enum | BaseException) or thing.__name__ in NO_BOUNDARY:
        return
    for name in dir(thing):
        member = inspect.getattr_static(thing, name)
        function = getattr(member, "__func__", member)
        is_public = not name.startswith("_") or name == "__init__"
        if is_public and isinstance(function, FunctionType) and is_own(function.__module__):
            assert is_boundary(function), f"{thing.__name__}.{name}"


SECRET = "Kz7secretKz7secretKz"
"""Twenty letters and digits, like a token."""
SURROGATE = f"{SECRET}\ud800"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = new_sealing_key()
AGE = "example.town.age.over18"


def deliver(end: SessionOutcome) -> None:
    """Fail as an application might."""
    raise LookupError(f"order {end.status}")


def started() -> StartedSession:
    server = InMemoryServer()
    return Requestor(server.url, server.transport()).start_session(DisclosureRequest([AGE]))


def answered(status: int, body: str) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/json"),), body=body.encode())


def requestor_of(*replies: HttpResponse, **options: Any) -> Requestor:
    return Requestor("https://irma.example", ScriptedTransport(list(replies)), **options)


HANDLES = handles_at(NOW, [KEY])
SESSION = started()
HANDLE = HANDLES.seal(SESSION, binding=SECRET)
GATEWAY = GatewayAuthentication("https://login.example/token", GatewaySecret("shop", SECRET))
REFUSED = answered(401, f'{{"error": "invalid_client", "error_description": "{SECRET}"}}')
RESULT = f'{{"token": "{SECRET}", "status": "NONE", "type": "disclosing"}}'

RAISING: dict[str, Callable[[], object]] = {
    "a token": lambda: RequestorToken(f"{SECRET}x"),
    "an authorization": lambda: FrontendAuthorization(f"{SECRET} x"),
    "a bearer token": lambda: TokenAuthentication(f"{SECRET}\n"),
    "a gateway's secret": lambda: GatewaySecret("shop", f"{SECRET}\n"),
    "a short HMAC key": lambda: HmacSigner(SECRET.encode()),
    "an HMAC key as a string": lambda: HmacSigner.from_base64(f"{SECRET}é"),
    "a key in place of a signer": lambda: HmacAuthentication("shop", SECRET),  # type: ignore[type-var]
    "a private key": lambda: RsaSigner(SECRET),
    "a private key's password": lambda: RsaSigner("x", password=SECRET.encode()),
    "sealing keys": lambda: Sealer([SECRET]),
    "sealing keys as a string": lambda: handles_at(NOW, SECRET),
    "a demanded value": lambda: AttributeRequest(AGE, value=SURROGATE),
    "an issued value": lambda: CredentialRequest("a.b.c", {"bsn": SURROGATE}),
    "an attribute's name": lambda: CredentialRequest("a.b.c", {SURROGATE: SECRET}),
    "a revocation key": lambda: CredentialRequest("a.b.c", {"x": SECRET}, revocation_key=SURROGATE),
    "a revocation": lambda: RevocationRequest("a.b", SECRET),
    "a message": lambda: SignatureRequest(SURROGATE, [AGE]),
    "a callback URL": lambda: ExtendedRequest(
        DisclosureRequest([AGE]), callback_url=f"ftp://shop.example/{SECRET}"
    ),
    "the URL of the next session": lambda: NextSession(f"https://user:{SECRET}/"),
    "a pointer": lambda: SessionPointer(f"https:// {SECRET}", SessionType.DISCLOSING),
    "a request in JSON": lambda: read_request(f'{{"disclose": "{SECRET}"}}'),
    "a base URL with a password": lambda: ServerUrl.parse(f"https://user:{SECRET}/"),
    "a plugin's URI": lambda: PluginUri.parse(f"://{SECRET}"),
    "another binding": lambda: HANDLES.unseal(HANDLE, binding=f"{SECRET}x"),
    "another purpose": lambda: handles_at(NOW, [KEY], purpose="x").unseal(HANDLE, binding=SECRET),
    "a string that is not a handle": lambda: HANDLES.unseal(SECRET, binding=SECRET),
    "a purpose with a lone surrogate": lambda: handles_at(NOW, [KEY], purpose=SURROGATE),
    "a value with a lone surrogate": lambda: Sealer([KEY]).seal(
        {"x": SURROGATE}, purpose="x", now=NOW, lifetime=timedelta(hours=1)
    ),
    "a name with a lone surrogate": lambda: sign_session_request(
        IssuanceRequest([CredentialRequest("a.b.c", {"bsn": SECRET})]),
        name=SURROGATE,
        signer=HmacSigner(bytes(range(32))),
        now=NOW,
    ),
    "a request JWT of an unknown requestor": lambda: verify_session_request_jwt(
        "e30.eyJpc3MiOiJ4In0.",
        keys={"shop": f"{SECRET}!".encode() * 2},
        max_age=timedelta(1),
        now=NOW,
    ),
    "a result JWT": lambda: verify_result_jwt(f"e30.{SECRET}.x", keys=[], issuer=None, now=NOW),
    "a result of another kind": lambda: parse_result_response(answered(200, RESULT)),
    "a start of another kind": lambda: parse_start_response(answered(200, RESULT)),
    "a token's refusal": lambda: parse_token_response(REFUSED, NOW),
    "a gateway's refusal": lambda: requestor_of(REFUSED, gateway=GATEWAY).check_health(),
    "a string that is not a JWT": lambda: requestor_of().start_session(SECRET),
    "a string that is not a session": lambda: requestor_of().get_status(SECRET),  # type: ignore[arg-type]
    "a handle to redeem": lambda: HANDLES.redeem(SECRET, binding=SECRET),
    "no token in time": lambda: requestor_of().wait_for_answer(SESSION, timeout=timedelta(0)),
    "a header": lambda: Urllib3Transport(proxy=f"ftp://user:{SECRET}@proxy"),
    "a proxy": lambda: Urllib3Transport(proxy="https://p", proxy_headers={"x": SURROGATE}),
    "a proxy of the other mode": lambda: AiohttpTransport(proxy=f"ftp://user:{SECRET}@proxy"),
    "a URI for a connection": lambda: connect(
        "https://irma.example", name="shop", key=f"nothing:{SECRET}"
    ).__enter__(),
    "a watched status": lambda: (
        requestor_of().watch_status(SECRET).__enter__()  # type: ignore[arg-type]
    ),
}


def frames_of(error: BaseException | None) -> list[traceback.FrameSummary]:
    """Return all frames of an error and of its chain, with their local variables."""
    frames: list[traceback.FrameSummary] = []
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        shown = traceback.TracebackException.from_exception(each, capture_locals=True)
        # A test's own frames may hold the secrets.
        frames += [frame for frame in shown.stack if "/tests/" not in frame.filename]
        waiting += [each.__cause__, each.__context__]
    return frames


def search(error: BaseException) -> None:
    """Fail if the secret is in a frame outside the test, or in a chained error."""
    assert frames_of(error)
    for frame in frames_of(error):
        assert SECRET not in str(frame.locals), f"{frame.filename}:{frame.lineno}"
        assert not frame.filename.startswith("<attrs")
        assert "/irma_core/" not in frame.filename or frame.filename.endswith("/tracebacks.py")
    each: BaseException | None = error
    while each is not None:
        assert SECRET not in f"{each} {each.args!r} {vars(each)!r}"
        each = each.__cause__ or each.__context__


@pytest.mark.parametrize("call", RAISING.values(), ids=RAISING)
def test_no_secret_is_in_a_frame(call: Callable[[], object]) -> None:
    """Every error has a class of the library, and does not show the arguments."""
    with pytest.raises(IrmaError) as raised:
        call()
    search(raised.value)


AWAITED: dict[str, Callable[[AsyncRequestor], Any]] = {
    "start": lambda requestor: requestor.start_session(SECRET),
    "status": lambda requestor: requestor.get_status(SECRET),  # type: ignore[arg-type]
    "wait": lambda requestor: requestor.wait_for_answer(SESSION, timeout=timedelta(0)),
    "redeem": lambda requestor: AsyncHandles(
        requestor, [KEY], store=async_memory_store(InMemoryServer().clock), purpose="login"
    ).redeem(SECRET, binding=SECRET),
    "watch": lambda requestor: requestor.watch_status(SECRET).__aenter__(),  # type: ignore[arg-type]
    "chain": lambda requestor: anext(
        AsyncNextSessionReceiver(
            AsyncRequestor(
                "https://irma.example",
                InMemoryServer().async_transport(),
                server_key=InMemoryServer().public_key_pem,
            ),
            "https://shop.example/irma",
            sealer=Sealer([KEY]),
            store=async_memory_store(InMemoryServer().clock),
            choose=print,
        ).follow(SESSION, timeout=timedelta(0))
    ),
}


@pytest.mark.parametrize("call", AWAITED.values(), ids=AWAITED)
def test_no_secret_is_in_a_frame_of_a_coroutine(call: Callable[[AsyncRequestor], Any]) -> None:
    """Every error of a coroutine has a class of the library, and does not show the arguments."""
    server = InMemoryServer()

    async def main() -> None:
        requestor = AsyncRequestor(server.url, server.async_transport())
        await call(requestor)

    with pytest.raises(IrmaError) as raised:
        asyncio.run(main())
    search(raised.value)


@MODES
def test_application_errors_keep_their_frames(mode: str) -> None:
    """If `deliver` raises, the traceback has its frames, but no frame that holds the post."""
    shop = Shop(mode, deliver=deliver)
    session = shop.start(DisclosureRequest({"x": AGE}))
    shop.app.accept(session.pointer)
    error = shop.failures[0]
    assert type(error) is LookupError
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names[-1] == "deliver"
    for frame in frames_of(error):
        assert "/irma_core/" not in frame.filename or frame.filename.endswith("/tracebacks.py")
