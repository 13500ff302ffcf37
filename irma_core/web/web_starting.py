"""Start a session for a browser, look at its status, and cancel it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final, cast

import attrs

from irma_core.errors import SessionGoneError
from irma_core.flows.cancellation import try_cancel_flow
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, call_application
from irma_core.flows.session_calls import cancel_session_flow, get_status_flow
from irma_core.flows.start import start_session_flow
from irma_core.json_text import JsonValue, read_json
from irma_core.models.session_requests import ExtendedRequest, as_extended
from irma_core.models.sessions import StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import utc_now
from irma_core.trust.random_secrets import new_random_secret
from irma_core.web.browser_posts import (
    BrowserPost,
    cors_headers,
    preflight_headers,
    read_post,
    set_cookie,
)
from irma_core.web.next_urls import same_site_url
from irma_core.web.questions import Question, as_question
from irma_core.web.slots import (
    Slot,
    find_session_flow,
    free_slot_flow,
    keep_handle_flow,
    return_number,
    take_slot_flow,
)
from irma_core.web.web_handles import WebSession, open_handle, seal_handle
from irma_core.web.web_messages import HeaderPairs, WebRequest, json_reply
from irma_core.web.web_refusals import Step, WebRefusal, refusal_reply
from irma_core.web.web_settings import WebSettings, check_receivers

__all__ = [
    "cancel_flow",
    "open_session_flow",
    "preflight_reply",
    "read_known_post",
    "start_flow",
    "status_flow",
]

_NO_TIME: Final = timedelta(0)
"""In a request this means the server's default, as None does."""


def start_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[HttpResponse]:
    """Start a session for the page; return the reply, whatever happens."""
    flow = _start_flow(context, settings, name, request)
    return _replied_flow(settings, Step.START, request, flow)


def status_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[HttpResponse]:
    """Return the reply with the status of a session, whatever happens."""
    flow = _status_flow(context, settings, name, request)
    return _replied_flow(settings, Step.STATUS, request, flow)


def cancel_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[HttpResponse]:
    """Cancel a session and free its slot; return the reply, whatever happens."""
    flow = _cancel_flow(context, settings, name, request)
    return _replied_flow(settings, Step.CANCEL, request, flow)


def preflight_reply(settings: WebSettings, request: WebRequest) -> HttpResponse:
    """Return the reply to a preflight of a page of another origin."""
    try:
        return json_reply(200, {}, preflight_headers(settings.site, request))
    except WebRefusal as refused:
        return refusal_reply(refused, Step.START, request, cors_headers(settings.site, request))


def _replied_flow(
    settings: WebSettings,
    step: Step,
    request: WebRequest,
    flow: Flow[tuple[JsonValue, HeaderPairs]],
) -> Flow[HttpResponse]:
    headers = cors_headers(settings.site, request)
    try:
        value, more = yield from flow
    except Exception as error:  # noqa: BLE001  # the page gets JSON, whatever happens
        return refusal_reply(error, step, request, headers)
    return json_reply(200, value, headers + more)


def read_known_post(settings: WebSettings, name: str, request: WebRequest) -> BrowserPost:
    """Return the page's call about a question, after the checks.

    Raises:
        WebRefusal: The request is refused.
    """
    if name not in settings.questions:
        raise WebRefusal("unknown_question")
    return read_post(settings.site, request)


def _start_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[tuple[JsonValue, HeaderPairs]]:
    post = read_known_post(settings, name, request)
    page = _return_page(post)
    question = yield from _question_flow(context, settings, name, request)
    binding = post.binding or new_random_secret()
    slot = yield from take_slot_flow(context, settings, binding)
    token: RequestorToken | None = None
    try:
        number = return_number(slot.number, slot.claim)
        return_url = f"{page}#irma-{name}-{number}" if page else None
        asked = _ready_request(settings, question, return_url)
        session = yield from start_session_flow(context, asked)
        token = session.token
        web = WebSession(session, name, slot.number, slot.claim, question.reference)
        handle = seal_handle(settings, web, binding)
        yield from keep_handle_flow(context, settings, slot, name, handle)
        reply = _started(session, handle)
    except GeneratorExit:
        raise  # a closed generator can send nothing
    except BaseException:
        if token is not None:
            yield from try_cancel_flow(context, token)
        yield from free_slot_flow(context, settings, slot)
        raise
    is_new = post.binding is None
    return reply, set_cookie(settings.site, post, binding) if is_new else ()


