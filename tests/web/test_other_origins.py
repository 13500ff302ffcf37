"""A page on another origin, such as a single-page application, can make the same calls safely."""

from __future__ import annotations

from typing import Any

import pytest

from irma_core.protocol.messages import HttpResponse
from tests.modes import MODES
from tests.web.site import COOKIE, SITE, Browser, Reply, Site

APP = "https://app.example"
CROSS_SITE = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
SAME_SITE = {"Origin": "https://spa.shop.example", "Sec-Fetch-Site": "same-site"}


@pytest.fixture
def site(mode: str) -> Site:
    """A website that has pages on other origins as well."""
    return Site(mode, origins=[APP, "https://spa.shop.example"])


def browser_at(site: Site, headers: dict[str, str]) -> Browser:
    """Return a browser whose page is on another origin."""
    browser = site.browser()
    browser.headers.update(headers)
    return browser


def cors(response: HttpResponse) -> dict[str, str]:
    """Return the headers of a reply that are about other origins."""
    return {
        name: value
        for name, value in response.headers
        if name.startswith("access-control-") or name == "vary"
    }


def allowed(origin: str) -> dict[str, str]:
    """Return the headers that allow a page of that origin to read the reply."""
    return {
        "vary": "Origin",
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
    }


@MODES
@pytest.mark.parametrize("headers", [CROSS_SITE, SAME_SITE])
def test_a_page_of_a_named_origin_logs_in(site: Site, headers: dict[str, str]) -> None:
    """A page of a named origin can start, ask, finish and cancel, and may read each reply."""
    browser = browser_at(site, headers)
    reply = browser.start()
    site.app.accept(reply.pointer)
    finish = browser.finish(reply.handle, next=f"{headers['Origin']}/account/")
    assert finish.json == {"next": f"{headers['Origin']}/account/"}
    handle = browser.start().handle
    status = browser.send("status", "login", {"handle": handle})
    cancel = browser.send("cancel", "login", {"handle": handle})
    failed = browser.send("cancel", "login", {"handle": "x"})
    for each in (reply, finish.reply, status, cancel, failed):
        assert cors(each.response) == allowed(headers["Origin"])


@MODES
def test_a_page_of_another_site_gets_a_partitioned_cookie(site: Site) -> None:
    """A page of another site gets a partitioned cookie, which no third site can use."""
    browser = browser_at(site, CROSS_SITE)
    browser.start()
    (cookie,) = browser.set_cookies
    assert set(cookie.split("; ")[1:]) == {
        *("Path=/", "Secure", "HttpOnly", "Max-Age=31536000"),
        *("SameSite=None", "Partitioned"),
    }


@MODES
def test_a_page_of_the_same_site_gets_the_usual_cookie(site: Site) -> None:
    """A page on a sister host needs no cookie for other sites."""
    browser = browser_at(site, SAME_SITE)
    browser.start()
    assert "SameSite=Lax" in browser.set_cookies[0]
    assert "Partitioned" not in browser.set_cookies[0]


@MODES
def test_the_app_returns_to_the_page_of_the_other_origin(site: Site) -> None:
    """The app returns to the page of the other origin that started the session."""
    reply = browser_at(site, CROSS_SITE).start(page="/login/", same_device=True)
    scanned = site.app.scan(reply.pointer)
    assert scanned.request["clientReturnUrl"].startswith(f"{APP}/login/#irma-login-")
    assert browser_at(site, CROSS_SITE).start(page=f"{SITE}/", same_device=True).status == 400


