"""`irma-backend plugins` lists installed plugins, their schemes, and their errors."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def with_plugins(site: Path) -> CommandLine:
    path = os.pathsep.join([str(site), str(ROOT)])
    return CommandLine({**os.environ, "PYTHONPATH": path, "COLUMNS": "120"})


def test_all_plugins_are_listed_for_scripts(with_plugins: CommandLine) -> None:
    """The JSON list starts with the built-in schemes; a broken plugin causes exit status 2."""
    status, out, err = with_plugins.run("plugins", "--json")
    assert (status, err) == (2, "")
    listed = {each.pop("name"): each for each in json.loads(out)}
    assert next(iter(listed)) == "irma-backend"
    assert listed["irma-backend"] == {
        "version": "0.1.0",
        "signingSchemes": ["file", "hmac"],
        "statusBackends": ["redis", "rediss", "unix"],
        "stores": ["memory", "redis", "rediss", "sqlite", "unix"],
        "error": None,
    }
    assert listed["acme-irma"]["signingSchemes"] == ["vault"]
    assert listed["pair-irma:two"]["stores"] == ["pair2"]
    errors = {name: each["error"] for name, each in listed.items() if each["error"]}
    assert errors["broken-irma"] == "it cannot be imported: RuntimeError at broken_irma:1"
    greedy = "claims the signing scheme `file:`, which belongs to irma-backend"
    assert errors["greedy-irma"] == greedy
    assert "the hooks are irma_signing_schemes" in errors["misspelt-irma"]
    assert "it needs the module nowhere_to_be_found" in errors["needy-irma"]
    assert len(errors) == 4


def test_all_plugins_are_listed_for_people(with_plugins: CommandLine) -> None:
    """In a terminal, the errors of plugins follow the table, without the plugins' own messages."""
    with with_plugins.at_terminal("plugins", columns=120) as terminal:
        assert terminal.end() == 2
    assert [row for row in terminal.seen.splitlines() if "acme-irma" in row and "vault:" in row]
    assert "broken-irma cannot be used: it cannot be imported: RuntimeError" in terminal.seen
    assert "hunter2" not in terminal.seen


def test_each_plugin_is_a_line_in_a_pipe(with_plugins: CommandLine) -> None:
    """In a pipe, tabs separate a plugin's name, version, three kinds of schemes, and error."""
    status, out, _ = with_plugins.run("plugins")
    rows = {name: rest for name, *rest in (line.split("\t") for line in out.splitlines())}
    assert status == 2
    assert rows["acme-irma"][1:] == ["vault:", "", "", ""]
    assert rows["broken-irma"][4].startswith("it cannot be imported: RuntimeError")
    assert "hunter2" not in out


def test_built_in_schemes_are_listed_without_plugins() -> None:
    """Without plugins the command lists the built-in schemes and succeeds."""
    status, out, err = CommandLine({**os.environ}).run("plugins")
    assert (status, err) == (0, "")
    assert "file: hmac:" in out
