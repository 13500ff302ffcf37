"""Handle a page's calls to start a session, to get its status and to cancel it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final, cast

import attrs

from irma_core.errors import SessionGoneError
from irma_core.flows.cancellation import try_cancel_flow
from irma_core.flows.effects import Flow, call_application
from irma_core.flows.session_calls import cancel_session_flow, get_status_flow
from irma_core.flows.start import start_session_flow
from irma_core.json_text import JsonValue, read_json
from irma_core.models.session_requests import ExtendedRequest, as_extended
from irma_core.models.sessions import StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.trust.random_secrets import new_random_secret
from irma_core.web.browser_posts import BrowserPost, preflight_headers, set_cookie
from irma_core.web.next_urls import same_site_url
from irma_core.web.questions import Question, as_question
from irma_core.web.slots import (
    Slot,
    free_slot_flow,
    keep_handle_flow,
    return_number,
    take_slot_flow,
)
from irma_core.web.web_calls import WebCall
from irma_core.web.web_handles import WebSession, seal_handle
from irma_core.web.web_messages import HeaderPairs, WebReply
from irma_core.web.web_refusals import WebRefusal
from irma_core.web.web_settings import WebSettings, check_receivers

__all__ = [
    "cancel_flow",
    "preflight_reply",
    "start_flow",
    "status_flow",
]

_NO_TIME: Final = timedelta(0)
"""A `timeout` of zero in a request means the server's default, as None does."""


def start_flow(call: WebCall) -> Flow[WebReply]:
    """Start a session for the page; always return a reply, even after an error."""
    return _replied_flow(call, _start_flow(call))


def status_flow(call: WebCall) -> Flow[WebReply]:
    """Return the status of a session; always return a reply, even after an error."""
    return _replied_flow(call, _status_flow(call))


def cancel_flow(call: WebCall) -> Flow[WebReply]:
    """Cancel a session and free its slot; always return a reply, even after an error."""
    return _replied_flow(call, _cancel_flow(call))


def preflight_reply(call: WebCall) -> WebReply:
    """Return the reply to a browser's preflight request for a page from another origin."""
    try:
        return call.reply({}, preflight_headers(call.settings.site, call.request))
    except WebRefusal as refused:
        return call.refuse(refused)


def _replied_flow(call: WebCall, flow: Flow[tuple[JsonValue, HeaderPairs]]) -> Flow[WebReply]:
    try:
        value, headers = yield from flow
    except Exception as error:  # noqa: BLE001  # the page gets JSON, whatever happens
        return call.refuse(error)
    return call.reply(value, headers)


def _start_flow(call: WebCall) -> Flow[tuple[JsonValue, HeaderPairs]]:
    context, settings, name = call.context, call.settings, call.name
    post = call.read_post()
    page = _return_page(post)
    question = yield from _question_flow(call)
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
        raise  # a generator that is being closed cannot make any call
    except BaseException:
        if token is not None:
            yield from try_cancel_flow(context, token)
        yield from free_slot_flow(context, settings, slot)
        raise
    is_new = post.binding is None
    return reply, set_cookie(settings.site, post, binding) if is_new else ()


def _return_page(post: BrowserPost) -> str | None:
    """Return the absolute URL to which the app returns; None if the app is on another device.

    Raises:
        WebRefusal: `body_invalid`: `page` is not a page of the caller's own origin.
    """
    page, same_device = post.string("page"), post.flag("same_device")
    if not same_device:
        return None
    checked = same_site_url(page, post.page_origin)
    if checked is None:
        raise WebRefusal("body_invalid")
    address = checked.partition("#")[0]
    return post.page_origin + address if address.startswith("/") else address


def _question_flow(call: WebCall) -> Flow[Question]:
    source = call.settings.questions[call.name]
    asked: object = source
    if callable(source):
        deadline = call.context.deadline()
        asked = yield from call_application(partial(source, call.request), deadline)
    question = as_question(asked)
    check_receivers(call.settings, question)
    return question


def _ready_request(
    settings: WebSettings, question: Question, return_url: str | None
) -> ExtendedRequest:
    """Return the question's request, with its `timeout`, callback URLs and return URL set.

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
    # `browser_json` refuses to write the requestor token.
    shown = cast("dict[str, JsonValue]", read_json(session.browser_json(handle)))
    shown["handle"] = shown.pop("token")
    timeout = session.request.timeout or _NO_TIME
    return {**shown, "timeout": int(timeout.total_seconds())}


def _status_flow(call: WebCall) -> Flow[tuple[JsonValue, HeaderPairs]]:
    web = yield from call.open_session_flow(call.read_post())
    status = yield from get_status_flow(call.context, web.session)
    return {"status": status.value}, ()


def _cancel_flow(call: WebCall) -> Flow[tuple[JsonValue, HeaderPairs]]:
    context, settings = call.context, call.settings
    post = call.read_post()
    web = yield from call.open_session_flow(post)
    status = SessionStatus.CANCELLED
    try:
        yield from cancel_session_flow(context, web.session)
        # The server's reply does not show whether it cancelled the session or the session had
        # ended.
        status = yield from get_status_flow(context, web.session)
    except SessionGoneError:
        pass
    key = settings.slot_key(post.needed_binding(), web.slot)
    yield from free_slot_flow(context, settings, Slot(key, web.slot, web.claim))
    return {"status": status.value}, ()
