"""No `repr`, `str`, formatted traceback or log record shows a secret; they show fingerprints.

The tests run whole sessions, good and bad, with known secrets. Then they show every object that the
library returned, and everything in it, in every way, and search the results. The server in memory
is left out, because it is the other side and its secrets are made up.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core import (
    AsyncRequestor,
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    Handles,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    NextSession,
    PairingMethod,
    Requestor,
    RevocationRequest,
    SignatureRequest,
    StartedSession,
    TokenAuthentication,
    new_sealing_key,
)
from irma_core.errors import IrmaError
from irma_core.flows.effects import put_if_absent, sign
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.trust.sealing import Sealer
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_stores import memory_store

VALUE, MESSAGE, PATH = "Ada-1815-12-10", "I owe-Babbage-5-guineas", "callback-path-7f3a"
KEY, REVOCATION_KEY, BEARER = (
    "the key! of no shop: q7Zx#pV2mB9w",
    "revocation-key-19",
    "bearer-token-58",
)
SEALING_KEY, BINDING = new_sealing_key(), "web-session-secret-77"
AGE, NAME = "example.town.age", "example.town.resident.firstname"
CALLBACK = f"https://shop.example/{PATH}"
SHORT = timedelta(minutes=1)
Play = Callable[[Requestor, SimulatedApp, InMemoryServer], Iterable[object]]


def parts(thing: object, seen: set[int]) -> Iterator[object]:
    """Yield an object and everything in it, each once."""
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | type | None):
        return
    if type(thing).__module__.startswith("irma_testing"):
        return
    seen.add(id(thing))
    yield thing
    held: list[object] = []
    if isinstance(thing, Mapping):
        held += thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        held += thing
    elif hasattr(thing, "__attrs_attrs__"):
        fields: Iterable[attrs.Attribute[object]] = getattr(thing, "__attrs_attrs__")  # noqa: B009
        held += (getattr(thing, field.name) for field in fields)
    elif isinstance(thing, BaseException):
        held += (thing.__cause__, thing.__context__, *vars(thing).values())
    elif type(thing).__module__.startswith("irma_"):
        held += getattr(thing, "__dict__", {}).values()
    for each in held:
        yield from parts(each, seen)


def shown(things: Iterable[object]) -> Iterator[str]:
    """Yield each string that a log, a page or a person may see of these objects."""
    seen: set[int] = set()
    for thing in (part for each in things for part in parts(each, seen)):
        if isinstance(thing, BaseException):
            yield "".join(traceback.format_exception(thing))
        if type(thing).__module__.startswith("irma_") or isinstance(thing, BaseException):
            yield f"{thing!r} {thing} {thing!s:>1}"


def secrets_of(session: StartedSession) -> Iterator[str]:
    yield session.token.reveal()
    yield session.pointer.url.rpartition("/")[2]
    if session.frontend_request is not None:
        yield session.frontend_request.authorization.reveal()


def result_or_error(call: Callable[[], object]) -> object:
    """Return what a call returns, or the error that it raises."""
    try:
        return call()
    except IrmaError as error:
        return error


def disclosing(requestor: Requestor, app: SimulatedApp, _server: InMemoryServer) -> list[object]:
    session = requestor.start_session(
        ExtendedRequest(
            DisclosureRequest(
                {"age": f"{AGE}.over18", "name": AttributeRequest(NAME, value=VALUE)}
            ),
            next_session=NextSession(CALLBACK),
        )
    )
    early = result_or_error(lambda: requestor.get_answer(session))
    options = requestor.set_pairing(session, PairingMethod.NONE)
    app.accept(session.pointer)
    things = [session, early, options, requestor.get_status(session)]
    return [*things, *map(result_or_error, ends(requestor, session))]


def ends(requestor: Requestor, session: StartedSession) -> list[Callable[[], object]]:
    return [
        lambda: requestor.get_unchecked_result(session),
        lambda: requestor.get_answer(session),
        lambda: list(requestor.get_answer(session)),
        lambda: requestor.cancel_session(session),
        lambda: requestor.complete_pairing(session),
        lambda: requestor.set_pairing(session, PairingMethod.PIN),
    ]


def signing(requestor: Requestor, app: SimulatedApp, _server: InMemoryServer) -> list[object]:
    session = requestor.start_session(SignatureRequest(MESSAGE, {"name": NAME}))
    app.accept(session.pointer)
    return [session, *map(result_or_error, ends(requestor, session))]


def cheating(requestor: Requestor, app: SimulatedApp, _server: InMemoryServer) -> list[object]:
    wrong = DisclosureRequest({"age": f"{AGE}.over18"})
    session = requestor.start_session(wrong)
    app.accept(session.pointer)
    asked = ExtendedRequest(
        DisclosureRequest({"age": AttributeRequest(f"{AGE}.over18", value=VALUE)})
    )
    other = StartedSession(asked, session.package, started_at=session.started_at)
    return [session, other, result_or_error(lambda: requestor.get_answer(other))]


def refusing(requestor: Requestor, app: SimulatedApp, server: InMemoryServer) -> list[object]:
    session = requestor.start_session(DisclosureRequest([NAME]))
    app.refuse(session.pointer)
    things = [session, result_or_error(lambda: requestor.wait_for_answer(session, timeout=SHORT))]
    late = requestor.start_session(DisclosureRequest([NAME]))
    things += [late, result_or_error(lambda: requestor.wait_for_answer(late, timeout=SHORT))]
    server.pass_time(timedelta(hours=1))
    return [*things, *map(result_or_error, ends(requestor, late))]


def issuing(requestor: Requestor, _app: SimulatedApp, _server: InMemoryServer) -> list[object]:
    card = CredentialRequest(
        "example.town.resident", {"firstname": VALUE}, revocation_key=REVOCATION_KEY
    )
    return [
        card,
        result_or_error(lambda: requestor.start_session(IssuanceRequest([card]))),
        result_or_error(
            lambda: requestor.start_session(
                IssuanceRequest([attrs.evolve(card, revocation_key=None)])
            )
        ),
        result_or_error(lambda: CredentialRequest("example.town", {"firstname": VALUE})),
        result_or_error(
            lambda: ExtendedRequest(DisclosureRequest([NAME]), callback_url=f"ftp://{PATH}/")
        ),
        result_or_error(lambda: requestor.revoke(RevocationRequest(AGE, REVOCATION_KEY))),
        result_or_error(lambda: requestor.start_session(f"a.{KEY}.b")),
        result_or_error(lambda: requestor.start_session(KEY)),
    ]


def sealing(requestor: Requestor, app: SimulatedApp, server: InMemoryServer) -> list[object]:
    store = memory_store(server.transport().clock)
    handles = Handles(requestor, [SEALING_KEY], store=store, purpose="login")
    session = requestor.start_session(DisclosureRequest({"name": NAME}))
    handle = handles.seal(session, binding=BINDING)

    def redeem(text: Any, binding: str | None = BINDING) -> object:
        return handles.redeem(text, binding=binding)

    early = result_or_error(lambda: redeem(handle))
    app.accept(session.pointer)
    tries = [(handle, "another's"), (handle, None), (handle[:-1], BINDING), (KEY, BINDING)]
    redeemed = [result_or_error(lambda: redeem(*each)) for each in [*tries, (handle,), (handle,)]]  # noqa: B023
    opened = handles.unseal(handle, binding=BINDING)
    return [handles, store, session, early, *redeemed, opened, Sealer([SEALING_KEY])]


def tokens(server: InMemoryServer) -> Requestor:
    return Requestor(server.url, server.transport(), authentication=TokenAuthentication(BEARER))


def hmac(server: InMemoryServer) -> Requestor:
    authentication = HmacAuthentication("key-owner", HmacSigner(KEY.encode()))
    return Requestor(server.url, server.transport(), authentication=authentication)


def with_unknown_key(server: InMemoryServer) -> Requestor:
    authentication = TokenAuthentication(BEARER + BEARER)
    return Requestor(server.url, server.transport(), authentication=authentication)


@pytest.fixture
def server() -> InMemoryServer:
    known = {
        "token-owner": RequestorSettings("token", BEARER),
        "key-owner": RequestorSettings("hmac", base64.b64encode(KEY.encode()).decode()),
    }
    return InMemoryServer(ServerSettings(requestors=known))


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    app.add(AGE, {"over18": "yes"})
    app.add("example.town.resident", {"firstname": VALUE, "familyname": VALUE})
    return app


def search(things: list[object], log: pytest.LogCaptureFixture) -> None:
    """Fail if a secret is visible anywhere."""
    sessions = [part for part in parts(things, set()) if isinstance(part, StartedSession)]
    secrets = [VALUE, MESSAGE, PATH, KEY, REVOCATION_KEY, BEARER, SEALING_KEY, BINDING]
    secrets += [secret for session in sessions for secret in secrets_of(session)]
    texts = [*shown(things), *(f"{each.getMessage()} {each.args!r}" for each in log.records)]
    assert texts
    for secret in secrets:
        assert not [text for text in texts if secret in text]


@pytest.mark.parametrize("play", [disclosing, signing, cheating, refusing, issuing, sealing])
@pytest.mark.parametrize("made", [tokens, hmac])
def test_no_session_shows_a_secret(
    made: Callable[[InMemoryServer], Requestor],
    play: Play,
    server: InMemoryServer,
    app: SimulatedApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No secret of a session is shown, however the session ends."""
    caplog.set_level(logging.DEBUG)
    requestor = made(server)
    search([requestor, *play(requestor, app, server)], caplog)


