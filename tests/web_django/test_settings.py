"""The setting `IRMA` is a dictionary, and mistakes in it are explained."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from django.test import override_settings

from irma_core import DisclosureRequest, Sealer, new_sealing_key
from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer
from irma_web_django.irma_site import current_site
from irma_web_django.policies import csp
from irma_web_django.site_settings import SiteSettings, current_settings, read_settings
from tests.web_django.shop import EMAIL, Visitor, code, settings_for

LOGIN = DisclosureRequest({"email": EMAIL})
GOOD: dict[str, Any] = {
    "SERVER": "https://irma.example",
    "QUESTIONS": {"login": LOGIN},
    "ACCOUNT": "email",
}
TOKEN = "VTr9kAhW3HqTgE8VTr9kAhW3HqTgE8"


def test_the_defaults() -> None:
    """A site must set only a server, questions and the slot of the account."""
    settings = read_settings(GOOD)
    assert settings.server == "https://irma.example"
    assert settings.login == "login"
    assert settings.lifetime == timedelta(minutes=5)
    assert not settings.is_cookie_plain
    assert not settings.is_by_email
    assert settings.connect == {"url": "https://irma.example", "settings": None}


def test_the_settings_are_frozen(tmp_path: Path) -> None:
    """Settings cannot be changed after they are read, and their `repr` shows no secret."""
    settings = read_settings({**GOOD, "TOKEN": TOKEN, "SEALING_KEYS": [key := new_sealing_key()]})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.server = "x"  # type: ignore[misc]
    assert settings.connect["token"] == TOKEN
    assert TOKEN not in repr(settings)
    assert key not in repr(settings)


def test_secrets_may_be_in_files(tmp_path: Path) -> None:
    """A secret is a value, or the path of a file that contains the value."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    settings = read_settings({**GOOD, "TOKEN": {"FILE": str(path)}})
    assert settings.connect["token"] == TOKEN


FILE = """
[server]
url = "{url}"
allow = ["memory-store"]
[parts]
store = "memory:"
[requests.login]
json = '''{{
  "request": {{
    "@context": "https://irma.app/ld/request/disclosure/v2",
    "disclose": [[[{{"type": "pbdf.sidn-pbdf.email.email", "notNull": true}}]]]
  }},
  "slotNames": ["email"]
}}'''
[web]
url = "https://shop.example"
origins = ["https://app.example"]
lifetime = 60
sealing_keys = ["file:keys.txt"]
"""


def test_a_settings_file_adds_what_the_site_leaves_out(
    shop: None, tmp_path: Path, irma_server: InMemoryServer
) -> None:
    """People can log in with the server, store, questions and keys of a settings file."""
    (tmp_path / "keys.txt").write_text(key := new_sealing_key())
    file = tmp_path / "irma.toml"
    file.write_text(FILE.format(url=irma_server.url))
    connect = {"transport": irma_server.transport()}
    given: dict[str, Any] = {"SETTINGS": file, "CONNECT": connect, "ACCOUNT": "email"}
    settings = read_settings(given)
    assert settings.server == irma_server.url
    assert settings.url == "https://shop.example"
    assert settings.origins == ("https://app.example",)
    assert settings.lifetime == timedelta(minutes=1)
    assert settings.sealing_keys == (key,)
    assert settings.has_own_sealing_keys
    assert settings.store == "memory:"
    assert read_settings({**given, "LIFETIME": timedelta(9)}).lifetime == timedelta(9)
    assert set(read_settings({**given, "QUESTIONS": {"adult": LOGIN}}).questions) == {
        "login",
        "adult",
    }
    assert irma_server.url in csp(given)["connect-src"]
    with override_settings(IRMA=given):
        ada = Visitor(irma_server)
        ada.prove("login")
        assert ada.user


