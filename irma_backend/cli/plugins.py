"""`irma-backend plugins`: what is installed, what it offers, and why it cannot be used.

With `--json` it is a list, what is built in first, of `{"name", "version", "signingSchemes",
"statusBackends", "stores", "error"}`; `error` is null where there is none.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import attrs
import click
from rich.table import Table

from irma_backend import builtin_plugin
from irma_backend.cli.exit_statuses import USAGE
from irma_backend.cli.options import Command
from irma_backend.cli.output import print_json
from irma_backend.cli.terminal import shown, to_output
from irma_backend.installed import installed_plugins
from irma_backend.parts import BUILT_IN
from irma_core.errors import PluginError
from irma_core.json_text import JsonValue
from irma_core.plugins.registry import Offers, PluginRegistry

__all__ = ["plugins"]


@attrs.frozen
class _Seen:
    name: str
    version: str
    offers: Offers | None = None
    error: str | None = None


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON, for scripts.")
def plugins(*, as_json: bool) -> None:
    """List the plugins that are installed, and what they offer.

    All of them are imported for this, each by itself; elsewhere only those that --plugin names.
    Exit status 2 if one of them cannot be used.
    """
    seen = _look()
    if as_json:
        print_json([_value(each) for each in seen])
    else:
        _show(seen)
    if any(each.error for each in seen):
        sys.exit(USAGE)


def _look() -> list[_Seen]:
    built_in = {BUILT_IN: builtin_plugin}
    seen = [_Seen(BUILT_IN, version(BUILT_IN), PluginRegistry(built_in).offers(BUILT_IN))]
    for plugin in installed_plugins():
        try:
            offers = PluginRegistry({**built_in, plugin.name: plugin.load()}).offers(plugin.name)
        except PluginError as error:
            seen.append(_Seen(plugin.name, plugin.version, error=error.reason))
        else:
            seen.append(_Seen(plugin.name, plugin.version, offers))
    return seen


def _value(seen: _Seen) -> JsonValue:
    offers = seen.offers or Offers((), (), ())
    return {
        "name": seen.name,
        "version": seen.version,
        "signingSchemes": list(offers.signing_schemes),
        "statusBackends": list(offers.status_backends),
        "stores": list(offers.stores),
        "error": seen.error,
    }


def _show(seen: list[_Seen]) -> None:
    console, table = to_output(), Table()
    for heading in ("plugin", "version", "signs", "tells statuses", "stores"):
        table.add_column(heading, overflow="fold")
    for each in seen:
        offers = each.offers or Offers((), (), ())
        schemes = (offers.signing_schemes, offers.status_backends, offers.stores)
        cells = [" ".join(f"{scheme}:" for scheme in row) or "-" for row in schemes]
        table.add_row(*(shown(console, text) for text in (each.name, each.version, *cells)))
    console.print(table)
    for each in seen:
        if each.error:
            console.print(shown(console, f"{each.name} cannot be used: {each.error}"))
