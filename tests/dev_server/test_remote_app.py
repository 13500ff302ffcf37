"""`SimulatedApp.at` plays the app from another process, by a description of the server."""

from __future__ import annotations

import json
from threading import Thread

import pytest

from irma_core import (
    CredentialRequest,
    DisclosureRequest,
    IssuanceRequest,
    PairingMethod,
    Requestor,
    SessionPointer,
    SessionType,
)
from irma_core.errors import ConfigurationError
from irma_core.protocol.messages import HttpResponse
from irma_testing import (
    EXAMPLE_SCHEME,
    AppError,
    CredentialType,
    InMemoryServer,
    Scheme,
    ScriptedTransport,
    SimulatedApp,
)
from irma_testing.remote_server import RemoteServer, about
from irma_transport_urllib3 import Urllib3Transport
from tests.dev_server.test_other_websites import Caller
from tests.memory_server.calling import EMAIL, OVER18, RESIDENT, Http, disclosure
from tests.memory_server.conftest import fill

ASK = DisclosureRequest({"age": OVER18})


@pytest.fixture
def remote(url: str, transport: Urllib3Transport) -> SimulatedApp:
    app = SimulatedApp.at(url, transport)
    fill(app)
    return app


def test_remote_app_accepts(remote: SimulatedApp, requestor: Requestor) -> None:
    """A remote app reaches the server by HTTP, and discloses its credentials."""
    session = requestor.start_session(ASK)
    remote.accept(session.pointer)
    assert requestor.get_answer(session)["age"].value == "yes"


def test_remote_app_needs_no_transport(url: str, requestor: Requestor) -> None:
    """A remote app makes a transport if none is given."""
    session = requestor.start_session(ASK)
    remote = SimulatedApp.at(f"{url}/")
    remote.refuse(session.pointer)
    assert requestor.get_status(session).value == "CANCELLED"


