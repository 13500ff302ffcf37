"""The page's calls: CSRF, cookies, languages, and JSON in every case."""

from __future__ import annotations

import json
import logging
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import OperationalError, connections
from django.dispatch import Signal
from django.http import HttpResponse
from django.test import AsyncClient, override_settings
from django.utils.log import AdminEmailHandler

from irma_testing import InMemoryServer
from irma_web_django import irma_site, signals
from tests.web_django.configured import MIDDLEWARE
from tests.web_django.shop import Visitor, code, settings_for

STEPS = ("start", "finish", "status", "cancel")
ADMIN = "ops@shop.example"
# Django 5 accepts only pairs, and Django 6 warns about them.
ADMINS: list[Any] = [ADMIN] if django.VERSION >= (6,) else [("Ops", ADMIN)]
IMPOLITE = [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"handle": 1}', b"x" * 3_000_000]


def is_json_error(response: HttpResponse) -> bool:
    """Return whether a reply is a JSON error that a page can read."""
    error: dict[str, Any] = json.loads(response.content)["error"]
    return (
        response["Content-Type"] == "application/json"
        and response["Cache-Control"] == "no-store"
        and 400 <= response.status_code < 600
        and set(error) == {"code", "message", "again"}
        and error["message"].endswith(".")
    )


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("body", IMPOLITE, ids=range(len(IMPOLITE)))
def test_whatever_is_sent_gets_json(ada: Visitor, step: str, body: bytes) -> None:
    """A body that no page sends leads to a JSON error."""
    response = ada.post(step, "login", body)
    # a start ignores unknown fields
    takes = step == "start" and body.startswith(b'{"')
    assert response.status_code == 200 if takes else is_json_error(response)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "BREW"])
def test_other_methods_get_json(ada: Visitor, step: str, method: str) -> None:
    """A call with another method than POST is refused with a JSON error."""
    response: Any = ada.browser.generic(method, f"/irma/{step}/login", secure=True)
    assert response.status_code == 405
    assert method == "HEAD" or is_json_error(response)


@pytest.mark.parametrize("step", STEPS)
def test_forms_get_json(ada: Visitor, step: str) -> None:
    """A form, which any website can send, is refused with a JSON error."""
    response: Any = ada.browser.post(f"/irma/{step}/login", {"handle": "x"}, secure=True)
    assert response.status_code == 415
    assert is_json_error(response)


FORMS = [
    ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
    ("multipart/form-data", b""),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % each for each in range(2000))),
    ("application/x-www-form-urlencoded", b"x" * 3_000_000),
    ("application/x-www-form-urlencoded; charset=utf-16", b"a=b"),
    ("application/x-www-form-urlencoded; charset=none", b"\xff=\xff"),
    ("text/plain; charset=none", b"\xff"),
    ("", b"{}"),
    ("application/json, text/plain", b"{}"),
    ("\xff/\xff", b"{}"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("kind", "body"), FORMS, ids=range(len(FORMS)))
def test_forms_that_django_cannot_read_get_json(
    careful: Visitor, step: str, kind: str, body: bytes
) -> None:
    """A malformed form is refused with a JSON error, although Django itself would send HTML."""
    careful.get("/")  # this sets Django's cookie, without which Django does not read the form
    response: Any = careful.browser.generic(
        "POST", f"/irma/{step}/login", body, kind, headers=careful.headers, secure=True
    )
    assert response.status_code in {403, 413, 415}
    assert is_json_error(response)


class ReadingForms:
    """A site's middleware that reads each form, as for an audit log."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.POST.get("anything")
        return self.get_response(request)


@pytest.mark.parametrize("step", STEPS)
def test_a_form_that_a_middleware_has_read_gets_json(ada: Visitor, step: str) -> None:
    """A form is refused with a JSON error even if the site's middleware has read the body."""
    with override_settings(MIDDLEWARE=[*MIDDLEWARE, f"{__name__}.ReadingForms"]):
        ada.browser.handler.load_middleware()
        response: Any = ada.browser.post(f"/irma/{step}/login", {"handle": "x"}, secure=True)
    assert response.status_code == 415
    assert is_json_error(response)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("host", ["evil.example", "a b", "shop.example:x", "\xff"])
