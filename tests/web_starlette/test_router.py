"""The routes and the dependency for Starlette and FastAPI: logins, proofs, session, OpenAPI."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.testclient import TestClient

from irma_core import DisclosureRequest, Risk, new_sealing_key
from irma_core.errors import ConfigurationError, LoginRefusedError, PluginError, UsageError
from irma_core.interfaces import (
    Event,
    SessionAnswered,
    SessionRefused,
    SessionStarted,
    WebRefused,
)
from irma_testing import AppError, InMemoryServer, Login, SimulatedApp
from irma_web_starlette import Irma
from tests.web_starlette.shop import EMAIL, SITE, Shop, Visitor


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    with TestClient(made.app):  # its lifespan
        yield made


async def test_replay_says_why_there_is_nothing_to_replay(tmp_path: Path) -> None:
    """A replay needs a started application with a function for outcomes."""
    irma = Shop(tmp_path).irma
    with pytest.raises(ConfigurationError, match="has not started"):
        await irma.replay_callbacks()
    async with irma.lifespan():
        with pytest.raises(ConfigurationError, match="deliver: is missing"):
            await irma.replay_callbacks()


def test_person_is_logged_in(shop: Shop) -> None:
    """The question's function receives the answer, and its changes of the session are kept."""
    visitor = Visitor(shop)
    reply = visitor.finish("login", visitor.start("login"), next="/account")
    assert (reply.status_code, reply.json()) == (200, {"next": "/account"})
    assert visitor.get("/account").json() == ["ada@example.com"]


def test_repeat_joins_the_login(shop: Shop) -> None:
    """A page that lost the first reply joins the same session, and the login does not run again."""
    visitor = Visitor(shop)
    handle = visitor.start("login")
    binding = visitor.client.cookies["__Host-irma"]
    visitor.finish("login", handle)

    late = Visitor(shop)
    late.client.cookies.set("__Host-irma", binding)
    assert late.finish("login", handle).status_code == 200
    assert late.get("/account").json() == ["ada@example.com"]
    assert len(shop.logins) == 1


