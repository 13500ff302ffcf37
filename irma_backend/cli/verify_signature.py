"""`irma-backend verify-signature` and `time-stamp-key`: signatures, without an IRMA server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.inputs import STDIN, read_bytes, read_input
from irma_backend.cli.json_values import verified_signature_value
from irma_backend.cli.options import FILE, Command, OneOf, UtcTime
from irma_backend.cli.output import print_json, print_line, print_message
from irma_backend.scheme_folder import SchemeFolder
from irma_backend.time_stamp_keys import ask_time_stamp_key
from irma_core import ExtendedRequest, SignatureRequest
from irma_core.errors import ConfigurationError, ProofError
from irma_core.json_text import DuplicateKeyError, JsonTextError, read_json, write_json
from irma_core.wire.read_requests import read_request
from irma_proofs import Schemes, SignatureVerifier
from irma_proofs.proof_json import limit_proof_size
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["time_stamp_key", "verify_signature"]

_FILE = click.argument("file", type=click.Path(path_type=Path, allow_dash=True))


@click.command(cls=Command)
@_FILE
@click.option(
    "--scheme",
    "schemes",
    type=FILE,
    multiple=True,
    required=True,
    metavar="DIR",
    help="A scheme's folder, such as irma_configuration/pbdf. Repeatable.",
)
@click.option(
    "--scheme-key",
    "scheme_keys",
    multiple=True,
    required=True,
    metavar="NAME=FILE",
    help="PEM file with the public key of a scheme, such as pbdf=pbdf.pem. Get it from a source "
    "that you trust: the pk.pem in the scheme's folder proves nothing. Repeatable.",
)
@click.option(
    "--time-stamp-key",
    "time_stamp_keys",
    multiple=True,
    metavar="URL=KEY",
    help="The key of the scheme's time-stamping server, in base64, as `irma-backend "
    "time-stamp-key` prints it. Repeatable.",
)
@click.option(
    "--request",
    "request_file",
    type=FILE,
    help="JSON file with the request that the signature must answer. Without it, compare the "
    "message and the attributes yourself.",
)
@click.option(
    "--at",
    type=UtcTime(),
    metavar="TIME",
    help="Accept a signature without a time stamp, and judge it by this time, such as "
    "2026-11-30T12:00:00Z.",
)
@click.option(
    "--min-key-bits",
    type=OneOf(["1024", "2048", "4096"]),
    default="2048",
    show_default=True,
    help="The length of the shortest issuer key to accept. Demonstrations use 1024 bits.",
)
def verify_signature(
    file: Path,
    *,
    schemes: tuple[Path, ...],
    scheme_keys: tuple[str, ...],
    time_stamp_keys: tuple[str, ...],
    request_file: Path | None,
    at: datetime | None,
    min_key_bits: str,
) -> None:
    """Verify the attribute-based signature in FILE, and print what it proves as JSON.

    FILE is a signature as `irma-backend session` prints it; - is standard input. No server is
    needed. The exit status is 6 if a check fails; the error names the check.
    """
    with reporting_errors(as_json=True):
        verifier = SignatureVerifier(
            _schemes(schemes, scheme_keys),
            time_stamps=_time_stamp_keys(time_stamp_keys),
            min_key_bits=int(min_key_bits),
        )
        verified = verifier.verify(
            _signature(file),
            None if request_file is None else _request(request_file),
            at=at,
        )
        print_json(verified_signature_value(verified))


@click.command(cls=Command)
@_FILE
@click.argument("url")
def time_stamp_key(file: Path, url: str) -> None:
    """Ask the time-stamping server at URL whether the key in the signature in FILE is its own.

    If it is, the key is printed as `verify-signature --time-stamp-key` takes it. Copy URL from the
    scheme's description.xml (TimestampServer), and keep the printed line: later verifications then
    need no network.
    """
    with reporting_errors(), Urllib3Transport() as transport:
        pinned = ask_time_stamp_key(url, _signature(file), transport)
        print_message("The server trusts this key. Pin it:")
        print_line(pinned)


def _signature(file: Path) -> str | bytes:
    """Return a signature: the file's content, or the member `signature` of an answer in it."""
    content = read_input("a signature") if str(file) == "-" else read_bytes(file, "FILE")
    limit_proof_size(content)
    try:
        value = read_json(content, unique_keys=True)
    except DuplicateKeyError as error:
        raise ProofError("", error.reason) from None
    except JsonTextError:
        raise ConfigurationError(
            f"{STDIN if str(file) == '-' else 'FILE'}: must be JSON, as `irma-backend session` "
            "prints it"
        ) from None
    if isinstance(value, dict) and "evidence" in value and "signature" in value:
        return write_json(value["signature"])
    return content


def _schemes(folders: Sequence[Path], keys: Sequence[str]) -> Schemes:
    parents = {folder.absolute().parent for folder in folders}
    if len(parents) > 1:
        raise ConfigurationError("--scheme: the folders of all schemes must be in one folder")
    names = {folder.absolute().name for folder in folders}
    pinned: dict[str, bytes] = {}
    for each in keys:
        name, equals, path = each.partition("=")
        if not (equals and path):
            raise ConfigurationError("--scheme-key must be NAME=FILE, such as pbdf=pbdf.pem")
        pinned[name] = read_bytes(Path(path), "--scheme-key")
    if names != pinned.keys():
        raise ConfigurationError(
            "--scheme-key: each --scheme needs the key of the same name, and no others"
        )
    return Schemes(SchemeFolder(parents.pop()), pinned=pinned)


def _time_stamp_keys(given: Sequence[str]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for each in given:
        url, equals, key = each.partition("=")  # the key, in base64, ends with one
        if not (equals and key):
            raise ConfigurationError(
                "--time-stamp-key must be URL=KEY, as `irma-backend time-stamp-key` prints it"
            )
        keys.setdefault(url, []).append(key)
    return keys


def _request(path: Path) -> SignatureRequest:
    request = read_request(read_bytes(path, "--request"))
    if isinstance(request, ExtendedRequest):
        request = request.request
    if not isinstance(request, SignatureRequest):
        raise ConfigurationError("--request: must be a signature request")
    return request
