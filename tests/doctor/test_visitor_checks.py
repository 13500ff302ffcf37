"""Each check of the visitors' URLs finds the fault that a test causes."""

from __future__ import annotations

import pytest

from irma_backend.doctor.diagnoses import Outcome
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer, ServerSettings
from irma_testing.misbehaving_server import unused_port
from tests.doctor.conftest import KNOWN, Diagnose, behind_a_proxy, problems

SITE = {"web__url": "https://shop.example"}


def test_visitors_who_reach_the_server(diagnose: Diagnose) -> None:
    """The checks for phones and browsers pass at a server with HTTPS and known requestors."""
    assert diagnose("pointer").outcome is Outcome.OK
    assert diagnose("cors").outcome is Outcome.OK


@pytest.mark.parametrize(
    ("url", "frontend", "expected"),
    [
        ("http://127.0.0.1:8088", None, ["pointer.elsewhere", "pointer.loopback"]),
        ("https://10.0.0.7", "https://10.0.0.7", ["pointer.private"]),
        ("https://irma.example", "https://phones.example", ["pointer.elsewhere"]),
        ("http://irma.example", "http://irma.example", ["pointer.plain"]),
    ],
)
def test_url_in_the_qr_code(
    url: str, frontend: str | None, expected: list[str], diagnose: Diagnose
) -> None:
    """A URL in the QR code with a private address, plain HTTP or another host is reported."""
    server = InMemoryServer(KNOWN, url=url)
    more = {} if frontend is None else {"server__frontend_url": frontend}
    found = diagnose(
        "pointer", server, url="https://irma.example", server__allow=["plain-http"], **more
    )
    assert problems(found) == expected


def test_phone_reaches_nothing(diagnose_by_network: Diagnose) -> None:
    """A URL in the QR code at which no server listens is reported."""
    with unused_port() as port:

        def elsewhere(request: HttpRequest, response: HttpResponse) -> HttpResponse:
            base = request.url.partition("/session")[0]
            body = response.body.replace(base.encode(), f"http://127.0.0.1:{port}".encode())
            return HttpResponse(response.status, response.headers, body=body)

        with behind_a_proxy(change=elsewhere) as url:
            found = diagnose_by_network("pointer", url)
    assert problems(found) == ["pointer.loopback", "pointer.unreachable"]


def test_proxy_that_forwards_too_little(diagnose_by_network: Diagnose) -> None:
    """A proxy that sends a login page to apps is reported."""

    def login(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if "/irma/session/" in request.url:
            return HttpResponse(200, (("content-type", "text/html"),), body=b"<h1>Log in</h1>")
        return response

    with behind_a_proxy(change=login) as url:
        found = diagnose_by_network("pointer", url)
    assert problems(found) == ["pointer.loopback", "pointer.other"]
    assert found.outcome is Outcome.ERROR


def test_proxy_that_removes_cors_headers(diagnose_by_network: Diagnose) -> None:
    """A proxy that removes the server's CORS headers is reported."""

    def without(_request: HttpRequest, response: HttpResponse) -> HttpResponse:
        kept = [each for each in response.headers if not each[0].startswith("access-control")]
        return HttpResponse(response.status, tuple(kept), body=response.body)

    with behind_a_proxy(change=without) as url:
        assert problems(diagnose_by_network("cors", url, **SITE)) == ["cors.missing"]


def test_server_without_authentication(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with `no_auth` is reported, and the check cancels its session."""
    monkeypatch.delenv("IRMA_TOKEN")
    server = InMemoryServer(ServerSettings())
    assert problems(diagnose("cors", server)) == ["cors.anyone"]
    assert server.open_sessions() == ()
