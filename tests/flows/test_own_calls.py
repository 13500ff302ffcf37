"""Headers and the gateway's token are added only to the requestor's own calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from irma_core import (
    DisclosureRequest,
    GatewayAuthentication,
    GatewaySecret,
    PairingMethod,
    Requestor,
    Risk,
)
from irma_core.errors import ConfigurationError, IrmaError, SessionMayExistError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import ScriptedTransport
from irma_testing.scripted import ScriptedStream

BASE, TOKEN_URL, KEY = "https://api.example/irma", "https://api.example/irma/token", "api-key-77"
TOKEN = HttpResponse(200, (), body=b'{"access_token":"gateway-token","token_type":"Bearer"}')
OPTIONS = HttpResponse(
    200, (("content-type", "application/json"),), body=b'{"pairingMethod":"none"}'
)
ASKED = DisclosureRequest(["a.b.c.d"])


def package(pointer: str) -> HttpResponse:
    value = {
        "sessionPtr": {"u": pointer, "irmaqr": "disclosing"},
        "token": "T" * 20,
        "frontendRequest": {"authorization": "f" * 20},
    }
    body = json.dumps(value).encode()
    return HttpResponse(200, (("content-type", "application/json"),), body=body)


def headers(request: HttpRequest) -> dict[str, str]:
    return dict(request.headers)


@pytest.mark.parametrize("is_behind", [False, True], ids=["no gateway", "gateway"])
def test_only_the_requestors_calls_have_its_own_headers(is_behind: bool) -> None:
    """Calls to the authorization server and to the session pointer's URL have no own headers."""
    gateway = GatewayAuthentication(TOKEN_URL, GatewaySecret("shop", "s"), header="X-Gateway")
    steps = [TOKEN] * is_behind + [package(f"{BASE}/session/x"), OPTIONS]
    transport = ScriptedTransport(steps)
    requestor = Requestor(
        BASE, transport, gateway=gateway if is_behind else None, headers={"X-Api-Key": KEY}
    )
    session = requestor.start_session(ASKED)
    requestor.set_pairing(session, PairingMethod.NONE)
    found = {each.label: headers(each).get("x-api-key") for each in transport.requests}
    expected: dict[str, str | None] = {"POST session": KEY, "POST frontend/options": None}
    if is_behind:
        expected["POST token"] = None
    assert found == expected
    tokens = {each.label: headers(each).get("x-gateway") for each in transport.requests}
    assert tokens["POST frontend/options"] is None
    assert tokens["POST session"] == ("Bearer gateway-token" if is_behind else None)


def test_event_streams_are_requested_with_own_headers() -> None:
    """The requestor's own headers are also sent with requests for event streams."""
    stream = ScriptedStream(status=404)
    transport = ScriptedTransport(
        [package(f"{BASE}/session/x"), HttpResponse(403)], streams=[stream]
    )
    requestor = Requestor(BASE, transport, headers={"X-Api-Key": KEY})
    session = requestor.start_session(ASKED)
    with pytest.raises(IrmaError), requestor.watch_status(session) as statuses:
        next(statuses)
    assert {headers(each)["x-api-key"] for each in transport.requests} == {KEY}


@pytest.mark.parametrize(
    "wrong",
    [
        {"Authorization": "x"},
        {"COOKIE": "x"},
        {"Host": "evil.example"},
        {"Content-Type": "text/plain"},
        {"Content-Length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "x"},
        {"Accept": "x"},
        {"Expect": "100-continue"},
        {"TE": "trailers"},
        {"Upgrade": "h2c"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Gateway": "x"},
        {"X-A": "1", "x-a": "2"},
        {"no name": "x"},
        {"": "x"},
        {"X": f"{KEY}\r\nY: z"},
        {"X": f" {KEY}"},
        {"X": f"{KEY}\u20ac"},
        {"X": KEY.encode()},
        {b"X": KEY},
        [("X", KEY)],
        KEY,
    ],
)
def test_an_invalid_or_reserved_header_is_refused(wrong: Any) -> None:
    """An invalid or reserved header is refused; the error names the setting without its value."""
    gateway = GatewayAuthentication(TOKEN_URL, GatewaySecret("shop", "s"), header="X-Gateway")
    with pytest.raises(ConfigurationError, match=r"^headers: ") as caught:
        Requestor(BASE, ScriptedTransport(), gateway=gateway, headers=wrong)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        *("Cookie", "Host", "Proxy-Authorization", "TE", "Upgrade", "Expect", "Trailer"),
        *("Keep-Alive", "User-Agent", "Accept", "Content-Type", "Connection", "Set-Cookie"),
        *("", "a b"),
    ],
)
def test_a_gateway_cannot_use_a_reserved_header(name: str) -> None:
    """A gateway's token is refused in a header that HTTP or the library uses."""
    with pytest.raises(ConfigurationError, match=r"^header must be"):
        GatewayAuthentication(TOKEN_URL, GatewaySecret("shop", "s"), header=name)


