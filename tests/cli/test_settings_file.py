"""`--settings`: a settings file that options and variables override, and `irma-backend config`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest

from irma_testing import InMemoryServer, SimulatedApp
from tests.cli.conftest import OVER18, TOKEN, CommandLine

REQUEST = (
    f'{{"@context": "https://irma.app/ld/request/disclosure/v2", "disclose": [[["{OVER18}"]]]}}'
)


@pytest.fixture
def settings_file(tmp_path: Path, url: str) -> Path:
    """Return a file with the server, a token by reference and a request."""
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n")
    file = tmp_path / "shop.toml"
    file.write_text(
        f'[server]\nurl = "{url}"\nallow = ["demo-attributes"]\n'
        '[authentication]\ntoken = "file:token.txt"\n'
        f"[requests.adult]\njson = '{REQUEST}'\n"
        '[parts]\nstore = "sqlite:irma.db"\n'
    )
    return file


@pytest.fixture
def bare(command_line: CommandLine) -> CommandLine:
    """The command line without a server and a token."""
    return attrs.evolve(
        command_line,
        environment={
            name: value
            for name, value in command_line.environment.items()
            if not name.startswith("IRMA_")
        },
    )


def test_a_file_has_server_token_and_request(
    bare: CommandLine, settings_file: Path, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """A session needs only the options for the file and the name of a request in it."""
    memory.when_started(app.accept)
    asked = ("session", "--named", "adult", "--json")
    status, out, err = bare.run(*asked, "--settings", str(settings_file))
    assert (status, json.loads(out)["answer"]["0"]["attributes"][0]["value"]) == (0, "Yes"), err
    assert bare.at(IRMA_SETTINGS=str(settings_file)).run(*asked)[0] == 0


def test_options_and_variables_override_the_file(
    bare: CommandLine, settings_file: Path, url: str
) -> None:
    """An option overrides a variable, and a variable overrides the file."""
    there = bare.at(IRMA_SETTINGS=str(settings_file))
    assert there.run("health")[0] == 0
    away = there.at(IRMA_SERVER="https://irma.invalid")
    assert away.run("health")[0] == 7
    assert away.run("health", "--server", url)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("health",), "--server is missing"),
        (("health", "--settings", "/hunter2"), "--settings: the file cannot be read: No such file"),
        (
            ("session", "--named", "hunter2"),
            "--named: the settings file has no such request; it has none",
        ),
        (("session", "--named", "a", "--sign", "b"), "or --named NAME"),
        (("health", "--server", "hunter2"), "--server: the URL"),
        (
            ("health", "--secret-file", "hunter 2=x"),
            "--secret-file: the name must consist of 1 to 40",
        ),
    ],
)
def test_a_missing_or_wrong_setting_is_named(
    arguments: tuple[str, ...], words: str, bare: CommandLine
) -> None:
    """If a setting is missing or wrong, the exit status is 2, and the error names its option."""
    status, _, err = bare.run(*arguments)
    assert (status, words in err) == (2, True), err
    assert "hunter" not in err


def test_a_fault_in_the_file_names_its_line(bare: CommandLine, settings_file: Path) -> None:
    """For a fault in the file, the exit status is 2, and the error names file, line and key."""
    settings_file.write_text('[authentication]\ntoken = "hunter2"\n')
    status, _, err = bare.run("health", "--settings", str(settings_file))
    assert (status, f"{settings_file}, line 2, authentication.token: " in err) == (2, True)
    assert "hunter2" not in err


def fingerprint(secret: str) -> str:
    """Return what `printf %s SECRET | sha256sum | cut -c1-8` prints."""
    return sha256(secret.encode()).hexdigest()[:8]


def shown(line: CommandLine) -> dict[str, Any]:
    """Return the settings that `config --json` prints, by name."""
    status, out, err = line.run("config", "--json")
    assert status == 0, err
    return {each["name"]: each for each in json.loads(out)}


def test_config_shows_where_each_setting_came_from(
    bare: CommandLine, settings_file: Path, url: str
) -> None:
    """`config` shows the line or the variable, and the fingerprint of a secret."""
    there = bare.at(
        IRMA_SETTINGS=str(settings_file), IRMA_STORE="redis://:hunter2@localhost", IRMA_TIMEOUT="2"
    )
    found = shown(there)
    file = str(settings_file)
    assert found["server.url"] == {
        "name": "server.url",
        "value": url,
        "source": {"file": file, "line": 2},
    }
    assert found["server.timeout"] == {
        "name": "server.timeout",
        "value": 2.0,
        "source": {"variable": "IRMA_TIMEOUT"},
    }
    assert found["authentication.token"]["value"] == {
        "reference": f"file:{settings_file.parent}/token.txt",
        "fingerprint": fingerprint(TOKEN),
    }
    assert found["parts.store"]["value"] == {
        "scheme": "redis",
        "fingerprint": fingerprint("redis://:hunter2@localhost"),
    }
    assert found["requests.adult.json"]["value"] == "DisclosureRequest"


@pytest.mark.parametrize(
    "uri",
    [
        "redis://hunter2@localhost/0",
        "redis://user:hunter2@localhost/0",
        "rediss://localhost/0?ssl_ca_certs=hunter2",
        "pigeon://localhost/hunter2%40host",
        "pigeon://localhost/#hunter2",
        "pigeon:id=hunter2",
    ],
)
def test_config_shows_no_part_of_a_uri_that_may_be_secret(uri: str, bare: CommandLine) -> None:
    """A URI with a user, a query or parameters is shown as its scheme and fingerprint."""
    found = shown(bare.at(IRMA_STORE=uri))
    assert found["parts.store"]["value"] == {
        "scheme": uri.partition(":")[0],
        "fingerprint": fingerprint(uri),
    }


def test_config_in_a_pipe_and_at_a_terminal(bare: CommandLine, settings_file: Path) -> None:
    """In a pipe, `config` prints a line for each setting; at a terminal, a table."""
    line = ("config", "--settings", str(settings_file))
    status, out, _ = bare.run(*line)
    assert status == 0
    row = out.splitlines()[2].split("\t")
    assert row[0] == "authentication.token"
    assert row[1].startswith(f"file:{settings_file.parent}/token.txt (fingerprint ")
    assert row[2] == f"{settings_file}, line 5"
    with bare.at_terminal(*line, columns=200) as terminal:
        assert "fingerprint" in terminal.read_until("sqlite:")
        assert terminal.end() == 0


def test_config_reports_an_unreadable_secret(bare: CommandLine, settings_file: Path) -> None:
    """For a secret that cannot be read, `config` prints the reason, and the exit status is 2."""
    (settings_file.parent / "token.txt").unlink()
    status, out, _ = bare.run("config", "--settings", str(settings_file))
    assert (status, "token.txt: cannot read the file: No such file" in out) == (2, True)
