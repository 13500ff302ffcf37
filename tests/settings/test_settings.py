"""`read_settings` reads a settings file and the environment, and refuses mistakes in them."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irma_backend import read_settings
from irma_backend.settings import Settings, WebSettings
from irma_backend.settings_sources import read_file
from irma_backend.settings_table import SETTINGS
from irma_core import DisclosureRequest, Risk
from irma_core.errors import ConfigurationError
from tests.settings.conftest import FOLDER

WHOLE = FOLDER / "whole.toml"
FAULTS: list[dict[str, Any]] = tomllib.loads((FOLDER / "faults.toml").read_text("utf-8"))["fault"]
WORD = "zq7"
"""A string in every value of these tests, which no error may show."""


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a file that many examples overwrite."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "adult.json").write_text((FOLDER / "adult.json").read_text("utf-8"))
    return folder / "settings.toml"


def test_a_file_may_hold_every_setting() -> None:
    """The example file contains every setting, and `read_settings` reads each of them."""
    settings = read_settings(WHOLE)
    names = {each.place.name for each in settings.given}
    patterns = {each.name for each in SETTINGS} - {"authentication.token"}
    used = {name.replace("login", "*").replace("adult", "*") for name in names}
    used = {"secrets.*" if name.startswith("secrets.") else name for name in used}
    assert used == patterns
    assert settings.value("server.url") == "https://irma.example"
    assert settings.value("server.timeout") == timedelta(seconds=2.5)
    assert settings.risks == {Risk.DEMO_ATTRIBUTES, Risk.MEMORY_STORE}
    assert settings.plugins == ["acme-irma", "acme-irma:vault"]
    assert settings.requests == {
        "login": DisclosureRequest(["pbdf.sidn-pbdf.email.email"]),
        "adult": DisclosureRequest(["pbdf.gemeente.personalData.over18"]),
    }
    assert settings.web == WebSettings(
        url="https://shop.example",
        origins=("https://www.shop.example", "https://m.shop.example"),
        lifetime=timedelta(minutes=5),
        plain_cookie=False,
    )


def test_paths_start_from_the_folder_of_the_file() -> None:
    """Relative paths start from the settings file's folder, also in `file:` and `sqlite:` URIs."""
    settings = read_settings(WHOLE)
    assert settings.value("server.key_files") == (FOLDER / "server-key.pem",)
    assert settings.value("authentication.key") == f"file:{FOLDER}/keys/shop.pem"
    assert settings.value("parts.store") == f"sqlite:{FOLDER}/irma.db"
    assert settings.value("parts.status") == "pigeon://127.0.0.1:6379/0"
    assert settings.value("proofs.schemes") == (FOLDER / "schemes" / "pbdf",)
    assert settings.value("proofs.scheme_keys") == (("pbdf", FOLDER / "pbdf.pem"),)
    assert settings.value("dev_server.requestors") == FOLDER / "requestors.json"
    assert settings.value("dev_server.scheme") == FOLDER / "schemes" / "pbdf"


def test_secrets_are_read_when_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference to a secret is read when the secret is used, and an error then names its line."""
    settings = read_settings(WHOLE)
    vault, other = (settings.secrets[name] for name in ("vault", "other"))
    assert callable(vault)
    assert callable(other)
    assert vault() == "s.example-vault-token"
    with pytest.raises(ConfigurationError, match=r"whole.toml, line 17, secrets.other: "):
        other()
    monkeypatch.setenv("SHOP_OTHER", "  a secret\n")
    assert other() == "a secret"
    with pytest.raises(ConfigurationError, match=r"whole.toml, line 45, web.sealing_keys: "):
        settings.sealing_keys()


def test_a_reference_may_hold_several_sealing_keys(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealing keys are read in order, and each reference or variable may hold several."""
    assert read_settings().sealing_keys() is None
    (settings_file.parent / "old.txt").write_text("two\nthree\n")
    settings_file.write_text('web.sealing_keys = ["env:SHOP_KEY", "file:old.txt"]')
    monkeypatch.setenv("SHOP_KEY", "one")
    assert read_settings(settings_file).sealing_keys() == ["one", "two", "three"]
    monkeypatch.setenv("IRMA_SEALING_KEYS", "four, five")
    assert read_settings(settings_file).sealing_keys() == ["four", "five"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["is"])
def test_an_error_names_file_line_and_key(fault: dict[str, Any], settings_file: Path) -> None:
    """An error names the file, the line and the key, says what to do, and shows no value."""
    (settings_file.parent / "adult.json").write_text((FOLDER / "adult.json").read_text("utf-8"))
    settings_file.write_text(fault["file"], encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_settings(settings_file)
    where = f"{settings_file}, line {fault['line']}" + (
        f", {fault['name']}" if fault["name"] else ""
    )
    assert str(caught.value).startswith(f"{where}: ")
    assert fault["says"] in str(caught.value)
    assert WORD not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"#" * 300_000, "larger than 256 KiB")]
)
def test_a_file_that_cannot_be_read(
    content: bytes | None, reason: str, settings_file: Path
) -> None:
    """A file that cannot be read raises ConfigurationError, which does not repeat the path."""
    if content is not None:
        settings_file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        read_settings(settings_file)
    assert str(settings_file) not in str(caught.value)
    with pytest.raises(ConfigurationError, match="the path is not valid"):
        read_settings("a\0b")
    with pytest.raises(ConfigurationError, match="must be the path"):
        read_settings(7)  # type: ignore[arg-type]


