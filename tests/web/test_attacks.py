"""Attacks on a login by another person, site or browser.

Each test is named after the attack. No attack logs anybody in, and the victim's own login still
works.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from irma_core import Sealer, new_sealing_key
from irma_core.protocol.messages import HttpResponse
from tests.modes import MODES
from tests.web.site import COOKIE, SITE, Browser, Site

pytestmark = MODES


def handle_of(browser: Browser, name: str = "login") -> str:
    """Return the handle of a session that the app has answered."""
    return browser.started(name)


def assert_works(site: Site, browser: Browser, handle: str, name: str = "login") -> None:
    """Check that the attack has not caused a login, and that the victim's own finish works."""
    assert not site.logins
    assert browser.finish(handle, name).status == 200
    assert len(site.logins) == 1


def test_login_csrf(site: Site) -> None:
    """An attacker's handle, which another site makes the victim's browser send, is refused."""
    attacker, victim = site.browser(), site.browser()
    handle = handle_of(attacker)
    victim.start()
    assert victim.finish(handle).code == "other_browser"
    assert_works(site, attacker, handle)


def test_login_csrf_of_a_browser_that_never_started(site: Site) -> None:
    """A victim's browser that has no cookie of ours cannot finish any session."""
    attacker = site.browser()
    handle = handle_of(attacker)
    finish = site.browser().finish(handle)
    assert (finish.status, finish.code, finish.again) == (403, "no_cookie", "start")
    assert_works(site, attacker, handle)


def test_mix_up_of_two_people(site: Site) -> None:
    """Of two people who log in at the same time, each can finish only their own session."""
    ada, bob = site.browser(), site.browser()
    of_ada, of_bob = handle_of(ada), handle_of(bob)
    assert ada.finish(of_bob).code == "other_browser"
    assert bob.finish(of_ada).code == "other_browser"
    assert not site.logins
    assert ada.finish(of_ada).status == bob.finish(of_bob).status == 200
    tokens = {login.answer.token.reveal() for login in site.logins}
    assert len(tokens) == 2


def test_stolen_handle_from_another_browser(site: Site) -> None:
    """A thief who read the handle cannot finish, look at, or cancel the session."""
    victim, thief = site.browser(), site.browser()
    handle = handle_of(victim)
    thief.start()
    assert thief.finish(handle).code == "other_browser"
    for step in ("status", "cancel"):
        assert thief.send(step, "login", {"handle": handle}).code == "other_browser"
    assert_works(site, victim, handle)


def test_stolen_handle_after_the_login(site: Site) -> None:
    """A thief with the handle cannot read the outcome of a login either."""
    victim, thief = site.browser(), site.browser()
    handle = handle_of(victim)
    victim.finish(handle)
    thief.start()
    finish = thief.finish(handle)
    assert finish.code == "other_browser"
    assert finish.finished.value is None


def test_number_of_another_browser(site: Site) -> None:
    """The number in the fragment of a page's URL is useless in another browser."""
    victim, thief = site.browser(), site.browser()
    slot, handle = victim.started_on_phone()
    thief.started_on_phone()
    assert thief.finish(None, slot=slot).code == "handle_invalid"
    assert site.browser().finish(None, slot=slot).code == "no_cookie"
    assert_works(site, victim, handle)


def test_stolen_cookie(site: Site) -> None:
    """A thief who copied the cookie of a shared computer cannot finish the next visitor's session.

    The cookie stays the same for a year, so it identifies a session only together with the number
    or the handle, which only the visitor's page has.
    """
    victim, thief = site.browser(), site.browser()
    victim.start()
    thief.cookie = victim.cookie
    slot, handle = victim.started_on_phone()
    for guess in (*range(20), slot + 100, slot - 100, slot + 1):
        assert thief.finish(None, slot=guess).code == "handle_invalid"
        assert thief.send("status", "login", {"slot": guess}).code == "handle_invalid"
        assert thief.send("cancel", "login", {"slot": guess}).code == "handle_invalid"
    assert_works(site, victim, handle)


@pytest.mark.parametrize("forged", ["", "x", "gAAAAA", "=" * 40, "0" * 600, "\ud83d\ude00", "\x00"])
def test_forged_finish(site: Site, forged: str) -> None:
    """A handle that this site has not sealed is refused."""
    victim = site.browser()
    handle = handle_of(victim)
    finish = victim.finish(forged)
    assert (finish.status, finish.code) == (400, "handle_invalid")
    assert_works(site, victim, handle)


def test_forged_finish_with_other_keys(mode: str) -> None:
    """A handle that an attacker sealed with other keys is refused."""
    site, forger = Site(mode), Site(mode, keys=[new_sealing_key()])
    victim, other = site.browser(), forger.browser()
    handle = handle_of(victim)
    other.cookie = victim.cookie
    assert victim.finish(handle_of(other)).code == "handle_invalid"
    assert_works(site, victim, handle)


