"""Every public callable with a wrong value for one parameter at a time.

The call must raise an error of the library that names the parameter and does not show the value,
and must neither send nor store anything. It may accept a value of the parameter's type.
"""
# pyright: reportUnknownLambdaType=false
# These tests need values of any type.

from __future__ import annotations

import re
from collections import UserString, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import irma_core as core
from irma_core.errors import (
    AnswerError,
    IrmaError,
    PluginError,
    ServerRefusedError,
    StatusBackendError,
    StoreError,
    TransportError,
    UsageError,
)
from tests.front import doors
from tests.front.adapter_doors import ADAPTER_DOORS, adapter_callables
from tests.front.doors import (
    ASKED,
    EXTENDED,
    POINTER,
    STARTED,
    TOKEN,
    Door,
    World,
    public_callables,
)

MARK = "ZooValue"
DOORS = {**doors.DOORS, **ADAPTER_DOORS}


class Url:
    """An object that is printed as a URL, like the URL objects of web frameworks."""

    def __str__(self) -> str:
        return f"https://{MARK}.example"


def nested() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


async def awaited(*_: object) -> None: ...


class Proxy:
    """Claims the class of the wrapped object, like the lazy objects of Django and Werkzeug."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, "_value")
        return type(value) if name == "__class__" else getattr(value, name)

    def __str__(self) -> str:
        return str(self._value)


class OwnString(str):
    """A string of a subclass, such as `markupsafe.Markup`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"own {super().__repr__()}"


class OwnEnum(StrEnum):
    """A string that is an enum."""

    MEMBER = MARK


DEEP = nested()
STRINGS: dict[str, Callable[[World], Any]] = {
    "empty": lambda _: "",
    "word": lambda _: MARK,
    "lone surrogate": lambda _: "\ud800" + MARK,
    "null character": lambda _: MARK + "\0",
    "long": lambda _: MARK * 10_000,
    "own string": lambda _: OwnString(MARK),
    "enum": lambda _: OwnEnum.MEMBER,
    "user string": lambda _: UserString(MARK),
    "proxy of str": lambda _: Proxy(MARK),
}
OTHERS: dict[str, Callable[[World], Any]] = {
    "None": lambda _: None,
    "True": lambda _: True,
    "1": lambda _: 1,
    "-1": lambda _: -1,
    "nan": lambda _: float("nan"),
    "10**400": lambda _: 10**400,
    "Decimal": lambda _: Decimal(5),
    "bytes": lambda _: MARK.encode(),
    "bytearray": lambda _: bytearray(MARK.encode()),
    "memoryview": lambda _: memoryview(MARK.encode()),
    "list": lambda _: [MARK],
    "list of None": lambda _: [None],
    "tuple": lambda _: (MARK,),
    "set": lambda _: {MARK},
    "deque": lambda _: deque([MARK]),
    "generator": lambda _: (each for each in [MARK]),
    "dict": lambda _: {MARK: MARK},
    "dict of numbers": lambda _: {1: 2},
    "proxy of bytes": lambda _: Proxy(MARK.encode()),
    "proxy of timedelta": lambda _: Proxy(timedelta(milliseconds=5)),
    "proxy of datetime": lambda _: Proxy(datetime(2026, 1, 1, tzinfo=UTC)),
    "proxy of a session": lambda _: Proxy(STARTED),
    "proxy of a request": lambda _: Proxy(ASKED),
    "deep list": lambda _: DEEP,
    "object": lambda _: object(),
    "Url": lambda _: Url(),
    "Path": lambda _: Path(f"/{MARK}"),
    "a class": lambda _: core.StartedSession,
    "another class": lambda _: core.DisclosureRequest,
    "function": lambda _: lambda *_: None,
    "async function": lambda _: awaited,
    "timedelta": lambda _: timedelta(milliseconds=5),
    "no time": lambda _: timedelta(0),
    "time below zero": lambda _: timedelta(-1),
    "timedelta.max": lambda _: timedelta.max,
    "naive time": lambda _: datetime(2026, 1, 1),  # noqa: DTZ001 - the point of it
    "aware time": lambda _: datetime(2026, 1, 1, tzinfo=UTC),
    "last time": lambda _: datetime.max.replace(tzinfo=UTC),
    "Risk": lambda _: core.Risk.PLAIN_HTTP,
    "SessionStatus": lambda _: core.SessionStatus.DONE,
    "RequestorToken": lambda _: TOKEN,
    "SessionPointer": lambda _: POINTER,
    "StartedSession": lambda _: STARTED,
    "request": lambda _: ASKED,
    "extended request": lambda _: EXTENDED,
    "Sealer": lambda world: world.sealer,
    "Handles": lambda world: world.handles,
    "Requestor": lambda world: world.sync,
    "AsyncRequestor": lambda world: world.other,
    "store": lambda world: world.store,
    "async store": lambda world: world.async_store,
    "transport": lambda world: world.transport(),
    "async transport": lambda world: world.async_transport(),
}
ZOO = STRINGS | OTHERS