def test_the_environment_overrides_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables override the file, but plugins and risks are combined."""
    values = {
        "IRMA_SETTINGS": str(WHOLE),
        "IRMA_SERVER": "https://other.example",
        "IRMA_TIMEOUT": "7",
        "IRMA_ALLOW": "plain-http, demo-attributes",
        "IRMA_PLUGINS": "more",
        "IRMA_STORE": "redis://:password@127.0.0.1/0",
        "IRMA_PLAIN_COOKIE": "True",
        "IRMA_ORIGINS": "https://a.example,https://b.example",
        "IRMA_FRONTEND_URL": "",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.value("server.url") == "https://other.example"
    assert settings.value("server.frontend_url") == "https://irma.example/frontend"
    assert settings.value("server.timeout") == timedelta(seconds=7)
    assert settings.risks == {Risk.DEMO_ATTRIBUTES, Risk.MEMORY_STORE, Risk.PLAIN_HTTP}
    assert settings.plugins == ["more", "acme-irma", "acme-irma:vault"]
    assert settings.value("parts.store") == "redis://:password@127.0.0.1/0"
    assert settings.web.plain_cookie
    assert settings.web.origins == ("https://a.example", "https://b.example")


def test_a_token_of_the_environment_replaces_a_key_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A token in the environment replaces a key in the file, because both authenticate."""
    monkeypatch.setenv("IRMA_TOKEN", "a-token")
    settings = read_settings(WHOLE)
    assert settings.value("authentication.token").read() == "a-token"
    assert settings.first("authentication.key") is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IRMA_SERVER", "zq7.example"),
        ("IRMA_TIMEOUT", "zq7"),
        ("IRMA_TIMEOUT", "7_7"),
        ("IRMA_TIMEOUT", "\u0667\u0667"),
        ("IRMA_ALLOW", "zq7"),
        ("IRMA_PLAIN_COOKIE", "zq7"),
        ("IRMA_KEY", "zq7"),
    ],
)
def test_an_invalid_variable_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error for an invalid environment variable names the variable, and shows no value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        read_settings()
    assert str(caught.value).startswith(f"{variable}: ")
    assert WORD not in str(caught.value)


def test_a_key_and_a_token_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key and a token in the environment exclude each other."""
    monkeypatch.setenv("IRMA_KEY", "hmac:shop")
    monkeypatch.setenv("IRMA_TOKEN", "a-token")
    with pytest.raises(ConfigurationError, match="IRMA_TOKEN: cannot be combined with IRMA_KEY"):
        read_settings()


def test_the_repr_of_settings_shows_only_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `repr` of settings shows names, and no values."""
    monkeypatch.setenv("IRMA_STORE", f"redis://:{WORD}@127.0.0.1/0")
    monkeypatch.setenv("IRMA_TOKEN", WORD)
    settings = read_settings()
    assert repr(settings) == "<Settings: authentication.token, parts.store>"
    assert WORD not in repr(settings.given)
    assert repr(read_settings(WHOLE).requests) == "{'login': …, 'adult': …}"


def error_of(path: Path, content: bytes) -> str | None:
    """Return the error for a settings file with this content, or None if it is valid."""
    path.write_bytes(content)
    try:
        Settings(path, [read_file(path)])
    except ConfigurationError as error:
        return str(error)
    return None


def where_and_why(error: str, path: Path) -> tuple[int, str]:
    """Return the line that an error names, and the reason that follows."""
    assert error.startswith(f"{path}, line ")
    where, _, reason = error.removeprefix(f"{path}, line ").partition(": ")
    return int(where.partition(", ")[0]), reason


SCALARS = st.sampled_from(
    ["1", "-1", "0.5", "inf", "true", "1979-05-27", "[]", "{}", "[1]", "[[]]", '""']
) | st.text("zq7:/@.?= é", max_size=12).map(lambda text: f"'{WORD}{text}'")
LINES = st.one_of(
    st.sampled_from(sorted({f"[{each.name.rpartition('.')[0]}]" for each in SETTINGS})),
    st.tuples(
        st.sampled_from([each.name for each in SETTINGS])
        | st.sampled_from([each.name.rpartition(".")[2] for each in SETTINGS]),
        SCALARS,
    ).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.text("zq7=[]'\"#. é\r", max_size=12),
).map(lambda line: line.replace("*", "x1"))


@given(st.lists(LINES, max_size=8))
@example(["[dev_server]", "port = -1"])
@example(["[[server]]"])
@example(["server = 1"])
@example(["requests.x1.json = 1"])
@example(["requests.x1 = 1"])
def test_any_file_is_settings_or_one_error(scratch: Path, lines: list[str]) -> None:
    """Any file is valid, or raises an error that names file and line and shows no value."""
    error = error_of(scratch, "\n".join(lines).encode())
    if error is not None:
        line, reason = where_and_why(error, scratch)
        assert 1 <= line <= len(lines) + sum(each.count("\r") for each in lines)
        assert reason
        assert WORD not in reason


@given(st.binary(max_size=30), st.integers(0, 1600), st.integers(0, 30))
def test_a_damaged_file_is_settings_or_one_error(
    scratch: Path, damage: bytes, at: int, length: int
) -> None:
    """A damaged file is valid, or raises an error that names file and line."""
    whole = WHOLE.read_bytes()
    error = error_of(scratch, whole[:at] + damage + whole[at + length :])
    assert error is None or where_and_why(error, scratch)[0] >= 1
