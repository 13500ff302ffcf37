"""`irma-backend config`: show the settings, and where each of them came from.

With `--json`, it prints a list of `{"name", "value", "source"}`. The source is `{"file", "line"}`
or `{"variable"}`. The value of a secret is `{"reference", "fingerprint"}`, or
`{"reference", "error"}` if the secret cannot be read. A URI with a user, a query or parameters may
hold a secret, so it is shown as `{"scheme", "fingerprint"}`. A session request is shown as the name
of its type. Attributes are listed without their values.

The command has no options for settings, because it would print their values, which may be secrets
that were typed in the wrong place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from irma_backend.cli.exit_statuses import USAGE, reporting_errors
from irma_backend.cli.options import Command
from irma_backend.cli.output import print_json, print_line
from irma_backend.cli.settings import Settings, with_settings_file
from irma_backend.cli.terminal import print_table, stdout_console
from irma_backend.settings_sources import Given, Place
from irma_backend.settings_table import setting_of
from irma_core.json_text import JsonValue

__all__ = ["config"]


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@with_settings_file
def config(settings: Settings, *, as_json: bool) -> None:
    """Show the settings, and where each setting came from.

    An environment variable overrides the settings file, and the options of a command override
    both. A secret is shown as its fingerprint: the first 8 hexadecimal digits of its SHA-256. The
    exit status is 2 if a secret cannot be read.
    """
    with reporting_errors(as_json=as_json):
        shown = [(each.place, _shown(each)) for each in settings.all.given]
    rows = [(place.name, _words(value), _source(place)) for place, value in shown]
    console = stdout_console()
    if as_json:
        print_json([_value(place, value) for place, value in shown])
    elif console.is_terminal:
        print_table(console, ("setting", "value", "from"), rows)
    else:
        for row in rows:
            print_line("\t".join(row))
    if any("error" in each for _, value in shown for each in _objects(value)):
        sys.exit(USAGE)


def _shown(given: Given) -> JsonValue:
    setting = setting_of(tuple(given.place.name.split(".")))
    return None if setting is None else setting.kind.show(given.value)


def _value(place: Place, value: JsonValue) -> JsonValue:
    source: dict[str, JsonValue] = {"variable": place.variable}
    if place.file is not None:
        source = {"file": str(place.file), "line": place.line}
    return {"name": place.name, "value": value, "source": source}


def _source(place: Place) -> str:
    if place.file is not None:
        return f"{place.file}, line {place.line}"
    return f"environment variable {place.variable}"


def _words(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return json.dumps(value)
    if "error" in value:
        return f"{value['reference']}: {value['error']}"
    what = value["reference"] if "reference" in value else f"{value['scheme']}:…"
    return f"{what} (fingerprint {value['fingerprint']})"


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield each
