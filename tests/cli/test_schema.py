"""The JSON of each command follows `docs/schemas/command-line.json`, which keeps its promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from irma_backend.cli.main import main
from irma_core import DisclosureRequest, Requestor, TokenAuthentication
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport_urllib3 import Urllib3Transport
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, TOKEN, CommandLine, read_until

ROOT = Path(__file__).parent.parent.parent
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "schemas" / "command-line.json").read_bytes())
RECORDED: dict[str, Any] = json.loads(
    (ROOT / "tests" / "vectors" / "cli" / "schema-1.json").read_bytes()
)
"""The first published schema, on which scripts rely."""
ALWAYS_JSON = {"result", "verify"}
PROSE = {"title", "description"}
ASK = ("session", "--json", "--disclose", f"age={OVER18}", "--disclose", f"name?={FIRSTNAMES}")


def closed(schema: Any) -> Any:
    """Return the schema, changed to forbid fields that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if "required" in inner else inner


def check(name: str, printed: str) -> dict[str, Any]:
    """Check that printed JSON follows a definition, and return it."""
    value: dict[str, Any] = json.loads(printed)
    schema = {**closed(SCHEMA), "$ref": f"#/$defs/{name}"}
    Draft202012Validator(schema).validate(value)
    return value


def changes(recorded: Any, now: Any, path: str = "#") -> Iterator[str]:
    """Yield the places where a schema breaks an earlier promise."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        for name in recorded.keys() - PROSE:
            yield from changes(recorded[name], now.get(name), f"{path}/{name}")
    elif path.endswith("/required") and isinstance(now, list):
        yield from (f"{path}: {name}" for name in {*recorded} - {*now})
    elif recorded != now:
        yield path


def test_schema_is_valid() -> None:
    """The schema follows the rules of JSON Schema, and refuses fields that it does not describe."""
    Draft202012Validator.check_schema(SCHEMA)
    with pytest.raises(Exception, match="Additional properties are not allowed"):
        check("health", '{"status": "up", "more": 1}')


def test_every_command_with_json_is_described() -> None:
    """Each command that prints JSON has a definition of its name."""
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    printing = {
        name
        for name, command in commands.items()
        if command is not None and any("--json" in option.opts for option in command.params)
    }
    assert (printing | ALWAYS_JSON) - SCHEMA["$defs"].keys() == set()


def test_promises_are_kept() -> None:
    """A field that scripts rely on is not removed or renamed, and keeps its type."""
    assert [*changes(RECORDED, SCHEMA)] == []
    broken = json.loads(json.dumps(SCHEMA))
    broken["$defs"]["session"]["required"].remove("evidence")
    broken["$defs"]["attribute"]["properties"]["value"] = {"type": "string"}
    assert len([*changes(RECORDED, broken)]) == 2


def test_answers_follow_the_schema(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """The schema describes answers of all types, and other commands' output on a session."""
    memory.when_started(app.accept)
    state = ("--state-file", str(tmp_path / "state"))
    answer = check("session", command_line.run(*ASK, *state)[1])
    assert answer["answer"].keys() == {"age", "name"}
    assert check("result", command_line.run("result", *state)[1]) == answer
    assert check("status", command_line.run("status", "--json", *state)[1])["isFinal"]
    watched = command_line.run("status", "--json", "--watch", *state)[1].splitlines()
    assert [check("status", line)["status"] for line in watched] == ["DONE"]
    signed = command_line.run(*ASK, "--sign", "I agree")[1]
    assert check("session", signed)["signature"]["message"] == "I agree"
    issued = command_line.run("session", "--json", "--issue", f"{CARD}:over18=No")[1]
    assert check("session", issued)["issuedCredentials"] == [CARD]
    token = json.loads((tmp_path / "state").read_text())["token"]
    unchecked = check("result", command_line.run("result", stdin=token)[1])
    assert check("verify", json.dumps(unchecked))["proofStatus"] == "VALID"


def test_errors_follow_the_schema(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """The schema describes errors of each kind, with all their facts."""
    memory.when_started(app.refuse)
    state = ("--state-file", str(tmp_path / "state"))
    assert check("error", command_line.run(*ASK, *state)[1])["error"]["exitStatus"] == 3
    for arguments in (("result", *state), ("status", "--json"), ("session", "--json")):
        check("error", command_line.run(*arguments)[1])
    there = command_line.at(IRMA_TOKEN="wrong")
    assert check("error", there.run("health", "--json", "--key", "x")[1])["error"]["message"]
    assert check("error", there.run(*ASK)[1])["error"]["code"] == "UNAUTHORIZED"


def test_app_and_settings_follow_the_schema(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """The schema describes the app's outcome, its request, and the settings."""
    with command_line.start(*ASK, "--timeout", "60") as process:
        read_until(process.stderr, "INITIALIZED")
        link = memory.open_sessions()[0].pointer.link()
        shown = check("app show", command_line.run("app", "show", link, "--json")[1])
        assert shown["status"] == "INITIALIZED"
        done = check("app", command_line.run("app", "accept", link, "--json")[1])
        assert done["sessions"][0]["decision"] == "answered"
        check("session", process.communicate(timeout=600)[0])
    check("config", command_line.run("config", "--json")[1])


def test_watching_app_follows_the_schema(command_line: CommandLine) -> None:
    """Each line of `app watch` follows the definition of a new session or of an outcome."""
    watching = ("app", "watch", "--answer-by-itself", "--json")
    with command_line.start(*watching) as process, Urllib3Transport() as transport:
        assert process.stdout is not None
        authentication = TokenAuthentication(TOKEN)
        requestor = Requestor(command_line.server, transport, authentication=authentication)
        for decision, attribute in (("answered", OVER18), ("refused", f"{CARD}.bsn")):
            session = requestor.start_session(DisclosureRequest([attribute]))
            shown = check("app show", process.stdout.readline())
            assert shown["pointer"]["u"] == session.pointer.url
            done = check("app", process.stdout.readline())
            assert [each["decision"] for each in done["sessions"]] == [decision]
        process.terminate()


def test_server_and_plugins_follow_the_schema(command_line: CommandLine) -> None:
    """The output of `health` and `plugins` follows the schema."""
    check("health", command_line.run("health", "--json")[1])
    check("plugins", command_line.run("plugins", "--json")[1])
