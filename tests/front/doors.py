"""A working call of every public callable, for tests that replace one of its arguments.

A door is a public constructor, method or function. A test compares `DOORS` with the public names of
the packages, so that no new callable is forgotten.
"""
# pyright: reportUnknownLambdaType=false
# These tests need values of any type.

from __future__ import annotations

import asyncio
import inspect
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from ssl import create_default_context
from types import ModuleType
from typing import Any, final

import attrs

import irma_backend as backend
import irma_core as core
import irma_proofs as proofs
import irma_testing as testing
import irma_transport
import irma_transport_aiohttp
import irma_transport_urllib3
from irma_core import interfaces
from irma_core.models.results import SessionResult
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import (
    AsyncInMemoryTransport,
    InMemoryServer,
    InMemoryTransport,
    ManualClock,
    ServerSettings,
    SimulatedApp,
)
from irma_transport_aiohttp import AiohttpTransport, in_thread
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_stores import async_memory_store, memory_store
from tests.proofs.cases import CASES, FOLDER, pinned
from tests.sealed_handles import handles_at

__all__ = ["DOORS", "Door", "World", "public_callables", "public_callables_of"]

PACKAGES = (
    *(core, backend, proofs, testing, interfaces),
    *(irma_transport, irma_transport_urllib3, irma_transport_aiohttp),
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAGE = "https://shop.example/irma"
CARD = "example.town.age"
OVER18 = "example.town.age.over18"
ASKED = core.DisclosureRequest({"age": OVER18})
ASKED_EMAIL = core.DisclosureRequest({"email": "example.mail.address.email"})
A_MINUTE = timedelta(minutes=1)
KEY = core.new_sealing_key()
SETTINGS_FILE = Path(__file__).parent.parent / "vectors" / "settings" / "whole.toml"


@cache
def _server() -> InMemoryServer:
    """Return one server for all worlds, because making its key is slow."""
    return InMemoryServer(ServerSettings(revoke_perms=("*",)))


class _KnowsAge:
    """A set of schemes that has the requested credential type."""

    def credential_types(self) -> list[str]:
        return [CARD]

    def attribute_types(self, credential_type: str) -> list[str] | None:
        return [OVER18] if credential_type == CARD else None


class World:
    """A server, and everything that a call needs; it records requests and puts into a store."""

    def __init__(self) -> None:
        self.server = _server()
        self.sent: list[str] = []
        self.stored: list[str] = []

    # These are made on demand: a call needs one or two, and a test makes thousands of worlds.
    @cached_property
    def app(self) -> SimulatedApp:
        """An app that can disclose the requested attributes."""
        app = SimulatedApp(self.server)
        app.add(CARD, {"over12": "yes", "over18": "yes", "over65": "no"})
        app.add("example.mail.address", {"email": "ada@example.com"})
        return app

    @cached_property
    def sealer(self) -> Any:
        """A sealer."""
        return core.Sealer([KEY])

    @cached_property
    def sync(self) -> Any:
        """A sync requestor."""
        return core.Requestor(self.server.url, self.transport(), **self._keys())

    @cached_property
    def other(self) -> Any:
        """An async requestor."""
        return core.AsyncRequestor(self.server.url, self.async_transport(), **self._keys())

    @property
    def handles(self) -> Any:
        """The handles of the sync requestor."""
        return core.Handles(self.sync, [KEY], store=self.store, purpose="login")

    @property
    def async_handles(self) -> Any:
        """The handles of the async requestor."""
        return core.AsyncHandles(self.other, [KEY], store=self.async_store, purpose="login")

    def _keys(self) -> dict[str, Any]:
        key = self.server.public_key_pem
        allow = {core.Risk.SIMULATED_PROOFS}
        return {"server_key": key, "allow": allow, "schemes": _KnowsAge()}

    def transport(self) -> Any:
        """Return a transport that records its requests."""
        return _RecordingTransport(InMemoryTransport(self.server), self.sent)

    def async_transport(self) -> Any:
        """Return an async transport that records its requests."""
        return _AsyncRecordingTransport(AsyncInMemoryTransport(self.server), self.sent)

    @property
    def store(self) -> Any:
        """A store that records its puts."""
        return _RecordingStore(memory_store(self.server.clock), self.stored)

    @property
    def async_store(self) -> Any:
        """An async store that records its puts."""
        return _AsyncRecordingStore(async_memory_store(self.server.clock), self.stored)

    def session(self, *, accepted: bool = True, asked: Any = ASKED) -> Any:
        """Start a session, which the app accepts unless `accepted` is False."""
        requestor = core.Requestor(self.server.url, InMemoryTransport(self.server))
        session = requestor.start_session(asked)
        if accepted:
            self.app.accept(session.pointer)
        return session

    def answer(self, asked: Any = ASKED) -> Any:
        """Start a session, accept it, and return its answer."""
        requestor = core.Requestor(self.server.url, InMemoryTransport(self.server))
        return requestor.get_answer(self.session(asked=asked))


def _application(environ: Any, start_response: Any) -> Any:
    raise AssertionError("only the posts of a server call it")


class _DjangoClient:
    generic = request = staticmethod(_application)


class _Page:
    on = wait_for_timeout = staticmethod(lambda *_: None)


@final
class _RecordingTransport:
    def __init__(self, transport: Any, noted: list[str]) -> None:
        self._transport, self._noted = transport, noted
        self.clock, self.jitter = transport.clock, transport.jitter

    def send(self, request: HttpRequest, deadline: float) -> Any:
        self._noted.append(request.label)
        return self._transport.send(request, deadline)

    def open_stream(self, request: HttpRequest, deadline: float) -> Any:
        self._noted.append(request.label)
        return self._transport.open_stream(request, deadline)

    def sleep(self, duration: timedelta) -> None:
        self._transport.sleep(duration)


@final
class _AsyncRecordingTransport:
    def __init__(self, transport: Any, noted: list[str]) -> None:
        self._transport, self._noted = transport, noted
        self.clock, self.jitter = transport.clock, transport.jitter

    async def send(self, request: HttpRequest, deadline: float) -> Any:
        self._noted.append(request.label)
        return await self._transport.send(request, deadline)

    async def open_stream(self, request: HttpRequest, deadline: float) -> Any:
        self._noted.append(request.label)
        return await self._transport.open_stream(request, deadline)

    async def sleep(self, duration: timedelta) -> None:
        await self._transport.sleep(duration)


@final
class _RecordingStore:
    def __init__(self, store: Any, noted: list[str]) -> None:
        self._store, self._noted = store, noted

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> Any:
        self._noted.append(key)
        return self._store.put_if_absent(key, value, lifetime)

    def get(self, key: str) -> Any:
        return self._store.get(key)

    def delete(self, key: str) -> Any:
        return self._store.delete(key)

    def close(self) -> None: ...


@final
class _AsyncRecordingStore:
    def __init__(self, store: Any, noted: list[str]) -> None:
        self._store, self._noted = store, noted

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> Any:
        self._noted.append(key)
        return await self._store.put_if_absent(key, value, lifetime)

    async def get(self, key: str) -> Any:
        return await self._store.get(key)

    async def delete(self, key: str) -> Any:
        return await self._store.delete(key)

    async def aclose(self) -> None: ...


@attrs.frozen
class Door:
    """A public callable.

    Args:
        name: Its name, `Class.method` for a method.
        make: Return, for a world, the callable and arguments with which it works.
        parameters: The names of its parameters.
    """

    name: str
    make: Any

    def call(self, world: World, **wrong: Any) -> Any:
        """Call the door with some arguments replaced, and await, enter or iterate its result."""
        function, arguments = self.make(world)
        arguments = {**arguments, **wrong}
        positional: list[Any] = []
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL and name in arguments:
                positional = [arguments.pop(name)]
        if set(arguments) == {"text"}:
            # When tests look for secrets, some classes are wrapped, and their parameters have no
            # names.
            positional += arguments.popitem()[1:]
        return _consumed(function(*positional, **arguments))

    def with_call(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Door:
        """Return this door with a prepared call, so that a test observes only the call."""
        return Door(self.name, lambda _world: (function, arguments))

    def parameters(self) -> list[str]:
        """Return the names of the door's parameters."""
        return list(self.make(World())[1])


def _consumed(made: Any) -> Any:
    if inspect.isawaitable(made):

        async def awaited() -> Any:
            return await made

        return _consumed(asyncio.run(awaited()))
    if hasattr(made, "__aenter__"):

        async def entered() -> Any:
            async with made as inner:
                if hasattr(inner, "__anext__"):
                    return [each async for each in inner]
                return inner

        return asyncio.run(entered())
    if hasattr(made, "__anext__"):

        async def iterated() -> Any:
            return [each async for each in made]

        return asyncio.run(iterated())
    if hasattr(made, "__enter__"):
        with made as inner:
            return list(inner) if isinstance(inner, Iterator) else inner
    return list(made) if inspect.isgenerator(made) else made


def _of(function: Callable[..., Any], **arguments: Any) -> Any:
    return lambda _world: (function, arguments)


POINTER = core.SessionPointer("https://irma.example/irma/session/c", core.SessionType.DISCLOSING)
TOKEN = core.RequestorToken("abcdefghijKLMNOPQRST")
OPTIONS: dict[str, Any] = {
    "labels": {"age": {"en": "Age"}},
    "skip_expiry_check": [CARD],
    "revocation": [CARD],
    "client_return_url": "https://shop.example/done",
    "augment_return_url": False,
    "host": "irma.example",
}
ATTRIBUTE: dict[str, Any] = {
    "attribute": OVER18,
    "raw_value": "yes",
    "status": core.AttributeProofStatus.PRESENT,
    "issued_at": NOW,
    "translations": {"en": "yes"},
    "not_revoked": False,
    "not_revoked_before": None,
}
PACKAGE = core.SessionPackage(POINTER, TOKEN)
FRONTEND = core.FrontendRequest(core.FrontendAuthorization("f" * 20))
EXTENDED = core.ExtendedRequest(ASKED)
RESULT: dict[str, Any] = {
    "token": TOKEN,
    "status": core.SessionStatus.DONE,
    "type": core.SessionType.DISCLOSING,
    "proof_status": core.ProofStatus.VALID,
    "unchecked_disclosed": ((core.DisclosedAttribute(**ATTRIBUTE),),),
    "unchecked_signature": None,
    "error": None,
    "next_session": None,
}
STARTED = core.StartedSession(EXTENDED, PACKAGE, started_at=NOW)
SEALED = core.Sealer([KEY]).seal([1], purpose="p", now=NOW, lifetime=A_MINUTE, binding="b")
HANDLE = handles_at(NOW, [KEY]).seal(STARTED, binding="visit")


def _requestor(world: World, *, awaited: bool) -> dict[str, Any]:
    return {
        "url": world.server.url,
        "transport": world.async_transport() if awaited else world.transport(),
        "authentication": core.NoAuthentication(),
        "gateway": None,
        "allow": {core.Risk.DEMO_ATTRIBUTES},
        "jwt_issuer": "irmaserver",
        "status_backend": None,
        "timeout": A_MINUTE,
        "observer": None,
    }


def _callbacks(world: World, *, awaited: bool) -> dict[str, Any]:
    return {
        "requestor": world.other if awaited else world.sync,
        "url": PAGE,
        "sealer": world.sealer,
        "store": world.async_store if awaited else world.store,
        "deliver": lambda _end: None,
        "accept_unsigned": False,
        "run_later": None,
    }


def _next_receivers(world: World, *, awaited: bool) -> dict[str, Any]:
    arguments = _callbacks(world, awaited=awaited)
    del arguments["deliver"], arguments["accept_unsigned"], arguments["run_later"]
    return {**arguments, "choose": lambda _step: None}


def _post(world: World, receiver: Any) -> dict[str, Any]:
    del world
    url = (
        receiver.with_callback(ASKED).callback_url
        if hasattr(receiver, "with_callback")
        else receiver.with_next_session(ASKED).next_session.url
    )
    return {
        "method": "POST",
        "url": url,
        "headers": [("content-type", "text/plain")],
        "body": b"eyJ",
    }


def _method(name: str, make: Any) -> Door:
    def made(world: World) -> tuple[Any, dict[str, Any]]:
        owner, arguments = make(world)
        return getattr(owner, name.rpartition(".")[2]), arguments

    return Door(name, made)


def _verifiers() -> Iterator[Door]:
    """The doors of the verifier of signatures, and of the files that it needs."""
    folder = backend.SchemeFolder(FOLDER / "schemes")
    keys = pinned("bits")
    known = proofs.Schemes(folder, pinned=keys)
    case = CASES["made-mid"]
    stamps: dict[str, Any] = {"time_stamps": case["trusted"]}
    verifier = proofs.SignatureVerifier(known, **stamps)
    slot = core.AnsweredSlot((core.DisclosedAttribute(**ATTRIBUTE),), 0)
    yield Door("SchemeFolder", _of(backend.SchemeFolder, path=FOLDER / "schemes"))
    yield Door("Schemes", _of(proofs.Schemes, files=folder, pinned=keys))
    yield Door(
        "SignatureVerifier",
        _of(proofs.SignatureVerifier, schemes=known, min_key_bits=2048, **stamps),
    )
    yield Door(
        "VerifiedSignature",
        _of(
            core.VerifiedSignature,
            slots={"age": slot},
            message="m",
            signed_at=NOW,
            is_time_stamped=True,
            extra=(),
        ),
    )
    calls: dict[str, tuple[object, dict[str, Any]]] = {
        "SchemeFolder.read": (folder, {"path": "bits/index"}),
        "Schemes.scheme": (known, {"name": "bits"}),
        "Schemes.credential_type": (known, {"identifier": "bits.mid.person"}),
        "Schemes.attribute_types": (known, {"credential_type": "bits.mid.person"}),
        "Schemes.credential_type_by_hash": (known, {"digest": bytes(16)}),
        "Schemes.issuer_name": (known, {"issuer": "bits.mid"}),
        "Schemes.issuer_key": (known, {"issuer": "bits.mid", "counter": 0}),
        "SignatureVerifier.verify": (
            verifier,
            {
                "signature": json.dumps(case["proof"]),
                "request": core.SignatureRequest("I agree.", ["bits.mid.person.name"]),
                "nonce": int.from_bytes(b64decode(case["proof"]["nonce"])),
                "context": 1,
                "not_before": datetime(2026, 1, 1, tzinfo=UTC),
                "at": None,
            },
        ),
    }
    for name, (owner, arguments) in calls.items():
        yield Door(name, _of(getattr(owner, name.partition(".")[2]), **arguments))


def _requestor_methods(kind: str) -> Iterator[Door]:
    awaited = kind == "AsyncRequestor"

    def method(name: str, arguments: Callable[[World], dict[str, Any]]) -> Door:
        return _method(
            f"{kind}.{name}",
            lambda world: (world.other if awaited else world.sync, arguments(world)),
        )

    for name in (
        "cancel_session",
        "complete_pairing",
        "get_answer",
        "get_result_jwt",
        "get_status",
        "get_unchecked_result",
    ):
        yield method(name, lambda world: {"session": world.session()})
    yield method(
        "wait_for_answer",
        lambda world: {"session": world.session(), "timeout": A_MINUTE, "keep_session": False},
    )
    yield method("watch_status", lambda world: {"session": world.session(), "timeout": A_MINUTE})
    yield method("revoke", lambda _: {"request": core.RevocationRequest(CARD, "key")})
    yield method("check", lambda _: {"request": ASKED})
    yield method("start_session", lambda _: {"request": ASKED})
    yield method(
        "set_pairing",
        lambda world: {
            "session": world.session(accepted=False),
            "method": core.PairingMethod.PIN,
        },
    )


def _receivers(prefix: str) -> Iterator[Door]:
    awaited = bool(prefix)
    for kind, arguments, adding in (
        (f"{prefix}CallbackReceiver", _callbacks, "with_callback"),
        (f"{prefix}NextSessionReceiver", _next_receivers, "with_next_session"),
    ):
        made: Any = getattr(core, kind)

        def receiver(world: World, made: Any = made, arguments: Any = arguments) -> Any:
            return made(**arguments(world, awaited=awaited))

        yield Door(
            kind,
            lambda world, made=made, arguments=arguments: (made, arguments(world, awaited=awaited)),
        )
        yield _method(
            f"{kind}.{adding}",
            lambda world, receiver=receiver: (
                receiver(world),
                {"request": ASKED, "reference": "order-17"},
            ),
        )

        def receiving(world: World, receiver: Any = receiver) -> Any:
            owner = receiver(world)
            return owner, _post(world, owner)

        yield _method(f"{kind}.receive", receiving)
    static: Any = getattr(core, f"{prefix}StaticSessionReceiver")

    def configured(world: World) -> dict[str, Any]:
        return {
            "requestor": world.other if awaited else world.sync,
            "url": f"{PAGE}/{'s' * 20}",
            "request": ASKED,
            "store": world.async_store if awaited else world.store,
            "deliver": lambda _end: None,
        }

    yield Door(f"{prefix}StaticSessionReceiver", lambda world: (static, configured(world)))
    yield _method(
        f"{prefix}StaticSessionReceiver.receive",
        lambda world: (
            static(**configured(world)),
            {
                "method": "POST",
                "url": f"/{'s' * 20}/",
                "headers": [("content-type", "text/plain")],
                "body": b"eyJ",
            },
        ),
    )
    following: dict[str, Any] = {"timeout": A_MINUTE, "keep_session": False}
    nexts: Any = getattr(core, f"{prefix}NextSessionReceiver")
    yield _method(
        f"{prefix}NextSessionReceiver.follow",
        lambda world: (
            nexts(**_next_receivers(world, awaited=awaited)),
            {"session": world.session(), **following},
        ),
    )


def _handles(prefix: str) -> Iterator[Door]:
    def handles(world: World) -> Any:
        return world.async_handles if prefix else world.handles

    def making(world: World) -> dict[str, Any]:
        return {
            "requestor": world.other if prefix else world.sync,
            "keys": [KEY],
            "store": world.async_store if prefix else world.store,
            "purpose": "login",
            "lifetime": A_MINUTE,
        }

    made: Any = getattr(core, f"{prefix}Handles")
    yield Door(f"{prefix}Handles", lambda world: (made, making(world)))
    yield _method(
        f"{prefix}Handles.seal",
        lambda world: (handles(world), {"session": STARTED, "binding": "visit"}),
    )
    for name in ("unseal", "redeem"):
        yield _method(
            f"{prefix}Handles.{name}",
            lambda world: (
                handles(world),
                {
                    "handle": handles(world).seal(world.session(), binding="visit"),
                    "binding": "visit",
                },
            ),
        )


def _web_sessions(prefix: str) -> Iterator[Door]:
    def settings(world: World) -> dict[str, Any]:
        return {
            "requestor": world.other if prefix else world.sync,
            "keys": [KEY],
            "store": world.async_store if prefix else world.store,
            "questions": {"login": ASKED},
            "callbacks": None,
            "next_sessions": None,
            "lifetime": A_MINUTE,
            "sessions_per_browser": 3,
            "origins": ["https://app.example"],
            "plain_cookie": False,
        }

    name = f"{prefix}WebSessions"
    made = getattr(core, name)
    yield Door(name, lambda world: (made, settings(world)))
    call = {"name": "login", "request": core.WebRequest("GET", PAGE, {}, b"")}
    for method, arguments in (
        ("start", call),
        ("finish", {**call, "complete": lambda _web: None}),
        ("status", call),
        ("cancel", call),
        ("preflight", {"request": call["request"]}),
    ):
        yield _method(
            f"{name}.{method}",
            lambda world, arguments=arguments: (made(**settings(world)), dict(arguments)),
        )


def _web_values() -> Iterator[Door]:
    request: dict[str, Any] = {
        "method": "POST",
        "url": PAGE,
        "headers": {"origin": PAGE},
        "body": b"{}",
    }
    yield Door("WebRequest", _of(core.WebRequest, **request))
    yield _method(
        "WebRequest.header_values", lambda _: (core.WebRequest(**request), {"name": "origin"})
    )
    question = {"request": ASKED, "reference": "order-17"}
    flags = {"has_callback": False, "has_next_session": False}
    yield Door("Question", _of(core.Question, **question, **flags))
    yield Door(
        "WebAnswer",
        lambda world: (
            core.WebAnswer,
            {
                "answer": world.answer(),
                "name": "login",
                "reference": "r",
                "next_url": "/",
                "session": None,
            },
        ),
    )
    yield Door("Proof", _of(core.Proof, proved_at=NOW, slots={}, reference="order-17"))
    reply = {"status": 200, "headers": (), "body": b"{}", "code": None, "error": None}
    yield Door("WebReply", _of(core.WebReply, **reply))
    finished = {"reply": core.WebReply(200), "is_repeat": False, "web_answer": None}
    yield Door("Finished", _of(core.Finished, **finished))
    for function, wanted in (
        (core.verified_email, {"slot": "email"}),
        (core.pseudonym, {"slot": "email", "key": KEY}),
    ):
        yield Door(
            function.__name__,
            lambda world, function=function, wanted=wanted: (
                function,
                {"answer": world.answer(ASKED_EMAIL), **wanted},
            ),
        )
    same = {"current": "ada@example.com", "proved": "ada@example.com"}
    yield Door("check_same_person", _of(core.check_same_person, **same))
    yield Door("same_site_url", _of(core.same_site_url, text="/next", own_url=PAGE))


def _stores() -> Iterator[Door]:
    put = {"key": "k", "value": b"v", "lifetime": A_MINUTE}
    for prefix in ("", "Async"):
        kind = f"{prefix}MemoryStore"
        made: Any = getattr(backend, kind)
        risk = {core.Risk.MEMORY_STORE}
        yield Door(kind, _of(made, clock=ManualClock(), allow=risk))
        for name, arguments in (
            ("put_if_absent", put),
            ("get", {"key": "k"}),
            ("delete", {"key": "k"}),
        ):
            yield _method(
                f"{kind}.{name}",
                lambda _, made=made, arguments=arguments, risk=risk: (
                    made(ManualClock(), allow=risk),
                    dict(arguments),
                ),
            )


def _openers() -> Iterator[Door]:
    secrets = {"shop": "nmiPcxIRw5ythVwi5Y/uhW8P2FEJZu3u++ALepwrpUs="}
    opening: Any = {"plugins": [], "secrets": secrets, "allow": {core.Risk.MEMORY_STORE}}

    def opened(world: World, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            with backend.open_parts(**opening, transport=world.transport()) as parts:
                return getattr(parts, name)(**arguments)

        return call

    def opened_async(world: World, name: str) -> Any:
        async def call(**arguments: Any) -> Any:
            async with backend.open_parts_async(
                **opening, transport=world.async_transport()
            ) as parts:
                return getattr(parts, name)(**arguments)

        return call

    for suffix in ("", "_async"):
        transport = AsyncInMemoryTransport if suffix else InMemoryTransport

        def made(
            name: str, more: dict[str, Any], suffix: str = suffix, transport: Any = transport
        ) -> Door:
            function = getattr(backend, f"{name}{suffix}")
            return Door(
                f"{name}{suffix}",
                lambda world: (
                    function,
                    {**opening, "transport": transport(world.server), **more},
                ),
            )

        settings = {
            "url": "https://irma.example",
            "name": "shop",
            "key": "hmac:shop",
            "token": None,
            "status": None,
            "gateway": None,
            "jwt_issuer": "irmaserver",
            "timeout": A_MINUTE,
        }
        open_door = opened_async if suffix else opened
        yield made("open_parts", {})
        yield made("connect", settings)
        for name, arguments in (
            ("requestor", settings),
            ("signer", {"uri": "hmac:shop"}),
            ("store", {"uri": "memory:"}),
        ):
            yield Door(
                f"{'Async' if suffix else ''}Parts.{name}",
                lambda world, open_door=open_door, name=name, arguments=arguments: (
                    open_door(world, name),
                    dict(arguments),
                ),
            )


def _all() -> Iterator[Door]:
    for awaited, kind in ((False, core.Requestor), (True, core.AsyncRequestor)):
        yield Door(
            kind.__name__,
            lambda world, kind=kind, awaited=awaited: (kind, _requestor(world, awaited=awaited)),
        )
        yield from _requestor_methods(kind.__name__)
    for prefix in ("", "Async"):
        yield from _receivers(prefix)
        yield from _handles(prefix)
        yield from _web_sessions(prefix)
    yield from _web_values()
    yield from _stores()
    yield from _openers()
    yield Door("read_settings", _of(backend.read_settings, path=SETTINGS_FILE))
    yield from _verifiers()
    for function, arguments in (
        (core.AnsweredSlot, {"attributes": (core.DisclosedAttribute(**ATTRIBUTE),), "option": 0}),
        (core.AttributeBasedSignature, {"json_text": "{}", "message": "I agree"}),
        (core.AttributeRequest, {"type": OVER18, "value": "yes", "not_null": True}),
        (core.Con, {"attributes": (core.AttributeRequest(OVER18),)}),
        (core.ConDisCon, {"disjunctions": (core.any_of(OVER18),), "names": ("age",)}),
        (
            core.CredentialRequest,
            {
                "credential": CARD,
                "attributes": {"over18": "yes"},
                "validity": timedelta(weeks=9),
                "revocation_key": "key",
                "sd_jwt_batch_size": 1,
            },
        ),
        (core.DisCon, {"options": (core.all_of(OVER18),)}),
        (core.DisclosedAttribute, ATTRIBUTE),
        (core.DisclosureRequest, {"disclose": {"age": OVER18}, **OPTIONS}),
        (core.SignatureRequest, {"message": "m", "disclose": {"age": OVER18}, **OPTIONS}),
        (
            core.IssuanceRequest,
            {
                "credentials": [core.CredentialRequest(CARD, {"over18": "yes"})],
                "disclose": {"age": OVER18},
                **OPTIONS,
            },
        ),
        (
            core.ExtendedRequest,
            {
                "request": ASKED,
                "validity": A_MINUTE,
                "timeout": A_MINUTE,
                "callback_url": PAGE,
                "next_session": core.NextSession(PAGE),
            },
        ),
        (core.FetchedServerKey, {"lifetime": A_MINUTE, "minimum_interval": A_MINUTE}),
        (core.FrontendAuthorization, {"text": "f" * 20}),
        (
            core.FrontendOptions,
            {"pairing_method": core.PairingMethod.PIN, "pairing_code": "1234"},
        ),
        (
            core.FrontendRequest,
            {
                "authorization": core.FrontendAuthorization("f" * 20),
                "pairing_hint": True,
                "min_protocol_version": "1.0",
                "max_protocol_version": "1.1",
                "received": {},
            },
        ),
        (
            core.GatewayAuthentication,
            {
                "token_url": "https://login.example",
                "credentials": core.GatewaySecret("shop", "secret"),
                "scope": "irma",
                "header": "X-Auth",
            },
        ),
        (core.NextSession, {"url": PAGE}),
        (
            core.RemoteError,
            {"status": 400, "error": "E", "description": "d", "message": "m", "stacktrace": "s"},
        ),
        (core.RequestorToken, {"text": "abcdefghijKLMNOPQRST"}),
        (core.RevocationRequest, {"credential": CARD, "revocation_key": "k", "issued": 1}),
        (
            core.SessionOutcome,
            {
                "token": TOKEN,
                "status": core.SessionStatus.CANCELLED,
                "outcome": core.SessionCancelledError("0123456789ab"),
                "reference": "order-17",
            },
        ),
        (
            core.ChainStep,
            {"answer": SessionResult(**RESULT).answer_to(STARTED), "reference": "order-17"},
        ),
        (
            core.SessionPackage,
            {"pointer": POINTER, "token": TOKEN, "frontend_request": FRONTEND},
        ),
        (core.SessionPointer, {"url": POINTER.url, "type": POINTER.type}),
        (SessionResult, RESULT),
        (core.StartedSession, {"request": EXTENDED, "package": PACKAGE, "started_at": NOW}),
        (core.all_of, {"attributes": OVER18}),
        (core.any_of, {"options": OVER18}),
        (core.optional, {"options": OVER18}),
        (
            core.read_request,
            {
                "text": '{"@context":"https://irma.app/ld/request/disclosure/v2",'
                '"disclose":[[["a.b.c.d"]]]}'
            },
        ),
        (
            core.sign_session_request,
            {
                "request": ASKED,
                "name": "shop",
                "signer": core.HmacSigner(bytes(range(32))),
                "now": NOW,
                "allow": {core.Risk.DEMO_ATTRIBUTES},
            },
        ),
    ):
        yield Door(function.__name__, _of(function, **arguments))
    yield _method("SessionPointer.android_intent", lambda _: (POINTER, {"now": NOW}))
    yield _method("SessionPointer.link", lambda _: (POINTER, {"base": "https://app.example"}))
    yield _method("SessionPointer.qr_text", lambda _: (POINTER, {"base": "https://app.example"}))
    yield _method(
        "SessionPointer.of_static_session",
        lambda _: (core.SessionPointer, {"server": "https://irma.example", "name": "visit"}),
    )
    for name in ("answer_to", "answer_before_next_session"):
        status = core.SessionStatus.DONE if name == "answer_to" else core.SessionStatus.CONNECTED
        fields: dict[str, Any] = {**RESULT, "status": status}
        result = SessionResult(**fields)
        yield _method(
            f"SessionResult.{name}", lambda _, result=result: (result, {"session": STARTED})
        )
    yield _method("StartedSession.browser_json", lambda _: (STARTED, {"handle": HANDLE}))
    sealing = {"purpose": "p", "now": NOW, "binding": "b"}
    yield _method(
        "Sealer.seal",
        lambda world: (world.sealer, {"value": [1], "lifetime": A_MINUTE, **sealing}),
    )
    yield _method("Sealer.unseal", lambda world: (world.sealer, {"text": SEALED, **sealing}))
    yield Door("KeptInStore", lambda world: (core.KeptInStore, {"store": world.store}))
    yield Door("dump_started_session", _of(core.dump_started_session, session=STARTED))
    dumped = core.dump_started_session(STARTED)
    yield Door("load_started_session", _of(core.load_started_session, dumped=dumped))


def _testing() -> Iterator[Door]:
    """The doors of `irma_testing`."""
    arguments: dict[str, Any]
    made: Any
    owner: Any
    request = HttpRequest("GET", "https://irma.example/health", label="GET health")
    asking = {"request": request, "deadline": 5000.0}
    sleeping = {"duration": A_MINUTE}
    for awaited, scripted, in_memory in (
        (False, testing.ScriptedTransport, testing.InMemoryTransport),
        (True, testing.AsyncScriptedTransport, testing.AsyncInMemoryTransport),
    ):
        del awaited
        script = {"steps": [_GONE], "streams": [testing.ScriptedStream()], "jitter": 0.5}
        yield Door(scripted.__name__, _of(scripted, **script))
        yield Door(
            in_memory.__name__, lambda world, made=in_memory: (made, {"server": world.server})
        )
        for name, arguments in (("send", asking), ("open_stream", asking), ("sleep", sleeping)):
            yield _method(
                f"{scripted.__name__}.{name}",
                lambda _, made=scripted, arguments=arguments: (made([_GONE]), dict(arguments)),
            )
            yield _method(
                f"{in_memory.__name__}.{name}",
                lambda _, made=in_memory, arguments=arguments: (
                    made(InMemoryServer()),
                    dict(arguments),
                ),
            )
    for made, arguments in (
        (testing.RequestedAttribute, {"type": OVER18, "value": "yes", "not_null": True}),
        (
            testing.CredentialType,
            {
                "identifier": CARD,
                "attributes": ("over18",),
                "optional": {"over18"},
                "singleton": True,
                "revocation": True,
            },
        ),
        (testing.EventStream, {"listener": "client", "catch_up": lambda: None}),
        (
            testing.HeldCredential,
            {
                "credential_type": CARD,
                "attributes": {"over18": "yes"},
                "issued_at": NOW,
                "expires_at": NOW,
                "serial": "s",
            },
        ),
        (
            InMemoryServer,
            {
                "settings": ServerSettings(),
                "url": "https://irma.example",
                "scheme": testing.OPEN_SCHEME,
                "clock": ManualClock(),
                "deliver": lambda _request: _GONE,
            },
        ),
        (ManualClock, {"now": NOW}),
        (
            testing.OpenSession,
            {
                "pointer": POINTER,
                "status": core.SessionStatus.CONNECTED,
                "requestor": "shop",
                "started_at": NOW,
                "request": {},
            },
        ),
        (testing.Outcome, {"proof_status": core.ProofStatus.VALID, "error": "", "message": ""}),
        (
            testing.RequestorSettings,
            {
                "auth_method": "token",
                "key": "abc",
                "disclose_perms": ("*",),
                "sign_perms": ("*",),
                "issue_perms": ("*",),
                "revoke_perms": ("*",),
                "host_perms": ("*",),
            },
        ),
        (testing.Scheme, {"credential_types": (), "is_open": True}),
        (testing.ScriptedStream, {"steps": [b"x"], "status": 200, "headers": ()}),
        (
            ServerSettings,
            {
                "requestors": {"shop": testing.RequestorSettings("token", "abc")},
                "disclose_perms": ("*",),
                "sign_perms": ("*",),
                "issue_perms": ("*",),
                "revoke_perms": ("*",),
                "max_request_age": A_MINUTE,
                "enable_sse": True,
                "jwt_issuer": "irmaserver",
                "jwt_privkey": None,
                "has_jwt_key": True,
                "allow_unsigned_callbacks": True,
                "augment_client_return_url": True,
                "static_sessions": {},
                "max_session_lifetime": A_MINUTE,
                "session_result_lifetime": A_MINUTE,
            },
        ),
        (SimulatedApp, {"server": _server()}),
        (testing.make_person, {"server": _server(), "kind": "adult", "email": "a@example.com"}),
        (testing.Login, {"server": _server()}),
        (testing.AsyncLogin, {"server": _server()}),
        (testing.BrowserApp, {"page": _Page(), "person": SimulatedApp(_server())}),
        (testing.wsgi, {"app": _application}),
        (testing.asgi, {"app": _application}),
        (testing.django, {"client": _DjangoClient()}),
    ):
        yield Door(made.__name__, _of(made, **arguments))
    for owner, name, arguments in (
        (testing.RequestedAttribute(OVER18), "accepts", {"value": "yes"}),
        (testing.CredentialType(CARD), "has", {"attribute": "over18"}),
        (testing.EventStream("client", lambda: None), "put", {"chunk": b"x"}),
        (ManualClock(), "advance", {"duration": A_MINUTE}),
        (testing.OPEN_SCHEME, "described", {"credential_type": CARD}),
        (testing.OPEN_SCHEME, "find", {"credential_type": CARD}),
        (testing.OPEN_SCHEME, "supports_revocation", {"credential_type": CARD}),
        (testing.OPEN_SCHEME, "knows_scheme", {"identifier": CARD}),
        (testing.OPEN_SCHEME, "knows_issuer", {"identifier": "example.town"}),
        (testing.OPEN_SCHEME, "missing", {"identifiers": [CARD]}),
        (testing.OPEN_SCHEME, "suggestions", {"identifiers": [CARD]}),
        (testing.ScriptedStream([b"x"]), "next_step", {"clock": ManualClock(), "deadline": 1.0}),
    ):
        yield _method(
            f"{type(owner).__name__}.{name}",
            lambda _, owner=owner, arguments=arguments: (copy(owner), dict(arguments)),
        )
    for name, arguments in (
        ("handle", {"request": request}),
        ("subscribe", {"request": request}),
        ("when_started", {"action": lambda _pointer: None, "after": A_MINUTE}),
        ("after", {"delay": A_MINUTE, "action": lambda: None}),
        ("pass_time", {"duration": A_MINUTE, "until": lambda: False}),
        ("time_out", {"pointer": POINTER}),
        ("is_revoked", {"serial": "s"}),
        ("run", {"function": lambda: None}),
    ):
        yield _method(
            f"InMemoryServer.{name}",
            lambda _, arguments=arguments: (InMemoryServer(), dict(arguments)),
        )
    held = {"credential_type": CARD, "attributes": {}, "issued_at": NOW, "expires_at": NOW}
    yield _method(
        "SimulatedApp.at",
        lambda _: (SimulatedApp, {"url": "http://127.0.0.1:8088", "transport": _remote()}),
    )
    yield _method("SimulatedApp.add", lambda world: (world.app, dict(held)))
    for name in ("scan", "accept", "answer", "refuse"):
        yield _method(
            f"SimulatedApp.{name}",
            lambda world: (world.app, {"pointer": world.session(accepted=False).pointer}),
        )
    for name, arguments in (
        ("accept", {"choice": {0: 0}, "follow": True}),
        (
            "cheat",
            {
                "flaw": core.ProofStatus.INVALID,
                "send": [[OVER18]],
                "values": {OVER18: "no"},
                "extra": [OVER18],
            },
        ),
    ):
        yield _method(
            f"ScannedSession.{name}",
            lambda world, arguments=arguments: (
                world.app.scan(world.session(accepted=False).pointer),
                dict(arguments),
            ),
        )


def _remote() -> testing.ScriptedTransport:
    """Return a transport to a server that only describes itself as a development server."""
    said = b'{"developmentServer":true,"url":"x","scheme":{"isOpen":true,"credentialTypes":[]}}'
    return testing.ScriptedTransport([HttpResponse(200, body=said)])


def _no_stores() -> dict[str, Any]:
    return {}


def _for_authors() -> Iterator[Door]:
    """The doors for authors of transports, parts and plugins."""
    message = {"headers": (("accept", "text/plain"),), "body": b"x"}
    request = {"method": "GET", "url": "https://irma.example/health", "label": "GET health"}
    making = {"clock": ManualClock(), "secrets": {"pin": "1234"}, "allow": frozenset[core.Risk]()}
    for function, arguments in (
        (HttpRequest, {**request, **message}),
        (HttpResponse, {"status": 200, **message}),
        (
            interfaces.PublishedEnd,
            {"status": core.SessionStatus.DONE, "result_jwt": "eyJ"},
        ),
        (interfaces.PluginUri, {"scheme": "vault", "text": "vault:key"}),
        (interfaces.hookimpl, {"hook": _no_stores}),
        (in_thread, {"signer": core.HmacSigner(bytes(range(32)))}),
    ):
        yield Door(function.__name__, _of(function, **arguments))
    yield Door(
        "FactoryContext",
        lambda world: (
            interfaces.FactoryContext,
            {"mode": interfaces.Mode.SYNC, "transport": world.transport(), **making},
        ),
    )
    yield _method("HttpResponse.header", lambda _: (_GONE, {"name": "retry-after"}))
    yield _method("PluginUri.parse", lambda _: (interfaces.PluginUri, {"text": "vault:key"}))
    for transport in (Urllib3Transport, AiohttpTransport):
        settings = inspect.signature(transport).parameters.items()
        defaults = {name: parameter.default for name, parameter in settings}
        yield Door(transport.__name__, _of(transport, **defaults))
    sending = HttpRequest("GET", "http://127.0.0.1:9/health", label="GET health")
    calls: dict[str, dict[str, Any]] = {
        "send": {"request": sending, "deadline": 5000.0},
        "open_stream": {"request": sending, "deadline": 5000.0},
        "sleep": {"duration": timedelta(0)},
    }
    for name, call in calls.items():
        yield Door(f"Urllib3Transport.{name}", _of(_with_urllib3(name), **call))
        yield Door(f"AiohttpTransport.{name}", _of(_with_aiohttp(name), **call))


def _with_urllib3(name: str) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        with Urllib3Transport(ssl_context=_TLS) as transport:
            return getattr(transport, name)(**arguments)

    return call


def _with_aiohttp(name: str) -> Callable[..., Any]:
    async def call(**arguments: Any) -> Any:
        async with AiohttpTransport(ssl_context=_TLS) as transport:
            return await getattr(transport, name)(**arguments)

    return call


_TLS = create_default_context()

_GONE = HttpResponse(404)
DOORS = {door.name: door for door in (*_all(), *_testing(), *_for_authors())}


def public_callables() -> Iterator[str]:
    """Yield the name of every public callable that has a parameter."""
    yield from public_callables_of(*PACKAGES)


def public_callables_of(*packages: ModuleType) -> Iterator[str]:
    """Yield the name of every public callable in these packages that has a parameter."""
    for package in packages:
        for name in package.__all__:
            shown = getattr(package, name)
            if not inspect.isclass(shown):
                if inspect.isroutine(shown):
                    yield name
            elif not issubclass(shown, Exception | Enum):
                yield from _of_class(name, shown)


def _of_class(name: str, shown: type) -> Iterator[str]:
    if "_is_protocol" in vars(shown):
        return
    if inspect.signature(shown).parameters:
        yield name
    for method in vars(shown):
        function = getattr(shown, method)
        if not method.startswith("_") and callable(function):
            taken = set(inspect.signature(function).parameters) - {"self"}
            if taken:
                yield f"{name}.{method}"
