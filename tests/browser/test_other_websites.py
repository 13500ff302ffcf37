"""A page of another website in a real browser cannot use a development server."""

from __future__ import annotations

import json
import logging
import re
from typing import Any, final

import pytest
from playwright.sync_api import Page

from irma_backend.dev_server import running_dev_server
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.browser.backend import running_backend
from tests.browser.conftest import ARGUMENTS
from tests.memory_server.calling import OVER18, Http, disclosure

AGE18 = json.dumps(disclosure([[OVER18]]))
EVIL = "evil.example"
# The result of each attempt, which is "refused" if the page can read nothing.
SCRIPT = """
const attempt = async (path, options) => {
  try {
    const response = await fetch(SERVER + path, options);
    return response.type === "opaque" ? "refused" : `${response.status} ${await response.text()}`;
  } catch { return "refused"; }
};
const body = BODY;
const submit = (kind) => new Promise(resolve => {
  const frame = document.createElement("iframe");
  frame.name = "sink" + Math.random();
  frame.onload = () => resolve("refused");
  document.body.append(frame);
  const form = document.createElement("form");
  form.method = "post";
  form.action = SERVER + "/session";
  form.enctype = kind;
  form.target = frame.name;
  const field = document.createElement("input");
  field.name = body; field.value = "";
  form.append(field);
  document.body.append(form);
  form.submit();
});
const load = (name, path) => new Promise(resolve => {
  const element = document.createElement(name);
  element.onload = () => resolve("loaded");
  element.onerror = () => resolve("refused");
  element.src = SERVER + path;
  document.body.append(element);
});
const socket = () => new Promise(resolve => {
  const server = SERVER.replace("http", "ws");
  const opened = new WebSocket(`${server}/session/${TOKEN}/statusevents`);
  opened.onopen = () => resolve("opened");
  opened.onerror = () => resolve("refused");
});
const events = path => new Promise(resolve => {
  const opened = new EventSource(SERVER + path);
  opened.onopen = () => resolve("opened");
  opened.onerror = () => { opened.close(); resolve("refused"); };
});
window.attempts = async () => ({
  json: await attempt("/session", {
    method: "POST", body, headers: {"Content-Type": "application/json"}
  }),
  text: await attempt("/session", {method: "POST", body}),
  silent: await attempt("/session", {method: "POST", body, mode: "no-cors"}),
  beacon: navigator.sendBeacon(SERVER + "/session", body) && "refused",
  form: await submit("text/plain"),
  result: await attempt("/session/" + TOKEN + "/result"),
  events: await events("/session/" + TOKEN + "/statusevents"),
  socket: await socket(),
  cancel: await attempt("/session/" + TOKEN, {method: "DELETE"}),
  quiet_result: await attempt("/session/" + TOKEN + "/result", {
    mode: "no-cors", referrerPolicy: "no-referrer"
  }),
  page: await attempt("/"),
  script: await load("script", "/session/" + TOKEN + "/result"),
  follows: await attempt(new URL(POINTER).pathname + "/frontend/status", {
    headers: {Authorization: KNOWN}
  }),
  image: await load("img", "/app/style.css"),
});
"""


@final
class EvilSite:
    """A website that attacks a server on the visitor's machine."""

    policy = "default-src * 'unsafe-inline'"

    def __init__(self, server: str, package: dict[str, Any]) -> None:
        self._script = (
            SCRIPT.replace("SERVER", json.dumps(server))
            .replace("TOKEN", json.dumps(package["token"]))
            .replace("BODY", json.dumps(AGE18))
            .replace("POINTER", json.dumps(package["sessionPtr"]["u"]))
            .replace("KNOWN", json.dumps(package["frontendRequest"]["authorization"]))
        )

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return the page and its script."""
        match path:
            case "/":
                return (
                    "text/html",
                    b'<!doctype html><link rel="icon" href="data:,"><script src="/s.js"></script>',
                )
            case "/s.js":
                return "text/javascript", self._script.encode()
            case _:
                return None


@pytest.fixture(scope="module")
def chromium_arguments() -> list[str]:
    """In this browser, another website's name leads to this machine, as after DNS rebinding."""
    return [*ARGUMENTS, f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"]


@pytest.mark.parametrize("host", [EVIL, "localhost", "127.0.0.1"])
def test_a_foreign_page_can_only_follow_a_session(
    page: Page, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Another website or another port of this machine cannot start, read or cancel anything."""
    caplog.set_level(logging.DEBUG, "irma_backend.dev_server")
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    with running_dev_server(server) as url, Urllib3Transport() as transport:
        http = Http(url, lambda request: transport.send(request, transport.clock.monotonic() + 60))
        package = http.start(disclosure([[OVER18]]))
        [open_one] = server.open_sessions()
        with running_backend(EvilSite(url, package)) as site:
            page.goto(site.replace("127.0.0.1", host))
            attempts = page.evaluate("attempts()")
            assert {attempts[name] for name in attempts if name != "follows"} == {"refused"}
            assert attempts["follows"] == '200 {"status":"INITIALIZED"}'
        assert server.open_sessions() == (open_one,)
    refused = [
        said for said in caplog.messages if "403, because a page from another origin" in said
    ]
    answered = [said for said in caplog.messages if re.match(r"[A-Z]+ /session.*: \d+$", said)]
    assert (len(refused) >= len(attempts) - 4, answered) == (True, ["POST /session: 200"])


def test_a_page_is_refused_after_dns_rebinding(page: Page) -> None:
    """After DNS rebinding, when page and server have the same origin, the page is still refused."""
    server = InMemoryServer(clock=SystemClock())
    with running_dev_server(server) as url:
        address = url.replace("127.0.0.1", EVIL)
        response = page.goto(f"{address}/")
        assert response is not None
        assert (response.status, "page-token" in page.content()) == (403, False)
        started = page.evaluate(
            "body => fetch('/session', {method: 'POST', body}).then(said => said.status)", AGE18
        )
        assert (started, server.open_sessions()) == (403, ())
