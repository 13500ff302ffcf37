"""Static sessions: a printed QR, whose sessions are known only from the server's posts."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from irma_core import (
    AsyncStaticSessionReceiver,
    AttributeRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    SessionPointer,
    SessionStatus,
    SignatureRequest,
    StaticSessionReceiver,
)
from irma_core.errors import ConfigurationError, RequestError, UsageError, WrongValueError
from irma_core.json_text import read_json, write_json
from irma_core.models.credentials import CredentialRequest
from irma_core.models.session_requests import as_extended
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.wire.write_requests import request_value
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ServerSettings, SimulatedApp
from tests.flows.shop import OVER18, Shop

MODES = pytest.mark.parametrize("mode", ["sync", "async"])
RECORDED = Path(__file__).parent.parent / "vectors" / "recorded"
URL = "https://shop.example/irma/visit/GaRrRcs0d0Zi9kSENL0PLGIBd4ol7lPPbs4yaOGCKHI"
OTHER_KEY = json.loads((RECORDED / "callback-done.json").read_text("utf-8"))["public_key"]
AGE = DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")})


class Door(Shop):
    """A shop with a printed QR at its door."""

    def __init__(self, mode: str, *, request: Any = AGE, **settings: Any) -> None:
        super().__init__(mode, **settings)
        configured: Any = read_json(write_json(request_value(as_extended(request))))
        static = {"visit": {**configured, "callbackUrl": URL}}
        self.clock = self.server.clock
        self.server = InMemoryServer(
            ServerSettings(static_sessions=static), scheme=EXAMPLE_SCHEME, clock=self.clock
        )
        self.server.deliver = self.post
        self.app = SimulatedApp(self.server)
        self.app.add("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})
        self.posts: list[HttpRequest] = []
        self.page: Any = self.static_receiver(request)

    def static_receiver(self, request: Any = AGE, url: str = URL, **settings: Any) -> Any:
        """Return a receiver of the shop's mode."""
        key = {"server_key": self.server.public_key_pem, **settings}
        transports = (self.server.transport(), self.server.async_transport())
        kind: Any = StaticSessionReceiver if self.mode == "sync" else AsyncStaticSessionReceiver
        requestor: Any = type(self.requestor)
        context = self.requestor.context
        common = {"allow": context.allow, "signature_verifier": context.signature_verifier}
        return kind(
            requestor(self.server.url, transports[self.mode == "async"], **common, **key),
            url,
            request=request,
            store=self.store,
            deliver=self.delivered.append,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Receive a post of the server, as a web framework does."""
        self.posts.append(request)
        return self.receive(self.page, request.url, request.body)

    def receive(self, page: Any, url: str, body: Any, method: str = "POST") -> HttpResponse:
        """Pass a post to the page."""
        headers = [("Content-Type", "text/plain")]
        reply: HttpResponse = self.done(page.receive(method, url, headers, body))
        self.replies.append(reply)
        return reply

    def scan(self) -> None:
        """Let a person scan the QR and accept."""
        self.app.accept(self.pointer)

    @property
    def pointer(self) -> SessionPointer:
        """The QR."""
        return SessionPointer.of_static_session(self.server.url, "visit")


@MODES
def test_answer_is_delivered_for_each_use_of_the_qr(mode: str) -> None:
    """Each scan of the QR starts a separate session, whose answer is delivered once."""
    door = Door(mode)
    door.scan()
    door.scan()
    assert door.statuses == [204, 204]
    first, second = door.delivered
    assert first.get_answer()["age"].value == "yes"
    assert first.token != second.token
    assert [end.status for end in door.delivered] == [SessionStatus.DONE] * 2


@MODES
def test_refusal_is_delivered(mode: str) -> None:
    """If a person scans the QR and refuses, a cancelled session is delivered."""
    door = Door(mode)
    door.app.refuse(door.pointer)
    (end,) = door.delivered
    assert end.status is SessionStatus.CANCELLED


@MODES
def test_repeated_post_delivers_nothing(mode: str) -> None:
    """A repeated post is accepted but not delivered again, even in another process."""
    door = Door(mode)
    door.scan()
    (post,) = door.posts
    for page in (door.page, door.static_receiver()):
        assert door.receive(page, post.url, post.body).status == 204
    assert len(door.delivered) == 1


@MODES
def test_old_post_is_refused_before_the_store_forgets(mode: str) -> None:
    """A JWT that the server signed over an hour ago is refused, whatever its expiry says."""
    request = ExtendedRequest(AGE, validity=timedelta(days=2))
    door = Door(mode, request=request)
    door.scan()
    (post,) = door.posts
    door.server.pass_time(timedelta(hours=1, seconds=-1))
    assert door.receive(door.page, post.url, post.body).status == 204
    door.server.pass_time(timedelta(hours=2))
    reply = door.receive(door.page, post.url, post.body)
    assert reply.status == 403
    assert b"more than an hour ago" in (reply.body or b"")
    assert len(door.delivered) == 1


@MODES
def test_result_is_compared_with_the_known_request(mode: str) -> None:
    """A valid proof that does not answer the receiver's request is delivered without an answer."""
    door = Door(mode, request=DisclosureRequest({"age": OVER18}))
    door.page = door.static_receiver(
        DisclosureRequest({"age": AttributeRequest(OVER18, value="no")})
    )
    door.scan()
    (end,) = door.delivered
    with pytest.raises(WrongValueError):
        end.get_answer()


@MODES
def test_other_kind_of_session_is_refused(mode: str) -> None:
    """A result is refused if it and the receiver's request are for different types of session."""
    door = Door(mode)
    door.page = door.static_receiver(SignatureRequest("I agree", [OVER18]))
    door.scan()
    assert door.statuses == [403]
    assert door.delivered == []


@MODES
@pytest.mark.parametrize(
    ("url", "method", "status"),
    [
        (URL, "GET", 405),
        ("https://shop.example/irma/visit/", "POST", 404),
        (URL[:-1], "POST", 404),
        (f"{URL}x", "POST", 404),
        (f"{URL}/x", "POST", 404),
        ("\ud800", "POST", 404),
        (f"{URL}/?a=b", "POST", 204),
        (f"/other/{URL.rpartition('/')[2]}", "POST", 204),
    ],
)
def test_post_needs_the_secret_segment(mode: str, url: str, method: str, status: int) -> None:
    """Only the last segment of the URL counts, since proxies change the rest."""
    door = Door(mode)
    door.scan()
    assert door.receive(door.page, url, door.posts[0].body, method).status == status
    assert len(door.delivered) == 1


@MODES
def test_other_signatures_are_refused(mode: str) -> None:
    """A post that was changed, or signed with another server's key, is refused."""
    door = Door(mode)
    door.page = door.static_receiver(server_key=OTHER_KEY)
    door.scan()
    assert door.statuses == [403]
    page, body = door.static_receiver(), door.posts[0].body or b""
    assert door.receive(page, URL, body[:-4] + b"AAAA").status == 403
    assert door.delivered == []


@MODES
def test_failing_delivery_is_repeated(mode: str) -> None:
    """An error of the application's function is raised, and the next post delivers."""
    door = Door(mode)
    door.server.deliver = None
    door.scan()
    post = door.server.posted[-1]

    def failing(_end: object) -> None:
        raise OSError("the database is down")

    page = door.page
    kind: Any = type(page)
    broken = kind(page._requestor, URL, request=AGE, store=door.store, deliver=failing)
    with pytest.raises(OSError, match="database is down"):
        door.receive(broken, URL, post.body)
    assert door.receive(page, URL, post.body).status == 204
    assert len(door.delivered) == 1


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"url": "https://shop.example/irma/visit"}, "url must end with a secret segment"),
        ({"url": "https://shop.example/irma/" + "a" * 19}, "url must end with a secret segment"),
        ({"url": "https://" + "a" * 20}, "url must end with a secret segment"),
        ({"url": "https://" + "a" * 20 + "/"}, "url must end with a secret segment"),
        ({"url": "http://shop.example/irma/" + "a" * 20}, "plain http"),
        ({"url": f"{URL}?id=7"}, "must not have a query"),
        ({"server_key": None}, "server_key"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], error: str) -> None:
    """A receiver without a secret, a safe URL or a key to verify posts is refused."""
    with pytest.raises(ConfigurationError, match=error):
        Door("sync").static_receiver(**wrong)


