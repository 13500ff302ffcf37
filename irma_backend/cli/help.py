"""`irma-backend help`: explain a command or the exit statuses."""

from __future__ import annotations

import click

from irma_backend.cli.exit_statuses import EXIT_STATUSES
from irma_backend.cli.options import Command, suggestion
from irma_backend.cli.output import print_line

__all__ = ["help_command"]

_EXIT_CODES = "exit-codes"


@click.command("help", cls=Command)
@click.argument("topic", nargs=-1, metavar="[COMMAND | exit-codes]")
@click.pass_context
def help_command(context: click.Context, *, topic: tuple[str, ...]) -> None:
    """Show the help of a command, or list the exit statuses."""
    if topic == (_EXIT_CODES,):
        for status, meaning in EXIT_STATUSES.items():
            print_line(f"{status:>3}  {meaning}")
        return
    shown = context.find_root()
    for name in topic:
        group = shown.command
        names = group.list_commands(shown) if isinstance(group, click.Group) else []
        command = group.get_command(shown, name) if isinstance(group, click.Group) else None
        if command is None:
            topics = [*names, _EXIT_CODES]
            context.fail(f"There is no help on this topic.{suggestion(name, topics)}")
        shown = click.Context(command, info_name=name, parent=shown)
    print_line(shown.get_help())
