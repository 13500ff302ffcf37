"""What the application said is to follow a session, as the store keeps it.

Two need it: the server, whose post may come again and gets the same reply, and whoever follows the
chain and must know what was asked. It is sealed, since what is issued is somebody's data and the
store is no place for that. Belongs here: that record. Does not belong here: when it is made
(`next_sessions`) and read (`chains`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, final

import attrs

from irma_core.errors import ConfigurationError, HandleError, RequestError, UsageError
from irma_core.flows.claims import CLOCKS_DIFFER, Once
from irma_core.models.json_text import JsonValue
from irma_core.models.kept_requests import kept_request, read_kept_request
from irma_core.models.session_requests import ExtendedRequest
from irma_core.models.tokens import RequestorToken
from irma_core.models.wire import request_value
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.trust.sealing import Sealer

__all__ = ["NextRecord", "next_of"]

_PURPOSE: Final = "what follows a session"


def next_of(store: Store | AsyncStore, token: RequestorToken) -> Once:
    """Give what is done once: to ask the application what follows that session."""
    return Once.of_session(store, "next", token)


@final
@attrs.frozen
class NextRecord:
    """What follows a session.

    Args:
        request: As the server gets it, in JSON; None for nothing.
        kept: The same in its kept form.
    """

    request: JsonValue = attrs.field(repr=False)
    kept: JsonValue = attrs.field(repr=False)

    @classmethod
    def of(cls, request: ExtendedRequest | None) -> NextRecord:
        """Give the record of a request that is ready to start, or of none.

        Raises:
            RequestError: It is too large to be kept.
        """
        if request is None:
            return cls(None, None)
        return cls(dict(request_value(request)), kept_request(request))

    @property
    def asked(self) -> ExtendedRequest | None:
        """What is asked, for the answer to it; None for nothing."""
        return None if self.kept is None else read_kept_request(self.kept)

    def seal(
        self, sealer: Sealer, token: RequestorToken, now: datetime, lifetime: timedelta
    ) -> bytes:
        """Give it as it is stored, for that session: who can write to the store swaps none.

        Raises:
            RequestError: It is too large.
        """
        value: JsonValue = [self.request, self.kept]
        try:
            return sealer.seal(
                value,
                purpose=_PURPOSE,
                now=now,
                lifetime=lifetime + CLOCKS_DIFFER,  # as the record, or it could not be read
                binding=token.reveal(),
            ).encode()
        except UsageError:
            raise RequestError("", "the next session's request is too large to be kept") from None

    @classmethod
    def unseal(
        cls, stored: bytes, sealer: Sealer, token: RequestorToken, now: datetime
    ) -> NextRecord:
        """Give what was stored for that session.

        Raises:
            ConfigurationError: Another sealer sealed it, or it is another session's.
        """
        try:
            value = sealer.unseal(
                stored.decode("latin-1"), purpose=_PURPOSE, now=now, binding=token.reveal()
            )
        except HandleError:
            raise ConfigurationError(
                "what follows the session was sealed with other keys than these, or for another"
            ) from None
        match value:
            case [request, kept]:
                return cls(request, kept)
            case _:
                raise ConfigurationError("what follows the session was kept in another form")
