"""`irma-backend request`: print a session request without starting a session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.options import Command
from irma_backend.cli.output import print_json, print_line, print_message
from irma_backend.cli.request_options import request_from_options, with_request_options
from irma_backend.cli.settings import Settings, with_key_settings
from irma_core import sign_session_request
from irma_core.errors import RequestError
from irma_core.models.risks import resolve_request
from irma_core.models.session_requests import as_extended
from irma_core.wire.write_requests import named_request_value

__all__ = ["request"]


@click.command(cls=Command)
@with_request_options
@with_key_settings
def request(settings: Settings, **request_options: Any) -> None:
    """Print a session request without starting a session: as JSON, or with --key as a signed JWT.

    The options are those of `session`, whose --help explains the form of a SLOT. Pipe the output
    into `session --request -`. Anyone who has the JWT can use it for five minutes.
    """
    with reporting_errors():
        asked, now = request_from_options(settings.requests, **request_options), datetime.now(UTC)
        if isinstance(asked, str):
            raise RequestError("", "it is already a JWT")
        if not settings.has_key:
            ready = resolve_request(as_extended(asked), now, settings.risks)
            print_json(named_request_value(ready))
            return
        name = settings.name
        with settings.signer() as signer:
            jwt = sign_session_request(
                asked, name=name, signer=signer, now=now, allow=settings.risks
            )
        print_line(jwt)
        if as_extended(asked).request.disclose.names is not None:
            print_message("A JWT holds no slot names, so the answer will number the slots.")
