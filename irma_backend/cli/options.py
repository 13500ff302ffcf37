"""How options are read: click's own classes, without its habit of repeating what was typed.

A secret that was typed in the wrong place would otherwise stand in the error, hence in a log.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

__all__ = ["FILE", "Command", "OneOf", "WholeNumber", "similar", "usage_text"]

FILE = click.Path(path_type=Path)
_OPTION = re.compile(r"--?[a-z][a-z-]{0,19}")
"""What may be repeated as the name of an option: no token looks like that."""


class Command(click.Command):
    """A command that does not repeat an unexpected argument in its error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            click.UsageError: One is left over.
        """
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            ctx.fail(
                "an argument belongs to no option; it is not shown here, for it may be a secret. "
                "Put a value with spaces between quotes"
            )
        return rest


class WholeNumber(click.IntRange):
    """A whole number between two bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number.

        Raises:
            click.BadParameter: It is not one, or not between the bounds.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            reason = f"must be a whole number from {self.min} to {self.max}"
        self.fail(reason, param, ctx)


class OneOf(click.Choice[str]):
    """One of several words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word.

        Raises:
            click.BadParameter: It is not one of them.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            reason = f"must be one of: {', '.join(self.choices)}"
        self.fail(reason, param, ctx)


def similar(name: str, names: list[str]) -> str:
    """Return a question after the name that was probably meant; empty without one."""
    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def usage_text(error: click.ClickException) -> str:
    """Return what is said of wrong usage, without what was typed."""
    lines: list[str] = []
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        lines = [context.get_usage(), f"Try '{context.command_path} --help' for help.", ""]
    words = error.format_message()
    if isinstance(error, click.NoSuchOption) and not _OPTION.fullmatch(error.option_name):
        words = "No such option; it is not shown here, for it may be a secret."
    return "\n".join([*lines, f"Error: {words}"])
