"""The endpoints as Starlette routes, a dependency for views, and proofs in the session.

irma = Irma("https://irma.example", questions={"login": …}, keys=[…], store="sqlite:irma.db")

@irma.on_answer("login")
async def log_in(request, done):
    request.session["email"] = verified_email(done.answer)

app = FastAPI(lifespan=irma.lifespan)
app.include_router(irma.api_router())
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, final
from urllib.parse import urlencode

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from irma_backend import open_parts_async
from irma_backend.settings import SettingsSource
from irma_backend.site_log import log_findings
from irma_backend.web_site import (
    SitePages,
    async_web_site,
    check_post_functions,
    check_prefix,
    check_question_name,
    check_receives,
    check_site_url,
    site_defaults,
    site_questions,
    site_settings,
    split_arguments,
)
from irma_core import (
    AsyncCallbackReceiver,
    AsyncNextSessionReceiver,
    AsyncRequestor,
    ReplayedCallback,
)
from irma_core.errors import ConfigurationError, IrmaError, StoreError
from irma_core.interfaces import AsyncStore
from irma_core.json_text import JsonValue
from irma_core.models.arguments import check_instance
from irma_core.models.holders import Hidden, HiddenSecret
from irma_core.protocol.part_checks import check_function
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary, remove_frames
from irma_core.web.languages import preferred_language
from irma_core.web.next_urls import same_site_url
from irma_core.web.proofs import Proof, Proofs, check_max_age
from irma_core.web.questions import Questions, check_questions
from irma_core.web.site_checks import BrowserPackage, SiteFacts, check_site, facts_of
from irma_core.web.web_answers import WebAnswer
from irma_core.web.web_messages import WebReply, WebRequest
from irma_core.web.web_refusals import Step, refusal_reply
from irma_core.web.web_sessions import AsyncWebSessions
from irma_core.web.web_settings import check_origins
from irma_web.browser_package import package_state
from irma_web.markup import SafeHtml, ask_page, question_element
from irma_web.page import STATIC, page_settings
from irma_web.session_changes import SessionChanges
from irma_web_starlette.browser_calls import as_starlette, as_web_request, body_of
from irma_web_starlette.openapi import SUMMARIES, request_body_of, responses_of

if TYPE_CHECKING:
    from fastapi import APIRouter

__all__ = ["Irma"]

HandlerT = TypeVar("HandlerT", bound=Callable[[Request, WebAnswer], object])
_LOG: Final = logging.getLogger("irma_web_starlette")
_PROOF: Final = "irma_proof_{}"
"""The session's key for a question's proof. Each question has its own key, so that a repeated login
does not change the other proofs."""
_LIFETIME: Final = timedelta(minutes=5)
_PROOF_LIFETIME: Final = timedelta(days=14)
"""The default lifetime of a session in Starlette's `SessionMiddleware`."""
_CALLS_AT_ONCE: Final = 64
"""How many calls from pages a process handles at once, besides `finish` calls. Other calls wait,
and their timeouts do not start yet. If hundreds of calls ran together, each would take as long as
all of them together, time out, and be repeated."""
_FINISHES_AT_ONCE: Final = 16
"""How many `finish` calls a process handles at once. If the process dies after a login has run, but
before its outcome is stored, that login ends as `interrupted`. A lower limit puts fewer logins at
risk."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
"""All methods, so that the page gets JSON even for a wrong method."""


@final
@attrs.frozen(eq=False)
class _Site:
    """The objects that the endpoints share while the application runs."""

    requestor: AsyncRequestor
    sessions: AsyncWebSessions
    callbacks: AsyncCallbackReceiver | None
    next_sessions: AsyncNextSessionReceiver | None
    calls: asyncio.Semaphore = attrs.field(factory=lambda: asyncio.Semaphore(_CALLS_AT_ONCE))
    finishes: asyncio.Semaphore = attrs.field(factory=lambda: asyncio.Semaphore(_FINISHES_AT_ONCE))

    def now(self) -> datetime:
        """Return the time on the requestor's clock."""
        return utc_now(self.requestor.context.clock)


