"""The Flask extension: logins, proofs, the session, signals and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from blinker import NamedSignal
from flask import Flask, render_template_string

import irma_web_flask
from irma_core import DisclosureRequest, Risk, SessionOutcome, new_sealing_key
from irma_core.errors import ConfigurationError, LoginRefusedError, UsageError
from irma_testing import AppError, InMemoryServer, Login, SimulatedApp
from irma_web_flask import Irma
from irma_web_flask.flask_settings import read_settings
from tests.web_flask.shop import EMAIL, SITE, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.irma.close(made.app)


def test_person_is_logged_in(shop: Shop) -> None:
    """The question's function receives the answer, and its changes of the session are kept."""
    visitor = shop.visitor()
    handle = visitor.start("login")
    reply = visitor.finish("login", handle, next="/account")
    assert (reply.status_code, reply.json) == (200, {"next": "/account"})
    assert visitor.get("/account").text == "ada@example.com"


def test_repeat_joins_the_login(shop: Shop) -> None:
    """A page that lost the first reply joins the same session, and the login does not run again."""
    visitor = shop.visitor()
    handle = visitor.start("login")
    binding = visitor.client.get_cookie("__Host-irma", domain="shop.example")
    assert binding is not None
    visitor.finish("login", handle)

    late = shop.visitor()
    late.client.set_cookie("__Host-irma", binding.value, domain="shop.example", secure=True)
    assert late.finish("login", handle).status_code == 200
    assert late.get("/account").text == "ada@example.com"
    assert len(shop.logins) == 1


def test_repeat_keeps_later_changes_of_the_session(shop: Shop) -> None:
    """A repeat makes the login's changes only; it does not restore an earlier session."""
    visitor = shop.visitor()
    with visitor.client.session_transaction(base_url=SITE) as before:
        before["basket"] = ["wine"]
    handle = visitor.start("login")
    visitor.finish("login", handle)
    with visitor.client.session_transaction(base_url=SITE) as since:
        since["basket"] = ["wine", "cheese"]
    visitor.answer("adult")
    visitor.finish("login", handle)
    assert visitor.get("/wines").status_code == 200
    with visitor.client.session_transaction(base_url=SITE) as after:
        assert after["basket"] == ["wine", "cheese"]
        assert after["visits"] == ["ada@example.com"]


