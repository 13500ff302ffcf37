"""Type checkers infer exact types for flows and the public interface, and refuse wrong modes.

With mypy's `warn_unused_ignores` and pyright's setting below, each `type: ignore` is a test: if a
checker accepts the line, it reports the comment as unused.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from asyncio import TaskGroup
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import assert_type

from irma_backend import connect, connect_async, open_parts, open_parts_async
from irma_core import (
    Answer,
    AsyncCallbackReceiver,
    AsyncHandles,
    AsyncRequestor,
    AsyncSigner,
    Binding,
    CallbackReceiver,
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
    Handles,
    HmacAuthentication,
    NextSessionReceiver,
    Requestor,
    Sealer,
    SessionStatus,
    Signer,
    StartedSession,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Flow, Send
from irma_core.flows.session_answers import get_answer_flow
from irma_core.flows.session_calls import get_status_flow
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_testing import AsyncScriptedTransport, ScriptedTransport

GET = HttpRequest("GET", "https://irma.example/health", label="GET health")


def get_health() -> Flow[int]:
    response = yield from Send(GET, 0.0)
    assert_type(response, HttpResponse)
    return response.status


def test_a_flow_has_the_exact_type_of_its_answer() -> None:
    """`yield from` has the type of the effect's result, and `run` that of the flow's result."""
    status = run(get_health(), ScriptedTransport([HttpResponse(204)]))
    assert_type(status, int)
    assert status == 204


def flows_have_exact_types(
    wiring: RequestorContext, session: StartedSession, requestor: Requestor
) -> None:
    assert_type(get_answer_flow(wiring, session), Flow[Answer])
    assert_type(get_status_flow(wiring, session), Flow[SessionStatus])
    assert_type(requestor.get_answer(session), Answer)


def bindings_must_be_explicit(
    handles: Handles, session: StartedSession, cookie: str | None
) -> None:
    """A type checker rejects a binding that may be None, or none at all."""
    handles.seal(session, binding=Binding.NONE)
    handles.seal(session, binding=cookie)  # type: ignore[arg-type]
    handles.seal(session)  # type: ignore[call-arg]
    handles.unseal("handle", binding=cookie)


async def handles_have_a_mode(
    requestor: Requestor,
    awaited: AsyncRequestor,
    keys: list[str],
    stores: tuple[Store, AsyncStore],
) -> None:
    """A type checker rejects handles with a requestor or store of another mode."""
    blocking, other = stores
    handles = Handles(requestor, keys, store=blocking, purpose="login")
    assert_type(handles.redeem("handle", binding="visit"), Answer)
    async_handles = AsyncHandles(awaited, keys, store=other, purpose="login")
    assert_type(await async_handles.redeem("handle", binding="visit"), Answer)
    Handles(requestor, keys, store=other, purpose="login")  # type: ignore[arg-type]
    AsyncHandles(awaited, keys, store=blocking, purpose="login")  # type: ignore[arg-type]
    Handles(awaited, keys, store=blocking, purpose="login")  # type: ignore[arg-type]
    Handles(requestor, Sealer(keys), store=blocking, purpose="login")  # type: ignore[arg-type]
    page = "https://shop.example/irma"
    CallbackReceiver(requestor, page, sealer=handles, store=blocking, deliver=print)  # type: ignore[arg-type]


def gateways_have_a_mode(signer: AsyncSigner) -> None:
    """A type checker rejects a gateway's signer of another mode; a secret fits both modes."""
    gateway = GatewayAuthentication("https://login.example", GatewayAssertion("shop", signer))
    AsyncRequestor("https://irma.example", AsyncScriptedTransport(), gateway=gateway)
    Requestor(
        "https://irma.example",
        ScriptedTransport(),
        gateway=gateway,  # type: ignore[arg-type]  # the point of it
    )
    secret = GatewayAuthentication("https://login.example", GatewaySecret("shop", "secret"))
    AsyncRequestor("https://irma.example", AsyncScriptedTransport(), gateway=secret)
    Requestor("https://irma.example", ScriptedTransport(), gateway=secret)