def test_replayed_finish(site: Site) -> None:
    """A repeated request gets the outcome for a minute, and never causes a second login."""
    victim = site.browser()
    handle = handle_of(victim)
    request = victim.request("finish/login", {"handle": handle})
    assert victim.finish_with("login", request).status == 200
    assert victim.finish_with("login", request).finished.is_repeat
    site.server.pass_time(timedelta(seconds=61))
    late = victim.finish_with("login", request)
    assert (late.status, late.code, late.again) == (409, "already_used", "start")
    assert len(site.logins) == 1


def test_finish_before_the_answer(site: Site) -> None:
    """A finish before the app's answer changes nothing, and a later finish works."""
    victim = site.browser()
    reply = victim.start()
    early = victim.finish(reply.handle)
    assert (early.status, early.code, early.again) == (409, "not_finished", "finish")
    site.app.accept(reply.pointer)
    assert_works(site, victim, reply.handle)


@pytest.mark.parametrize("part", [1, 20, 300, -20, -1])
def test_truncated_finish(site: Site, part: int) -> None:
    """A handle that was cut is refused."""
    victim = site.browser()
    handle = handle_of(victim)
    assert victim.finish(handle[:part]).code == "handle_invalid"
    assert victim.finish(handle[abs(part) :]).code == "handle_invalid"
    assert_works(site, victim, handle)


def test_changed_finish(site: Site) -> None:
    """A handle in which any single character was changed is refused."""
    victim = site.browser()
    handle = handle_of(victim)
    for place in range(0, len(handle), 37):
        other = "A" if handle[place] != "A" else "B"
        changed = handle[:place] + other + handle[place + 1 :]
        assert victim.finish(changed).code == "handle_invalid"
    assert_works(site, victim, handle)


def test_handle_of_another_question(site: Site) -> None:
    """A proof of being over 18 is not a login, and a login is not such a proof."""
    victim = site.browser()
    login, adult = handle_of(victim), handle_of(victim, "adult")
    for step in ("status", "cancel"):
        assert victim.send(step, "login", {"handle": adult}).code == "handle_invalid"
    assert victim.finish(adult, "login").code == "handle_invalid"
    assert victim.finish(login, "adult").code == "handle_invalid"
    slot, _ = victim.started_on_phone()
    assert victim.finish(None, "adult", slot=slot).code == "handle_invalid"
    assert_works(site, victim, login)


def test_cookie_of_a_similar_name(site: Site) -> None:
    """A cookie of another name that browsers or servers may confuse with ours does not count."""
    attacker, victim = site.browser(), site.browser()
    handle = handle_of(attacker)
    value = str(attacker.cookie).partition("=")[2]
    for name in (
        *(
            "irma",
            "__host-irma",
            "__Host-Irma",
            "__Host-irma ",
            "$__Host-irma",
            "\u00a0__Host-irma",
        ),
        *('"__Host-irma"', "__Host-irma\x00", "__Secure-irma", "__Host-irma[]", "X-__Host-irma"),
    ):
        victim.cookie = f"{name}={value}"
        assert victim.finish(handle).code == "no_cookie", name
    assert_works(site, attacker, handle)


def test_two_cookies_of_our_name(site: Site) -> None:
    """If a request has two cookies of our name, neither counts, in one header or in two."""
    attacker, victim = site.browser(), site.browser()
    of_attacker, of_victim = handle_of(attacker), handle_of(victim)
    ours, theirs = str(victim.cookie), str(attacker.cookie)
    for cookies in (f"{theirs}; {ours}", f"{ours}; {theirs}", f"{ours};{theirs};{ours}"):
        victim.cookie = cookies
        for handle in (of_attacker, of_victim):
            assert victim.finish(handle).code == "no_cookie"
    victim.cookie = None
    request = victim.request("finish/login", {"handle": of_attacker})
    pairs = [*request.headers, ("cookie", ours), ("cookie", theirs)]
    twice = victim.request("finish/login", {"handle": of_attacker}, headers={})
    assert twice.headers == request.headers
    doubled = type(request)("POST", request.url, pairs, request.body)
    assert victim.finish_with("login", doubled).code == "no_cookie"
    victim.cookie = f"other=1; {ours}; {ours}"  # the same cookie twice is one cookie
    assert_works(site, victim, of_victim)


