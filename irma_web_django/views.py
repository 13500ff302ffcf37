"""The views that browsers and the IRMA server call. Each passes the call to `irma_core.web`.

`WebSessions` and Django's CSRF token protect the page's calls. The views check the token
themselves, because Django's middleware would reply with HTML. The IRMA server has no token: the
seal in the URL and the server's signature protect its posts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import wraps
from typing import Final, TypeAlias

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.backends.base import UpdateError
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.utils.log import log_response
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from irma_core.errors import ConfigurationError, StoreError
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.events import WebRefused
from irma_core.protocol.messages import HttpResponse as Reply
from irma_core.tracebacks import boundary, remove_frames
from irma_core.web.browser_posts import check_site, cors_headers
from irma_core.web.next_urls import same_site_url
from irma_core.web.web_answers import WebAnswer
from irma_core.web.web_messages import WebReply, WebRequest
from irma_core.web.web_refusals import Step, WebRefusal, refusal_reply
from irma_web_django import proof_sessions, signals
from irma_web_django.browser_calls import as_django, as_web_request, body_of
from irma_web_django.completing import DATABASE_AWAY, complete_once
from irma_web_django.irma_site import IrmaSite, current_site
from irma_web_django.rate_limit import WINDOW, is_over_limit
from irma_web_django.tables import explaining_missing_tables

__all__ = ["ask", "callback", "cancel", "finish", "next_session", "start", "status"]

Receive: TypeAlias = Callable[[IrmaSite, HttpRequest], Reply | None]
View: TypeAlias = Callable[[HttpRequest, str], HttpResponse]
PageView: TypeAlias = Callable[[IrmaSite, HttpRequest, str], HttpResponse]
_LOG: Final = logging.getLogger("irma_web_django")
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
_turns: Final = threading.BoundedSemaphore(16)
"""How many calls from pages a process handles at once. Under ASGI, Django runs each request in its
own thread. If hundreds of threads used the database at once, some would fail because of its locks
or its connection limit, and the outcomes of completed logins would be lost."""


def _public(view: View) -> View:
    """Exempt a view from login, from Django's CSRF check and from the request's transaction."""
    view = boundary(view)
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return login_not_required(csrf_exempt(view))


def _called_by_page(step: Step) -> Callable[[PageView], View]:
    """Return a decorator for views that the page calls, which always reply with JSON."""

    def decorate(view: PageView) -> View:
        @wraps(view)
        def call(request: HttpRequest, name: str) -> HttpResponse:
            with _turns:
                return in_turn(request, name)

        def in_turn(request: HttpRequest, name: str) -> HttpResponse:
            asked = as_web_request(request)
            try:
                site = current_site()
                if request.method == "OPTIONS":
                    return as_django(site.sessions.preflight(asked))
                if _is_protected(site, request, step):
                    return view(site, request, name)
                check_site(site.page_site, asked)
            except DATABASE_AWAY as failure:
                error: Exception | None = _database_failed(failure)
            except Exception as failure:  # noqa: BLE001  # the page gets JSON, whatever happens
                error = failure
            else:
                error = None
            response = _stale_page()
            if error is not None:
                response = as_django(refusal_reply(error, step, asked))
            _report(request, step, name, response, error)
            return response

        return _public(call)

    return decorate


@_called_by_page(Step.START)
def start(site: IrmaSite, request: HttpRequest, name: str) -> HttpResponse:
    """Start a session, unless the visitor's network has started too many."""
    asked = as_web_request(request)
    if is_over_limit(site, request):
        reply = _too_many(site, name, asked)
    else:
        reply = site.sessions.start(name, asked)
    response = as_django(reply)
    _report(request, Step.START, name, response, reply.error)
    return response


@_called_by_page(Step.FINISH)
def finish(site: IrmaSite, request: HttpRequest, name: str) -> HttpResponse:
    """Finish a session: log the person in if it is a login, and keep the proof."""

    def complete(web_answer: WebAnswer) -> str:
        try:
            with explaining_missing_tables():
                return complete_once(site, request, web_answer)
        except (*DATABASE_AWAY, UpdateError) as error:
            # The server still has the answer, so a repeated call may succeed.
            raise _database_failed(error)  # noqa: B904  # its cause is set there

    finished = site.sessions.finish(name, as_web_request(request), complete)
    response = as_django(finished.reply)
    _report(request, Step.FINISH, name, response, finished.error)
    if isinstance(finished.value, str):
        proof_sessions.join(request, response, finished.value)
    return response


@_called_by_page(Step.STATUS)
def status(site: IrmaSite, request: HttpRequest, name: str) -> HttpResponse:
    """Return the status of a session."""
    return as_django(site.sessions.status(name, as_web_request(request)))


@_called_by_page(Step.CANCEL)
def cancel(site: IrmaSite, request: HttpRequest, name: str) -> HttpResponse:
    """Cancel a session."""
    return as_django(site.sessions.cancel(name, as_web_request(request)))


@_public
def callback(request: HttpRequest, sealed: str) -> HttpResponse:  # noqa: ARG001  # it is in the URL
    """Receive a callback from the IRMA server."""
    return _reply(request, _receive_callback)


@_public
def next_session(request: HttpRequest, sealed: str) -> HttpResponse:  # noqa: ARG001  # likewise
    """Reply to the IRMA server with the session that follows."""
    return _reply(request, _receive_next_session)


@require_safe
@login_not_required
def ask(request: HttpRequest, name: str) -> HttpResponse:
    """Show a page that asks a question, and then goes to the URL in `?next=`.

    A site can override the template, `irma_web_django/ask.html`.
    """
    if name not in current_site().settings.questions:
        raise Http404
    next_url = same_site_url(request.GET.get("next"), request.build_absolute_uri())
    context = {"name": name, "next": next_url or "/"}
    return render(request, "irma_web_django/ask.html", context)


