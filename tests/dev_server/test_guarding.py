"""The development server accepts only its own forms, and its pages restrict the browser."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from irma_backend.dev_server import running_dev_server
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from tests.dev_server.browsing import Browser, Page
from tests.memory_server.calling import OVER18, Http, disclosure

AGE18 = disclosure([[OVER18]])


@pytest.fixture
def url(server: InMemoryServer) -> Generator[str]:
    with running_dev_server(server) as url:
        yield url


@pytest.fixture
def browser(url: str) -> Browser:
    return Browser(url)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"content_type": "text/plain"},
    ],
)
def test_foreign_form_is_refused(http: Http, browser: Browser, headers: dict[str, str]) -> None:
    """A form from a page of another origin is refused, even if it has the token."""
    token = http.start(AGE18)["token"]
    form = browser.open().form("Scan")
    page = browser.submit(form.action, form.fields, **headers)
    assert (page.status, "not sent from a page of this server" in page.text) == (403, True)
    assert http.status(token) == "INITIALIZED"


@pytest.mark.parametrize("button", ["scan", "accept", "refuse"])
@pytest.mark.parametrize("given", [{}, {"page-token": ""}, {"page-token": "\u00e9" * 43}])
def test_form_without_the_token_is_refused(
    http: Http, browser: Browser, button: str, given: dict[str, str]
) -> None:
    """Every form without the right token is refused."""
    token = http.start(AGE18)["token"]
    page = browser.open()
    name = page.form("Scan").action.removesuffix("/scan")
    before = "INITIALIZED"
    if button != "scan":
        browser.press(page, "Scan")
        before = "CONNECTED"
    assert browser.submit(f"{name}/{button}", given).status == 403
    assert http.status(token) == before


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"page-token=\xff", 400),
        ("application/x-www-form-urlencoded", b"page-token=%ff", 400),
        ("application/x-www-form-urlencoded; charset=nonsense", b"page-token=x", 403),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n", 403),
        ("", b"page-token=x", 403),
    ],
)
def test_malformed_form_is_refused(
    kind: str, body: bytes, status: int, url: str, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    """A malformed form is refused without a traceback in the log."""
    name = http.start(AGE18)["sessionPtr"]["u"].rsplit("/", 1)[1]
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("POST", f"/app/{name}/refuse", body, {"content-type": kind})
    response = connection.getresponse()
    assert response.status == status
    connection.close()
    assert http.call("GET", "/health").status == 200
    assert "Traceback" not in caplog.text


def test_form_of_another_website_is_not_read(browser: Browser) -> None:
    """A form that another website sends is refused before it is read, which could take long."""
    malformed = {"content_type": "application/x-www-form-urlencoded", "origin": "https://a.example"}
    assert browser.send_form("/app/wallet", b"page-token=%ff").status == 400
    assert browser.send_form("/app/wallet", b"page-token=%ff", **malformed).status == 403


def test_large_form_is_not_read(browser: Browser) -> None:
    """A form of more than 256 KiB is refused before it is read."""
    malformed = b"page-token=%ff&"
    body = malformed.ljust(256 * 1024, b"a")
    assert browser.send_form("/app/wallet", body).status == 400
    assert browser.send_form("/app/wallet", body + b"a").status == 413


def test_token_of_another_server_is_refused(browser: Browser, http: Http) -> None:
    """A form with the token of another development server is refused."""
    http.start(AGE18)
    form = browser.open().form("Scan")
    with running_dev_server(InMemoryServer(clock=SystemClock())) as other:
        assert Browser(other).submit(form.action, form.fields).status == 403


def test_program_with_the_token_is_accepted(http: Http, browser: Browser, url: str) -> None:
    """A program that sends the token but no browser headers is accepted."""
    http.start(AGE18)
    form = browser.open().form("Scan")
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request(
        "POST",
        form.action,
        "&".join(f"{name}={value}" for name, value in form.fields.items()),
        {"content-type": "application/x-www-form-urlencoded"},
    )
    assert connection.getresponse().status == 303
    connection.close()


def test_get_changes_nothing(http: Http, browser: Browser) -> None:
    """A GET request for the path of a button, as from a link or an image, is not found."""
    token = http.start(AGE18)["token"]
    action = browser.open().form("Scan").action
    assert browser.open(action).status == 404
    assert http.status(token) == "INITIALIZED"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost"])
def test_page_refuses_foreign_hosts(url: str, host: str) -> None:
    """A website whose name leads to this machine (DNS rebinding) cannot read the token."""
    connection = HTTPConnection(urlsplit(url).netloc)
    headers = {"host": host.format(port=urlsplit(url).port)}
    connection.request("GET", "/", headers=headers)
    response = connection.getresponse()
    assert (response.status, b"page-token" in response.read()) == (403, False)
    connection.close()


def pages_of(browser: Browser, http: Http) -> list[Page]:
    http.start(AGE18)
    home = browser.open()
    session = browser.press(home, "Scan")
    over = browser.press(session, "Refuse")
    return [
        home,
        session,
        over,
        browser.open("/app/x"),
        browser.open("/app/style.css"),
        browser.open("/app/page.js"),
    ]


def test_pages_have_security_headers(http: Http, browser: Browser) -> None:
    """The headers of each page forbid inline and foreign scripts, frames, caching and CORS."""
    for page in pages_of(browser, http):
        policy = page.headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in page.headers


def test_pages_obey_their_own_policy(http: Http, browser: Browser) -> None:
    """No page has an inline script or style, an event handler or an external resource."""
    for page in pages_of(browser, http):
        for tag, given in page.tags:
            assert tag != "script" or given["src"] == "/app/page.js"
            assert tag not in {"style", "iframe", "object", "img", "base"}
            assert not any(name.startswith("on") or name == "style" for name in given)
            addresses = [given.get(name, "/") for name in ("href", "src", "action", "formaction")]
            assert all(re.match(r"/(?!/)|data:,$", address) for address in addresses)


def test_log_names_what_does_not_exist(http: Http, caplog: pytest.LogCaptureFixture) -> None:
    """The log names a requested attribute that does not exist, and suggests a similar name."""
    with caplog.at_level(logging.INFO, "irma_backend.dev_server"):
        http.refused(disclosure([["example.town.age.over81"]]))
    assert (
        "POST /session: 400 Unknown identifiers: example.town.age.over81; did you mean "
        "example.town.age.over18?"
    ) in caplog.text


def test_log_has_no_token(http: Http, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """The log shows calls and statuses without tokens, and successful GETs only at DEBUG."""
    with caplog.at_level(logging.DEBUG, "irma_backend.dev_server"):
        package = http.start(AGE18)
        http.status(package["token"])
        http.call("DELETE", f"/session/{package['token']}")
        http.call("DELETE", package["sessionPtr"]["u"])
    ours = [record for record in caplog.records if record.name == "irma_backend.dev_server"]
    said = [(record.levelname, record.getMessage()) for record in ours]
    assert said[:2] == [
        ("INFO", "POST /session: 200"),
        ("DEBUG", "GET /session/{token}/status: 200"),
    ]
    assert said[-2:] == [
        ("INFO", "DELETE /session/{token}: 200"),
        ("INFO", "DELETE /irma/session/{token}: 200"),
    ]
    assert package["token"] not in caplog.text