def test_failed_login_leaves_the_session_alone(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """If a login raises, nothing changes, the error is logged, and the page can try again."""
    visitor = shop.visitor()
    handle = visitor.start("login")
    shop.failures.append(RuntimeError("the database is down"))
    reply = visitor.finish("login", handle)
    assert reply.status_code == 500
    assert reply.json["error"]["code"] == "failed"
    assert reply.json["error"]["again"] == "finish"
    assert visitor.get("/account").text == ""
    assert "the database is down" in caplog.text

    assert visitor.finish("login", handle).status_code == 200
    assert visitor.get("/account").text == "ada@example.com"


def test_login_can_be_refused(shop: Shop) -> None:
    """The application can refuse a person with its own message."""
    visitor = shop.visitor()
    shop.failures.append(LoginRefusedError("You are not a member."))
    reply = visitor.answer("login")
    assert reply.status_code == 403
    assert reply.json["error"]["message"] == "You are not a member."
    assert shop.logins == []


def test_page_needs_a_proof(shop: Shop) -> None:
    """Without a proof, the visitor is redirected to a page that asks for it, and then back."""
    visitor = shop.visitor()
    sent = visitor.get("/wines?grape=merlot")
    assert sent.status_code == 302
    asking = visitor.get(sent.headers["Location"]).text
    found = re.search(r'id="irma-adult">(.*)</script>', asking)
    assert found is not None
    assert json.loads(found[1])["next"] == "/wines?grape=merlot"

    visitor.answer("adult")
    assert "example.town.age.over18" in visitor.get("/wines").text
    assert visitor.get("/tasting").text == "A tasting"


def test_way_back_includes_the_prefix(shop: Shop) -> None:
    """The URL of the way back has the prefix under which the application is mounted."""
    environ = {"SCRIPT_NAME": "/shop"}
    sent = shop.visitor().get("/wines", environ_overrides=environ)
    assert sent.headers["Location"] == "/shop/irma/ask/adult?next=/shop/wines"


def test_proof_grows_too_old(shop: Shop) -> None:
    """A view with a maximum age asks again if the proof is older."""
    visitor = shop.visitor()
    visitor.answer("adult")
    shop.clock.advance(timedelta(minutes=59))
    assert visitor.get("/wines").status_code == 200
    shop.clock.advance(timedelta(minutes=2))
    assert visitor.get("/wines").status_code == 302
    assert visitor.get("/tasting").status_code == 200


def test_proof_is_sealed(shop: Shop) -> None:
    """Anyone can read Flask's cookie, so a proof in it is encrypted."""
    visitor = shop.visitor()
    visitor.answer("adult")
    with visitor.client.session_transaction(base_url=SITE) as kept:
        assert "over18" not in json.dumps(dict(kept))


def test_proof_of_another_question_does_not_count(shop: Shop) -> None:
    """A proof does not count for another question than the one that it was sealed for."""
    visitor = shop.visitor()
    visitor.answer("login")
    with visitor.client.session_transaction(base_url=SITE) as kept:
        kept["irma_proof_adult"] = kept["irma_proof_login"]
    assert visitor.get("/wines").status_code == 302


@pytest.mark.parametrize("step", ["start", "finish", "status", "cancel"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_get_json(shop: Shop, step: str, method: str) -> None:
    """A call with another method than POST leads to a JSON error, not to Flask's page."""
    reply = shop.app.test_client().open(f"/irma/{step}/login", method=method, base_url=SITE)
    assert reply.status_code == 405
    assert reply.content_type == "application/json"


def test_body_over_flask_limit_gets_json(tmp_path: Path) -> None:
    """A body that Flask refuses to read also leads to a JSON error."""
    shop = Shop(tmp_path, {"MAX_CONTENT_LENGTH": 100})
    reply = shop.visitor().post("/irma/start/login", {"page": "/" * 200})
    assert reply.status_code == 413
    assert reply.json["error"]["code"] == "body_too_large"
    shop.irma.close(shop.app)


@contextmanager
def recorded_signals(shop: Shop) -> Generator[list[tuple[str, dict[str, Any]]]]:
    """Collect the signals of the extension."""
    found: list[tuple[str, dict[str, Any]]] = []
    signals: list[NamedSignal] = [
        irma_web_flask.started,
        irma_web_flask.answered,
        irma_web_flask.refused,
        irma_web_flask.failed,
    ]
    with ExitStack() as stack:
        for signal in signals:

            def receive(sender: object, _name: str = signal.name, **facts: Any) -> None:
                assert sender is shop.app
                found.append((_name, facts))

            stack.enter_context(signal.connected_to(receive, shop.app))
        yield found


def test_signals_report_each_step(shop: Shop) -> None:
    """The extension sends one signal for each start, answer, refusal and failure."""
    visitor = shop.visitor()
    with recorded_signals(shop) as signals:
        handle = visitor.start("login")
        visitor.finish("login", handle)
        visitor.finish("login", handle)
        visitor.finish("adult", handle)
        failing = visitor.start("login")
        shop.failures.append(RuntimeError("away"))
        visitor.finish("login", failing)
    names = [name for name, _ in signals]
    assert names == [
        "irma-started",
        "irma-answered",
        "irma-refused",
        "irma-started",
        "irma-failed",
    ]
    assert signals[1][1]["web_answer"] is shop.logins[0]
    assert signals[2][1]["code"] == "handle_invalid"
    assert isinstance(signals[4][1]["error"], RuntimeError)


def test_template_has_the_element(shop: Shop) -> None:
    """In a template, `{{ irma("login") }}` writes safe JSON and no inline script."""
    with shop.app.test_request_context("/", base_url=SITE, headers={"Accept-Language": "nl"}):
        written = render_template_string('{{ irma("login", next="/a?b=1&c=</script>") }}')
    assert written.count("<script") == 3
    found = re.search(r'id="irma-login">(.*?)</script>', written)
    assert found is not None
    settings = json.loads(found[1])
    assert settings["next"] == "/a?b=1&c=</script>"
    assert settings["language"] == "nl"
    assert settings["prefix"] == "/irma/"


@pytest.mark.parametrize(
    ("languages", "language"),
    [("nl", "nl"), ("en;q=0.5, nl-BE", "nl"), ("nl;q=0.5, en", "en"), ("fr", "en")],
)
def test_page_follows_the_languages_of_the_browser(
    shop: Shop, languages: str, language: str
) -> None:
    """The page that asks is in Dutch if the browser prefers Dutch, and otherwise in English."""
    page = shop.visitor().get("/irma/ask/login", headers={"Accept-Language": languages})
    assert f'<html lang="{language}">' in page.text
    assert f'"language":"{language}"' in page.text


def test_page_that_asks_leads_to_its_own_site_only(shop: Shop) -> None:
    """The page that asks sends the visitor back to the same site only, whatever its link says."""
    visitor = shop.visitor()
    for next_url, kept in (("/wines", "/wines"), ("//evil.example", "/"), ("https:evil", "/")):
        page = visitor.get("/irma/ask/adult", query_string={"next": next_url}).text
        assert f'"next":"{kept}"' in page


def test_one_session_too_many_ends_the_oldest(shop: Shop) -> None:
    """A browser has at most twenty sessions; one more cancels its oldest session at the server."""
    visitor = shop.visitor()
    handles = [visitor.post("/irma/start/login", {}).json["handle"] for _ in range(21)]
    statuses = [
        visitor.post("/irma/status/login", {"handle": handle}).json["status"]
        for handle in handles[:2]
    ]
    assert statuses == ["CANCELLED", "INITIALIZED"]


def test_test_client_is_logged_in(shop: Shop) -> None:
    """`irma_login` leaves a test client with the session of a person who has answered."""
    client = shop.app.test_client()
    login = Login(shop.server)
    assert login(client, person=shop.person, next_url="/account") == "/account"
    assert client.get("/account", url_scheme="https").text == "ada@example.com"
    shop.failures.append(LoginRefusedError())
    with pytest.raises(AppError) as refused:
        login(client, person=shop.person)
    assert refused.value.code == "login_refused"


def test_careless_site_is_found_at_the_first_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The checks at the first use look at the server, questions, store, session and package."""
    demo = DisclosureRequest({"email": "irma-demo.sidn-pbdf.email.email"})
    irma = Irma(questions={"login": demo})
    app = Flask("shop", instance_path=str(tmp_path))
    app.config.update(
        SECRET_KEY="a-secret-key-of-forty-characters-or-more",
        IRMA_SERVER="https://irma.example",
        IRMA_STORE="memory:",
        IRMA_CONNECT={"allow": {Risk.MEMORY_STORE}},
    )
    irma.init_app(app)
    app.test_client().post("/irma/finish/login", json={}, base_url=SITE)
    irma.close(app)
    found = set(re.findall(r"irma\.[EW]\d{3}", caplog.text))
    assert found == {"irma.E010", "irma.E013", "irma.W001", "irma.W003", "irma.W004", "irma.W005"}


def test_template_can_set_the_words_on_the_button(shop: Shop) -> None:
    """The words on the button come from the template, and a misspelt key is an error."""
    with shop.app.test_request_context("/", base_url=SITE):
        written = render_template_string('{{ irma("login", start="Log in with Yivi") }}')
        assert '"start":"Log in with Yivi"' in written
        with pytest.raises(ConfigurationError, match="did you mean 'start'"):
            render_template_string('{{ irma("login", starts="Log in with Yivi") }}')


def test_unknown_question_is_refused(shop: Shop) -> None:
    """The name of an unknown question raises an error where it is used."""
    with pytest.raises(ConfigurationError, match="there is no such question; the questions are"):
        shop.irma.proved("nothing")
    with pytest.raises(ConfigurationError, match="there is no such question; the questions are"):
        shop.irma.on_answer("nothing")
    with shop.app.test_request_context("/"):
        for look_up in (shop.irma.element, shop.irma.proof):
            with pytest.raises(ConfigurationError, match=r"did you mean 'login'\?"):
                look_up("logn")
    assert shop.visitor().get("/irma/ask/nothing").status_code == 404


@pytest.mark.parametrize("max_age", [3600, "1h", timedelta(0), -timedelta(1)])
def test_maximum_age_must_be_a_duration(shop: Shop, max_age: Any) -> None:
    """A maximum age must be a positive duration; otherwise, the page would ask again and again."""
    with pytest.raises(ConfigurationError, match="max_age"):
        shop.irma.proved("adult", max_age=max_age)


async def later(_: object) -> None:
    """Log a person in, if the caller awaits this function."""


@pytest.mark.parametrize("handler", [None, "log_in", later])
def test_login_that_would_never_run_is_refused(shop: Shop, handler: Any) -> None:
    """A login that is not a function, or an async one, is refused, because it would never run."""
    with pytest.raises(ConfigurationError, match="on_answer"):
        shop.irma.on_answer("adult")(handler)


def test_question_has_one_function(shop: Shop) -> None:
    """A question cannot have a second function, which would silently replace the first."""
    with pytest.raises(ConfigurationError, match="already"):
        shop.irma.on_answer("login")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("IRMA_SERVR", "x", "did you mean IRMA_SERVER"),
        ("IRMA_SERVER", None, "IRMA_SERVER"),
        ("IRMA_SERVER", "irma.example", "IRMA_SERVER"),
        ("IRMA_SERVER", "http://irma.example", "IRMA_SERVER"),
        ("IRMA_LIFETIME", 300, "IRMA_LIFETIME"),
        ("IRMA_ORIGINS", "https://app.example", "IRMA_ORIGINS"),
        ("IRMA_PLAIN_COOKIE", "yes", "IRMA_PLAIN_COOKIE"),
        ("SECRET_KEY", None, "SECRET_KEY"),
        ("SECRET_KEY", 5, "SECRET_KEY: a key must be"),
        ("SECRET_KEY", "", "SECRET_KEY: a key must be"),
        ("SECRET_KEY_FALLBACKS", ["an-older-key", ""], "SECRET_KEY_FALLBACKS: a key must be"),
        ("IRMA_URL", "shop.example", "IRMA_URL"),
        # An empty setting must be an error, and must not mean the default.
        ("IRMA_STORE", "", "IRMA_STORE: must not be empty"),
        ("IRMA_SEALING_KEYS", [], "IRMA_SEALING_KEYS: must not be empty"),
        ("IRMA_TOKEN", "", "IRMA_TOKEN: must not be empty"),
        ("IRMA_SERVER_KEY", "", "IRMA_SERVER_KEY: must not be empty"),
    ],
)
def test_wrong_setting_is_named(tmp_path: Path, name: str, value: object, text: str) -> None:
    """A setting that is missing, unknown or wrong is an error when the application is created."""
    with pytest.raises(ConfigurationError, match=text):
        Shop(tmp_path, {name: value})


def test_wrong_server_is_json_for_the_page(tmp_path: Path) -> None:
    """A setting that fails at the first call is an error for the page and in the log."""
    shop = Shop(tmp_path, {"IRMA_STORE": "unknown:store"})
    reply = shop.visitor().post("/irma/start/login", {})
    assert reply.status_code == 500
    assert reply.json["error"]["code"] == "misconfigured"


def test_replay_says_why_there_is_nothing_to_replay(tmp_path: Path) -> None:
    """`replay-callbacks` names the reason: a store in the site's own process, or no function."""
    in_memory = {"IRMA_STORE": "memory:", "IRMA_CONNECT": {"allow": {Risk.MEMORY_STORE}}}
    for config, text in ((in_memory, "IRMA_STORE"), ({}, "deliver: is missing")):
        shop = Shop(tmp_path, config)
        done = shop.app.test_cli_runner().invoke(args=["irma", "replay-callbacks"])
        assert done.exit_code == 1
        assert text in done.output
        shop.irma.close(shop.app)


def test_only_flask_applications_are_taken() -> None:
    """An object that is not a Flask application is refused, and the error names the parameter."""
    irma = Irma(questions={"login": DisclosureRequest({"email": EMAIL})})
    with pytest.raises(UsageError, match="app"):
        irma.init_app(object())  # type: ignore[arg-type]


def test_settings_show_no_secret(shop: Shop) -> None:
    """The `repr` of the extension and of its settings shows no key."""
    settings = shop.app.extensions["irma"].settings
    assert "key-of-forty" not in repr(settings) + repr(shop.irma)
    assert settings.sealing_keys[0] not in repr(settings)


def test_application_has_one_extension(shop: Shop) -> None:
    """An application cannot have a second extension, which would have the same pages."""
    with pytest.raises(ConfigurationError, match="already has an Irma"):
        Irma(shop.app, questions={"login": DisclosureRequest({"email": EMAIL})})


@pytest.mark.parametrize("prefix", [None, "irma", "/irma/", "/", "/../irma", "/irma/<name>"])
def test_prefix_must_be_a_path(prefix: Any) -> None:
    """A prefix that is not a path is refused, because the URLs of all pages begin with it."""
    with pytest.raises(ConfigurationError, match="url_prefix"):
        Irma(questions={"login": DisclosureRequest({"email": EMAIL})}, url_prefix=prefix)


async def _awaited(_outcome: SessionOutcome) -> None: ...


@pytest.mark.parametrize("name", ["deliver", "choose"])
@pytest.mark.parametrize("value", ["function", _awaited])
def test_functions_are_checked_at_once(name: str, value: Any) -> None:
    """A wrong function is refused when the object is created, not at the first request."""
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=name):
        Irma(questions={"login": DisclosureRequest({"email": EMAIL})}, **arguments)


NAMED = """
[requests.login]
json = '{"@context": "https://irma.app/ld/request/disclosure/v2", "disclose": [[["a.b.c.d"]]]}'
"""


def test_settings_file_has_questions(tmp_path: Path) -> None:
    """The named requests of the settings file are questions, besides those in the code."""
    file = tmp_path / "irma.toml"
    file.write_text(f'server.url = "https://irma.example"\nparts.store = "sqlite:file.db"\n{NAMED}')
    app = Flask("shop", instance_path=str(tmp_path))
    for own, status in ((None, 404), ({"adult": DisclosureRequest(["a.b.c.e"])}, 200)):
        irma, app = Irma(questions=own), Flask("shop", instance_path=str(tmp_path))
        app.config.update({"IRMA_SETTINGS": str(file), "SECRET_KEY": "k" * 40})
        irma.on_answer("login")(print)
        irma.init_app(app)
        assert app.test_client().get("/irma/ask/login").status_code == 200
        assert app.test_client().get("/irma/ask/adult").status_code == status
        with pytest.raises(ConfigurationError, match="proved: there is no such question"):
            irma.proved("other")
        with pytest.raises(ConfigurationError, match="on_answer: 'login' already has a function"):
            irma.on_answer("login")
    with pytest.raises(ConfigurationError, match="questions: must map names"):
        Irma(app, questions=["login"])  # type: ignore[arg-type]


def test_questions_are_checked_when_the_application_is_known(tmp_path: Path) -> None:
    """The application does not start without questions, or if the code names an unknown one."""
    app = Flask("shop", instance_path=str(tmp_path))
    app.config.update({"IRMA_SERVER": "https://irma.example", "SECRET_KEY": "k" * 40})
    irma = Irma(questions={"login": DisclosureRequest(["a.b.c.d"])})
    irma.on_answer("logni")(print)
    with pytest.raises(ConfigurationError, match="on_answer: there is no such question"):
        irma.init_app(app)
    with pytest.raises(ConfigurationError, match="questions: is missing"):
        Irma(app)


def test_settings_file_adds_what_the_application_leaves_out(tmp_path: Path) -> None:
    """A settings file can set the server, the store and the rest, unless the configuration does."""
    server = InMemoryServer()
    (tmp_path / "keys.txt").write_text(new_sealing_key())
    file = tmp_path / "irma.toml"
    file.write_text(
        f'server.url = "{server.url}"\n'
        'parts.store = "sqlite:file.db"\n'
        '[web]\norigins = ["https://app.example"]\nlifetime = 60\nplain_cookie = false\n'
        'sealing_keys = ["file:keys.txt"]\n'
    )
    connect = {"transport": server.transport()}
    own = {"IRMA_SERVER": None, "IRMA_SETTINGS": str(file), "IRMA_CONNECT": connect}
    shop = Shop(tmp_path, own)
    shop.person = SimulatedApp(server)
    shop.person.add("example.mail.address", {"email": "ada@example.com"})
    visitor = shop.visitor()
    assert visitor.finish("login", visitor.start("login")).status_code == 200
    assert (tmp_path / "file.db").exists()
    assert not (tmp_path / "irma.db").exists()
    settings = read_settings(shop.app)
    assert (settings.lifetime, settings.is_store_shared) == (timedelta(minutes=1), True)
    shop.app.config["IRMA_LIFETIME"] = timedelta(minutes=2)
    assert read_settings(shop.app).lifetime == timedelta(minutes=2)
    file.write_text("")
    with pytest.raises(ConfigurationError, match="IRMA_SERVER: is missing"):
        read_settings(shop.app)


def test_old_secret_key_still_opens_handles(tmp_path: Path) -> None:
    """`SECRET_KEY_FALLBACKS` unseals what was sealed before the key was changed."""
    config = {"SECRET_KEY": "a-new-secret-key-of-forty-characters-too", "SECRET_KEY_FALLBACKS": []}
    older = Shop(tmp_path)
    old = read_settings(older.app).sealing_keys
    config["SECRET_KEY_FALLBACKS"] = [older.app.config["SECRET_KEY"]]
    new = read_settings(Shop(tmp_path, config).app).sealing_keys
    assert new[1:] == old
    assert new[0] not in old


def test_first_use_logs_what_is_wrong_with_the_site(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the first use, the settings are checked, and each finding is a line of the log."""
    shop = Shop(tmp_path, {"IRMA_SERVER": "https://irma.example"})
    shop.visitor().get("/wines")
    shop.irma.close(shop.app)
    found = [record.getMessage() for record in caplog.records if "irma." in record.getMessage()]
    assert any(line.startswith("irma.E013: ") for line in found), found  # no browser package
