"""`irma-backend plugins`: list the installed plugins, their URI schemes, and their errors."""

from __future__ import annotations

import sys
from importlib.metadata import version

import attrs
import click

from irma_backend import builtin_plugin
from irma_backend.cli.exit_statuses import USAGE
from irma_backend.cli.options import Command
from irma_backend.cli.output import print_json
from irma_backend.cli.terminal import print_row, print_table, printable, stdout_console
from irma_backend.installed import installed_plugins
from irma_backend.opener import BUILT_IN
from irma_core.errors import PluginError
from irma_core.json_text import JsonValue
from irma_core.plugins.registry import Offers, PluginRegistry

__all__ = ["plugins"]


@attrs.frozen
class _Listed:
    name: str
    version: str
    offers: Offers | None = None
    error: str | None = None


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def plugins(*, as_json: bool) -> None:
    """List the installed plugins and what they offer.

    This command imports every installed plugin. Other commands import only those that --plugin
    names. In a pipe, each plugin is one line of tab-separated fields; the last field is its error.
    The exit status is 2 if a plugin cannot be used.
    """
    seen = _list_plugins()
    if as_json:
        print_json([_value(each) for each in seen])
    else:
        _show(seen)
    if any(each.error for each in seen):
        sys.exit(USAGE)


def _list_plugins() -> list[_Listed]:
    built_in = {BUILT_IN: builtin_plugin}
    seen = [_Listed(BUILT_IN, version(BUILT_IN), PluginRegistry(built_in).offers(BUILT_IN))]
    for plugin in installed_plugins():
        try:
            offers = PluginRegistry({**built_in, plugin.name: plugin.load()}).offers(plugin.name)
        except PluginError as error:
            seen.append(_Listed(plugin.name, plugin.version, error=error.reason))
        else:
            seen.append(_Listed(plugin.name, plugin.version, offers))
    return seen


def _value(seen: _Listed) -> JsonValue:
    offers = seen.offers or Offers((), (), ())
    return {
        "name": seen.name,
        "version": seen.version,
        "signingSchemes": list(offers.signing_schemes),
        "statusBackends": list(offers.status_backends),
        "stores": list(offers.stores),
        "error": seen.error,
    }


def _schemes(seen: _Listed) -> list[str]:
    offers = seen.offers or Offers((), (), ())
    schemes = (offers.signing_schemes, offers.status_backends, offers.stores)
    return [" ".join(f"{scheme}:" for scheme in row) for row in schemes]


def _show(seen: list[_Listed]) -> None:
    console = stdout_console()
    if not console.is_terminal:
        for each in seen:
            print_row(each.name, each.version, *_schemes(each), each.error or "")
        return
    rows = [(each.name, each.version, *(cell or "-" for cell in _schemes(each))) for each in seen]
    print_table(console, ("plugin", "version", "signing keys", "status backends", "stores"), rows)
    for each in seen:
        if each.error:
            console.print(printable(console, f"{each.name} cannot be used: {each.error}"))