def test_a_host_that_is_not_the_sites_gets_json(ada: Visitor, step: str, host: str) -> None:
    """If Django's CommonMiddleware is missing, the view itself refuses a wrong host."""
    without = [each for each in MIDDLEWARE if "Common" not in each and "Security" not in each]
    with override_settings(MIDDLEWARE=without):
        ada.browser.handler.load_middleware()
        ada.headers = {"host": host}
        response = ada.post(step, "login", {})
    assert (response.status_code, code(response)) == (400, "url_invalid")
    assert is_json_error(response)


@pytest.fixture
def careful(shop: None, irma_server: InMemoryServer) -> Visitor:
    """A visitor for whom Django checks the CSRF token, as it does for browsers."""
    visitor = Visitor(irma_server, enforce_csrf_checks=True)
    visitor.headers = {"origin": "https://shop.example"}
    return visitor


def token_of(page: HttpResponse) -> dict[str, str]:
    """Return the headers that a page's script sends."""
    text = page.content.decode()
    settings = text.partition('id="irma-login">')[2].partition("</script>")[0]
    headers: dict[str, str] = json.loads(settings)["headers"]
    return headers


@pytest.mark.parametrize("step", STEPS)
def test_a_call_without_the_token_is_refused(careful: Visitor, step: str) -> None:
    """A call without Django's CSRF token is refused with a JSON error."""
    response = careful.post(step, "login", {})
    assert (response.status_code, code(response)) == (403, "csrf_failed")
    assert is_json_error(response)


def test_a_call_with_the_token_is_accepted(careful: Visitor) -> None:
    """The page's settings have the CSRF token, and a call with it is accepted."""
    careful.headers |= token_of(careful.get("/"))
    assert careful.prove("login").status_code == 200
    assert careful.user is not None