@pytest.mark.parametrize("request_", [None, "request", {}])
def test_wrong_request_is_refused(request_: Any) -> None:
    """A receiver needs a session request."""
    with pytest.raises(RequestError, match=r"^request:"):
        Door("sync").static_receiver(request_)


def test_parts_of_the_other_mode_are_refused() -> None:
    """A sync receiver refuses async parts when it is made."""
    door, other = Door("sync"), Door("async")

    async def deliver(_end: object) -> None: ...

    requestor: Any = door.page._requestor
    common: Any = {"request": AGE, "store": door.store, "deliver": print}
    with pytest.raises(UsageError, match=r"^requestor: must be a Requestor"):
        StaticSessionReceiver(other.requestor, URL, **common)  # type: ignore[arg-type]
    wrong: Any
    for wrong in ({"store": other.store}, {"deliver": deliver}):
        with pytest.raises(ConfigurationError):
            StaticSessionReceiver(requestor, URL, **{**common, **wrong})


@MODES
def test_the_url_is_not_shown(mode: str) -> None:
    """The repr of a receiver does not hold its URL, which is a secret."""
    assert "visit" not in repr(Door(mode).page)


def test_issuance_values_are_not_needed() -> None:
    """The receiver only compares answers, so its request may leave out issued credentials."""
    card = CredentialRequest("example.town.age", {})
    receiver = Door("sync").static_receiver(IssuanceRequest([card], {"age": OVER18}))
    assert URL not in repr(receiver)
    assert isinstance(receiver, StaticSessionReceiver)