def test_remote_app_keeps_what_it_receives(remote: SimulatedApp, requestor: Requestor) -> None:
    """A remote app can disclose attributes that it received in an earlier session."""
    remote.remove_all()
    card = IssuanceRequest(
        [CredentialRequest("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})]
    )
    remote.accept(requestor.start_session(card).pointer)
    session = requestor.start_session(ASK)
    remote.answer(session.pointer)
    assert requestor.get_answer(session)["age"].value == "yes"


def test_remote_app_uses_the_servers_scheme(remote: SimulatedApp) -> None:
    """A remote app refuses credential types and attributes that the server's scheme lacks."""
    with pytest.raises(ConfigurationError, match="the scheme has no such credential type"):
        remote.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    with pytest.raises(ConfigurationError, match="has only over12"):
        remote.add("example.town.age", {"over21": "yes"})
    remote.add("example.town.age", {"over18": "no"})  # a singleton replaces the older credential
    types = [held.credential_type for held in remote.credentials]
    assert types == ["example.town.age", RESIDENT["credential"]]


@pytest.mark.parametrize(
    "scheme",
    [
        EXAMPLE_SCHEME,
        Scheme(is_open=True),
        Scheme(
            (CredentialType("a.b.c", ("d", "e"), optional={"e"}, singleton=True, revocation=True),)
        ),
    ],
)
def test_scheme_survives_its_description(scheme: Scheme) -> None:
    """A scheme is the same after it was described and read again."""
    said = json.dumps(about("https://irma.example", scheme)).encode()
    transport = ScriptedTransport([HttpResponse(200, body=said)])
    assert RemoteServer("https://irma.example", transport).scheme == scheme


def test_decision_waits_for_pairing(remote: SimulatedApp, requestor: Requestor) -> None:
    """A remote app's decision waits until the browser completes pairing."""
    session = requestor.start_session(ASK)
    code = requestor.set_pairing(session, PairingMethod.PIN).pairing_code
    scanned = remote.scan(session.pointer)
    assert scanned.pairing_code == code
    accepting = Thread(target=scanned.accept)
    accepting.start()
    requestor.complete_pairing(session)
    accepting.join(60)
    assert requestor.get_answer(session)["age"].value == "yes"


def test_session_may_end_during_pairing(remote: SimulatedApp, requestor: Requestor) -> None:
    """If the session ends during pairing, the remote app's decision ends with an error."""
    session = requestor.start_session(ASK)
    requestor.set_pairing(session, PairingMethod.PIN)
    scanned = remote.scan(session.pointer)
    requestor.cancel_session(session)
    scanned.accept()
    assert scanned.outcome is not None
    assert scanned.outcome.error == "SESSION_UNKNOWN"


def test_pairing_ends_after_five_minutes() -> None:
    """A remote app waits at most five minutes for the end of pairing."""
    said = json.dumps(about("https://irma.example", EXAMPLE_SCHEME)).encode()
    connected = b'{"options":{"pairingCode":"1234"}}'
    replies = [HttpResponse(200, body=said), HttpResponse(200, body=connected)]
    waiting = HttpResponse(200, body=b'"PAIRING"')
    transport = ScriptedTransport([*replies, *[waiting] * 10_000])
    scanned = SimulatedApp.at("https://irma.example", transport).scan(
        "https://irma.example/irma/session/abcdefghijklmnopqrst"
    )
    with pytest.raises(AppError, match="did not complete pairing within 5 minutes"):
        scanned.accept()


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(404),
        HttpResponse(200, body=b"OK"),
        HttpResponse(200, body=b"[]"),
        HttpResponse(200, body=b'{"developmentServer":false}'),
        HttpResponse(302, (("location", "/"),)),
    ],
)
def test_other_servers_are_refused(response: HttpResponse) -> None:
    """A remote app refuses a server that does not identify itself as a development server."""
    transport = ScriptedTransport([response])
    with pytest.raises(AppError, match=r"irma\.example is not a development server"):
        SimulatedApp.at("https://irma.example/irma", transport)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"url": "x", "scheme": []},
        {"url": "x", "scheme": {"isOpen": True, "credentialTypes": [1]}},
        {"url": "x", "scheme": {"isOpen": "yes", "credentialTypes": []}},
    ],
)
def test_other_descriptions_are_refused(members: dict[str, object]) -> None:
    """A remote app refuses a server whose description this version does not understand."""
    body = json.dumps({"developmentServer": True, **members}).encode()
    with pytest.raises(AppError, match=r"irma\.example did not reply like a development server"):
        SimulatedApp.at("https://irma.example", ScriptedTransport([HttpResponse(200, body=body)]))


@pytest.mark.parametrize("body", [b"[]", b'{"sessions":[{}]}', b'{"pointer":{"u":1}}'])
def test_other_descriptions_of_sessions_are_refused(body: bytes) -> None:
    """A description of sessions that this version does not understand raises an error."""
    about = {"url": "x", "scheme": {"isOpen": True, "credentialTypes": []}}
    first = json.dumps({"developmentServer": True, **about}).encode()
    for method, name in ((RemoteServer.sessions, "app"), (RemoteServer.session, "name")):
        replies = [HttpResponse(200, body=each) for each in (first, body)]
        remote = RemoteServer("https://irma.example", ScriptedTransport(replies))
        with pytest.raises(AppError, match="did not reply like a development server"):
            method(remote, name)


CONNECTED = b"""{"options":{},"request":{"@context":"https://irma.app/ld/request/disclosure/v2",
"nonce":"bm9uY2U=","context":"AQ==","disclose":[]}}"""


