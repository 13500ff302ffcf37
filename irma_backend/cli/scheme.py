"""`irma-backend scheme`: keep a copy of a scheme."""

from __future__ import annotations

from pathlib import Path

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.inputs import read_bytes
from irma_backend.cli.options import FILE, Command, Group
from irma_backend.cli.output import print_line
from irma_backend.scheme_copy import LARGEST_FILE, copy_scheme
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["scheme"]


@click.group(cls=Group)
def scheme() -> None:
    """Keep a copy of a scheme: the credential types that exist, and the keys of their issuers."""


@scheme.command(cls=Command)
@click.argument("folder", metavar="DIR", type=FILE)
@click.option(
    "--from",
    "url",
    required=True,
    metavar="URL",
    help="The URL of the scheme's folder, which contains the file `index`.",
)
@click.option(
    "--key",
    "key_file",
    type=FILE,
    required=True,
    help="PEM file with the public key of the scheme. Get the key from a source that you trust, "
    "because it decides which files are accepted.",
)
def get(folder: Path, url: str, key_file: Path) -> None:
    """Put a copy of a scheme into DIR, which must have the scheme's name.

    The key must have signed the scheme's index, and only files that the index lists are copied. DIR
    does not change until all files are checked. Run the command again for the newest version.
    """
    with (
        reporting_errors(),
        Urllib3Transport(max_response_bytes=LARGEST_FILE) as transport,
    ):
        count = copy_scheme(url, folder, read_bytes(key_file, "--key"), transport)
    print_line(f"{folder}: {count} files, signed by the key")