def test_a_fault_in_a_settings_file_names_its_line(tmp_path: Path) -> None:
    """The error for a fault in the settings file names the file and the line."""
    file = tmp_path / "irma.toml"
    file.write_text("[web]\nlifetime = 0\n")
    with pytest.raises(ConfigurationError, match=r"irma.toml, line 2, web.lifetime: "):
        read_settings({**GOOD, "SETTINGS": file})
    file.write_text("")
    given = {name: value for name, value in GOOD.items() if name != "SERVER"}
    with pytest.raises(ConfigurationError, match=r"SERVER.*: is missing"):
        read_settings({**given, "SETTINGS": file})


async def later(_: object) -> None:
    """Handle a value, if the caller awaits this function."""


def faults() -> dict[str, tuple[dict[str, Any], str]]:
    """Return wrong settings, each with its error message."""
    return {
        "unknown": ({"SERVR": "x"}, r"IRMA\['SERVR'\]: is unknown; did you mean 'SERVER'"),
        "lower case": ({"server": "x"}, "did you mean 'SERVER'"),
        "no idea": ({"XYZZY": "x"}, "expected one of SETTINGS, SERVER"),
        "server": ({"SERVER": None}, r'IRMA\["SERVER"\]: is missing'),
        "server type": ({"SERVER": 5}, r'IRMA\["SERVER"\]: must be a string'),
        "questions": ({"QUESTIONS": None}, r'IRMA\["QUESTIONS"\]: is missing'),
        "questions type": ({"QUESTIONS": [LOGIN]}, "must be a dictionary"),
        "questions path": ({"QUESTIONS": "shop.nothing.QUESTIONS"}, "cannot import"),
        "account": ({"ACCOUNT": None}, r'IRMA\["ACCOUNT"\]: is missing'),
        "slot": ({"ACCOUNT": "emial"}, "no slot 'emial'; did you mean 'email'"),
        "other slot": ({"ACCOUNT": "bsn"}, "no slot 'bsn'; its slots are email"),
        "no login": ({"QUESTIONS": {"adult": LOGIN}}, 'has no "login"'),
        "url": ({"CALLBACK": print}, r'IRMA\["URL"\]: is missing; CALLBACK needs the URL'),
        "url form": (
            {"URL": "shop.example"},
            r'the setting IRMA\["URL"\] must begin with a scheme',
        ),
        "callback": ({"CALLBACK": 5}, r'IRMA\["CALLBACK"\]: must be a function'),
        "lifetime": ({"LIFETIME": 300}, r'IRMA\["LIFETIME"\]: must be a timedelta'),
        "flag": ({"PLAIN_COOKIE": "no"}, r'IRMA\["PLAIN_COOKIE"\]: must be True or False'),
        "count": ({"SESSIONS_PER_BROWSER": 0}, "whole number"),
        "origins": ({"ORIGINS": "https://spa.example"}, "list of strings"),
        "origin": ({"ORIGINS": [5]}, "list of strings"),
        "connect": ({"CONNECT": 5}, "must be a dictionary"),
        "twice": ({"TOKEN": TOKEN, "CONNECT": {"token": TOKEN}}, "already sets"),
        "file": ({"TOKEN": {"FILE": "/nothing/there"}}, "/nothing/there: cannot read the file"),
        "file name": ({"TOKEN": {"PATH": "x"}}, '{"FILE": "/path/of/a/file"}'),
        "keys": ({"SEALING_KEYS": new_sealing_key()}, "list of keys"),
        "key": ({"SEALING_KEYS": [TOKEN]}, r'IRMA\["SEALING_KEYS"\]'),
        "no keys": ({"SEALING_KEYS": []}, r'IRMA\["SEALING_KEYS"\]: must be a list of keys'),
        "no names": ({"PSEUDONYM_KEYS": []}, r'IRMA\["PSEUDONYM_KEYS"\]: must be a list of keys'),
        "async": ({"CALLBACK": later}, r'IRMA\["CALLBACK"\]: nothing awaits this function'),
        "async too": ({"CLIENT_ADDRESS": later}, r'IRMA\["CLIENT_ADDRESS"\]: nothing awaits'),
    }