@pytest.mark.parametrize(
    "replies",
    [
        [b"{}"],
        [b"{a proxy's page"],
        [b'{"a":' * 50_000 + b"1" + b"}" * 50_000],
        [b'{"options":{},"request":{"disclose":5}}'],
        [CONNECTED.replace(b"[]", b"5")],
        [CONNECTED, b"{}"],
        [CONNECTED, b'{"proofStatus":"PERHAPS"}'],
        [CONNECTED, b'{"proofStatus":"VALID","nextSession":5}'],
    ],
    ids=range(8),
)
def test_other_replies_are_refused(replies: list[bytes]) -> None:
    """A reply that no IRMA server sends, perhaps from a proxy, raises `AppError`."""
    first = json.dumps(about("https://irma.example", EXAMPLE_SCHEME)).encode()
    transport = ScriptedTransport([HttpResponse(200, body=each) for each in (first, *replies)])
    app = SimulatedApp.at("https://irma.example", transport)
    with pytest.raises(AppError, match="is not what an IRMA server of this version sends"):
        app.scan("https://irma.example/irma/session/abcdefghijklmnopqrst").accept()


def test_session_of_another_server_is_refused(remote: SimulatedApp, requestor: Requestor) -> None:
    """A remote app refuses a session pointer of another server, and does not call that server."""
    name = requestor.start_session(ASK).pointer.url.rpartition("/")[2]
    elsewhere = SessionPointer(f"https://irma.example/irma/session/{name}", SessionType.DISCLOSING)
    with pytest.raises(AppError, match=r"belongs to https://irma\.example, but this app uses"):
        remote.scan(elsewhere)


def test_url_of_the_server_is_understood(
    server: InMemoryServer, requestor: Requestor, transport: Urllib3Transport
) -> None:
    """A remote app may use another name for the server than the server's pointers do."""
    other = server.url.replace("127.0.0.1", "localhost")
    app = SimulatedApp.at(other, transport)
    fill(app)
    session = requestor.start_session(ASK)
    app.accept(session.pointer)
    assert requestor.get_answer(session)["age"].value == "yes"


@pytest.mark.parametrize("transport", [object(), "https://irma.example", 5])
def test_wrong_transport_is_refused(transport: object) -> None:
    """An argument that is not a transport is refused, and the error names it."""
    with pytest.raises(ConfigurationError, match="transport: must"):
        SimulatedApp.at("http://127.0.0.1", transport)  # type: ignore[arg-type]


def test_error_for_a_url_names_the_remote_app() -> None:
    """A URL instead of a server in memory is refused, and the error names `SimulatedApp.at`."""
    with pytest.raises(ConfigurationError, match=r"use SimulatedApp.at\(url\)"):
        SimulatedApp("http://127.0.0.1:8088")  # type: ignore[arg-type]


def test_sessions_are_described(http: Http, url: str, transport: Urllib3Transport) -> None:
    """A program can list the open sessions, and the list has no requestor token."""
    package = http.start(disclosure([[EMAIL]]))
    name = package["sessionPtr"]["u"].rpartition("/")[2]
    remote = RemoteServer(url, transport)
    session = remote.session(name)
    assert remote.sessions("app") == (session,)
    assert session.pointer.url == package["sessionPtr"]["u"]
    assert session.request["disclose"] == [[[EMAIL]]]
    assert package["token"] not in http.call("GET", "/app/sessions.json").body.decode()
    http.call("DELETE", f"/session/{package['token']}")
    assert remote.sessions("app") == ()
    with pytest.raises(AppError, match="there is no such session, or it has ended"):
        remote.session(name)


@pytest.mark.parametrize("path", ["server.json", "sessions.json", "{name}/session.json"])
def test_descriptions_are_for_programs_only(http: Http, url: str, path: str) -> None:
    """Programs can read the server's descriptions, and pages of other websites cannot."""
    name = http.start(disclosure([[EMAIL]]))["sessionPtr"]["u"].rpartition("/")[2]
    caller = Caller(url)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        response, said = caller.call("GET", f"/app/{path.format(name=name)}", headers)
        assert (response.status, b"only programs may" in said) == (403, True)
    response, _ = caller.call("GET", f"/app/{path.format(name=name)}", {})
    assert response.status == 200
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["cache-control"] == "no-store"


def test_descriptions_are_below_the_prefix(http: Http, server: InMemoryServer) -> None:
    """A server without a prefix has its descriptions at the root."""
    assert json.loads(http.call("GET", "/app/server.json").body)["url"] == server.url