def _reply(request: HttpRequest, receive: Receive) -> HttpResponse:
    """Return the reply to a post from the IRMA server.

    The URL has a seal, which is a secret. So logs receive neither the URL nor the frames of the
    library's own functions, whose local variables hold it.
    """
    try:
        reply = receive(current_site(), request)
    except Exception as error:  # noqa: BLE001  # a function of the site raises anything
        message, exception = _explained("a post from the IRMA server", error)
        # The request is left out, because an error report would show its URL.
        _LOG.error("%s", message, exc_info=exception)
        response = HttpResponse(status=_SERVER_ERROR)
    else:
        response = HttpResponse(status=_NOT_FOUND) if reply is None else as_django(reply)
    # Django's own log would contain the URL.
    setattr(response, "_has_been_logged", True)  # noqa: B010  # no type has it
    return response


def _receive_callback(site: IrmaSite, request: HttpRequest) -> Reply | None:
    if site.callbacks is None:
        return None
    url, body = request.get_full_path(), body_of(request)
    return site.callbacks.receive(f"{request.method}", url, request.headers, body)


def _receive_next_session(site: IrmaSite, request: HttpRequest) -> Reply | None:
    if site.next_sessions is None:
        return None
    url, body = request.get_full_path(), body_of(request)
    return site.next_sessions.receive(f"{request.method}", url, request.headers, body)


def _is_protected(site: IrmaSite, request: HttpRequest, step: Step) -> bool:
    """Return whether a call has Django's token, or equally good protection.

    Pages from other origins have no token, and `WebSessions` admits only the origins in `ORIGINS`.
    A handle also serves as a token, because it is accepted only with the cookie of its browser. So
    a tab can continue even if a login in another tab has changed Django's token.
    """
    if request.headers.get("Origin") in site.settings.origins:
        return True
    # `WebSessions` refuses forms, and Django's middleware would read this one, even if it is
    # malformed.
    if request.content_type in _FORMS:
        return True
    # The handle is checked first: Django would log an outdated token as a refusal.
    return _has_handle(request, step) or _has_token(request)


def _has_handle(request: HttpRequest, step: Step) -> bool:
    try:
        fields = None if step is Step.START else read_json(body_of(request))
    except JsonTextError:
        return False
    return isinstance(fields, dict) and isinstance(fields.get("handle"), str)


def _has_token(request: HttpRequest) -> bool:
    """Return whether Django's CSRF middleware accepts the token, or the site does not use it."""
    for path in settings.MIDDLEWARE:
        middleware = import_string(path)
        if isinstance(middleware, type) and issubclass(middleware, CsrfViewMiddleware):
            body_of(request)  # so that the body is read before Django looks for a form in it
            checked = middleware(lambda _: HttpResponse())
            return checked.process_view(request, _no_view, (), {}) is None
    return True


def _no_view(_request: HttpRequest) -> HttpResponse:
    """Do nothing. Django's CSRF check needs a view to which it applies."""
    return HttpResponse()


def _too_many(site: IrmaSite, name: str, request: WebRequest) -> WebReply:
    known = name if name in site.settings.questions else ""
    site.requestor.context.notify(WebRefused(known, "too_many", ""))
    retry = ("retry-after", f"{WINDOW.total_seconds():.0f}")
    headers = (*cors_headers(site.page_site, request), retry)
    return refusal_reply(WebRefusal("too_many"), Step.START, request, headers)


def _stale_page() -> HttpResponse:
    message = _("This page is out of date. Please reload it, and try again.")
    error = {"code": "csrf_failed", "message": message, "again": None}
    return JsonResponse({"error": error}, status=403, headers={"Cache-Control": "no-store"})


def _report(
    request: HttpRequest, step: Step, name: str, response: HttpResponse, error: Exception | None
) -> None:
    """Send the signal for a start or a finish, and log failures on the site's side."""
    code, status = _code(response), response.status_code
    if error is not None and (status == _SERVER_ERROR or isinstance(error, StoreError)):
        # Log it like Django's own failures, so that a site's mail to its administrators contains
        # the reason.
        message, exception = _explained(step.value, error)
        log_response("%s", message, response=response, request=request, exception=exception)
    if code is None and step is Step.START:
        signals.send(signals.started, request=request, name=name)
    if code is None or step not in {Step.START, Step.FINISH}:
        return
    if status >= _SERVER_ERROR:
        signals.send(signals.failed, request=request, name=name, code=code, error=error)
    else:
        signals.send(signals.refused, request=request, name=name, code=code)


def _explained(what: str, error: Exception) -> tuple[str, Exception | None]:
    """Return a line with the reason for a failure, and the error if its traceback helps.

    The line omits the request's path, because a browser could insert a line of its own there.
    """
    remove_frames(error)
    notes = "".join(f". {note}" for note in getattr(error, "__notes__", ()))
    match error:
        case ConfigurationError():
            return f"{what} failed: {error}{notes}", None
        case StoreError():
            cause = error.__cause__
            return f"{what} failed: {error}{'' if cause is None else f': {cause}'}{notes}", None
        case _:
            return f"{what} failed", error


def _database_failed(error: Exception) -> StoreError:
    failed = StoreError(f"the site's database failed: {type(error).__name__}")
    failed.__cause__ = error
    return failed


def _code(response: HttpResponse) -> str | None:
    try:
        match read_json(response.content):
            case {"error": {"code": str() as code}}:
                return code
            case _:
                pass
    except JsonTextError:
        pass
    return None
