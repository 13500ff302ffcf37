"""Keep a short list of the sessions that were named by unsigned posts to one URL.

Anyone who knows the URL can post any number of made-up tokens to it, and each of them would cause a
request to the server. So only a few tokens are noted, each for a minute. A token that the server
does not know is not noted again within that minute.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

import attrs

from irma_core.errors import HandleError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, get_stored, put_if_absent
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject

__all__ = ["NamedSessions"]

_MAX_TOKENS: Final = 4
_LIFETIME: Final = timedelta(minutes=1)
_PURPOSE: Final = "session named by a post"


@final
@attrs.frozen(eq=False, repr=False)
class NamedSessions(ValueObject):
    """The sessions that were named by posts to one URL.

    Args:
        store: Contains the sessions' tokens, sealed.
        sealer: Seals the tokens.
        key: The prefix of the store keys for the URL.
    """

    store: Store | AsyncStore = attrs.field(repr=False)
    sealer: Sealer = attrs.field(repr=False)
    key: str

    def note_flow(self, context: RequestorContext, token: RequestorToken) -> Flow[bool]:
        """Note a token if there is room; return whether to ask the server about the token.

        Raises:
            StoreError: The store failed.
        """
        now, deadline = utc_now(context.clock), context.deadline()
        sealed = self.sealer.seal(token.reveal(), purpose=_PURPOSE, now=now, lifetime=_LIFETIME)
        for number in range(_MAX_TOKENS):
            key = self._key_of(number)
            if (yield from put_if_absent(self.store, key, sealed.encode(), _LIFETIME, deadline)):
                return not (yield from self._is_unknown(context, token))
            if (yield from self._noted_at(context, number)) == token:
                return not (yield from self._is_unknown(context, token))
        return False

    def list_flow(self, context: RequestorContext) -> Flow[list[RequestorToken]]:
        """Return the noted tokens, except those that the server does not know.

        Raises:
            StoreError: The store failed.
        """
        found: list[RequestorToken] = []
        for number in range(_MAX_TOKENS):
            token = yield from self._noted_at(context, number)
            if token is not None and not (yield from self._is_unknown(context, token)):
                found.append(token)
        return found

    def forget_flow(self, context: RequestorContext, token: RequestorToken) -> Flow[None]:
        """Record that the server does not know a token.

        For the next minute, `note_flow` returns False for the token, and `list_flow` leaves it out.

        Raises:
            StoreError: The store failed.
        """
        key = self._unknown_key(token)
        yield from put_if_absent(self.store, key, b"unknown", _LIFETIME, context.deadline())

    def _noted_at(self, context: RequestorContext, number: int) -> Flow[RequestorToken | None]:
        stored = yield from get_stored(self.store, self._key_of(number), context.deadline())
        if stored is not None:
            with suppress(
                HandleError
            ):  # the token may have expired by our clock, which may differ from the store's
                now = utc_now(context.clock)
                token = self.sealer.unseal(stored.decode("latin-1"), purpose=_PURPOSE, now=now)
                return RequestorToken(str(token))
        return None

    def _is_unknown(self, context: RequestorContext, token: RequestorToken) -> Flow[bool]:
        mark = yield from get_stored(self.store, self._unknown_key(token), context.deadline())
        return mark is not None

    def _key_of(self, number: int) -> str:
        return f"{self.key}:named-{number}"

    def _unknown_key(self, token: RequestorToken) -> str:
        return f"{self.key}:unknown-{sha256(token.reveal().encode()).hexdigest()}"
