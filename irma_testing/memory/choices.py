"""What an app takes from its wallet to answer a request.

Belongs here: honest choices, and what is made up where a cheating app holds nothing that fits. Does
not belong here: how it is sent (`sending`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, final

import attrs

from irma_testing.memory.start_request import AttributeAsked, Con, ConDisCon, DisCon, StartRequest
from irma_testing.memory.wallet import HeldCredential, Wallet

__all__ = ["Chooser", "Lists", "Pick"]


@final
@attrs.frozen
class Pick:
    """One attribute of one credential; an empty name for the credential alone."""

    credential: HeldCredential
    name: str

    def again(self) -> AttributeAsked:
        """Give the request that exactly this answers, as a chained session makes it."""
        identifier = self.credential.credential_type
        if not self.name:
            return AttributeAsked(identifier)
        return AttributeAsked(f"{identifier}.{self.name}", self.credential.attributes[self.name])


Lists: TypeAlias = tuple[tuple[Pick, ...], ...]
MADE_UP = "made up"


@final
@attrs.frozen
class Chooser:
    """Chooses for one request, at one time; revoked credentials prove no non-revocation."""

    wallet: Wallet
    request: StartRequest
    now: datetime
    is_revoked: Callable[[str], bool]

    def options(self, disjunction: DisCon) -> tuple[tuple[Pick, ...] | None, ...]:
        """Give what each option would disclose; None where the wallet lacks something."""
        return tuple(self._option(conjunction) for conjunction in disjunction)

    def option_for(self, disjunction: DisCon) -> int | None:
        """Give the first option that can be given, rather not with an expired credential."""
        options = self.options(disjunction)
        for expired_too in (False, True):
            for index, picks in enumerate(options):
                if picks is not None and (expired_too or not any(map(self._is_expired, picks))):
                    return index
        return None

    def held_otherwise(self, disjunction: DisCon) -> list[str]:
        """Return the attributes that the wallet holds, but not with a value that will do."""
        return sorted(
            asked.type
            for asked in {asked for conjunction in disjunction for asked in conjunction}
            if self._holds(AttributeAsked(asked.type)) and not self._holds(asked)
        )

    def _holds(self, asked: AttributeAsked) -> bool:
        return any(
            held.credential_type == asked.credential_type and _fits(held.attributes, asked)
            for held in self.wallet.held()
        )

    def pretend(self, disclose: ConDisCon) -> Lists:
        """Give what the first options that ask something would disclose.

        It is all held, revoked or not, or all made up: two of a singleton would be seen.
        """
        options = [next(filter(None, disjunction), ()) for disjunction in disclose]
        held = [self._option(conjunction, revoked_too=True) for conjunction in options]
        if None not in held:
            return tuple(picks for picks in held if picks is not None)
        return tuple(self._make_up(conjunction) for conjunction in options)

    def take(self, identifiers: Sequence[str]) -> tuple[Pick, ...]:
        """Give these attributes, whatever was asked, held or made up."""
        asked = tuple(AttributeAsked(identifier) for identifier in identifiers)
        held = self._option(asked, revoked_too=True)
        return self._make_up(asked) if held is None else held

    def _option(self, conjunction: Con, *, revoked_too: bool = False) -> tuple[Pick, ...] | None:
        chosen: dict[str, HeldCredential] = {}
        for kind in dict.fromkeys(asked.credential_type for asked in conjunction):
            wanted = [asked for asked in conjunction if asked.credential_type == kind]
            found = self._held_for(kind, wanted, revoked_too=revoked_too)
            if found is None:
                return None
            chosen[kind] = found
        return tuple(Pick(chosen[asked.credential_type], asked.name) for asked in conjunction)

    def _held_for(
        self, kind: str, wanted: Sequence[AttributeAsked], *, revoked_too: bool
    ) -> HeldCredential | None:
        must_not_be_revoked = kind in self.request.revocation and not revoked_too
        fitting = [
            held
            for held in self.wallet.held()
            if held.credential_type == kind
            and all(_fits(held.attributes, asked) for asked in wanted)
            and not (must_not_be_revoked and self.is_revoked(held.serial))
        ]
        return max(fitting, key=lambda held: held.expires_at >= self.now, default=None)

    def _is_expired(self, pick: Pick) -> bool:
        kind = pick.credential.credential_type
        return pick.credential.expires_at < self.now and kind not in self.request.skip_expiry_check

    def _make_up(self, conjunction: Con) -> tuple[Pick, ...]:
        """Make credentials up that have this, and what else of them the request asks for."""
        values: dict[str, dict[str, str | None]] = {}
        for asked in (*conjunction, *self.request.attributes()):
            of_type = values.setdefault(asked.credential_type, {})
            if asked.name:
                of_type.setdefault(asked.name, MADE_UP if asked.value is None else asked.value)
        made = {
            kind: self.wallet.make(kind, values[kind], now=self.now)
            for kind in {asked.credential_type for asked in conjunction}
        }
        return tuple(Pick(made[asked.credential_type], asked.name) for asked in conjunction)


def _fits(attributes: Mapping[str, str | None], asked: AttributeAsked) -> bool:
    if not asked.name:
        return True
    return asked.name in attributes and asked.takes(attributes[asked.name])
