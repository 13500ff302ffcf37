"""`irma-backend attributes`: find the attributes that exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from irma_backend.attribute_search import FoundAttribute, find_attributes
from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.json_values import iso_time
from irma_backend.cli.options import FILE, Command, Group
from irma_backend.cli.output import print_json, print_message
from irma_backend.cli.settings import Settings, with_settings_file
from irma_backend.cli.terminal import print_row, print_table, stdout_console
from irma_backend.scheme_types import open_schemes
from irma_backend.settings import settings_with
from irma_backend.settings_sources import naming
from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue

__all__ = ["attributes"]

_SCHEME: Final = "dev_server.scheme"


@click.group(cls=Group)
def attributes() -> None:
    """Find the attributes that exist, in a copy of a scheme."""


@attributes.command(cls=Command)
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option(
    "--scheme",
    type=FILE,
    metavar="DIR",
    help="A scheme folder, such as one that `irma-backend scheme get` wrote, or a folder that "
    "contains several. The default is the setting dev_server.scheme.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the attributes as JSON.")
@with_settings_file
def search(
    settings: Settings, words: tuple[str, ...], scheme: Path | None, *, as_json: bool
) -> None:
    """List the attributes that match every WORD.

    A WORD is part of an identifier, or of a name or description in any language. Case is ignored.
    Each attribute is listed with its title, its issuer and notes for writing a request: "optional"
    (the issuer may leave it out), "random blind" (a number that not even the issuer knows),
    "revocable" (a request can ask for a proof of non-revocation), and "deprecated" (no longer
    issued).
    """
    with reporting_errors(as_json=as_json):
        options = {} if scheme is None else {_SCHEME: ("--scheme", str(scheme))}
        folder = settings_with(options, settings.settings_file).first(_SCHEME)
        if folder is None:
            raise ConfigurationError(
                "--scheme is missing: give a scheme folder, such as one that `irma-backend scheme "
                "get` wrote"
            )
        with naming(folder.place, "path"):
            found = find_attributes(open_schemes(folder.value), words)
    if as_json:
        print_json([_value(each) for each in found])
        return
    if not found:
        print_message("No attribute matches all of these words.")
        return
    rows = [(each.identifier, each.title, each.issuer, ", ".join(_marks(each))) for each in found]
    console = stdout_console()
    if console.is_terminal:
        print_table(console, ("attribute", "title", "issuer", "marks"), rows)
        return
    for row in rows:
        print_row(*row)


def _value(found: FoundAttribute) -> JsonValue:
    since = found.deprecated_since
    return {
        "id": found.identifier,
        "title": found.title,
        "issuer": found.issuer,
        "isOptional": found.is_optional,
        "isRandomBlind": found.is_random_blind,
        "isRevocable": found.is_revocable,
        "deprecatedSince": None if since is None else iso_time(since),
    }


def _marks(found: FoundAttribute) -> Iterator[str]:
    if found.is_optional:
        yield "optional"
    if found.is_random_blind:
        yield "random blind"
    if found.is_revocable:
        yield "revocable"
    if found.deprecated_since is not None:
        yield f"deprecated since {found.deprecated_since:%Y-%m-%d}"
