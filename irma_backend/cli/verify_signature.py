"""The commands verify-signature and time-stamp-key, which need no IRMA server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.inputs import STDIN, read_bytes, read_input
from irma_backend.cli.json_values import verified_signature_value
from irma_backend.cli.options import FILE, Command, OneOf, UtcTime
from irma_backend.cli.output import print_json, print_line, print_message
from irma_backend.cli.settings import Settings, with_settings_file
from irma_backend.pinned_schemes import pinned_schemes, pinned_verifier
from irma_backend.settings import settings_with
from irma_backend.time_stamp_keys import ask_time_stamp_key
from irma_core import ExtendedRequest, SignatureRequest
from irma_core.errors import ConfigurationError, ProofError
from irma_core.json_text import DuplicateKeyError, JsonTextError, read_json, write_json
from irma_core.wire.read_requests import read_request
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
    metavar="DIR",
    help="A scheme's folder, such as irma_configuration/pbdf. Repeatable.",
)
@click.option(
    "--scheme-key",
    "scheme_keys",
    multiple=True,
    metavar="NAME=FILE",
    help="PEM file with the public key of a scheme, such as pbdf=pbdf.pem. Get the key from a "
    "source that you trust: the pk.pem in the scheme's folder proves nothing. Repeatable.",
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
    help="Accept a signature without a time stamp if it is valid at this time, for example "
    "2026-11-30T12:00:00Z.",
)
@click.option(
    "--min-key-bits",
    type=OneOf(["1024", "2048", "4096"]),
    show_default="2048",
    help="The minimum length of an issuer's key, in bits. Use 1024 for demonstrations only.",
)
@with_settings_file
def verify_signature(
    settings: Settings,
    *,
    file: Path,
    schemes: tuple[Path, ...],
    scheme_keys: tuple[str, ...],
    time_stamp_keys: tuple[str, ...],
    request_file: Path | None,
    at: datetime | None,
    min_key_bits: str | None,
) -> None:
    """Verify the attribute-based signature in FILE, and print what it proves as JSON.

    FILE is a signature as `irma-backend session` prints it; - is standard input. No server is
    needed. Schemes and keys that you do not give are taken from the [proofs] table of the settings
    file. The exit status is 6 if a check fails; the error names the check.
    """
    with reporting_errors(as_json=True):
        options: dict[str, tuple[str, object]] = {
            "proofs.schemes": ("--scheme", [str(each) for each in schemes]),
            "proofs.scheme_keys": ("--scheme-key", [*scheme_keys]),
            "proofs.time_stamp_keys": ("--time-stamp-key", [*time_stamp_keys]),
            "proofs.min_key_bits": ("--min-key-bits", min_key_bits and int(min_key_bits)),
        }
        given = {name: each for name, each in options.items() if each[1]}
        pinned = settings_with(given, settings.settings_file)
        if None in (pinned.first("proofs.schemes"), pinned.first("proofs.scheme_keys")):
            raise ConfigurationError(
                "--scheme and --scheme-key are missing: give a scheme's folder and its public key, "
                "or set schemes and scheme_keys in the [proofs] table of a settings file"
            )
        verifier = pinned_verifier(pinned, pinned_schemes(pinned))
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
    """Ask the time-stamping server at URL whether it owns the key that stamped FILE.

    FILE is a signature. If the server owns the key, the key is printed in the form that
    `verify-signature --time-stamp-key` takes. Copy URL from the scheme's description.xml
    (TimestampServer), and keep the printed line: later verifications then need no network.
    """
    with reporting_errors(), Urllib3Transport() as transport:
        pinned = ask_time_stamp_key(url, _signature(file), transport)
        print_message("The server trusts this key. Pin it:")
        print_line(pinned)


def _signature(file: Path) -> str | bytes:
    """Return the signature in a file, which holds either the signature or an answer."""
    content = read_input("a signature") if str(file) == "-" else read_bytes(file, "FILE")
    limit_proof_size(content)
    try:
        value = read_json(content, unique_keys=True)
    except DuplicateKeyError as error:
        raise ProofError("", error.reason) from None
    except JsonTextError:
        raise ConfigurationError(
            f"{STDIN if str(file) == '-' else 'FILE'}: must be JSON in the form that "
            "`irma-backend session` prints"
        ) from None
    if isinstance(value, dict) and "evidence" in value and "signature" in value:
        return write_json(value["signature"])
    return content


def _request(path: Path) -> SignatureRequest:
    request = read_request(read_bytes(path, "--request"))
    if isinstance(request, ExtendedRequest):
        request = request.request
    if not isinstance(request, SignatureRequest):
        raise ConfigurationError("--request: must be a signature request")
    return request