def test_failed_login_leaves_the_session_alone(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """If a login raises, nothing changes, the error is logged, and the page can try again."""
    visitor = Visitor(shop)
    handle = visitor.start("login")
    shop.failures.append(RuntimeError("the database is down"))
    reply = visitor.finish("login", handle)
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "failed"
    assert reply.json()["error"]["again"] == "finish"
    assert visitor.get("/account").json() == []
    assert "the database is down" in caplog.text

    assert visitor.finish("login", handle).status_code == 200
    assert visitor.get("/account").json() == ["ada@example.com"]


def test_login_can_be_refused(shop: Shop) -> None:
    """The application can refuse a person with its own message."""
    shop.failures.append(LoginRefusedError("You are not a member."))
    reply = Visitor(shop).answer("login")
    assert reply.status_code == 403
    assert reply.json()["error"]["message"] == "You are not a member."
    assert shop.logins == []


def test_page_needs_a_proof(shop: Shop) -> None:
    """Without a proof, the visitor is redirected to a page that asks for it, and then back."""
    visitor = Visitor(shop)
    sent = visitor.get("/wines?grape=merlot")
    assert sent.status_code == 303
    asking = visitor.get(sent.headers["Location"]).text
    found = re.search(r'id="irma-adult">(.*)</script>', asking)
    assert found is not None
    assert json.loads(found[1])["next"] == "/wines?grape=merlot"

    visitor.answer("adult")
    assert visitor.get("/wines").json() == {"proved_by": "example.town.age.over18"}
    assert visitor.client.post("/orders").status_code == 200


def test_call_without_a_proof_is_refused(shop: Shop) -> None:
    """A program without a proof receives a 403 that names the question, and is not redirected."""
    reply = Visitor(shop).client.post("/orders")
    assert reply.status_code == 403
    assert "adult" in reply.json()["detail"]


def test_proof_grows_too_old(shop: Shop) -> None:
    """A dependency with a maximum age asks again if the proof is older."""
    visitor = Visitor(shop)
    visitor.answer("adult")
    shop.clock.advance(timedelta(minutes=59))
    assert visitor.get("/wines").status_code == 200
    shop.clock.advance(timedelta(minutes=2))
    assert visitor.get("/wines").status_code == 303


@pytest.mark.parametrize("step", ["start", "finish", "status", "cancel"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_get_json(shop: Shop, step: str, method: str) -> None:
    """A call with another method than POST leads to the JSON error of `WebSessions`."""
    reply = Visitor(shop).client.request(method, f"/irma/{step}/login")
    assert reply.status_code == 405
    assert reply.headers["content-type"] == "application/json"


def test_large_body_is_not_read_whole(shop: Shop) -> None:
    """A body over a mebibyte is refused once that much has been read."""
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield bytes(65536)

    headers = {"Content-Type": "application/json"}
    reply = Visitor(shop).client.post("/irma/start/login", content=body(), headers=headers)
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "body_too_large"


def test_static_files_are_served(shop: Shop) -> None:
    """The page's script, its style and the browser package are served, and nothing else."""
    visitor = Visitor(shop)
    assert visitor.get("/irma/static/irma.js").headers["content-type"].startswith("text/javascript")
    assert visitor.get("/irma/static/irma.css").status_code == 200
    assert visitor.get("/irma/static/yivi.js").text == "/* the browser package */"
    for name in ("shop.db", "..%2Frouter.py", "other.js"):
        assert visitor.get(f"/irma/static/{name}").status_code == 404


def test_openapi_describes_the_calls(shop: Shop) -> None:
    """The OpenAPI of a FastAPI application has the four calls, with bodies and replies."""
    described: Any = shop.app.openapi()
    paths = {path: set(calls) for path, calls in described["paths"].items() if "irma" in path}
    assert paths == {
        f"/irma/{step}/{{name}}": {"post"} for step in ("start", "finish", "status", "cancel")
    }
    finish = described["paths"]["/irma/finish/{name}"]["post"]
    body = finish["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"handle", "slot", "next"}
    assert set(finish["responses"]) >= {"200", "4XX", "5XX"}


def test_replies_are_as_openapi_says(shop: Shop) -> None:
    """Each field of a real reply is described in the application's OpenAPI."""
    described: Any = shop.app.openapi()
    visitor = Visitor(shop)
    started = visitor.client.post("/irma/start/login", json={}).json()
    assert _fields(described, "start", "200") == set(started)
    wrong = visitor.client.post("/irma/finish/login", json={"handle": "x"}).json()
    assert _fields(described, "finish", "4XX") == set(wrong)


def _fields(described: Any, step: str, status: str) -> set[str]:
    call = described["paths"][f"/irma/{step}/{{name}}"]["post"]
    schema = call["responses"][status]["content"]["application/json"]["schema"]
    return set(schema["required"])


def test_starlette_alone_suffices(tmp_path: Path) -> None:
    """A Starlette application can use the routes without FastAPI."""
    shop = Shop(tmp_path)
    app = Starlette(routes=shop.irma.routes, lifespan=shop.irma.lifespan)
    app.add_middleware(SessionMiddleware, secret_key="a-secret")
    with TestClient(app, base_url=SITE) as client:
        assert client.post("/irma/start/login", json={}).status_code == 200
        assert client.get("/irma/ask/login").status_code == 200
        assert client.get("/irma/ask/nothing").status_code == 404


def test_paths_follow_the_root_path(tmp_path: Path) -> None:
    """Behind a proxy that cuts a prefix off, the page's URLs have that prefix."""
    shop = Shop(tmp_path)
    with TestClient(shop.app, base_url=SITE, root_path="/shop") as client:
        page = client.get("/irma/ask/login").text
    assert '"/shop/irma/static/irma.js"' in page
    assert '"prefix":"/shop/irma/"' in page


def test_session_middleware_is_needed(tmp_path: Path) -> None:
    """The error without a session middleware says what to add."""
    shop = Shop(tmp_path)
    app = Starlette(routes=shop.irma.routes, lifespan=shop.irma.lifespan)
    with TestClient(app, base_url=SITE) as client:
        reply = client.post("/irma/finish/login", json={"handle": "x"})
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "misconfigured"


def test_application_must_have_started(tmp_path: Path) -> None:
    """A call before the lifespan starts is an error for the page, and the log says what to do."""
    reply = Visitor(Shop(tmp_path)).client.post("/irma/start/login", json={})
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "misconfigured"


def test_wrong_settings_stop_the_start(tmp_path: Path) -> None:
    """A store that cannot be opened is found when the application starts."""
    with pytest.raises(PluginError), TestClient(Shop(tmp_path, store="unknown:x").app):
        pytest.fail("it started")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("questions", ["login"]),
        ("prefix", "irma"),
        ("prefix", "/irma/"),
        ("url", "shop.example"),
        ("origins", "https://app.example"),
        ("browser_package", None),
        ("store", None),
        ("deliver", "function"),
        ("choose", "function"),
    ],
)
def test_wrong_argument_is_named(name: str, value: Any) -> None:
    """A wrong argument is refused before the application starts, when the object is created."""
    arguments: dict[str, Any] = {
        "questions": {"login": DisclosureRequest({"email": EMAIL})},
        "keys": [new_sealing_key()],
        "store": "sqlite:x",
    }
    with pytest.raises(UsageError, match=name):
        Irma("https://irma.example", **{**arguments, name: value})


def test_unknown_question_is_refused(shop: Shop) -> None:
    """The name of an unknown question raises an error where it is used."""
    with pytest.raises(ConfigurationError, match="there is no such question; the questions are"):
        shop.irma.proved("nothing")
    with pytest.raises(ConfigurationError, match="there is no such question; the questions are"):
        shop.irma.on_answer("nothing")
    with pytest.raises(ConfigurationError, match="already"):
        shop.irma.on_answer("login")


@pytest.mark.parametrize("max_age", [3600, "1h", timedelta(0), -timedelta(1)])
def test_maximum_age_must_be_a_duration(shop: Shop, max_age: Any) -> None:
    """A maximum age must be a positive duration; otherwise, the page would ask again and again."""
    with pytest.raises(ConfigurationError, match="max_age"):
        shop.irma.proved("adult", max_age=max_age)


@pytest.mark.parametrize("handler", [None, "log_in"])
def test_login_must_be_a_function(shop: Shop, handler: Any) -> None:
    """A login that is not a function is refused, because it would fail when a person logs in."""
    with pytest.raises(ConfigurationError, match="on_answer"):
        shop.irma.on_answer("adult")(handler)


def test_callbacks_need_a_url() -> None:
    """Callbacks without the application's own URL are refused when the object is created."""
    questions = {"login": DisclosureRequest({"email": EMAIL})}
    with pytest.raises(ConfigurationError, match="url"):
        Irma(
            "https://irma.example",
            questions=questions,
            keys=[new_sealing_key()],
            store="sqlite:x",
            deliver=print,
        )


def test_secrets_are_not_shown(shop: Shop) -> None:
    """The `repr` of an `Irma` object shows no key."""
    assert repr(shop.irma) == "<Irma for login, adult>"


def test_start_logs_what_is_wrong_with_the_site(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, the settings are checked, and each finding is a line of the log."""
    with TestClient(Shop(tmp_path, browser_package=tmp_path / "missing.js").app):
        found = [each.getMessage() for each in caplog.records if "irma." in each.getMessage()]
    assert any(line.startswith("irma.E013: ") for line in found), found  # no browser package


def test_element_is_html_in_a_template(shop: Shop) -> None:
    """A Jinja template does not escape the element, although it escapes strings."""
    client = Visitor(shop).client
    request = Request({"type": "http", "headers": [], "app": client.app})
    element = shop.irma.element(request, "login", next="/?a=1&b=<2>")
    template = Environment(autoescape=True).from_string("{{ element }}")
    assert template.render(element=element) == element
    assert '<div class="irma" data-irma="login">' in element


@pytest.mark.parametrize(
    ("languages", "language"),
    [("nl", "nl"), ("en;q=0.5, nl-BE", "nl"), ("nl;q=0.5, en", "en"), ("fr", "en")],
)
def test_page_follows_the_languages_of_the_browser(
    shop: Shop, languages: str, language: str
) -> None:
    """The page that asks is in Dutch if the browser prefers Dutch, and otherwise in English."""
    page = Visitor(shop).client.get("/irma/ask/login", headers={"Accept-Language": languages})
    assert f'<html lang="{language}">' in page.text
    assert f'"language":"{language}"' in page.text


def test_page_that_asks_leads_to_its_own_site_only(shop: Shop) -> None:
    """The page that asks sends the visitor back to the same site only, whatever its link says."""
    visitor = Visitor(shop)
    for next_url, kept in (("/wines", "/wines"), ("//evil.example", "/"), ("https:evil", "/")):
        page = visitor.client.get("/irma/ask/adult", params={"next": next_url}).text
        assert f'"next":"{kept}"' in page


def test_one_session_too_many_ends_the_oldest(shop: Shop) -> None:
    """A browser has at most twenty sessions; one more cancels its oldest session at the server."""
    client = Visitor(shop).client
    handles = [client.post("/irma/start/login", json={}).json()["handle"] for _ in range(21)]
    statuses = [
        client.post("/irma/status/login", json={"handle": handle}).json()["status"]
        for handle in handles[:2]
    ]
    assert statuses == ["CANCELLED", "INITIALIZED"]


def test_test_client_is_logged_in(shop: Shop) -> None:
    """`irma_login` leaves a test client with the session of a person who has answered."""
    client = Visitor(shop).client
    login = Login(shop.server)
    assert login(client, person=shop.person, next_url="/account") == "/account"
    assert client.get("/account").json() == ["ada@example.com"]
    shop.failures.append(LoginRefusedError())
    with pytest.raises(AppError) as refused:
        login(client, person=shop.person)
    assert refused.value.code == "login_refused"


def test_observer_keeps_an_audit_trail(tmp_path: Path) -> None:
    """The observer receives each start, answer, cancel and refusal, without disclosed values."""
    events: list[Event] = []

    class Trail:
        def observe(self, event: Event) -> None:
            events.append(event)

    shop = Shop(tmp_path, observer=Trail())
    with TestClient(shop.app):
        visitor = Visitor(shop)
        handle = visitor.start("login")
        visitor.finish("login", handle)
        visitor.finish("login", handle)
        visitor.finish("adult", handle)
        cancelled = visitor.client.post("/irma/start/adult", json={}).json()["handle"]
        visitor.client.post("/irma/cancel/adult", json={"handle": cancelled})
        visitor.finish("adult", cancelled)
    assert [type(event) for event in events] == [
        SessionStarted,
        SessionAnswered,
        WebRefused,
        SessionStarted,
        SessionRefused,
        WebRefused,
    ]
    codes = [(each.name, each.code) for each in events if isinstance(each, WebRefused)]
    assert codes == [("adult", "handle_invalid"), ("adult", "cancelled")]
    assert "ada@" not in repr(events)


def test_careless_site_is_found_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The checks at the start look at the server, questions, store, session and package."""
    irma = Irma(
        "https://irma.example",
        questions={"login": DisclosureRequest({"email": "irma-demo.sidn-pbdf.email.email"})},
        keys=[new_sealing_key()],
        store="memory:",
        allow={Risk.MEMORY_STORE},
        browser_package=tmp_path / "missing.js",
    )
    app = Starlette(routes=irma.routes, lifespan=irma.lifespan)
    app.add_middleware(SessionMiddleware, secret_key="a-secret")
    with TestClient(app):
        found = set(re.findall(r"irma\.[EW]\d{3}", caplog.text))
    assert found == {"irma.E010", "irma.E013", "irma.W001", "irma.W003", "irma.W004", "irma.W005"}


def test_session_is_not_reported_without_the_middleware(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without Starlette's middleware, no check reports where the session is kept."""
    shop = Shop(tmp_path)
    with TestClient(Starlette(routes=shop.irma.routes, lifespan=shop.irma.lifespan)):
        assert "irma.W005" not in caplog.text


def test_proof_is_sealed(shop: Shop) -> None:
    """Anyone can read Starlette's cookie, so a proof in it is encrypted."""
    visitor = Visitor(shop)
    visitor.answer("adult")
    kept = base64.b64decode(visitor.client.cookies["session"].partition(".")[0])
    assert list(json.loads(kept)) == ["irma_proof_adult"]
    assert b"over18" not in kept


def test_repeat_keeps_later_changes_of_the_session(shop: Shop) -> None:
    """A repeat makes the login's changes only; it does not restore an earlier session."""
    visitor = Visitor(shop)
    handle = visitor.start("login")
    visitor.finish("login", handle)
    visitor.answer("adult")
    visitor.finish("login", handle)
    assert visitor.get("/wines").status_code == 200
    assert visitor.get("/account").json() == ["ada@example.com"]


def test_application_can_set_the_words_on_the_button(shop: Shop) -> None:
    """The words on the button come from the application, and a misspelt key is an error."""
    client = Visitor(shop).client
    request = Request({"type": "http", "headers": [], "app": client.app})
    element = shop.irma.element(request, "login", start="Log in with Yivi")
    assert '"start":"Log in with Yivi"' in element
    with pytest.raises(ConfigurationError, match="did you mean 'start'"):
        shop.irma.element(request, "login", starts="Log in with Yivi")


def test_settings_file_adds_what_the_application_leaves_out(tmp_path: Path) -> None:
    """A settings file can set the server, the store, the keys and the rest."""
    server = InMemoryServer()
    (tmp_path / "keys.txt").write_text(new_sealing_key())
    file = tmp_path / "irma.toml"
    file.write_text(
        f'server.url = "{server.url}"\n'
        'parts.store = "sqlite:file.db"\n'
        '[web]\nlifetime = 60\nsealing_keys = ["file:keys.txt"]\n'
    )
    shop = Shop(tmp_path, settings=file, keys=None, store=None, transport=server.async_transport())
    shop.person = SimulatedApp(server)
    shop.person.add("example.mail.address", {"email": "ada@example.com"})
    with TestClient(shop.app):
        visitor = Visitor(shop)
        assert visitor.finish("login", visitor.start("login")).status_code == 200
    assert (tmp_path / "file.db").exists()


NAMED = """
[requests.login]
json = '{"@context": "https://irma.app/ld/request/disclosure/v2", "disclose": [[["a.b.c.d"]]]}'
"""


def test_settings_file_has_questions(tmp_path: Path) -> None:
    """The named requests of the settings file are questions, besides those in the code."""
    file = tmp_path / "irma.toml"
    file.write_text(f'server.url = "https://irma.example"\n{NAMED}')
    parts: dict[str, Any] = {"keys": [new_sealing_key()], "store": "sqlite:irma.db"}
    own = {"adult": DisclosureRequest(["a.b.c.e"])}
    assert repr(Irma(settings=file, **parts)) == "<Irma for login>"
    assert repr(Irma(settings=file, **parts, questions=own)) == "<Irma for login, adult>"
    file.write_text('server.url = "https://irma.example"\n')
    with pytest.raises(ConfigurationError, match="questions: is missing"):
        Irma(settings=file, **parts)
    with pytest.raises(ConfigurationError, match="questions: must map names"):
        Irma("https://irma.example", **parts, questions=["login"])  # type: ignore[arg-type]


def test_keys_must_be_given_somewhere(tmp_path: Path) -> None:
    """Without sealing keys, the error says where to set them."""
    with pytest.raises(ConfigurationError, match=r"keys: is missing; .* sealing_keys"):
        Shop(tmp_path, keys=None)


class Counted:
    """Counts the calls of an application's function that run at once."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def run(self) -> None:
        """Run together with other calls."""
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.2)  # long enough for all calls that may run at once
        self.running -= 1


async def test_calls_wait_for_their_turn(
    tmp_path: Path, irma_server: InMemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process runs a limited number of starts and finishes at once, and further calls wait."""
    monkeypatch.setattr("irma_web_starlette.router._CALLS_AT_ONCE", 3)
    monkeypatch.setattr("irma_web_starlette.router._FINISHES_AT_ONCE", 2)
    questions, logins = Counted(), Counted()

    async def question(request: Any) -> DisclosureRequest:
        await questions.run()
        return DisclosureRequest({"email": EMAIL})

    irma = Irma(
        irma_server.url,
        questions={"login": question},
        keys=[new_sealing_key()],
        store=f"sqlite:{tmp_path / 'irma.db'}",
        transport=irma_server.async_transport(),
    )

    @irma.on_answer("login")
    async def log_in(_request: Any, _done: Any) -> None:
        await logins.run()

    app = Starlette(routes=irma.routes)
    app.add_middleware(SessionMiddleware, secret_key="a-secret")
    person = SimulatedApp(irma_server)
    person.add("example.mail.address", {"email": "ada@example.com"})
    async with irma.lifespan(), AsyncClient(transport=ASGITransport(app), base_url=SITE) as client:
        await client.post("/irma/start/login", json={})  # each first start sets a cookie
        starts = [client.post("/irma/start/login", json={}) for _ in range(6)]
        started = [reply.json() for reply in await asyncio.gather(*starts)]
        for each in started:
            await irma_server.run(person.accept, each["sessionPtr"])
        finishes = [
            client.post("/irma/finish/login", json={"handle": each["handle"]}) for each in started
        ]
        replies = await asyncio.gather(*finishes)
    assert (questions.most, logins.most) == (3, 2)
    assert [reply.status_code for reply in replies] == [200] * 6