@pytest.mark.parametrize(
    "value",
    ["", "x", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+", '"' + "a" * 43 + '"', "é" * 43],
)
def test_malformed_cookie(site: Site, value: str) -> None:
    """A cookie with a value that we never set is ignored, and the next start sets a new cookie."""
    browser = site.browser()
    browser.cookie = f"{COOKIE}={value}"
    assert browser.finish("x").code == "no_cookie"
    handle = handle_of(browser)
    assert len(browser.set_cookies) == 1
    assert_works(site, browser, handle)


def test_cookie_fixed_by_an_attacker_is_of_no_use_without_the_handle(site: Site) -> None:
    """An attacker who knows the cookie and the handle cannot cause a second login.

    Another host cannot set a cookie with the prefix `__Host-`, so the attacker needs access to the
    victim's browser. The two then share a browser, like two tabs.
    """
    victim, attacker = site.browser(), site.browser()
    victim.start()
    attacker.cookie = victim.cookie
    handle = handle_of(victim)
    assert victim.finish(handle).status == 200
    assert attacker.finish(handle).finished.is_repeat
    assert len(site.logins) == 1


CROSS_ORIGIN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""} | {"Sec-Fetch-Site": "cross-site"},
    {"Origin": ""} | {"Sec-Fetch-Site": "same-site"},
    {"Origin": SITE, "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://shop.example"},
    {"Origin": "https://shop.example:444"},
    {"Origin": "https://shop.example.evil.example"},
    {"Origin": "https://evil.example, https://shop.example"},
    {"Origin": "https://shop.example/"},
    {"Origin": "HTTPS://SHOP.EXAMPLE"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
]


@pytest.mark.parametrize("headers", CROSS_ORIGIN)
def test_cross_origin_post(site: Site, headers: dict[str, str]) -> None:
    """A request from a page from another origin is refused, and that page cannot read the reply."""
    victim = site.browser()
    handle = handle_of(victim)
    for step, fields in (
        ("start", {}),
        *((step, {"handle": handle}) for step in ("status", "cancel")),
    ):
        reply = victim.send(step, "login", fields, headers=headers)
        assert (reply.status, reply.code) == (403, "other_site")
        assert not reply.response.header("access-control-allow-origin")
        assert not reply.response.header("set-cookie")
    request = victim.request("finish/login", {"handle": handle}, headers=headers)
    assert victim.finish_with("login", request).code == "other_site"
    assert_works(site, victim, handle)


@pytest.mark.parametrize(
    "media_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
        *("", "text/json", "application/json-patch+json", "application/jsonx", "*/*"),
        "text/plain; application/json",
    ],
)
def test_simple_form_post(site: Site, media_type: str) -> None:
    """A body that another site's form can send without a preflight is refused by its type."""
    victim = site.browser()
    handle = handle_of(victim)
    old = {"Content-Type": media_type, "Origin": "", "Sec-Fetch-Site": ""}  # an old browser
    request = victim.request("finish/login", {"handle": handle}, headers=old)
    finish = victim.finish_with("login", request)
    assert (finish.status, finish.code) == (415, "media_type")
    assert victim.send("start", "login", {}, headers=old).code == "media_type"
    assert_works(site, victim, handle)


def test_two_media_types(site: Site) -> None:
    """A request with two media types is refused, whichever comes first."""
    victim = site.browser()
    request = victim.request("start/login", {}, headers={"Content-Type": ""})
    for types in (("application/json", "text/plain"), ("text/plain", "application/json")):
        pairs = [*request.headers, *(("content-type", each) for each in types)]
        doubled = type(request)("POST", request.url, pairs, request.body)
        response: HttpResponse = site.result_of(site.sessions.start("login", doubled))
        assert victim.read(response).code == "media_type"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post", ""])
def test_other_method(site: Site, method: str) -> None:
    """Only `POST` has an effect, because a link or an image on another site can cause a `GET`."""
    victim = site.browser()
    handle = handle_of(victim)
    request = victim.request("finish/login", {"handle": handle}, method=method)
    finish = victim.finish_with("login", request)
    assert (finish.status, finish.code) == (405, "method")
    assert finish.reply.response.header("allow") == "POST"
    assert_works(site, victim, handle)


def test_body_over_the_limit(site: Site) -> None:
    """A body over the limit is refused before it is read, and one at the limit is read."""
    victim = site.browser()
    handle = handle_of(victim)
    fields = {"handle": handle, "more": ""}
    fields["more"] = "x" * (64 * 1024 - len(json.dumps(fields)))
    large = victim.request("finish/login", {**fields, "more": fields["more"] + "x"})
    finish = victim.finish_with("login", large)
    assert (finish.status, finish.code) == (413, "body_too_large")
    assert not site.logins
    assert victim.finish_with("login", victim.request("finish/login", fields)).status == 200


