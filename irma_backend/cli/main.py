"""The table of `irma-backend` commands. A command's module is imported when the command runs."""

from __future__ import annotations

from importlib import import_module

import click

from irma_backend.cli.options import suggestion

__all__ = ["main"]

_COMMANDS = {
    "session": ("session:session", "Start a session, show its QR code, and wait for the answer."),
    "request": ("request:request", "Print a session request, signed if a key is given."),
    "status": ("session_commands:status", "Print the status of a session."),
    "result": ("session_commands:result", "Print the result of a session."),
    "cancel": ("session_commands:cancel", "Cancel a session."),
    "verify": ("verify:verify", "Verify a result JWT and print its contents."),
    "verify-signature": (
        "verify_signature:verify_signature",
        "Verify an attribute-based signature, without a server.",
    ),
    "time-stamp-key": (
        "verify_signature:time_stamp_key",
        "Ask a time-stamping server whether it owns the key in a signature.",
    ),
    "scheme": ("scheme:scheme", "Keep a copy of a scheme, with all its attributes and keys."),
    "attributes": ("attributes:attributes", "Find the attributes that exist."),
    "public-key": ("session_commands:public_key", "Print the server's public key."),
    "health": ("session_commands:health", "Check that the server is up."),
    "config": ("config:config", "Show the settings, and where each setting came from."),
    "doctor": ("doctor:doctor", "Find out what is wrong with the settings, server or website."),
    "plugins": ("plugins:plugins", "List the installed plugins and what they offer."),
    "browser-package": (
        "browser_package:browser_package",
        "Fetch yivi.js, the official browser package, for your pages.",
    ),
    "demo": ("demo:demo", "Play a whole session with a simulated app."),
    "app": ("app:app", "Play the app at a development server, from a script."),
    "dev-server": ("dev_server:dev_server", "Run an IRMA server for development."),
    "help": ("help:help_command", "Show the help of a command, or list the exit statuses."),
}
"""For each command: `module:function` in `irma_backend.cli`, and its line in the overview."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        try:
            command: click.Command = getattr(import_module(f"irma_backend.cli.{module}"), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("irma_"):
                raise
            raise click.UsageError(
                f"the command line needs {error.name}: pip install 'irma-backend[cli]'"
            ) from None
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            ctx.fail(
                f"No such command.{suggestion(args[0], list(_COMMANDS))} "
                "irma-backend --help lists the commands."
            )
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="irma-backend")
def main() -> None:
    """Ask people to prove things about themselves with IRMA (Yivi).

    Run a command with --help to see its options. The answer goes to standard output, and
    everything else to standard error.

    `irma-backend help exit-codes` lists the exit statuses.
    """
