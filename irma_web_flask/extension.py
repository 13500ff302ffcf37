"""The Flask extension: a blueprint of endpoints, a decorator for views, and proofs in the session.

irma = Irma(questions={"login": DisclosureRequest({"email": …})})

@irma.on_answer("login")
def log_in(done):
    session["email"] = verified_email(done.answer)

irma.init_app(app)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial, wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar, cast, final

import attrs
import click
from blinker import NamedSignal
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    redirect,
    request,
    session,
    url_for,
)
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import RequestEntityTooLarge

from irma_backend import open_parts
from irma_backend.site_log import log_findings
from irma_backend.web_site import (
    SitePages,
    check_post_functions,
    check_prefix,
    check_question_name,
    check_receives,
    describe_failure,
    report_replay,
    site_questions,
    split_arguments,
    web_site,
)
from irma_core import CallbackReceiver, NextSessionReceiver, ReplayedCallback, Requestor
from irma_core.errors import ConfigurationError, IrmaError, StoreError, UsageError
from irma_core.models.arguments import check_instance
from irma_core.protocol.messages import HttpResponse
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
from irma_core.web.web_sessions import WebSessions
from irma_web.browser_package import package_state
from irma_web.markup import ask_page, question_element
from irma_web.page import STATIC, page_settings
from irma_web.per_process import PerProcess
from irma_web.session_changes import SessionChanges
from irma_web_flask import signals
from irma_web_flask.flask_settings import FlaskSettings, read_settings

__all__ = ["Irma"]

ViewT = TypeVar("ViewT", bound=Callable[..., Any])
HandlerT = TypeVar("HandlerT", bound=Callable[[WebAnswer], object])
_EXTENSION: Final = "irma"
_PROOF: Final = "irma_proof_{}"
"""The session's key for a question's proof. Each question has its own key, so that a repeated login
does not change the other proofs."""
_TOO_LARGE: Final = 1024 * 1024 + 1
"""A size in bytes that every endpoint refuses."""
_SERIALIZER: Final = TaggedJSONSerializer()
"""The serializer of Flask's sessions, which supports tuples, bytes and times besides JSON."""
_STEPS: Final = (Step.START, Step.FINISH, Step.STATUS, Step.CANCEL)
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""All methods, so that the page gets JSON even for a wrong method."""


@final
@attrs.frozen(eq=False)
class _Site:
    """The objects that the views of a process share."""

    requestor: Requestor
    sessions: WebSessions
    callbacks: CallbackReceiver | None
    next_sessions: NextSessionReceiver | None
    proofs: Proofs

    def now(self) -> datetime:
        """Return the time on the requestor's clock."""
        return utc_now(self.requestor.context.clock)


@final
@attrs.frozen(eq=False)
class _Application:
    """The settings of an application, and the objects made from them."""

    settings: FlaskSettings
    questions: Questions
    site: PerProcess[_Site]


