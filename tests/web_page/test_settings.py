"""The settings that an adapter writes into a page, the content security policy, and files."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from irma_core.errors import ConfigurationError
from irma_web import STATIC, csp_sources, page_settings
from irma_web.page_texts import ASK_TITLES, LANGUAGES, TEXTS, page_language

SCRIPT = STATIC / "irma_web" / "irma.js"
ROOT = Path(__file__).parent.parent.parent


def settings(**changed: Any) -> str:
    arguments: dict[str, Any] = {"prefix": "/irma/", "name": "login", **changed}
    return page_settings(**arguments)


def test_the_settings_are_what_the_script_reads() -> None:
    """The settings have every part that the script reads, and no header without a CSRF token."""
    read = json.loads(settings(next_url="/account/", language="nl"))
    assert read.pop("texts") == dict(TEXTS["nl"])
    assert read == {
        "name": "login",
        "prefix": "/irma/",
        "language": "nl",
        "next": "/account/",
        "headers": {},
    }


def test_a_csrf_token_goes_into_a_header() -> None:
    """A CSRF token is sent in the header that the framework names."""
    read = json.loads(settings(csrf_header="X-CSRFToken", csrf_token="abc"))
    assert read["headers"] == {"X-CSRFToken": "abc"}


def test_an_application_can_set_its_own_words() -> None:
    """A string of the application replaces ours, and all others stay in the page's language."""
    read = json.loads(settings(language="nl", texts={"start": "Log in </script>"}))
    assert read["texts"] == {**TEXTS["nl"], "start": "Log in </script>"}


def test_a_misspelt_key_is_explained() -> None:
    """The error for a misspelt key suggests the nearest one."""
    with pytest.raises(ConfigurationError, match="'starts' is unknown; did you mean 'start'"):
        settings(texts={"starts": "Log in"})


@pytest.mark.parametrize(
    "next_url",
    ["/</script><script>alert(1)</script>", "/?a=1&b=2", "/<!--<script>", "/\u2028\u2029", '/"\\'],
)
def test_nothing_in_the_settings_ends_the_script_element(next_url: str) -> None:
    """An HTML parser finds one script element, whose JSON is the settings."""
    text = settings(next_url=next_url)
    assert not re.search("[<>&\u2028\u2029]", text)
    found: list[str] = []

    class Parser(html.parser.HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    parser = Parser()
    parser.feed(f'<script type="application/json">{text}</script>')
    (data,) = found
    assert json.loads(data)["next"] == next_url


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("nl", "nl"),
        ("nl-BE", "nl"),
        ("NL_nl", "nl"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("", "en"),
        ("nld", "en"),
    ],
)
def test_an_unknown_language_becomes_english(tag: str, language: str) -> None:
    """The region of a language is ignored, and an unknown language becomes English."""
    assert page_language(tag) == language
    assert json.loads(settings(language=tag))["language"] == language


def test_each_language_says_the_same() -> None:
    """Each language has exactly the strings that the script uses."""
    script = SCRIPT.read_text()
    for language in LANGUAGES:
        assert TEXTS[language].keys() == TEXTS["en"].keys()
        assert all(TEXTS[language].values())
    assert ASK_TITLES.keys() == TEXTS.keys()
    for key in TEXTS["en"]:
        assert re.search(rf"""texts\.{key}\b|"{key}"|problem\("{key}\"""", script), key


@pytest.mark.parametrize(
    "changed",
    [
        {"prefix": "irma/"},
        {"prefix": "/irma"},
        {"prefix": "//evil.example/"},
        {"prefix": "/\\evil.example/"},
        {"prefix": "ftp://example.com/"},
        {"prefix": "https://example.com/../"},
        {"prefix": ""},
        {"prefix": "/a b/"},
        {"name": ""},
        {"name": "Login"},
        {"name": "a" * 41},
        {"name": 'login"'},
        {"csrf_header": "X-CSRFToken"},
        {"csrf_token": "abc"},
        {"csrf_header": "X: Y", "csrf_token": "abc"},
        {"csrf_header": "", "csrf_token": "abc"},
        {"texts": {"starts": "Log in"}},
        {"texts": {"ask": "Log in"}},
        {"texts": {"start": ""}},
        {"texts": {"start": None}},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(changed: dict[str, Any]) -> None:
    """A wrong setting is an error when the page is rendered, instead of a dead button later."""
    with pytest.raises(ConfigurationError):
        settings(**changed)


def test_the_endpoints_may_have_an_origin_of_their_own() -> None:
    """A single-page application can pass an absolute URL of the endpoints."""
    read = json.loads(settings(prefix="https://api.example.com/irma/"))
    assert read["prefix"] == "https://api.example.com/irma/"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://irma.example.com", "https://irma.example.com"),
        ("https://irma.example.com:8443/api/irma/session/x", "https://irma.example.com:8443"),
        ("http://127.0.0.1:8088/", "http://127.0.0.1:8088"),
        ("http://[::1]:8088/", "http://[::1]:8088"),
        ("https://user:secret@irma.example.com/", "https://irma.example.com"),
        ("HTTPS://IRMA.example.com/", "https://irma.example.com"),
    ],
)
def test_the_policy_lets_the_page_call_the_server(url: str, origin: str) -> None:
    """The policy allows only the origins of the site and of the IRMA server."""
    sources = csp_sources(url)
    assert sources["connect-src"] == ("'self'", origin)
    assert sources.keys() == {"script-src", "connect-src", "img-src", "style-src"}
    assert not any("unsafe" in each for each in sum(sources.values(), ()))


@pytest.mark.parametrize(
    "url", ["", "irma.example.com", "/irma/", "*", "https://a.example; script-src *", "data:x"]
)
def test_a_policy_needs_the_url_of_a_server(url: str) -> None:
    """A value that is not the URL of a server is refused, so it cannot become part of a header."""
    with pytest.raises(ConfigurationError):
        csp_sources(url)


def test_the_script_is_small() -> None:
    """The script is short enough to be read at once, and needs no build."""
    lines = SCRIPT.read_text().splitlines()
    assert len(lines) < 200
    assert all(len(line) <= 100 for line in lines)
    assert lines[0] == "// @ts-check"
    assert "innerHTML =" not in SCRIPT.read_text()


def test_the_types_of_the_script_are_right(tools: Path, tmp_path: Path) -> None:
    """TypeScript, with its strictest settings, finds no error in the script."""
    options = "--checkJs --allowJs --strict --noEmit --noUnusedLocals --noImplicitReturns"
    tsc = str(tools / "node_modules" / "typescript" / "bin" / "tsc")
    levels = "--target es2022 --module es2022 --lib es2022,dom,dom.iterable --types"
    done = subprocess.run(
        [shutil.which("node") or "node", tsc, *options.split(), *levels.split(), "", str(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_wheel_has_the_static_files(tmp_path: Path) -> None:
    """The installed files include the script and the style, and no part of the browser package."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("irma_web/")]
        assert archive.read("irma_web/static/irma_web/irma.js") == SCRIPT.read_bytes()
    assert "irma_web/static/irma_web/irma.css" in names
    assert not any("yivi" in name for name in names)
