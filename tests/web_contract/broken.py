"""Adapters with one fault each, in front of a correct application."""

from __future__ import annotations

import logging
from collections.abc import Callable

from irma_core.protocol.messages import HttpRequest, HttpResponse

__all__ = ["FAULTS", "Fault"]

Send = Callable[[HttpRequest], HttpResponse]
Fault = Callable[[HttpRequest, Send], HttpResponse]
_LOGGER = logging.getLogger(__name__)
_SEEN: set[bytes | None] = set()


def _with_reply(reply: HttpResponse, *drop: str, **changes: str) -> HttpResponse:
    headers = [pair for pair in reply.headers if pair[0].lower() not in drop]
    added = [(name.replace("_", "-"), value) for name, value in changes.items()]
    return HttpResponse(reply.status, (*headers, *added), body=reply.body)


def _with_request(request: HttpRequest, *drop: str, **changes: object) -> HttpRequest:
    arguments: dict[str, object] = {
        "method": request.method,
        "url": request.url,
        "label": request.label,
        "headers": tuple(pair for pair in request.headers if pair[0] not in drop),
        "body": request.body,
        **changes,
    }
    return HttpRequest(**arguments)  # type: ignore[arg-type]


def _lets_caches_keep_replies(request: HttpRequest, send: Send) -> HttpResponse:
    return _with_reply(send(request), "cache-control")


def _answers_in_html(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    is_error = reply.status >= 400
    return _with_reply(reply, "content-type", content_type="text/html") if is_error else reply


def _loses_the_cookies_of_a_repeat(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    is_finish = "/finish/" in request.url and reply.status == 200
    is_repeat = is_finish and request.body in _SEEN
    if is_finish:
        _SEEN.add(request.body)
    return _with_reply(reply, "set-cookie") if is_repeat else reply


def _renames_the_cookie_at_login(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    if "/finish/" not in request.url or reply.status != 200:
        return reply
    return _with_reply(reply, set_cookie=f"__Host-irma={'x' * 43}; Path=/; Secure")


def _lets_scripts_read_the_cookie(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    headers = [(name, value.replace("HttpOnly; ", "")) for name, value in reply.headers]
    return HttpResponse(reply.status, tuple(headers), body=reply.body)


def _sends_every_error_as_200(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    return HttpResponse(200, reply.headers, body=reply.body) if reply.status >= 400 else reply


def _hides_where_a_call_came_from(request: HttpRequest, send: Send) -> HttpResponse:
    return send(_with_request(request, "origin", "sec-fetch-site"))


def _takes_the_url_of_a_proxy(request: HttpRequest, send: Send) -> HttpResponse:
    return send(_with_request(request, url=request.url.replace("https://", "http://")))


def _cuts_bodies_off(request: HttpRequest, send: Send) -> HttpResponse:
    return send(_with_request(request, body=(request.body or b"")[: 64 * 1024]))


def _takes_any_media_type(request: HttpRequest, send: Send) -> HttpResponse:
    headers = [pair for pair in request.headers if pair[0] != "content-type"]
    return send(
        _with_request(request, headers=(*headers, ("content-type", "application/json")))
        if request.label.startswith("POST /irma") and "/callback/" not in request.url
        else request
    )


def _logs_bodies(request: HttpRequest, send: Send) -> HttpResponse:
    _LOGGER.debug("%r", request.body)
    return send(request)


def _loses_callbacks(request: HttpRequest, send: Send) -> HttpResponse:
    return HttpResponse(404) if "/callback/" in request.url else send(request)


def _accepts_failed_callbacks(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    is_failed = "/callback/" in request.url and reply.status == 500
    return HttpResponse(204) if is_failed else reply


def _knows_no_preflight(request: HttpRequest, send: Send) -> HttpResponse:
    return send(_with_request(request, method="POST") if request.method == "OPTIONS" else request)


def _forgets_who_logged_in(request: HttpRequest, send: Send) -> HttpResponse:
    reply = send(request)
    return _with_reply(reply, "set-cookie") if "/finish/" in request.url else reply


FAULTS: dict[str, tuple[Fault, str]] = {
    "NoStore": (_lets_caches_keep_replies, "test_start_returns_what_the_page_needs"),
    "Html": (_answers_in_html, "test_an_unknown_question_is_not_found"),
    "Repeat": (
        _loses_the_cookies_of_a_repeat,
        "test_a_repeat_within_a_minute_has_the_same_outcome",
    ),
    "Renamed": (_renames_the_cookie_at_login, "test_the_cookie_is_kept_across_logins"),
    "Readable": (_lets_scripts_read_the_cookie, "test_the_first_start_sets_the_cookie"),
    "Always200": (_sends_every_error_as_200, "test_a_stolen_handle_is_refused"),
    "Origin": (_hides_where_a_call_came_from, "test_another_website_cannot_call"),
    "Proxy": (_takes_the_url_of_a_proxy, "test_finish_logs_the_person_in"),
    "Cut": (_cuts_bodies_off, "test_any_other_body_is_refused"),
    "Media": (_takes_any_media_type, "test_any_other_body_is_refused"),
    "Log": (_logs_bodies, "test_finish_logs_the_person_in"),
    "Callback": (_loses_callbacks, "test_the_callback_reaches_the_application"),
    "Swallow": (
        _accepts_failed_callbacks,
        "test_a_failing_callback_is_answered_with_an_error",
    ),
    "Preflight": (_knows_no_preflight, "test_a_preflight_lets_allowed_origins_in_alone"),
    "Forgets": (_forgets_who_logged_in, "test_finish_logs_the_person_in"),
}
"""The fault and the test of the contract that finds it, for each name of a class."""
