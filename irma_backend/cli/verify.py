"""`irma-backend verify`: verify a result JWT from standard input."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.inputs import read_input
from irma_backend.cli.json_values import unchecked_value
from irma_backend.cli.options import FILE, Command, OneOf
from irma_backend.cli.output import print_json
from irma_backend.cli.settings import JWT_ISSUER, issuer_of, server_keys
from irma_core import Risk, verify_result_jwt

__all__ = ["verify"]


@click.command(cls=Command)
@click.option(
    "--server-key-file",
    "key_files",
    type=FILE,
    multiple=True,
    required=True,
    help="PEM file with the server's public key. Repeat the option for each key during a key "
    "change.",
)
@JWT_ISSUER
@click.option(
    "--allow",
    type=OneOf(["simulated-proofs"]),
    help="Accept a JWT from the development server, which proves nothing.",
)
def verify(key_files: tuple[Path, ...], jwt_issuer: str | None, allow: str | None) -> None:
    """Verify a result JWT from standard input, and print its contents as JSON.

    This shows what the server signed. To check it against the request, use `result` with a state
    file and --server-key-file. The exit status is 6 if the JWT is rejected.
    """
    with reporting_errors(as_json=True):
        result = verify_result_jwt(
            read_input("the JWT").strip(),
            keys=server_keys(key_files),
            issuer=issuer_of(jwt_issuer),
            now=datetime.now(UTC),
            allow=[Risk.SIMULATED_PROOFS] if allow else [],
        )
        print_json(unchecked_value(result))