@final
@boundary
class Irma:
    """Puts questions on the pages of a Starlette or FastAPI application.

    Args:
        server: The IRMA server's base URL. The default is the URL in the settings.
        questions: The questions, by name, in addition to the named requests in the settings. See
            `Question`.
        settings: A settings file, or the result of `read_settings`. It supplies every setting that
            the other arguments leave out. If `settings` and `server` are both left out,
            `read_settings()` is used.
        keys: Sealing keys from `new_sealing_key`, the same in all processes.
        store: The store that all processes share, or its URI: `sqlite:PATH` for one machine.
        url: The application's own base URL. The IRMA server posts to URLs that begin with it. It is
            needed with `deliver` or `choose`.
        deliver: Receives the outcome of each question with `has_callback`; see
            `AsyncCallbackReceiver`. If it fails, `replay_callbacks` can deliver the outcome later.
        choose: Chooses the next session after a question with `has_next_session`; see
            `AsyncNextSessionReceiver`.
        prefix: The path prefix of the endpoints.
        lifetime: How long a person has to connect an app.
        origins: Other origins whose pages may start and finish sessions.
        plain_cookie: Whether to use a cookie that works over plain HTTP on this machine, for
            development.
        browser_package: The file `yivi.js` that `irma-backend browser-package` fetched.
        connect: Further keyword arguments for `connect_async`, such as `token` and `server_key`.

    Raises:
        ConfigurationError: A setting is missing or invalid. The settings of the server and the
            store are checked when the application starts.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        questions: Questions | None = None,
        settings: SettingsSource | None = None,
        keys: Sequence[str] | None = None,
        store: AsyncStore | str | None = None,
        url: str | None = None,
        deliver: Callable[..., Any] | None = None,
        choose: Callable[..., Any] | None = None,
        prefix: str = "/irma",
        lifetime: timedelta | None = None,
        origins: Iterable[str] | None = None,
        plain_cookie: bool | None = None,
        browser_package: str | Path = "yivi.js",
        **connect: Any,
    ) -> None:
        # These are set first, because a crash report may show this object before it is complete.
        self._questions: Questions = (
            {} if questions is None else check_questions(questions, is_async=True)
        )
        file = site_settings(settings, server)
        self._questions = site_questions(file, self._questions)
        known = site_defaults(file)
        url = check_site_url(known.get("url") if url is None else url, "url")
        keys = known.get("sealing_keys") if keys is None else keys
        if keys is None:
            raise ConfigurationError(
                "keys: is missing; pass it, or set sealing_keys in the [web] table of a settings "
                "file"
            )
        check_post_functions(deliver, choose, is_async=True)
        if url is None and not (deliver is None and choose is None):
            raise ConfigurationError(
                "url: is missing; set it to the base URL of this site, such as https://shop.example"
            )
        self._proofs = Proofs(keys, lifetime=_PROOF_LIFETIME)
        self._keys = HiddenSecret(tuple(keys))
        self._url = url
        self._prefix = check_prefix(prefix, "prefix")
        origins = known.get("origins", ()) if origins is None else origins
        self._origins = tuple(sorted(check_origins(origins)))
        self._plain_cookie = (
            known.get("plain_cookie", False) if plain_cookie is None else plain_cookie
        )
        self._pages = SitePages(
            url=f"{url or ''}{prefix}",
            questions=self._questions,
            deliver=deliver,
            choose=choose,
            sessions={
                "lifetime": known.get("lifetime", _LIFETIME) if lifetime is None else lifetime,
                "origins": self._origins,
                "plain_cookie": self._plain_cookie,
            },
        )
        check_instance(browser_package, (str, Path), "browser_package", "the path of a file")
        self._browser_package = Path(browser_package)
        uri = store if store is not None or file is None else file.value("parts.store")
        if uri is None:
            raise ConfigurationError(
                "store: is missing; pass it, or set `store` in the [parts] table of a settings file"
            )
        self._store: Hidden[AsyncStore | str | None] = HiddenSecret(store)
        self._is_store_shared = uri != "memory:" if isinstance(uri, str) else None
        self._connect: Hidden[Mapping[str, Any]] = HiddenSecret(
            {"url": server, "settings": file, **connect}
        )
        self._handlers: dict[str, Callable[[Request, WebAnswer], object]] = {}
        self._site: _Site | None = None

    def __repr__(self) -> str:
        return f"<Irma for {', '.join(self._questions)}>"

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None]:
        """Open the connections to the server and the store while the application runs.

        Pass this method to the application as `lifespan`, or enter its result in your own lifespan.

        Raises:
            ConfigurationError: A setting is invalid.
            PluginError: A plugin failed.
        """
        opening, connection = split_arguments(self._connect.reveal())
        async with open_parts_async(**opening) as parts:
            requestor = parts.requestor(**connection)
            store = self._store.reveal()
            if store is None or isinstance(store, str):
                store = parts.store(store)
            made = async_web_site(requestor, store, self._keys.reveal(), self._pages)
            log_findings(check_site(self._facts(requestor, app)))
            self._site = _Site(requestor, made.sessions, made.callbacks, made.next_sessions)
            try:
                yield
            finally:
                self._site = None

    def _facts(self, requestor: AsyncRequestor, app: object) -> SiteFacts:
        """Return the known facts about the site, for the checks at start-up."""
        return attrs.evolve(
            facts_of(requestor.context, self._questions),
            is_debug=self._plain_cookie,
            site_url=self._url,
            posted_urls=self._pages.posted_urls,
            origins=self._origins,
            # The application is responsible for a store that it made itself.
            is_store_shared=self._is_store_shared,
            is_session_in_cookie=_is_session_in_cookie(app),
            is_cookie_plain=self._plain_cookie,
            browser_package=BrowserPackage(package_state(self._browser_package).value),
        )

    def on_answer(self, name: str) -> Callable[[HandlerT], HandlerT]:
        """Return a decorator for a function that handles each new answer, such as a login.

        The function, async or not, takes the request and a `WebAnswer`, and may change
        `request.session`. It runs once for each answer. If it raises, the session stays unchanged,
        and the page may try again. To refuse the person, the function raises `LoginRefusedError`.

        Args:
            name: The name of the question.

        Raises:
            ConfigurationError: There is no such question, it already has a function, or the
                decorated object is not a function.
        """
        check_question_name(self._questions, name, "on_answer")
        if name in self._handlers:
            raise ConfigurationError(f"on_answer: {name!r} already has a function")

        def decorate(handler: HandlerT) -> HandlerT:
            check_function(handler, "on_answer", may_be_async=True)
            self._handlers[name] = handler
            return handler

        return decorate

    def proved(
        self, name: str, *, max_age: timedelta | None = None
    ) -> Callable[[Request], Awaitable[Proof]]:
        """Return a dependency that provides the visitor's proof to a view.

            @app.get("/wines")
            async def wines(proof: Annotated[Proof, Depends(irma.proved("adult"))]): ...

        Without a proof, a browser is redirected to a page that asks for it, and any other client
        gets a 403.

        Args:
            name: The name of the question.
            max_age: How old a proof may be; None accepts any proof in the session.

        Raises:
            ConfigurationError: There is no such question, or `max_age` is not a `timedelta`
                above zero.
        """
        check_question_name(self._questions, name, "proved")
        check_max_age(max_age)

        async def dependency(request: Request) -> Proof:
            proof = self.proof(request, name, max_age=max_age)
            if proof is not None:
                return proof
            if request.method in {"GET", "HEAD"} and _accepts_html(request):
                query = urlencode({"next": _own_path(request)})
                location = f"{self._path(request, 'ask', name)}?{query}"
                raise HTTPException(HTTPStatus.SEE_OTHER, headers={"Location": location})
            raise HTTPException(HTTPStatus.FORBIDDEN, f"prove this first: {name}")

        return dependency

    def proof(
        self, request: Request, name: str, *, max_age: timedelta | None = None
    ) -> Proof | None:
        """Return the visitor's proof, or None if it is missing or too old.

        Args:
            request: The visitor's request.
            name: The name of the question.
            max_age: How old the proof may be; None accepts any proof in the session.

        Raises:
            ConfigurationError: The application has no session, or has not started; there is no such
                question; or `max_age` is not a `timedelta` above zero.
            UsageError: `request` is not a Starlette request.
        """
        _check_request(request)
        check_question_name(self._questions, name, "proof")
        kept = _session_of(request).get(_PROOF.format(name))
        now = self._opened().now()
        return self._proofs.unseal(kept, name, now=now, max_age=max_age)

    def element(
        self,
        request: Request,
        name: str,
        next: str | None = None,  # noqa: A002
        **texts: str,
    ) -> SafeHtml:
        """Return the HTML of a box in which the visitor answers a question.

        Jinja templates insert it without escaping.

        Args:
            request: The visitor's request.
            name: The name of the question.
            next: The page to go to afterwards.
            texts: Your own strings, such as `start="Log in with Yivi"` for the button; see
                `page_settings`.

        Raises:
            ConfigurationError: There is no such question, or a key of `texts` is unknown.
            UsageError: `request` is not a Starlette request.
        """
        _check_request(request)
        check_question_name(self._questions, name, "element")
        known = page_settings(
            prefix=self._path(request, ""),
            name=name,
            language=_language(request),
            next_url=next,
            texts=texts,
        )
        script, style, package = (
            self._path(request, "static", file) for file in ("irma.js", "irma.css", "yivi.js")
        )
        return question_element(name, known, scripts=(script, package), style=style)

    async def replay_callbacks(self) -> Sequence[ReplayedCallback]:
        """Pass kept outcomes to `deliver` again; see `AsyncCallbackReceiver.replay`.

        Raises:
            ConfigurationError: The application has not started, or has no `deliver`.
            StoreError: The store failed.
        """
        return await check_receives(self._opened().callbacks).replay()

    @property
    def routes(self) -> Sequence[Route]:
        """The endpoints as routes for a Starlette application."""
        steps = [
            self._route(f"{step.value}/{{name}}", partial(self._call, step)) for step in SUMMARIES
        ]
        return [*steps, *self._other_routes()]

    def api_router(self) -> APIRouter:
        """Return the endpoints as a FastAPI router, with their OpenAPI description.

        Raises:
            ConfigurationError: FastAPI is not installed.
        """
        try:
            from fastapi import APIRouter  # noqa: PLC0415  # Starlette alone suffices otherwise
        except ImportError:
            raise ConfigurationError("fastapi is not installed: pip install fastapi") from None
        router = APIRouter()
        for step in SUMMARIES:
            router.add_api_route(
                f"{self._prefix}/{step.value}/{{name}}",
                self._api_endpoint(step),
                methods=["POST"],
                operation_id=f"irma_{step.value}",
                summary=SUMMARIES[step],
                tags=["IRMA"],
                response_class=JSONResponse,
                responses=responses_of(step),
                openapi_extra={"requestBody": request_body_of(step)},
            )
        # These routes also take wrong methods, to which `WebSessions` replies with an error.
        router.routes.extend(self.routes)
        return router

    def _api_endpoint(self, step: Step) -> Callable[..., Awaitable[Response]]:
        async def call(request: Request, name: str) -> Response:  # noqa: ARG001  # in the path
            return await self._call(step, request)

        return call

    def _route(self, path: str, view: Callable[[Request], Awaitable[Response]]) -> Route:
        return Route(f"{self._prefix}/{path}", view, methods=_METHODS, include_in_schema=False)

    def _other_routes(self) -> Sequence[Route]:
        return [
            self._route("callback/{sealed:path}", self._callback),
            self._route("next/{sealed:path}", self._next_session),
            Route(f"{self._prefix}/ask/{{name}}", self._ask, include_in_schema=False),
            Route(f"{self._prefix}/static/{{file}}", self._static, include_in_schema=False),
        ]

    def _opened(self) -> _Site:
        if self._site is None:
            raise ConfigurationError(
                "the application has not started: give it lifespan=irma.lifespan, and in a test "
                "use the client in a with block"
            )
        return self._site

    def _path(self, request: Request, *parts: str) -> str:
        root = str(request.scope.get("root_path", ""))
        return "/".join((root + self._prefix, *parts))

    @boundary
    async def _call(self, step: Step, request: Request) -> Response:
        """Handle a call from the page; the reply is always JSON."""
        name = str(request.path_params["name"])
        asked = await as_web_request(request)
        try:
            sessions = self._opened().sessions
            if request.method == "OPTIONS":
                return as_starlette(sessions.preflight(asked))
            if step is Step.FINISH:
                async with self._opened().finishes:
                    return await self._finish(name, request, asked)
            call = {
                Step.START: sessions.start,
                Step.STATUS: sessions.status,
                Step.CANCEL: sessions.cancel,
            }[step]
            async with self._opened().calls:
                return _logged(name, await call(name, asked))
        except IrmaError as error:  # for example, a setting is wrong
            return _logged(name, refusal_reply(error, step, asked))

    async def _finish(self, name: str, request: Request, asked: WebRequest) -> Response:
        site = self._opened()
        session = _session_of(request)

        async def complete(web_answer: WebAnswer) -> JsonValue:
            changes = SessionChanges(session)
            try:
                handler = self._handlers.get(name)
                result = None if handler is None else handler(request, web_answer)
                if isawaitable(result):
                    await result
                sealed = self._proofs.seal(web_answer, now=site.now())
                session[_PROOF.format(name)] = sealed
                return changes.changes()
            except BaseException:
                changes.undo()
                raise

        finished = await site.sessions.finish(name, asked, complete)
        if finished.is_repeat:
            SessionChanges.apply(session, cast("list[Any]", finished.value))
        return _logged(name, finished.reply)

    @boundary
    async def _callback(self, request: Request) -> Response:
        return await _received(request, self._opened().callbacks)

    @boundary
    async def _next_session(self, request: Request) -> Response:
        return await _received(request, self._opened().next_sessions)

    @boundary
    async def _ask(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in self._questions:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        next_url = same_site_url(request.query_params.get("next"), str(request.url))
        element = self.element(request, name, next_url or "/")
        return HTMLResponse(ask_page(element, language=_language(request)))

    @boundary
    async def _static(self, request: Request) -> Response:
        file = str(request.path_params["file"])
        if file == "yivi.js" and self._browser_package.is_file():
            return FileResponse(self._browser_package, media_type="text/javascript")
        if file in {"irma.js", "irma.css"}:
            return FileResponse(STATIC / "irma_web" / file)
        raise HTTPException(HTTPStatus.NOT_FOUND)


def _is_session_in_cookie(app: object) -> bool | None:
    """Return whether Starlette keeps the session in a cookie; None if that is unknown."""
    if not isinstance(app, Starlette):
        return None
    kinds: list[object] = [each.cls for each in app.user_middleware]
    return SessionMiddleware in kinds


def _check_request(request: object) -> None:
    check_instance(request, HTTPConnection, "request", "a Starlette Request")


def _logged(name: str, reply: WebReply) -> Response:
    """Return the reply; log its error if the application, its settings or its store failed."""
    is_of_site = reply.status == HTTPStatus.INTERNAL_SERVER_ERROR
    if reply.error is not None and (is_of_site or isinstance(reply.error, StoreError)):
        _LOG.error("IRMA question %s: %s", name, reply.code, exc_info=reply.error)
    return as_starlette(reply)


async def _received(
    request: Request, receiver: AsyncCallbackReceiver | AsyncNextSessionReceiver | None
) -> Response:
    if receiver is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    try:
        reply = await receiver.receive(
            request.method, request.url.path, request.headers.raw, await body_of(request)
        )
    except Exception as error:  # noqa: BLE001  # a function of the application raises anything
        remove_frames(error)
        _LOG.exception("a post from the IRMA server failed")
        return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
    return as_starlette(reply)


def _own_path(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _accepts_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _language(request: Request) -> str:
    return preferred_language(",".join(request.headers.getlist("accept-language")))


def _session_of(request: Request) -> MutableMapping[str, Any]:
    """Return the session of a request.

    Raises:
        ConfigurationError: The application has no `SessionMiddleware`.
    """
    if "session" not in request.scope:
        raise ConfigurationError(
            "the application has no session: add starlette.middleware.sessions.SessionMiddleware"
        )
    return cast("MutableMapping[str, Any]", request.session)