def test_another_tab_goes_on_after_a_login(
    careful: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """A login changes Django's token, but another tab may use its handle as the token."""
    careful.headers |= token_of(careful.get("/"))
    started = careful.start("adult")
    careful.app.accept(started["sessionPtr"])
    careful.prove("login")
    assert careful.finish("adult", started).status_code == 200
    assert "Forbidden" not in caplog.text
    # A start has no handle yet, so the page must be reloaded.
    assert code(careful.post("start", "adult", {})) == "csrf_failed"
    assert code(careful.post("finish", "adult", {"slot": 0})) == "csrf_failed"
    careful.headers |= token_of(careful.get("/"))
    assert careful.start("adult")


def test_a_site_without_the_middleware_needs_no_token(careful: Visitor) -> None:
    """Without Django's middleware, the library still checks the cookie, origin and media type."""
    without = [each for each in MIDDLEWARE if "csrf" not in each.lower()]
    with override_settings(MIDDLEWARE=without):
        careful.browser.handler.load_middleware()
        assert careful.prove("adult").status_code == 200
        careful.headers = {"origin": "https://evil.example"}
        assert code(careful.post("start", "adult", {})) == "other_site"


def test_pages_of_a_named_origin_may_call(shop: None, irma_server: InMemoryServer) -> None:
    """A single-page application on another origin needs no CSRF token."""
    spa = "https://spa.example"
    with override_settings(IRMA=settings_for(irma_server, ORIGINS=[spa])):
        visitor = Visitor(irma_server, enforce_csrf_checks=True)
        visitor.headers = {"origin": spa}
        preflight: Any = visitor.browser.options(
            "/irma/start/adult",
            headers={"origin": spa, "access-control-request-method": "POST"},
            secure=True,
        )
        assert preflight["Access-Control-Allow-Origin"] == spa
        response = visitor.post("start", "adult", {})
        assert response.status_code == 200
        assert response["Access-Control-Allow-Origin"] == spa
        assert "Origin" in response["Vary"]
        visitor.headers = {"origin": "https://evil.example"}
        assert visitor.post("start", "adult", {}).status_code == 403


def test_errors_are_in_the_persons_language(ada: Visitor) -> None:
    """All error messages, including Django's own, are in Dutch if the browser prefers Dutch."""
    ada.headers = {"accept-language": "nl"}
    assert "website" in json.loads(ada.post("start", "x", {}).content)["error"]["message"]
    ada.prove("login")
    User.objects.update(is_active=False)
    ada.browser.logout()
    refused = json.loads(ada.prove("login").content)["error"]
    assert refused["message"] == "Uw account is niet actief."


def test_a_wrong_setting_is_json_for_the_page(ada: Visitor, caplog: Any) -> None:
    """For a wrong setting, the page receives a code, and the log has the reason."""
    with override_settings(IRMA={"SERVR": "x"}):
        response = ada.post("start", "login", {})
    assert (response.status_code, code(response)) == (500, "misconfigured")
    assert "did you mean 'SERVER'" in caplog.text


@pytest.mark.parametrize("step", STEPS)
def test_a_bug_is_json_for_the_page(ada: Visitor, step: str, monkeypatch: Any, caplog: Any) -> None:
    """If a plugin or a setting raises any error, the page receives a code, and not HTML."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr("irma_web_django.views.current_site", fail)
    response = ada.post(step, "login", {})
    assert (response.status_code, code(response)) == (500, "failed")
    assert is_json_error(response)
    assert "ZeroDivisionError" in caplog.text


def test_a_wrong_setting_is_signalled(ada: Visitor, events: list[tuple[str, Any]]) -> None:
    """If a start or a finish fails, the site's signal has the code and the error."""
    with override_settings(IRMA={"SERVR": "x"}):
        for step in STEPS:
            ada.post(step, "login", {})
    assert [(name, more["code"]) for name, more in events] == [("failed", "misconfigured")] * 2
    assert "did you mean 'SERVER'" in str(events[0][1]["error"])


def test_a_stale_page_is_signalled(careful: Visitor, events: list[tuple[str, Any]]) -> None:
    """If a start or a finish lacks the CSRF token, the site's signal has the code."""
    for step in STEPS:
        careful.post(step, "login", {})
    assert [(name, more["code"]) for name, more in events] == [("refused", "csrf_failed")] * 2


def test_a_browser_cannot_forge_a_log_line(ada: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    """The log omits the name in the URL, because it may contain a carriage return."""
    with override_settings(IRMA={"SERVR": "x"}):
        for step in STEPS:
            ada.post(step, "x%0dCRITICAL:root:made up", {})
    assert not [each for each in caplog.messages if "\r" in each]


@pytest.mark.parametrize("step", ["start", "finish"])
def test_the_log_says_why_the_store_failed(
    ada: Visitor, step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If the database fails, for instance because it is read-only, one line of the log says so."""
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    options = connections["default"].settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "init_command", "PRAGMA query_only = ON")
    connections["default"].close()
    response = ada.post(step, "login", {"handle": started["handle"]})
    assert (response.status_code, code(response)) == (503, "store_unavailable")
    lines = [each.getMessage() for each in caplog.records if each.name == "django.request"]
    assert [line for line in lines if line.startswith(f"{step} failed") and "readonly" in line]
    assert len(lines) == 1
    assert "Traceback" not in caplog.text


def test_a_broken_database_is_json_for_the_page(ada: Visitor, monkeypatch: Any) -> None:
    """If the database fails during a login, the login is rolled back, and a repeat succeeds."""

    def fail(*_: object) -> str:
        raise OperationalError("the connection is gone")

    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    with monkeypatch.context() as patched:
        patched.setattr("irma_web_django.proof_sessions.keep", fail)
        response = ada.finish("login", started)
    assert (response.status_code, code(response)) == (503, "store_unavailable")
    assert "sessionid" not in ada.browser.cookies
    assert not User.objects.exists()
    assert ada.finish("login", started).status_code == 200
    assert User.objects.count() == 1


def test_a_lost_commit_is_not_a_second_login(
    ada: Visitor, logins: list[User], monkeypatch: Any
) -> None:
    """If a commit succeeded but was not confirmed, a repeat finds the login."""
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    send = signals.send

    def lose_the_reply(signal: Signal, **arguments: object) -> None:
        if signal is signals.logged_in:  # this signal is the first thing after the commit
            raise OperationalError("the connection is gone")
        send(signal, **arguments)

    with monkeypatch.context() as patched:
        patched.setattr(signals, "send", lose_the_reply)
        assert ada.finish("login", started).status_code == 503
    assert User.objects.count() == 1
    assert "sessionid" not in ada.browser.cookies
    assert ada.finish("login", started).status_code == 200
    assert ada.user is not None
    assert logins == [ada.user]


async def test_the_views_work_under_asgi(shop: None, irma_server: InMemoryServer) -> None:
    """Under ASGI, the calls run in threads, and the cookie and the session are the same."""
    client = AsyncClient(headers={"host": "shop.example"})

    async def post(step: str, body: object) -> Any:
        path, kind = f"/irma/{step}/login", "application/json"
        return await client.post(path, json.dumps(body), content_type=kind, secure=True)

    started = json.loads((await post("start", {})).content)
    Visitor(irma_server).app.accept(started["sessionPtr"])
    assert (await post("finish", {"handle": started["handle"]})).status_code == 200
    assert "sessionid" in client.cookies


def test_signals_say_what_happened(ada: Visitor, events: list[tuple[str, Any]]) -> None:
    """Signals report that a session was started, answered, refused with a code, or logged in."""
    ada.prove("login")
    started = ada.start("adult")
    ada.app.refuse(started["sessionPtr"])
    ada.finish("adult", started)
    names = [(name, more["name"], more.get("code")) for name, more in events]
    assert names == [
        ("started", "login", None),
        ("answered", "login", None),
        ("logged_in", "login", None),
        ("started", "adult", None),
        ("refused", "adult", "cancelled"),
    ]
    assert events[1][1]["answer"]["email"].value == "ada@example.com"
    assert events[2][1]["user"] == ada.user


def test_administrators_get_one_mail_that_says_why(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's mail to administrators has the traceback of a failure, and none of our secrets."""

    def fail(**_: Any) -> None:
        raise ZeroDivisionError("nothing to divide by")

    sent = AdminEmailHandler(include_html=True)
    sent.setLevel("ERROR")
    monkeypatch.setattr(logging.getLogger("django.request"), "handlers", [sent])
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    signals.answered.connect(fail)
    try:
        with override_settings(ADMINS=ADMINS):
            assert code(ada.finish("login", started)) == "failed"
    finally:
        signals.answered.disconnect(fail)
    [mailed] = mail.outbox
    text = f"{mailed.body} {mailed.message()}"
    assert "ZeroDivisionError" in mailed.body
    for secret in (started["handle"], "ada@example.com"):
        assert secret not in text


def test_a_failing_receiver_changes_nothing(ada: Visitor, caplog: Any) -> None:
    """A receiver of `started` that raises is logged, and does not stop the login."""

    def fail(**_: Any) -> None:
        raise ZeroDivisionError

    signals.started.connect(fail)
    try:
        assert ada.prove("login").status_code == 200
    finally:
        signals.started.disconnect(fail)
    assert "ZeroDivisionError" in caplog.text


def test_a_fork_opens_its_own_connections(ada: Visitor, monkeypatch: Any) -> None:
    """A child process does not use the connections of its parent."""
    site = irma_site.current_site()
    assert irma_site.current_site() is site
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert irma_site.current_site() is not site