@pytest.mark.parametrize(
    "pointer",
    [
        "https://api.example/irma/../admin",
        "https://api.example/irma/%2e%2e/admin",
        "https://api.example/irma/..;/admin",
        "https://api.example/irma/..%5cadmin",
    ],
)
def test_a_pointer_that_leads_out_of_its_path_is_refused(pointer: str) -> None:
    """A pointer that leads out of its path is refused, although a session may exist."""
    requestor = Requestor(BASE, ScriptedTransport([package(pointer)]))
    with pytest.raises(SessionMayExistError, match="sessionPtr"):
        requestor.start_session(ASKED)


@pytest.mark.parametrize(
    "pointer",
    [
        "http://127.0.0.1:8080/admin",
        "http://localhost:8080/admin",
        "http://api.example/irma/session/x",
        "https://evil.example/irma/session/x",
    ],
)
def test_pairing_goes_only_to_the_base_urls_host(pointer: str) -> None:
    """No pairing request goes to another host; the error names the pointer and the setting."""
    transport = ScriptedTransport([package(pointer)])
    requestor = Requestor(BASE, transport)
    session = requestor.start_session(ASKED)
    for call in (
        lambda: requestor.set_pairing(session, PairingMethod.PIN),
        lambda: requestor.complete_pairing(session),
    ):
        with pytest.raises(ConfigurationError, match=r"session pointer.* frontend_url"):
            call()
    assert len(transport.requests) == 1


def test_pairing_goes_to_the_frontend_url() -> None:
    """A server with a private port for requestors may have another port for apps and browsers."""
    transport = ScriptedTransport([package("https://apps.example/irma/session/x"), OPTIONS])
    requestor = Requestor("http://127.0.0.1:8088", transport, frontend_url="https://apps.example/")
    session = requestor.start_session(ASKED)
    requestor.set_pairing(session, PairingMethod.NONE)
    assert transport.requests[-1].url == "https://apps.example/irma/session/x/frontend/options"


def test_pairing_goes_only_to_the_frontend_url() -> None:
    """With a frontend URL, a pointer to the base URL's host is refused."""
    transport = ScriptedTransport([package(f"{BASE}/session/x")])
    requestor = Requestor(BASE, transport, frontend_url="https://apps.example")
    session = requestor.start_session(ASKED)
    with pytest.raises(ConfigurationError, match="not to the frontend_url"):
        requestor.set_pairing(session, PairingMethod.PIN)


def test_an_unsafe_frontend_url_is_refused() -> None:
    """An invalid or unsafe frontend URL is refused, and the error names the setting."""
    for wrong in ("http://apps.example", "apps.example", "https://apps.example/..", 5):
        with pytest.raises(ConfigurationError, match=r"^the frontend_url "):
            Requestor(BASE, ScriptedTransport(), frontend_url=wrong)  # type: ignore[arg-type]


class ProxiedTransport(ScriptedTransport):
    """A transport that sends through a proxy."""

    is_proxied = True


@pytest.mark.parametrize(
    ("url", "how"),
    [
        ("http://localhost:8088", {}),
        ("http://127.0.0.1:8088", {}),
        (BASE, {"frontend_url": "http://localhost:8088"}),
        (
            BASE,
            {"gateway": GatewayAuthentication("http://[::1]/token", GatewaySecret("shop", "s"))},
        ),
    ],
)
def test_plain_http_through_a_proxy_is_a_risk(url: str, how: Any) -> None:
    """Plain HTTP to loopback is a risk through a proxy, which may be anywhere."""
    with pytest.raises(ConfigurationError, match="plain http through a proxy"):
        Requestor(url, ProxiedTransport(), **how)
    Requestor(url, ProxiedTransport(), allow=[Risk.PLAIN_HTTP], **how)
