"""The sessions that unsigned posts to one URL have named, a few of them at a time.

Whoever knows the URL can post any number of made-up tokens to it. Each of them would be a question
to the server, so only a few are kept, each for a minute, and one that the server does not know is
not kept again within that minute. Belongs here: which tokens are kept. Does not belong here: what
is asked about them (`callbacks`).
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

__all__ = ["NamedSessions"]

_MOST: Final = 4
_KEPT_FOR: Final = timedelta(minutes=1)
_PURPOSE: Final = "session named by a post"


@final
@attrs.frozen
class NamedSessions:
    """The sessions that were named at one URL.

    Args:
        store: Where they are kept, sealed.
        sealer: Seals them.
        key: The name of the URL there.
    """

    store: Store | AsyncStore = attrs.field(repr=False)
    sealer: Sealer = attrs.field(repr=False)
    key: str

    def note_flow(self, context: RequestorContext, token: RequestorToken) -> Flow[bool]:
        """Keep a token, if there is room; return whether it is kept and worth a question.

        Raises:
            StoreError: The store failed.
        """
        now, deadline = utc_now(context.clock), context.deadline()
        text = self.sealer.seal(token.reveal(), purpose=_PURPOSE, now=now, lifetime=_KEPT_FOR)
        for number in range(_MOST):
            place = self._place(number)
            if (yield from put_if_absent(self.store, place, text.encode(), _KEPT_FOR, deadline)):
                return not (yield from self._is_unknown(context, token))
            if (yield from self._kept_at(context, number)) == token:
                return not (yield from self._is_unknown(context, token))
        return False

    def list_flow(self, context: RequestorContext) -> Flow[list[RequestorToken]]:
        """Return those that are kept and worth a question.

        Raises:
            StoreError: The store failed.
        """
        found: list[RequestorToken] = []
        for number in range(_MOST):
            token = yield from self._kept_at(context, number)
            if token is not None and not (yield from self._is_unknown(context, token)):
                found.append(token)
        return found

    def forget_flow(self, context: RequestorContext, token: RequestorToken) -> Flow[None]:
        """Remember that the server does not know this one.

        Raises:
            StoreError: The store failed.
        """
        key = self._unknown(token)
        yield from put_if_absent(self.store, key, b"unknown", _KEPT_FOR, context.deadline())

    def _kept_at(self, context: RequestorContext, number: int) -> Flow[RequestorToken | None]:
        kept = yield from get_stored(self.store, self._place(number), context.deadline())
        if kept is not None:
            with suppress(HandleError):  # it expires by another clock than the store's
                now = utc_now(context.clock)
                text = self.sealer.unseal(kept.decode("latin-1"), purpose=_PURPOSE, now=now)
                return RequestorToken(str(text))
        return None

    def _is_unknown(self, context: RequestorContext, token: RequestorToken) -> Flow[bool]:
        mark = yield from get_stored(self.store, self._unknown(token), context.deadline())
        return mark is not None

    def _place(self, number: int) -> str:
        return f"{self.key}:named-{number}"

    def _unknown(self, token: RequestorToken) -> str:
        return f"{self.key}:unknown-{sha256(token.reveal().encode()).hexdigest()}"