# Other tests check keys (`tests/trust`) and stores in files (the contract). Flows are not for
# applications. The error for a secret contains its name. Only the library makes events.
TESTED_ELSEWHERE = re.compile(
    r".*Signer.*|SharedKey.*|PublicKey|.*Authentication|GatewayAssertion|GatewaySecret|Sealer|new_sealing_key|verify_.*"
    r"|ScannedSession|VerifiedRequest|.*run_flow|.*SqliteStore.*|(Async)?Parts(.status_backend)?"
    r"|FrozenMapping|boundary|FactoryContext.secret"
    r"|Session(Started|Answered|Refused|Failed)|CallRetried|CallbackDelivered|NextSessionChosen"
    r"|WatchFellBack|ReplayedCallback|KeptInStore\.[a-z]+_flow|(Post|Handle|Web)Refused|LoggingObserver.observe"
    r"|starlette.Irma.lifespan|InstalledPackage|install_browser_package"
)
OTHER_NAMES = {
    ("SessionPointer", "url"): "u",
    ("RequestorToken", "text"): "token",
    ("FrontendAuthorization", "text"): "authorization",
    ("all_of", "attributes"): "all_of",
    ("ScannedSession.cheat", "extra"): "credential_type",
    ("any_of", "options"): "any_of",
    ("optional", "options"): "optional",
    ("read_request", "text"): "request",
    ("PluginUri.parse", "text"): "uri",
    ("read_settings", "path"): "settings",
    ("Urllib3Transport", "client_key_password"): "client_key",
    ("AiohttpTransport", "client_key_password"): "client_key",
    ("starlette.Irma", "server"): "url",
    ("starlette.Irma.element", "next"): "next_url",
    **{
        (f"{adapter}.Irma.{method}", "name"): "question"
        for adapter in ("flask", "starlette")
        for method in ("on_answer", "proved", "proof", "element")
    },
    ("flask.Irma.element", "next"): "next_url",
    ("the settings of flask.Irma", "IRMA_SETTINGS"): "settings",
    ("the settings of flask.Irma", "IRMA_TOKEN"): "token",
    ("the settings of flask.Irma", "IRMA_SERVER_KEY"): "server_key",
    ("the settings of flask.Irma", "IRMA_STORE"): "store",
    ("the settings of flask.Irma", "IRMA_ORIGINS"): "origins",
    ("the settings of flask.Irma", "IRMA_LIFETIME"): "lifetime",
}
"""The names that errors use for parameters that have another name in JSON, or none."""
CHECKED_TOGETHER = {
    ("IssuanceRequest", "disclose"),  # then the labels do not fit
    ("Handles", "keys"),
    ("AsyncHandles", "keys"),
    ("WebSessions", "keys"),
    ("AsyncWebSessions", "keys"),
    ("starlette.Irma", "keys"),
    ("the settings of flask.Irma", "IRMA_SEALING_KEYS"),
    ("the settings of flask.Irma", "IRMA_CONNECT"),
}
"""Parameters that are checked together with others, so that the error may name another one."""
CALLERS_NAMES = {
    *("disclose", "labels", "plugins", "secrets", "jwt_issuer", "pinned", "path"),
    "IRMA_CONNECT",
}
"""Parameters whose values contain names that the caller chose, which errors show."""


def words(text: str) -> set[str]:
    """Return the words of a string in lower case, so that "URL" matches the parameter `url`."""
    return set(re.findall(r"[a-z_]+", text.lower()))


def cases() -> Iterator[Any]:
    for door in DOORS.values():
        for parameter in door.parameters():
            yield pytest.param(door.name, parameter, id=f"{door.name}-{parameter}")


def test_no_door_is_left_out() -> None:
    """Every public callable has a call in `DOORS`."""
    shown = (*public_callables(), *adapter_callables())
    missing = {name for name in shown if not TESTED_ELSEWHERE.fullmatch(name)}
    assert missing - set(DOORS) == set()


@pytest.mark.parametrize("name", DOORS)
def test_each_call_with_right_arguments_works(name: str) -> None:
    """Each call in `DOORS` works, so that an error is due to the argument that a test replaces."""
    world = World()
    # The checks of arguments come before the network, the server and the answer.
    elsewhere = (TransportError, ServerRefusedError, AnswerError, StoreError, StatusBackendError)
    with suppress(*elsewhere):
        DOORS[name].call(world)


def _prepared(name: str) -> tuple[World, Door]:
    """Return a world, and a door that is ready to be called in it."""
    world = World()
    function, arguments = DOORS[name].make(world)
    world.sent.clear()
    world.stored.clear()
    return world, DOORS[name].with_call(function, arguments)


def _check_refusal(error: UsageError, name: str, parameter: str, animal: str) -> None:
    """Check that an error names the refused argument, and does not show it."""
    _check_text(error, parameter, animal)
    if isinstance(error, PluginError) or (name, parameter) in CHECKED_TOGETHER:
        return
    known = {OTHER_NAMES.get((name, parameter), parameter), parameter.lower()}
    # The error for a proxy names the parameter that needed more than the proxy.
    if "proxy" in animal:
        known.add("proxy")
    assert known & words(str(error)), (animal, str(error))


def _check_text(error: IrmaError, parameter: str, animal: str) -> None:
    """Check that an error does not show the argument, and is no excuse for a bug."""
    assert "this is a bug" not in str(error), animal
    if parameter not in CALLERS_NAMES:
        assert MARK not in str(error), animal


@pytest.mark.parametrize(("name", "parameter"), list(cases()))
def test_a_wrong_argument_is_refused_by_name(name: str, parameter: str) -> None:
    """A wrong argument raises an error of the library before anything is sent or stored."""
    taken: list[str] = []
    world, door = _prepared(name)
    for animal, make in ZOO.items():
        try:
            door.call(world, **{parameter: make(world)})
        except UsageError as error:
            _check_refusal(error, name, parameter, animal)
            # A refused call leaves the world as it was, so the next one is tried in it, too.
            assert world.sent == world.stored == [], animal
            continue
        except IrmaError as error:
            _check_text(error, parameter, animal)
        else:
            taken.append(animal)
        world, door = _prepared(name)
    assert len(taken) < len(ZOO) / 3, taken