def signers_have_a_mode(authentication: HmacAuthentication[AsyncSigner]) -> None:
    """A type checker rejects an asyncio signer in `Requestor`."""
    AsyncRequestor("https://irma.example", AsyncScriptedTransport(), authentication=authentication)
    Requestor(
        "https://irma.example",
        ScriptedTransport(),
        authentication=authentication,  # type: ignore[arg-type]  # the point of it
    )


def status_backends_have_a_mode(backend: StatusBackend, awaited: AsyncStatusBackend) -> None:
    """A type checker rejects a status backend of another mode than the requestor's."""
    url, transport, other = "https://irma.example", ScriptedTransport(), AsyncScriptedTransport()
    Requestor(url, transport, status_backend=backend)
    AsyncRequestor(url, other, status_backend=awaited)
    Requestor(url, transport, status_backend=awaited)  # type: ignore[arg-type]  # the point of it
    AsyncRequestor(url, other, status_backend=backend)  # type: ignore[arg-type]  # the point of it


def receivers_have_a_mode(
    requestor: Requestor, other: AsyncRequestor, store: Store, awaited: AsyncStore, sealer: Sealer
) -> None:
    """A type checker rejects receivers with a requestor or store of another mode."""
    page = "https://shop.example/irma/callback"
    receiver = CallbackReceiver(requestor, page, sealer=sealer, store=store, deliver=print)
    assert_type(receiver.receive("POST", page, [], b""), HttpResponse)
    CallbackReceiver(requestor, page, sealer=sealer, store=awaited, deliver=print)  # type: ignore[arg-type]  # the point of it
    AsyncCallbackReceiver(other, page, sealer=sealer, store=store, deliver=print)  # type: ignore[arg-type]  # the point of it
    AsyncCallbackReceiver(requestor, page, sealer=sealer, store=awaited, deliver=print)  # type: ignore[arg-type]  # the point of it


def later_work_is_a_task_or_a_thread(
    requestor: Requestor, other: AsyncRequestor, store: Store, awaited: AsyncStore, sealer: Sealer
) -> None:
    """The work after the reply to an unsigned post can run as a task or on a thread."""
    page, tasks = "https://shop.example/irma/callback", TaskGroup()
    with ThreadPoolExecutor() as pool:
        CallbackReceiver(
            requestor,
            page,
            sealer=sealer,
            store=store,
            deliver=print,
            accept_unsigned=True,
            run_later=pool.submit,
        )
    AsyncCallbackReceiver(
        other,
        page,
        sealer=sealer,
        store=awaited,
        deliver=print,
        accept_unsigned=True,
        run_later=lambda work: tasks.create_task(work()),
    )


def chains_have_a_mode(
    session: StartedSession, requestor: Requestor, store: Store, sealer: Sealer
) -> None:
    """The answers of a chain have exact types in the requestor's mode."""
    page = "https://shop.example/irma"
    nexts = NextSessionReceiver(requestor, page, sealer=sealer, store=store, choose=print)
    assert_type(next(nexts.follow(session, timeout=timedelta(minutes=1))), Answer)


async def parts_have_a_mode(url: str, uri: str) -> None:
    """`Parts` and `AsyncParts` return parts of their own mode."""
    with connect(url) as requestor, open_parts() as parts:
        assert_type(requestor, Requestor)
        assert_type(parts.requestor(url), Requestor)
        assert_type(parts.store(uri), Store)
        assert_type(parts.signer(uri), Signer)
        assert_type(parts.status_backend(uri), StatusBackend)
        parts.requestor(url, nmae="shop")  # type: ignore[call-arg]  # the point of it
    async with connect_async(url) as awaited, open_parts_async() as async_parts:
        assert_type(awaited, AsyncRequestor)
        assert_type(async_parts.requestor(url), AsyncRequestor)
        assert_type(async_parts.store(uri), AsyncStore)
        assert_type(async_parts.signer(uri), AsyncSigner)
        assert_type(async_parts.status_backend(uri), AsyncStatusBackend)
    connect(url, timeout=30)  # type: ignore[arg-type]  # the point of it
    connect(url, transport=AsyncScriptedTransport())  # type: ignore[arg-type]  # the point of it