NO_JSON: list[bytes] = [
    *(b"", b" ", b"{", b"}", b"{}{}", b"\xff\xfe", b"\x00", b"{\x00}", b'\xef\xbb\xbf{"slot":0}'),
    *(b"nothing", b"{'slot': 0}", b"slot=0", b'{"slot": NaN}', b'{"slot": Infinity}'),
    *(b'{"slot": -Infinity}', b'{"slot": 1e999}', b'{"slot": 0, "slot": 0}', b'{"slot": 0,}'),
    *(b'{"a": "\\ud800"}', b"9" * 5000, b"[" * 30_000, b'{"a":' * 9000 + b"0" + b"}" * 9000),
    *(b"[]", b'""', b"0", b"null", b"true", b'[{"slot": 0}]'),
]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: repr(body[:20]))
def test_body_that_is_not_a_json_object(site: Site, body: bytes) -> None:
    """A body is refused if it is malformed, too deep, no object, or has NaN or a repeated name."""
    victim = site.browser()
    handle = handle_of(victim)
    finish = victim.finish_with("login", victim.request("finish/login", body))
    assert (finish.status, finish.code) == (400, "body_not_json")
    assert victim.send("start", "login", body).code == "body_not_json"
    assert_works(site, victim, handle)


NUMBERS: list[Any] = [-1, 10**15, True, "0", 0.0, None, [], 10**40]
HANDLES: list[Any] = [0, True, [], {}, ["x"], 1.5]
NEXTS: list[Any] = [0, [], {"x": 1}, False]
WRONG_FIELDS: list[dict[str, Any]] = [
    {},
    {"handle": None},
    *({"handle": value} for value in HANDLES),
    *({"slot": value} for value in NUMBERS),
    *({"handle": "x", "next": value} for value in NEXTS),
]


@pytest.mark.parametrize("fields", WRONG_FIELDS, ids=repr)
def test_fields_of_another_type(site: Site, fields: dict[str, Any]) -> None:
    """A field is refused if its type differs from what the page's script sends."""
    victim = site.browser()
    handle = handle_of(victim)
    finish = victim.finish_with("login", victim.request("finish/login", fields))
    assert (finish.status, finish.code) == (400, "body_invalid")
    assert_works(site, victim, handle)


@pytest.mark.parametrize("url", ["", "/irma/start/login", "https://[", "https://a b/", "ftp://x/"])
def test_invalid_host(site: Site, url: str) -> None:
    """A request with an invalid URL is refused, because the site's own origin is then unknown."""
    victim = site.browser()
    handle = handle_of(victim)
    request = victim.request("", {"handle": handle}, url=url)
    finish = victim.finish_with("login", request)
    assert (finish.status, finish.code) == (400, "url_invalid")
    assert_works(site, victim, handle)


def test_sealed_string_of_another_purpose(mode: str) -> None:
    """A string that another part of the application sealed with the same keys is not a handle."""
    key = new_sealing_key()
    site = Site(mode, keys=[key])
    victim = site.browser()
    handle = handle_of(victim)
    binding = str(victim.cookie).partition("=")[2]
    values: list[Any] = [None, [], [1, 2, 3, 4], [{}, 0, "claim", "reference"]]
    for value in values:
        sealed = Sealer([key]).seal(
            value,
            purpose="web session:login",
            now=site.clock.now(),
            lifetime=timedelta(minutes=1),
            binding=binding,
        )
        assert victim.finish(sealed).code == "handle_invalid"
    assert_works(site, victim, handle)


@pytest.mark.parametrize(
    "name",
    [
        *("unknown", "Login", "login ", "", "login/x", "../login", "login\x00", "login\n"),
        *("__class__", "\ud800", "x" * 10_000, "<script>", "\u217cogin", "%6cogin", "login?"),
    ],
    ids=lambda name: ascii(name[:20]),
)
def test_unknown_name(site: Site, name: str) -> None:
    """A question that the application does not have is refused, and the reply omits its name."""
    victim = site.browser()
    handle = handle_of(victim)
    replies = [victim.send(step, name, {"handle": handle}) for step in ("start", "status")]
    made = site.result_of(site.sessions.finish(name, victim.request("x", {}), site.complete))
    for reply in (*replies, victim.read(made.reply)):
        assert (reply.status, reply.code, reply.again) == (404, "unknown_question", None)
        if len(name) > 8:
            assert name.encode("utf-8", "replace") not in reply.response.body
    assert_works(site, victim, handle)


def test_unsafe_reference_of_a_browser_is_ignored(site: Site) -> None:
    """No field from a browser becomes the reference or a part of the request."""
    browser = site.browser()
    fields = {"reference": "of the browser", "request": {"disclose": []}, "name": "adult"}
    reply = browser.send("start", "login", fields)
    site.app.accept(reply.pointer)
    assert browser.finish(reply.handle, reference="of the browser").status == 200
    assert site.logins[0].reference == ""
    assert list(site.logins[0].answer) == ["email"]
