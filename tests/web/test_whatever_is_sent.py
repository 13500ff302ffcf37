"""For every request, the reply is 200 or a JSON error, and no cache keeps it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from irma_core import Finished, WebAnswer, WebRequest
from irma_core.protocol.messages import HttpResponse
from irma_core.web.web_refusals import REFUSALS
from tests.modes import MODES
from tests.web.site import COOKIE, SITE, Site

STEPS = ("start", "finish", "status", "cancel", "preflight")


@cache
def site_of(mode: str) -> tuple[Site, str, str]:
    """Return a website, a good handle and its browser's cookie."""
    site = Site(mode, origins=["https://app.example"])
    browser = site.browser()
    return site, browser.start().handle, str(browser.cookie)


def call(site: Site, step: str, name: str, request: WebRequest) -> HttpResponse:
    """Make a call of any kind, with a login that must never run."""

    def complete(_web: WebAnswer) -> None:
        raise AssertionError("somebody was logged in")

    if step == "preflight":
        response: HttpResponse = site.sessions.preflight(request)
        return response
    if step == "finish":
        finished: Finished = site.result_of(site.sessions.finish(name, request, complete))
        return finished.reply
    made: HttpResponse = site.result_of(getattr(site.sessions, step)(name, request))
    return made


def assert_is_for_pages(response: HttpResponse) -> None:
    """Check that a reply is one that a page's script can read."""
    headers = dict(response.headers)
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    for value in headers.values():
        assert value.isascii()
        assert value.isprintable()
    value = json.loads(response.body)
    assert isinstance(value, dict)
    if response.status == 200:
        assert "error" not in value
        return
    assert set(value) == {"error"}
    assert set(value["error"]) == {"code", "message", "again"}
    assert REFUSALS[value["error"]["code"]].status == response.status
    assert value["error"]["again"] in {None, "start", "finish"}
    assert ("retry-after" in headers) == (response.status == 503)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "handle": JSON_VALUES | st.just("HANDLE"),
        "slot": JSON_VALUES | st.integers(-1, 21),
        "next": JSON_VALUES | st.sampled_from(["/x", "//x", f"{SITE}/x"]),
        "page": JSON_VALUES | st.sampled_from(["/login/", "/\\x", f"{SITE}/login/"]),
        "same_device": JSON_VALUES | st.booleans(),
    },
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("content-type", "cookie", "origin", "sec-fetch-site", "accept-language"),
                *("HTTP_COOKIE", "REQUEST_METHOD", "host", "x"),
            ]
        )
        | st.text(),
        st.sampled_from(
            [
                *("application/json", SITE, "https://app.example", "null", "same-origin", "nl"),
                *("cross-site", f"{COOKIE}={'a' * 43}", f"{COOKIE}=x; {COOKIE}=y", "COOKIE"),
            ]
        )
        | st.text(),
    ),
    max_size=8,
)
URLS = st.sampled_from([f"{SITE}/irma/x", "http://localhost/x", "https://[", "//x", ""]) | st.text()
METHODS = st.sampled_from(["POST", "OPTIONS", "GET"]) | st.text()
NAMES = st.sampled_from(["login", "adult", "x"]) | st.text()


@MODES
@settings(max_examples=60)
@given(
    step=st.sampled_from(STEPS),
    name=NAMES,
    method=METHODS,
    url=URLS,
    headers=HEADERS,
    body=st.binary() | st.text() | FIELDS,
)
@example(step="start", name="login", method="POST", url="", headers=[], body=b"")
def test_any_request_leads_to_a_reply_for_pages(
    mode: str, step: str, name: str, method: str, url: str, headers: Any, body: Any
) -> None:
    """Arbitrary names, methods, URLs, headers and bodies lead to a reply for pages."""
    site, _, _ = site_of(mode)
    sent = json.dumps(body) if isinstance(body, dict) else body
    request = WebRequest(method, url, headers, sent)
    assert_is_for_pages(call(site, step, name, request))


@MODES
@settings(max_examples=60)
@given(step=st.sampled_from(STEPS[:-1]), name=NAMES, fields=FIELDS)
def test_any_fields_lead_to_a_reply_for_pages(mode: str, step: str, name: str, fields: Any) -> None:
    """With the cookie and a valid handle, arbitrary fields lead to a reply for pages."""
    site, handle, cookie = site_of(mode)
    if fields.get("handle") == "HANDLE":
        fields["handle"] = handle
    headers = {"Content-Type": "application/json", "Cookie": cookie, "Origin": SITE}
    request = WebRequest("POST", f"{SITE}/x", headers, json.dumps(fields))
    assert_is_for_pages(call(site, step, name, request))


@MODES
@pytest.mark.parametrize("form", ["mapping", "pairs", "bytes", "environ"])
def test_headers_in_each_form_of_a_framework(mode: str, form: str) -> None:
    """Headers may be a mapping, pairs, the bytes of ASGI or a WSGI environ."""
    site = Site(mode)
    browser = site.browser()
    handle = browser.started()
    headers = {**browser.headers, "Cookie": f"a=\u00e9;b; {browser.cookie} ;c=;;="}
    forms: dict[str, Any] = {
        "mapping": headers,
        "pairs": list(headers.items()),
        "bytes": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
        "environ": {
            "REQUEST_METHOD": "POST",
            "wsgi.input": object(),
            "SERVER_PORT": "443",
            "COOKIE": "not a header",
            **{
                f"{'' if key == 'Content-Type' else 'HTTP_'}{key.upper().replace('-', '_')}": value
                for key, value in headers.items()
            },
        },
    }
    body = json.dumps({"handle": handle})
    request = WebRequest("POST", f"{SITE}/x", forms[form], body)
    assert browser.finish_with("login", request).status == 200


def test_a_changed_request_keeps_the_rest() -> None:
    """An adapter may change one field of a request, such as its URL behind a proxy."""
    request = WebRequest("POST", "http://x/", {"A": "b"}, b"{}", native=7)
    changed = attrs.evolve(request, url="https://shop.example/")
    assert changed.url == "https://shop.example/"
    assert (changed.headers, changed.body, changed.native) == ((("a", "b"),), b"{}", 7)


def test_a_request_with_wrong_types() -> None:
    """An invalid header or body is the adapter's error, raised when it creates the request."""
    for wrong in ("x", b"x", 1, None, [1], [("a",)], [("a", 1)]):
        with pytest.raises(ValueError, match="headers"):
            WebRequest("POST", SITE, wrong, b"")  # type: ignore[arg-type]
    for body in (None, 1, [b"x"]):
        with pytest.raises(ValueError, match="body"):
            WebRequest("POST", SITE, {}, body)  # type: ignore[arg-type]
