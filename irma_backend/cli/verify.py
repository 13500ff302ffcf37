"""`irma-backend verify`: a result JWT on the standard input, believed only after every check."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from irma_backend.cli.exit_statuses import ending
from irma_backend.cli.options import FILE, Command, OneOf
from irma_backend.cli.output import print_unchecked
from irma_backend.cli.reading import read_bytes, read_input
from irma_core import Risk, verify_result_jwt

__all__ = ["verify"]


@click.command(cls=Command)
@click.option(
    "--server-key-file",
    "key_files",
    type=FILE,
    multiple=True,
    required=True,
    help="PEM file with the server's public key; more than once during a change of keys.",
)
@click.option(
    "--jwt-issuer",
    default="irmaserver",
    show_default=True,
    help="The server's setting of that name; empty where that is empty.",
)
@click.option(
    "--allow",
    type=OneOf(["simulated-proofs"]),
    help="Take a JWT of a server in memory, which proves nothing.",
)
def verify(key_files: tuple[Path, ...], jwt_issuer: str, allow: str | None) -> None:
    """Verify a result JWT from the standard input, and print what it says as JSON.

    It says what the server signed. Whether that answers what was asked, only `result` with a state
    file can tell. A JWT that is refused ends with exit status 6.
    """
    with ending(as_json=True):
        result = verify_result_jwt(
            read_input("the JWT").strip(),
            keys=[read_bytes(path, "--server-key-file") for path in key_files],
            issuer=jwt_issuer or None,
            now=datetime.now(UTC),
            allow=[Risk.SIMULATED_PROOFS] if allow else [],
        )
        print_unchecked(result)
