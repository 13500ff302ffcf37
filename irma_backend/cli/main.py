"""`irma-backend`: the table of commands. A command's module is imported when it is called.

Belongs here: the table, and what is said where an extra is missing. Does not belong here: what a
command does.
"""

from __future__ import annotations

from importlib import import_module

import click

from irma_backend.cli.options import similar

__all__ = ["main"]

_COMMANDS = {
    "session": ("session:session", "Start a session, show its QR, and wait for the answer."),
    "request": ("request:request", "Print a session request, signed if there is a key."),
    "status": ("session_commands:status", "Show how far a session is."),
    "result": ("session_commands:result", "Show the result of a session."),
    "cancel": ("session_commands:cancel", "Cancel a session."),
    "verify": ("verify:verify", "Verify a result JWT, and show what it says."),
    "public-key": ("session_commands:public_key", "Show the server's public key."),
    "health": ("session_commands:health", "Ask whether the server is up."),
    "plugins": ("plugins:plugins", "List the plugins that are installed, and what they offer."),
    "demo": ("demo:demo", "Play a whole session, with an app that answers by itself."),
    "dev-server": ("dev_server:dev_server", "Run an IRMA server for development."),
}
"""Name: where it is in `irma_backend.cli`, and its line in the overview."""


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
                f"No such command.{similar(args[0], list(_COMMANDS))} "
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

    Each command tells its options by --help. The answer goes to the standard output, all else to
    the standard error. Exit status: 0 an answer, 2 wrong usage, 3 cancelled in the app, 4 timed out
    or gone, 5 the server refused, 6 no answer (the proof is not valid, or not of what was asked; or
    not yet), 7 the network or the server failed, 8 the output cannot be written, 9 a fault of
    irma-backend, 129 the terminal was closed (SIGHUP), 130 Ctrl-C (SIGINT), 131 SIGQUIT, 143
    SIGTERM.
    """
