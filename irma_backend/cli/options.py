"""Option types like click's, but their errors do not repeat the user's input.

A secret typed in the wrong place would otherwise appear in the error, and so in logs.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

__all__ = [
    "FILE",
    "Command",
    "Group",
    "OneOf",
    "UtcTime",
    "WholeNumber",
    "suggestion",
    "usage_message",
]

FILE = click.Path(path_type=Path)
_OPTION = re.compile(r"--?[a-z][a-z-]{0,19}")
"""Matches an option name that an error may repeat. No token looks like this."""


class Command(click.Command):
    """A command that does not repeat an unexpected argument in its error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            click.UsageError: An argument is left over.
        """
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            ctx.fail(
                "unexpected argument; it is not shown here because it may be a secret. "
                "Quote a value that contains spaces"
            )
        return rest


class Group(click.Group):
    """A group that suggests a command for a misspelt one, without repeating the user's input."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names.

        Raises:
            click.UsageError: The group has no such command.
        """
        if args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(
                f"No such command.{suggestion(args[0], list(self.commands))} "
                f"irma-backend {self.name} --help lists the commands."
            )
        return super().resolve_command(ctx, args)


class WholeNumber(click.IntRange):
    """An option type whose value is a whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number.

        Raises:
            click.BadParameter: The value is not a whole number within the bounds.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            reason = f"must be a whole number from {self.min} to {self.max}"
        self.fail(reason, param, ctx)


class OneOf(click.Choice[str]):
    """An option type whose value is one of several strings."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value.

        Raises:
            click.BadParameter: The value is not one of the choices.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            reason = f"must be one of: {', '.join(self.choices)}"
        self.fail(reason, param, ctx)


class UtcTime(click.ParamType[datetime]):
    """An option type whose value is a time in UTC, in ISO 8601 with a Z."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time.

        Raises:
            click.BadParameter: The value is not a time in UTC.
        """
        try:
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
        self.fail("must be a time in UTC such as 2026-11-30T12:00:00Z", param, ctx)


def suggestion(name: str, names: list[str]) -> str:
    """Return a suggestion for a misspelt name, or an empty string."""
    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def usage_message(error: click.ClickException) -> str:
    """Return the message for a usage error, without the user's input."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    lines: list[str] = []
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        lines = [context.get_usage(), f"Try '{context.command_path} --help' for help.", ""]
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and not _OPTION.fullmatch(error.option_name):
        message = "No such option; it is not shown here because it may be a secret."
    return "\n".join([*lines, f"Error: {message}"])