def _return_page(post: BrowserPost) -> str | None:
    """Return the absolute URL to which the app returns, or None if it does not.

    Raises:
        WebRefusal: `body_invalid`: the page names no page of its own origin.
    """
    page, same_device = post.string("page"), post.flag("same_device")
    if not same_device:
        return None
    checked = same_site_url(page, post.page_origin)
    if checked is None:
        raise WebRefusal("body_invalid")
    address = checked.partition("#")[0]
    return post.page_origin + address if address.startswith("/") else address


def _question_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[Question]:
    source = settings.questions[name]
    if callable(source):
        asked: object = yield from call_application(partial(source, request), context.deadline())
    else:
        asked = source
    question = as_question(asked)
    check_receivers(settings, question)
    return question


def _ready_request(
    settings: WebSettings, question: Question, return_url: str | None
) -> ExtendedRequest:
    """Return the request to send: with its time limit, its URLs, and the way back to the page.

    Raises:
        RequestError: The request is too large for a URL.
    """
    asked = as_extended(question.request)
    if return_url is not None and asked.request.client_return_url is None:
        returning = attrs.evolve(asked.request, client_return_url=return_url)
        asked = attrs.evolve(asked, request=returning)
    own = asked.timeout or _NO_TIME
    asked = attrs.evolve(asked, timeout=min(own or settings.lifetime, settings.lifetime))
    if question.has_callback and settings.callbacks is not None:
        asked = settings.callbacks.with_callback(asked, reference=question.reference)
    if question.has_next_session and settings.next_sessions is not None:
        asked = settings.next_sessions.with_next_session(asked, reference=question.reference)
    return asked


def _started(session: StartedSession, handle: str) -> JsonValue:
    # It refuses to write the requestor token.
    shown = cast("dict[str, JsonValue]", read_json(session.browser_json(handle)))
    shown["handle"] = shown.pop("token")
    timeout = session.request.timeout or _NO_TIME
    return {**shown, "timeout": int(timeout.total_seconds())}


def open_session_flow(
    context: RequestorContext, settings: WebSettings, name: str, post: BrowserPost
) -> Flow[WebSession]:
    """Return the session that a page names by its handle or slot.

    Raises:
        WebRefusal: The browser has no cookie, or there is no such session.
        HandleError: The handle is refused.
        StoreError: The store failed.
    """
    binding = post.needed_binding()
    handle = post.string("handle")
    if handle is None:
        number = post.fields.get("slot")
        return (yield from find_session_flow(context, settings, name, number, binding))
    return open_handle(settings, name, handle, binding, utc_now(context.clock))


def _status_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[tuple[JsonValue, HeaderPairs]]:
    post = read_known_post(settings, name, request)
    web = yield from open_session_flow(context, settings, name, post)
    status = yield from get_status_flow(context, web.session)
    return {"status": status.value}, ()


def _cancel_flow(
    context: RequestorContext, settings: WebSettings, name: str, request: WebRequest
) -> Flow[tuple[JsonValue, HeaderPairs]]:
    post = read_known_post(settings, name, request)
    web = yield from open_session_flow(context, settings, name, post)
    status = SessionStatus.CANCELLED
    try:
        yield from cancel_session_flow(context, web.session)
        # The server replies the same whether it cancelled the session or the session had ended.
        status = yield from get_status_flow(context, web.session)
    except SessionGoneError:
        pass
    key = settings.slot_key(post.needed_binding(), web.slot)
    yield from free_slot_flow(context, settings, Slot(key, web.slot, web.claim))
    return {"status": status.value}, ()