@MODES
def test_an_unnamed_origin_is_refused(site: Site) -> None:
    """An origin that is not named is refused, and its page may not read the refusal."""
    browser = browser_at(site, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
    reply = browser.start()
    assert reply.code == "other_site"
    assert cors(reply.response) == {"vary": "Origin"}


@MODES
def test_the_sites_own_pages_work_as_before(site: Site) -> None:
    """A page of the site itself starts a session as before, and the reply has `Vary: Origin`."""
    browser = site.browser()
    reply = browser.start()
    assert cors(reply.response) == {"vary": "Origin"}
    assert "SameSite=Lax" in browser.set_cookies[0]


@MODES
def test_a_handle_of_one_origin_is_bound_to_its_cookie(site: Site) -> None:
    """A page of one origin cannot finish a session of another origin with another cookie."""
    own, other = site.browser(), browser_at(site, CROSS_SITE)
    handle = own.started()
    other.start()
    assert other.finish(handle).code == "other_browser"
    assert own.finish(handle).status == 200


def preflight(site: Site, **headers: str) -> Reply:
    """Send the preflight of a page's call."""
    browser = site.browser()
    browser.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(site.sessions.preflight(browser.request("start/login", b"", method="OPTIONS")))


@MODES
def test_a_preflight_of_a_named_origin(site: Site) -> None:
    """A named origin may send JSON by `POST`, with the cookie and the headers that its page has."""
    reply = preflight(
        site,
        Origin=APP,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,x-tenant, X-CSRFToken",
    )
    assert (reply.status, reply.json) == (200, {})
    assert cors(reply.response) == {
        **allowed(APP),
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type, x-csrftoken, x-tenant",
        "access-control-max-age": "600",
    }


@MODES
@pytest.mark.parametrize("asked", ["", "a b", "x:y, ä", ",,", "\u0130"])
def test_a_preflight_with_invalid_header_names(site: Site, asked: str) -> None:
    """A preflight allows only strings that can be names of headers."""
    reply = preflight(site, Origin=APP, Access_Control_Request_Headers=asked)
    assert "access-control-allow-headers" not in cors(reply.response)


@MODES
@pytest.mark.parametrize("origin", ["https://evil.example", "null", SITE, "", f"{APP}/", f"{APP}."])
def test_a_preflight_of_another_origin(site: Site, origin: str) -> None:
    """The preflight of an origin that is not named is refused."""
    reply = preflight(site, Origin=origin)
    assert (reply.status, reply.code) == (403, "other_site")
    assert cors(reply.response) == {"vary": "Origin"}


@MODES
def test_a_preflight_of_a_site_without_other_origins(mode: str) -> None:
    """Without `origins` every preflight is refused."""
    reply = preflight(Site(mode), Origin=APP)
    assert (reply.status, reply.code) == (403, "other_site")
    assert cors(reply.response) == {}


@MODES
def test_a_preflight_by_another_method(site: Site) -> None:
    """A request with another method than `OPTIONS` is not a preflight, and is refused."""
    request = site.browser().request("start/login", {})
    reply = Reply(site.sessions.preflight(request))
    assert (reply.status, reply.code) == (405, "method")


PLAIN = "http://localhost:8000"


def from_development_site(site: Site, url: str = PLAIN) -> dict[str, Any]:
    """Return the changes that turn a request into one to a development server."""
    return {"url": f"{url}/irma/start/login", "headers": {"Origin": url}}


@MODES
@pytest.mark.parametrize("url", [PLAIN, "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_a_plain_cookie_for_development(mode: str, url: str) -> None:
    """Over plain HTTP on a loopback address the cookie has no `Secure` and no prefix."""
    site = Site(mode, plain_cookie=True)
    browser = site.browser()
    reply = browser.send("start", "login", {}, **from_development_site(site, url))
    assert reply.status == 200
    (cookie,) = browser.set_cookies
    assert cookie.startswith("irma=")
    assert set(cookie.split("; ")[1:]) == {
        *("Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=31536000")
    }
    site.app.accept(reply.pointer)
    request = browser.request("", {"handle": reply.handle}, **from_development_site(site, url))
    assert browser.finish_with("login", request).status == 200


@MODES
@pytest.mark.parametrize(
    "url", ["https://shop.example", "http://shop.example", "https://localhost:8000"]
)
def test_a_plain_cookie_is_refused_elsewhere(mode: str, url: str) -> None:
    """If a site goes live with the plain cookie switched on, each start is a misconfiguration."""
    site = Site(mode, plain_cookie=True)
    reply = site.browser().send("start", "login", {}, **from_development_site(site, url))
    assert (reply.status, reply.code) == (500, "misconfigured")
    assert not site.server.open_sessions()


@MODES
def test_a_plain_cookie_of_another_origin(mode: str) -> None:
    """During development, a page on another port gets a cookie that does not need HTTPS."""
    site = Site(mode, plain_cookie=True, origins=["http://localhost:5173"])
    browser = site.browser()
    headers = {"Origin": "http://localhost:5173", "Sec-Fetch-Site": "cross-site"}
    url = f"{PLAIN}/irma/start/login"
    assert browser.send("start", "login", {}, url=url, headers=headers).status == 200
    assert "SameSite=Lax" in browser.set_cookies[0]


@MODES
def test_a_site_with_the_plain_cookie_ignores_the_usual_one(mode: str) -> None:
    """If a site uses the plain cookie, the usual cookie does not count."""
    site = Site(mode, plain_cookie=True)
    browser = site.browser()
    browser.cookie = f"{COOKIE}={'a' * 43}"
    request = browser.request("", {"handle": "x"}, **from_development_site(site))
    assert browser.finish_with("login", request).code == "no_cookie"
