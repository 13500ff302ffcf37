"""Each end of a session and each failure of a service has a code and a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    ProofStatus,
    WebAnswer,
    WebRequest,
)
from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    IrmaError,
    LoginRefusedError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ScannedSession
from tests.modes import MODES
from tests.web.site import EMAIL, OVER18, Site

Person = Callable[[ScannedSession], object]
Handler = Callable[[HttpRequest], HttpResponse]
ENDS: dict[str, tuple[str, Person]] = {
    "refused": ("cancelled", lambda app: app.refuse()),
    "an invalid proof": ("proof_invalid", lambda app: app.cheat(ProofStatus.INVALID)),
    "an expired card": ("card_expired", lambda app: app.cheat(ProofStatus.EXPIRED)),
    "no value": ("other_answer", lambda app: app.cheat(values={EMAIL: None})),
    "something else": ("other_answer", lambda app: app.cheat(send=[[OVER18]])),
}


class ChangingProxy:
    """A proxy between the website and its server, which changes responses."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.own: Handler = site.server.handle
        self.handler: Handler = self.own
        monkeypatch.setattr(site.server, "handle", self._handle)

    def _handle(self, request: HttpRequest) -> HttpResponse:
        return self.handler(request)

    def fail(self, make: Callable[[str], Exception], times: int = 100) -> None:
        """Let the next calls fail."""
        left = [times]

        def handle(request: HttpRequest) -> HttpResponse:
            if left[0] <= 0:
                return self.own(request)
            left[0] -= 1
            raise make(request.label)

        self.handler = handle

    def reply(self, response: HttpResponse) -> None:
        """Return this response to each call."""
        self.handler = lambda _request: response

    def change(self, change: Callable[[Any], object]) -> None:
        """Change the JSON of each response."""

        def handle(request: HttpRequest) -> HttpResponse:
            response = self.own(request)
            value = json.loads(response.body)
            change(value)
            return HttpResponse(200, response.headers, body=json.dumps(value).encode())

        self.handler = handle

    def mend(self) -> None:
        """Pass all calls on unchanged from now on."""
        self.handler = self.own


@pytest.fixture
def proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> ChangingProxy:
    """The proxy between the website and its server."""
    return ChangingProxy(site, monkeypatch)


@MODES
@pytest.mark.parametrize("end", ENDS)
def test_an_end_without_an_answer(site: Site, end: str) -> None:
    """Each reply says why the person is not logged in, and the page may start again."""
    code, person = ENDS[end]
    browser = site.browser()
    reply = browser.start()
    person(site.app.scan(reply.pointer))
    for _ in range(2):
        finish = browser.finish(reply.handle)
        assert (finish.status, finish.code, finish.again) == (403, code, "start")
        assert isinstance(finish.finished.error, IrmaError)
    assert not site.logins


@MODES
def test_a_session_that_timed_out(site: Site) -> None:
    """A person who never scanned the QR is asked to start again."""
    browser = site.browser()
    handle = browser.start().handle
    site.server.pass_time(timedelta(minutes=5, seconds=1))
    finish = browser.finish(handle)
    assert (finish.status, finish.code, finish.again) == (403, "timed_out", "start")


@MODES
def test_a_null_value_that_the_login_reads(mode: str) -> None:
    """A question without `not_null` may have no value, and reading it causes no server error."""
    questions = {"login": DisclosureRequest({"email": AttributeRequest(EMAIL)})}
    site = Site(mode, questions=questions)
    browser = site.browser()
    reply = browser.start()
    site.app.scan(reply.pointer).cheat(values={EMAIL: None})

    def read(web: WebAnswer) -> str:
        return web.answer["email"].value

    finish = browser.finish(reply.handle, complete=read)
    assert (finish.status, finish.code) == (403, "value_missing")


def set_attribute(**fields: Any) -> Callable[[Any], None]:
    """Return a change of a result's only attribute."""

    def change(value: Any) -> None:
        value["disclosed"][0][0].update(fields)

    return change


def set_token(value: Any) -> None:
    """Replace a result's token by that of another session."""
    value["token"] = "abcdefghijKLMNOPQRST"


LIES: dict[str, tuple[str, str, Callable[[Any], object]]] = {
    "no value": ("login", "value_missing", set_attribute(rawvalue=None, value=None, status="NULL")),
    "another value": ("adult", "wrong_value", set_attribute(rawvalue="no", value={"": "no"})),
    "another attribute": ("login", "other_answer", set_attribute(id=OVER18)),
    "another session": ("login", "other_answer", set_token),
}