@pytest.mark.parametrize("fault", faults())
def test_a_mistake_is_explained(fault: str) -> None:
    """The error names the setting and the expected value, and shows no secret."""
    more, message = faults()[fault]
    given = {name: value for name, value in {**GOOD, **more}.items() if value is not None}
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_settings(given)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("given", [None, [], "x"])
def test_a_setting_that_is_no_dictionary_is_explained(given: object) -> None:
    """The setting `IRMA` itself must exist and be a dictionary."""
    with override_settings(IRMA=given), pytest.raises(ConfigurationError, match=r"^IRMA: "):
        current_settings()


QUESTIONS = {"login": LOGIN}


def test_questions_may_be_a_dotted_path() -> None:
    """Questions that need models are imported when they are first used."""
    settings = read_settings({**GOOD, "QUESTIONS": f"{__name__}.QUESTIONS"})
    assert settings.questions == {"login": LOGIN}


def keys_with(**more: Any) -> SiteSettings:
    """Return the settings of a site with these settings of Django."""
    with override_settings(IRMA=GOOD, **more):
        return current_settings()


def test_keys_come_from_the_secret_key() -> None:
    """Sealing keys follow `SECRET_KEY` and its fallbacks, and differ from each other."""
    old = keys_with(SECRET_KEY="old")
    both = keys_with(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"])
    assert both.sealing_keys[1] == old.sealing_keys[0]
    assert both.pseudonym_keys[1] == old.pseudonym_keys[0]
    assert len({*both.sealing_keys, *both.pseudonym_keys}) == 4
    Sealer(both.sealing_keys)


def test_an_empty_secret_key_seals_nothing() -> None:
    """An empty key among the fallbacks is refused, because anyone could seal with it."""
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS: a key must not be empty"):
        keys_with(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[""])


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_secret_is_read_as_any_program_writes_it(tmp_path: Path, encoding: str, end: str) -> None:
    """A byte order mark and a line end in the file of a secret are ignored."""
    file = tmp_path / "token"
    file.write_bytes(f"{TOKEN}{end}".encode(encoding))
    settings = read_settings({**GOOD, "TOKEN": {"FILE": file}})
    assert settings.connect["token"] == TOKEN


def test_a_handle_outlives_a_change_of_the_secret_key(ada: Visitor) -> None:
    """A session that was started before a change of `SECRET_KEY` can be finished after it."""
    started = ada.start("adult")
    ada.app.accept(started["sessionPtr"])
    from tests.web_django.configured import SECRET_KEY  # noqa: PLC0415

    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[SECRET_KEY]):
        assert ada.finish("adult", started).status_code == 200
    with override_settings(SECRET_KEY="a third"):
        assert code(ada.finish("adult", started)) == "handle_invalid"


def test_an_account_outlives_a_change_of_the_secret_key(
    ada: Visitor, irma_server: InMemoryServer
) -> None:
    """A login with the old key in the fallbacks renews the pseudonym, and the key can then go."""
    ada.prove("login")
    user = ada.user
    from tests.web_django.configured import SECRET_KEY  # noqa: PLC0415

    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[SECRET_KEY]):
        again = Visitor(irma_server)
        again.prove("login")
        assert again.user == user
    with override_settings(SECRET_KEY="another"):
        later = Visitor(irma_server)
        later.prove("login")
        assert later.user == user


def test_the_site_follows_the_settings(shop: None, irma_server: InMemoryServer) -> None:
    """`override_settings` in the tests of an application takes effect at once."""
    before = current_site()
    with override_settings(IRMA=settings_for(irma_server, SESSIONS_PER_BROWSER=1)):
        assert current_site().settings.sessions_per_browser == 1
    assert current_site() is not before
    assert current_site().settings.sessions_per_browser == 20