def test_refused_requestor_shows_no_key(
    server: InMemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The error of an unknown requestor has the server's message and not the header."""
    caplog.set_level(logging.DEBUG)
    requestor = with_unknown_key(server)
    search(
        [requestor, result_or_error(lambda: requestor.start_session(DisclosureRequest([NAME])))],
        caplog,
    )


@contextmanager
def rude_server() -> Generator[int]:
    """Accepts connections, and closes them after the first bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_no_broken_connection_shows_a_secret(
    server: InMemoryServer, app: SimulatedApp, caplog: pytest.LogCaptureFixture
) -> None:
    """After a broken connection no secret is shown, even by the errors of the HTTP library."""
    caplog.set_level(logging.DEBUG)
    session = tokens(server).start_session(DisclosureRequest([NAME]))
    with rude_server() as port, Urllib3Transport() as transport:
        for address in (f"http://127.0.0.1:{port}/irma", "http://127.0.0.1:1"):
            requestor = Requestor(address, transport, authentication=TokenAuthentication(BEARER))
            calls = [
                lambda: requestor.start_session(DisclosureRequest([NAME])),  # noqa: B023
                lambda: requestor.get_status(session),  # noqa: B023
                lambda: requestor.get_answer(session),  # noqa: B023
                lambda: requestor.cancel_session(session),  # noqa: B023
            ]
            search([session, requestor, transport, *map(result_or_error, calls)], caplog)


def test_no_async_session_shows_a_secret(
    server: InMemoryServer, app: SimulatedApp, caplog: pytest.LogCaptureFixture
) -> None:
    """No secret of a session with an AsyncRequestor is shown."""
    caplog.set_level(logging.DEBUG)
    authentication = TokenAuthentication(BEARER)
    requestor = AsyncRequestor(server.url, server.async_transport(), authentication=authentication)

    async def main() -> list[object]:
        session = await requestor.start_session(DisclosureRequest({"name": NAME}))
        app.accept(session.pointer)
        answer = await requestor.wait_for_answer(session, timeout=SHORT)
        return [session, answer, await requestor.get_unchecked_result(session)]

    search([requestor, *asyncio.run(main())], caplog)


def test_messages_and_effects_show_no_content() -> None:
    """A third-party transport may log requests and responses without showing a secret."""
    request = HttpRequest(
        "GET",
        f"https://irma.example/session/{BEARER}/status",
        headers=(("Authorization", KEY),),
        label="GET session/{token}/status",
        body=VALUE.encode(),
    )
    response = HttpResponse(200, (("x", BEARER),), body=MESSAGE.encode())
    signing = sign(HmacSigner(KEY.encode()), VALUE.encode(), 0.0)
    put = put_if_absent(memory_store(SystemClock()), BEARER, VALUE.encode(), SHORT, 0.0)
    for text in shown([request, response, signing, put]):
        assert not any(secret in text for secret in (VALUE, MESSAGE, KEY, BEARER))


def test_the_search_finds_a_planted_secret() -> None:
    """The search finds a secret at any depth, so that finding none means that there is none."""
    leak = RuntimeError("outer")  # the watch over the whole suite would find one of ours
    leak.__cause__ = ValueError(VALUE)
    assert any(VALUE in text for text in shown([{"deep": [(leak,)]}]))
