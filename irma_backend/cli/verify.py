"""`irma-backend verify`: a result JWT on the standard input, believed only after every check."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from irma_backend.cli.exits import ending
from irma_backend.cli.results import print_unchecked
from irma_core import Risk, verify_result_jwt
from irma_core.errors import ConfigurationError

__all__ = ["verify"]

_File = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--server-key-file",
    "key_files",
    type=_File,
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
    type=click.Choice(["simulated-proofs"]),
    help="Take a JWT of a server in memory, which proves nothing.",
)
def verify(key_files: tuple[Path, ...], jwt_issuer: str, allow: str | None) -> None:
    """Verify a result JWT from the standard input, and print what it says as JSON.

    It says what the server signed. Whether that answers what was asked, only `result` with a state
    file can tell. A JWT that is refused ends with exit status 6.
    """
    with ending(as_json=True):
        result = verify_result_jwt(
            sys.stdin.read().strip(),
            keys=[_text_of(path) for path in key_files],
            issuer=jwt_issuer or None,
            now=datetime.now(UTC),
            allow=[Risk.SIMULATED_PROOFS] if allow else [],
        )
        print_unchecked(result)


def _text_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigurationError(f"{path}: cannot be read") from None