@final
@boundary
class Irma:
    """Puts questions on the pages of a Flask application.

    One object may serve several applications. Settings are in the application's configuration:
    `IRMA_SERVER`, `IRMA_TOKEN` and others, which `docs/how-to/flask.md` lists.

    Args:
        app: The application; None to call `init_app` later.
        questions: The questions, by name, in addition to the named requests in the application's
            settings file. See `Question`.
        deliver: Receives the outcome of each question with `has_callback`; see `CallbackReceiver`.
            If it fails, `flask irma replay-callbacks` can deliver the outcome later.
        choose: Chooses the next session after a question with `has_next_session`; see
            `NextSessionReceiver`.
        url_prefix: The path prefix of the endpoints.

    Raises:
        ConfigurationError: An argument is invalid, or a setting of the application is missing or
            invalid.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        questions: Questions | None = None,
        deliver: Callable[..., Any] | None = None,
        choose: Callable[..., Any] | None = None,
        url_prefix: str = "/irma",
    ) -> None:
        self._own_questions = (
            None if questions is None else check_questions(questions, is_async=False)
        )
        self._known: list[Questions] = []
        self._demanded: list[tuple[str, str]] = []
        check_post_functions(deliver, choose, is_async=False)
        self._deliver = deliver
        self._choose = choose
        self._prefix = check_prefix(url_prefix, "url_prefix")
        self._handlers: dict[str, Callable[[WebAnswer], object]] = {}
        self.blueprint = self._make_blueprint()
        if app is not None:
            self.init_app(app)

    def __repr__(self) -> str:
        names = dict.fromkeys(name for questions in self._known for name in questions)
        return f"<Irma for {', '.join(names or self._own_questions or ())}>"

    def init_app(self, app: Flask) -> None:
        """Add the endpoints to an application, and `irma(name, next)` to its templates.

        Raises:
            ConfigurationError: A setting of the application is missing or invalid, or the
                application already has an `Irma`.
            UsageError: The argument is not a Flask application.
        """
        check_instance(app, Flask, "app", "a Flask application")
        if _EXTENSION in app.extensions:
            raise ConfigurationError("app: this application already has an Irma extension")
        settings = read_settings(app)
        questions = site_questions(settings.file, self._own_questions)
        for place, name in self._demanded:
            check_question_name(questions, name, place)
        self._known.append(questions)
        site = PerProcess[_Site](lambda owned: self._open(app, settings, questions, owned))
        app.extensions[_EXTENSION] = _Application(settings, questions, site)
        app.register_blueprint(self.blueprint, url_prefix=self._prefix)
        app.context_processor(lambda: {"irma": self.element})

    def on_answer(self, name: str) -> Callable[[HandlerT], HandlerT]:
        """Return a decorator for a function that handles each new answer, such as a login.

        The function takes a `WebAnswer`, and may change `flask.session`. It runs once for each
        answer. If it raises, `flask.session` stays unchanged, and the page may try again. To refuse
        the person, the function raises `LoginRefusedError`.

        Args:
            name: The name of the question.

        Raises:
            ConfigurationError: There is no such question, the question already has a function, or
                the decorated object is not a function or is async. If `init_app` has not been
                called yet, `init_app` raises the error for a missing question.
        """
        self._demand(name, "on_answer")
        if name in self._handlers:
            raise ConfigurationError(f"on_answer: {name!r} already has a function")

        def decorate(handler: HandlerT) -> HandlerT:
            check_function(handler, "on_answer", may_be_async=False)
            self._handlers[name] = handler
            return handler

        return decorate

    def proved(self, name: str, *, max_age: timedelta | None = None) -> Callable[[ViewT], ViewT]:
        """Return a decorator that asks visitors for a proof before they can see a view.

        Args:
            name: The name of the question.
            max_age: How old a proof may be; None accepts any proof in Flask's session.

        Raises:
            ConfigurationError: There is no such question, or `max_age` is not a `timedelta`
                above zero. If `init_app` has not been called yet, `init_app` raises the error
                for a missing question.
        """
        self._demand(name, "proved")
        check_max_age(max_age)

        def decorate(view: ViewT) -> ViewT:
            @wraps(view)
            def call(*arguments: Any, **named: Any) -> ResponseReturnValue:
                if self.proof(name, max_age=max_age) is None:
                    return redirect(url_for("irma.ask", name=name, next=_own_path()))
                result: ResponseReturnValue = current_app.ensure_sync(view)(*arguments, **named)
                return result

            return cast("ViewT", call)

        return decorate

    def proof(self, name: str, *, max_age: timedelta | None = None) -> Proof | None:
        """Return the visitor's proof, or None if it is missing or too old.

        Args:
            name: The name of the question.
            max_age: How old the proof may be; None accepts any proof in Flask's session.

        Raises:
            ConfigurationError: There is no such question, or `max_age` is not a `timedelta`
                above zero.
        """
        check_question_name(self._of_app().questions, name, "proof")
        site = self._site()
        kept = session.get(_PROOF.format(name))
        return site.proofs.unseal(kept, name, now=site.now(), max_age=max_age)

    def element(
        self,
        name: str,
        next: str | None = None,  # noqa: A002  # HTML's
        **texts: str,
    ) -> Markup:
        """Return the HTML of a box in which the visitor answers a question.

        Args:
            name: The name of the question.
            next: The page to go to afterwards.
            texts: Your own strings, such as `start="Log in with Yivi"` for the button; see
                `page_settings`.

        Raises:
            ConfigurationError: There is no such question, or a key of `texts` is unknown.
        """
        application = self._of_app()
        check_question_name(application.questions, name, "irma")
        known = page_settings(
            prefix=url_for("irma.start", name=name).removesuffix(f"start/{name}"),
            name=name,
            language=_language(),
            next_url=next,
            texts=texts,
        )
        scripts = (
            url_for("irma.static", filename="irma.js"),
            url_for("static", filename=application.settings.browser_package),
        )
        style = url_for("irma.static", filename="irma.css")
        return Markup(question_element(name, known, scripts=scripts, style=style))  # noqa: S704

    def replay_callbacks(self) -> Sequence[ReplayedCallback]:
        """Pass kept outcomes to `deliver` again; see `CallbackReceiver.replay`.

        `flask irma replay-callbacks` calls this, in the context of an application.

        Raises:
            ConfigurationError: A setting is wrong, or there is no `deliver`.
            StoreError: The store failed.
        """
        return check_receives(self._site().callbacks).replay()

    def close(self, app: Flask) -> None:
        """Close the connections that this process has opened for an application.

        Raises:
            UsageError: The argument is not a Flask application, or has no `Irma`.
        """
        check_instance(app, Flask, "app", "a Flask application")
        if _EXTENSION not in app.extensions:
            raise UsageError("app: this application has no Irma extension; call init_app first")
        app.extensions[_EXTENSION].site.close()

    def _demand(self, name: str, place: str) -> None:
        """Check that each application defines the question `name`.

        This checks the applications that exist now, and `init_app` checks later ones. Each
        application is checked, because its own settings may define further questions.
        """
        for questions in self._known:
            check_question_name(questions, name, place)
        self._demanded.append((place, name))

    def _of_app(self) -> _Application:
        return cast("_Application", current_app.extensions[_EXTENSION])

    def _site(self) -> _Site:
        return self._of_app().site.get()

    def _open(
        self, app: Flask, settings: FlaskSettings, questions: Questions, owned: ExitStack
    ) -> _Site:
        opening, connection = split_arguments(settings.connect)
        parts = owned.enter_context(open_parts(**opening))
        requestor = parts.requestor(**connection)
        store, keys = settings.store, settings.sealing_keys
        if store is None or isinstance(store, str):
            store = parts.store(store)
        pages = SitePages(
            url=f"{settings.url or ''}".rstrip("/") + self._prefix,
            questions=questions,
            deliver=self._deliver,
            choose=self._choose,
            sessions={
                "lifetime": settings.lifetime,
                "origins": settings.origins,
                "plain_cookie": settings.is_cookie_plain,
            },
        )
        made = web_site(requestor, store, keys, pages)
        proofs = Proofs(keys, lifetime=app.permanent_session_lifetime)
        facts = attrs.evolve(facts_of(requestor.context, questions), posted_urls=pages.posted_urls)
        log_findings(check_site(_facts_of_app(facts, app, settings)))
        return _Site(requestor, made.sessions, made.callbacks, made.next_sessions, proofs)

    def _make_blueprint(self) -> Blueprint:
        made = Blueprint(
            "irma", __name__, static_folder=STATIC / "irma_web", static_url_path="/static"
        )
        for step in _STEPS:
            made.add_url_rule(
                f"/{step.value}/<name>",
                endpoint=step.value,
                view_func=partial(self._call, step),
                methods=_METHODS,
                provide_automatic_options=False,
            )
        for page, view in (("callback", self._callback), ("next", self._next_session)):
            made.add_url_rule(
                f"/{page}/<path:sealed>",
                endpoint=page,
                view_func=view,
                methods=_METHODS,
                provide_automatic_options=False,
            )
        made.add_url_rule("/ask/<name>", endpoint="ask", view_func=self._ask)
        made.cli.command("replay-callbacks")(self._replay)
        return made

    def _replay(self) -> None:
        """Deliver the callbacks of the IRMA server that the application failed to handle.

        Each callback is checked as if it had just arrived. The exit status is 1 if a callback
        could not be delivered.
        """
        if self._of_app().settings.is_store_shared is False:
            raise click.ClickException(
                "IRMA_STORE: this command cannot see what another process keeps in memory; use a "
                "store that processes share, such as sqlite:PATH"
            )
        try:
            failure = report_replay(self.replay_callbacks(), click.echo)
        except IrmaError as error:
            raise click.ClickException(describe_failure(error)) from None
        if failure:
            raise click.ClickException(failure)

    @boundary
    def _call(self, step: Step, name: str) -> Response:
        """Handle a call from the page; the reply is always JSON."""
        asked = _web_request()
        try:
            sessions = self._site().sessions
            if request.method == "OPTIONS":
                return _as_flask(sessions.preflight(asked))
            if step is Step.FINISH:
                return self._finish(name, asked)
            call = {
                Step.START: sessions.start,
                Step.STATUS: sessions.status,
                Step.CANCEL: sessions.cancel,
            }[step]
            reply = call(name, asked)
        except IrmaError as error:  # for example, a setting is wrong
            return _reported(name, refusal_reply(error, step, asked))
        if step is Step.START and reply.status == HTTPStatus.OK:
            _send(signals.started, name=name)
        return _reported(name, reply)

    def _finish(self, name: str, asked: WebRequest) -> Response:
        site = self._site()

        def complete(web_answer: WebAnswer) -> str:
            changes = SessionChanges(session)
            try:
                handler = self._handlers.get(name)
                if handler is not None:
                    handler(web_answer)
                sealed = site.proofs.seal(web_answer, now=site.now())
                session[_PROOF.format(name)] = sealed
                return _SERIALIZER.dumps(changes.changes())
            except Exception:
                changes.undo()
                raise

        finished = site.sessions.finish(name, asked, complete)
        if finished.is_repeat and isinstance(finished.value, str):
            SessionChanges.apply(session, _SERIALIZER.loads(finished.value))
        if finished.web_answer is not None:
            _send(signals.answered, name=name, web_answer=finished.web_answer)
        return _reported(name, finished.reply)

    @boundary
    def _callback(self, sealed: str) -> Response:  # noqa: ARG002  # it is in the URL
        return _received(self._site().callbacks)

    @boundary
    def _next_session(self, sealed: str) -> Response:  # noqa: ARG002  # likewise
        return _received(self._site().next_sessions)

    @boundary
    def _ask(self, name: str) -> str:
        if name not in self._of_app().questions:
            abort(404)
        next_url = same_site_url(request.args.get("next"), request.url)
        return ask_page(self.element(name, next_url or "/"), language=_language())


def _facts_of_app(facts: SiteFacts, app: Flask, settings: FlaskSettings) -> SiteFacts:
    """Return `facts` completed from the application and its settings, for the site checks."""
    package = Path(app.static_folder or "") / settings.browser_package
    return attrs.evolve(
        facts,
        is_debug=app.debug or app.testing,
        site_url=settings.url,
        origins=tuple(settings.origins),
        # The application is responsible for a store that it made itself.
        is_store_shared=settings.is_store_shared,
        is_session_in_cookie=type(app.session_interface) is SecureCookieSessionInterface,
        is_cookie_plain=settings.is_cookie_plain,
        browser_package=BrowserPackage(package_state(package).value),
    )


def _web_request() -> WebRequest:
    """Return the request as a `WebRequest`; Flask determines the host and the scheme."""
    headers = request.headers.items()
    return WebRequest(request.method, request.url, headers, _body(), native=request)


def _body() -> bytes:
    """Return the body; if it is too large, return a body that is certain to be refused."""
    if (request.content_length or 0) >= _TOO_LARGE:
        return bytes(_TOO_LARGE)
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        return bytes(_TOO_LARGE)


def _as_flask(reply: HttpResponse) -> Response:
    return Response(reply.body, reply.status, list(reply.headers))


def _received(receiver: CallbackReceiver | NextSessionReceiver | None) -> Response:
    if receiver is None:
        abort(404)
    try:
        reply = receiver.receive(request.method, request.path, request.headers.items(), _body())
    except Exception as error:  # the application's function may raise anything
        remove_frames(error)
        # Flask's own log would contain the URL, and with it the seal.
        current_app.logger.exception("a post from the IRMA server failed")
        return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return _as_flask(reply)


def _reported(name: str, reply: WebReply) -> Response:
    """Send the signal for a refusal or failure, log the site's own errors, and return the reply."""
    code, error = reply.code, reply.error
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        is_of_site = reply.status == HTTPStatus.INTERNAL_SERVER_ERROR
        if error is not None and (is_of_site or isinstance(error, StoreError)):
            current_app.logger.error("IRMA question %s: %s", name, code, exc_info=error)
        _send(signals.failed, name=name, code=code, error=error)
    elif code is not None:
        _send(signals.refused, name=name, code=code)
    return _as_flask(reply)


def _send(signal: NamedSignal, **facts: Any) -> None:
    signal.send(current_app._get_current_object(), **facts)  # type: ignore[attr-defined]  # noqa: SLF001  # Flask's documented way


def _own_path() -> str:
    """Return the path and query that the browser sees, without the empty query that Flask adds."""
    return f"{request.script_root}{request.full_path}".removesuffix("?")


def _language() -> str:
    return preferred_language(",".join(request.headers.getlist("Accept-Language")))