@MODES
@pytest.mark.parametrize("lie", LIES)
def test_a_result_that_does_not_match(site: Site, proxy: ChangingProxy, lie: str) -> None:
    """Even a result that the server calls valid is compared with the request."""
    name, code, change = LIES[lie]
    browser = site.browser()
    handle = browser.started(name)
    proxy.change(change)
    finish = browser.finish(handle, name)
    assert (finish.status, finish.code, finish.again) == (403, code, "start")
    assert not site.logins
    proxy.mend()
    assert browser.finish(handle, name).status == 200


AWAY: dict[str, Callable[[str], Exception]] = {
    "no connection": lambda label: ConnectionFailedError(label, "refused", request_sent=False),
    "broken": lambda label: ConnectionBrokenError(label, "reset", request_sent=True),
    "slow": lambda label: TransportTimeoutError(label, "took too long", request_sent=True),
}


@MODES
@pytest.mark.parametrize("how", AWAY)
@pytest.mark.parametrize("step", ["start", "finish", "status", "cancel"])
def test_a_server_that_is_down(site: Site, proxy: ChangingProxy, step: str, how: str) -> None:
    """While the server is down, each step is a 503, and it works once the server is up again."""
    browser = site.browser()
    handle = browser.started()
    fields = {} if step == "start" else {"handle": handle}

    def call() -> Any:
        if step == "finish":
            return browser.finish(handle)
        return browser.send(step, "login", fields)

    proxy.fail(AWAY[how])
    reply = call()
    again = step if step in {"start", "finish"} else None
    assert (reply.status, reply.code, reply.again) == (503, "server_unavailable", again)
    assert not site.logins
    proxy.mend()
    assert call().status == 200


@MODES
def test_a_momentary_failure_of_the_server_is_not_noticed(site: Site, proxy: ChangingProxy) -> None:
    """The library repeats a finish that fails once because of the server."""
    browser = site.browser()
    handle = browser.started()
    proxy.fail(AWAY["broken"], times=1)
    assert browser.finish(handle).status == 200


@MODES
@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        (HttpResponse(503), 503, "server_unavailable"),
        (HttpResponse(429), 503, "server_unavailable"),
        (HttpResponse(404), 502, "server_refused"),
        (HttpResponse(301, (("location", "https://irma.example/x"),)), 502, "server_refused"),
        (HttpResponse(200, body=b"<html>"), 502, "server_refused"),
    ],
)
def test_an_unknown_reply_of_the_server(
    site: Site, proxy: ChangingProxy, response: HttpResponse, status: int, code: str
) -> None:
    """A reply that no IRMA server sends is an error of the website."""
    browser = site.browser()
    handle = browser.started()
    proxy.reply(response)
    finish = browser.finish(handle)
    assert (finish.status, finish.code) == (status, code)
    assert browser.start().status in {502, 503}
    proxy.mend()
    assert browser.finish(handle).status == 200


@MODES
def test_a_server_that_refuses_to_start(mode: str) -> None:
    """If the server does not know an attribute, the start fails, and no repeat is offered."""
    site = Site(mode, server=InMemoryServer(scheme=EXAMPLE_SCHEME))
    reply = site.browser().start()
    assert (reply.status, reply.code, reply.again) == (502, "server_refused", None)


@MODES
def test_a_question_that_fails(mode: str) -> None:
    """If a function of the application raises, the reply has a code, and no session is started."""
    raised: list[Exception] = [OSError("the database is down"), LoginRefusedError("Not you.")]

    def ask(_request: WebRequest) -> Any:
        raise raised.pop(0)

    site = Site(mode, questions={"login": ask})
    browser = site.browser()
    failed, refused = browser.start(), browser.start()
    assert (failed.status, failed.code, failed.again) == (500, "failed", "start")
    assert (refused.status, refused.code) == (403, "login_refused")
    assert refused.json["error"]["message"] == "Not you."
    assert not site.server.open_sessions()


@MODES
def test_a_risk_that_is_not_allowed_is_a_misconfiguration(mode: str) -> None:
    """A request that the requestor may not send is an error of the website."""
    request = DisclosureRequest(
        {"email": EMAIL}, client_return_url="https://shop.example/", augment_return_url=True
    )
    reply = Site(mode, questions={"login": request}).browser().start()
    assert (reply.status, reply.code, reply.again) == (500, "misconfigured", None)
