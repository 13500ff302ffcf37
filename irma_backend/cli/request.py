"""`irma-backend request`: a session request as text, signed if there is a key; nothing is started.

Belongs here: what is printed. Does not belong here: how it is said what to ask (`asks`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from irma_backend.cli.exit_statuses import ending
from irma_backend.cli.options import Command
from irma_backend.cli.output import print_json, put, tell
from irma_backend.cli.request_options import asked_of, with_request
from irma_backend.cli.settings import Settings, with_key_settings
from irma_core import sign_session_request
from irma_core.errors import RequestError
from irma_core.models.risks import resolve_request
from irma_core.models.session_requests import as_extended
from irma_core.wire.write_requests import named_request_value

__all__ = ["request"]


@click.command(cls=Command)
@with_request
@with_key_settings
def request(settings: Settings, **asking: Any) -> None:
    """Print a session request: with --key as a signed JWT, else as JSON. Nothing is started.

    What to ask is said as to `session`, whose --help has the form of a slot; that command reads
    what this one prints by `--request -`. A server takes the JWT for five minutes, of whoever
    brings it.
    """
    with ending():
        asked, now = asked_of(**asking), datetime.now(UTC)
        if isinstance(asked, str):
            raise RequestError("", "it is a JWT already")
        if settings.key is None:
            ready = resolve_request(as_extended(asked), now, settings.risks)
            print_json(named_request_value(ready))
            return
        name = settings.name
        with settings.signer(settings.key) as signer:
            jwt = sign_session_request(
                asked, name=name, signer=signer, now=now, allow=settings.risks
            )
        put(jwt)
        if as_extended(asked).request.disclose.names is not None:
            tell("The JWT has no place for the names of slots: the answer will number them.")
