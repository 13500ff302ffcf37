"""The observed application, which runs sessions of all kinds with a server over HTTP.

It runs in a separate process, so that only the application is observed, and not the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import isawaitable
from threading import Event, Thread
from typing import Any, Self

from irma_backend import LoggingObserver
from irma_core import (
    AsyncCallbackReceiver,
    AsyncHandles,
    AsyncRequestor,
    CallbackReceiver,
    CredentialRequest,
    DisclosureRequest,
    GatewayAuthentication,
    GatewaySecret,
    Handles,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    PairingMethod,
    Requestor,
    RequestorToken,
    RevocationRequest,
    Risk,
    Sealer,
    SignatureRequest,
    TokenAuthentication,
    new_sealing_key,
)
from irma_core.errors import IrmaError
from irma_transport import SystemClock
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_stores import async_memory_store, memory_store

__all__ = ["Play"]

NAME = "example.town.resident.firstname"
ASKED = DisclosureRequest({"name": NAME})
SOON, SHORT = timedelta(seconds=60), timedelta(seconds=2)


def ignore_end(_end: object) -> None:
    """Do nothing with the end of a session."""


async def await_if_needed(value: Any) -> Any:
    """Return the result of a call, which is awaited if the requestor is async."""
    return await value if isawaitable(value) else value


class Play:
    """An application and its secrets.

    Args:
        settings: The secrets that the test chose, and the URLs of its servers (`…_url`).
        is_async: Whether it uses asyncio and aiohttp, or threads and urllib3.

    Attributes:
        secrets: The strings that no observer may see, by name.
        errors: The errors that its calls raised.
    """

    def __init__(self, settings: dict[str, str], *, is_async: bool) -> None:
        self._settings = settings
        self._is_async = is_async
        self.errors: list[IrmaError] = []
        self.secrets = {
            name: value for name, value in settings.items() if not name.endswith("_url")
        }
        self._sealing_key = self.secrets["sealing_key"] = new_sealing_key()
        self._gone = RequestorToken(settings["gone"])

    async def run(self) -> None:
        """Run all sessions."""
        async with self._transport() as transport:
            await self._disclose(transport)
            await self._sign_and_issue(transport)
            await self._receive_and_redeem(transport)
            await self._fail(transport)
        proxy = self._settings["proxy_url"].replace("://", f"://u:{self.secrets['proxy_word']}@")
        async with self._transport(proxy=proxy) as transport:
            for url in ("http://irma.example", "https://irma.example"):
                proxied = self._token_requestor(url, transport, allow=[Risk.PLAIN_HTTP])
                await self._keep_error(lambda: proxied.get_status(self._gone))  # noqa: B023

    async def _disclose(self, transport: Any) -> None:
        for is_stream in (True, False):
            requestor = self._token_requestor(self._settings["server_url"], transport)
            session = await self._start_session(requestor, ASKED)
            await await_if_needed(requestor.get_status(session))
            if is_stream:
                await self._watch_session(requestor, session)
            else:
                await await_if_needed(requestor.wait_for_answer(session, timeout=SOON))
            await await_if_needed(requestor.get_answer(session))
            await await_if_needed(requestor.get_unchecked_result(session))
            await await_if_needed(requestor.get_result_jwt(session))
            await await_if_needed(requestor.check_health())
        behind = self._make_requestor(
            self._settings["gateway_url"],
            transport,
            gateway=GatewayAuthentication(
                self._settings["token_url"], GatewaySecret("shop", self.secrets["gateway_secret"])
            ),
        )
        await self._start_session(behind, ASKED)
        await self._keep_error(lambda: behind.get_status(self._gone))
        signer = HmacSigner(self.secrets["hmac_key"].encode())
        keyed = self._make_requestor(
            self._settings["server_url"],
            transport,
            authentication=HmacAuthentication("key-owner", signer),
        )
        await self._start_session(keyed, ASKED)

    async def _sign_and_issue(self, transport: Any) -> None:
        requestor = self._token_requestor(self._settings["server_url"], transport)
        signing = SignatureRequest(self.secrets["message"], {"name": NAME})
        session = await self._start_session(requestor, signing)
        await await_if_needed(requestor.set_pairing(session, PairingMethod.PIN))
        await self._keep_error(lambda: requestor.complete_pairing(session))
        await self._keep_error(lambda: requestor.get_answer(session))
        await await_if_needed(requestor.cancel_session(session))
        await self._keep_error(lambda: requestor.wait_for_answer(session, timeout=SOON))
        values = {"firstname": self.secrets["issued_value"], "familyname": "x", "email": "y"}
        key = self.secrets["revocation_key"]
        card = CredentialRequest("example.town.resident", values)
        await self._start_session(requestor, IssuanceRequest([card]))
        card = CredentialRequest("example.town.resident", values, revocation_key=key)
        await self._keep_error(lambda: requestor.start_session(IssuanceRequest([card])))
        revocation = RevocationRequest("example.town.resident", key)
        await self._keep_error(lambda: requestor.revoke(revocation))

    async def _receive_and_redeem(self, transport: Any) -> None:
        url, clock = self._settings["server_url"], SystemClock()
        key = await await_if_needed(self._token_requestor(url, transport).get_public_key())
        requestor = self._token_requestor(
            url, transport, server_key=key, allow=[Risk.SIMULATED_PROOFS]
        )
        store: Any = async_memory_store(clock) if self._is_async else memory_store(clock)
        receiver_kind: Any = AsyncCallbackReceiver if self._is_async else CallbackReceiver
        with CallbackPage(asyncio.get_running_loop()) as page:
            page.receiver = receiver_kind(
                requestor,
                page.url,
                sealer=Sealer([self._sealing_key]),
                store=store,
                deliver=ignore_end,
            )
            request = page.receiver.with_callback(ASKED)
            self.secrets["callback"] = str(request.callback_url).split("/")[-2]
            session = await self._start_session(requestor, request)
            await await_if_needed(requestor.get_status(session))
            assert await asyncio.to_thread(page.received.wait, 60)
        handles_kind: Any = AsyncHandles if self._is_async else Handles
        handles = handles_kind(requestor, [self._sealing_key], store=store, purpose="login")
        binding = self.secrets["binding"]
        handle = self.secrets["handle"] = handles.seal(session, binding=binding)
        for given in (handle, handle, handle[:-1]):
            await self._keep_error(lambda: handles.redeem(given, binding=binding))  # noqa: B023

    async def _fail(self, transport: Any) -> None:
        """Call servers that refuse the connection, hang up, redirect, and quote the request."""
        for name, url in self._settings.items():
            if name.startswith("bad_"):
                requestor = self._token_requestor(url, transport, timeout=SHORT)
                await self._keep_error(lambda: requestor.start_session(ASKED))  # noqa: B023
                await self._keep_error(lambda: requestor.get_status(self._gone))  # noqa: B023
                await self._keep_error(lambda: requestor.get_unchecked_result(self._gone))  # noqa: B023
                await self._keep_error(lambda: requestor.cancel_session(self._gone))  # noqa: B023

    @asynccontextmanager
    async def _transport(self, **settings: Any) -> AsyncGenerator[Any]:
        if self._is_async:
            async with AiohttpTransport(**settings) as transport:
                yield transport
        else:
            with Urllib3Transport(**settings) as transport:
                yield transport

    def _make_requestor(self, url: str, transport: Any, **settings: Any) -> Any:
        kind: Any = AsyncRequestor if self._is_async else Requestor
        return kind(url, transport, observer=LoggingObserver(), **settings)

    def _token_requestor(self, url: str, transport: Any, **settings: Any) -> Any:
        known = TokenAuthentication(self.secrets["bearer"])
        headers = {"X-Api-Key": self.secrets["api_key"]}
        return self._make_requestor(
            url, transport, authentication=known, headers=headers, **settings
        )

    async def _start_session(self, requestor: Any, request: Any) -> Any:
        session = await await_if_needed(requestor.start_session(request))
        number = len(self.secrets)
        self.secrets[f"requestor token {number}"] = session.token.reveal()
        self.secrets[f"client token {number}"] = session.pointer.url.rpartition("/")[2]
        authorization = session.frontend_request.authorization.reveal()
        self.secrets[f"frontend authorization {number}"] = authorization
        return session

    async def _watch_session(self, requestor: Any, session: Any) -> None:
        watching = requestor.watch_status(session, timeout=SOON)
        if isinstance(watching, AbstractAsyncContextManager):
            async with watching as statuses:
                async for _ in statuses:
                    pass
        else:
            with watching as statuses:
                for _ in statuses:
                    pass

    async def _keep_error(self, call: Callable[[], Any]) -> None:
        try:
            await await_if_needed(call())
        except IrmaError as error:
            self.errors.append(error)


class CallbackPage:
    """The application's page for callbacks, which is served during a `with` block."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.receiver: Any = None
        self.received = Event()
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base's name
                body = self.rfile.read(int(self.headers["content-length"]))
                reply = page.receiver.receive("POST", self.path, self.headers.items(), body)
                if isawaitable(reply):

                    async def await_reply() -> Any:
                        return await reply

                    reply = asyncio.run_coroutine_threadsafe(await_reply(), loop).result()
                self.send_response(reply.status)
                self.send_header("content-length", "0")
                self.end_headers()
                page.received.set()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Log nothing, because a web server's access log contains the URL."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/irma"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
