"""What an app holds: credentials, and the rules by which a new one takes an old one's place.

Does not belong here: what is disclosed of them (`choices`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, final

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.arguments import check_instance, check_string
from irma_core.models.frozen import FrozenMapping
from irma_core.models.moments import as_utc
from irma_core.tracebacks import boundary
from irma_testing.memory.issuing import floor_to_week, half_a_year_after
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.session_request import (
    Con,
    ConDisCon,
    DisCon,
    RequestedAttribute,
    StartRequest,
)

__all__ = [
    "Chooser",
    "HeldCredential",
    "Lists",
    "Pick",
    "Wallet",
    "check_values",
]


@boundary
def check_values(attributes: object) -> None:
    """Check that a value is a mapping from names of attributes to strings or None.

    Raises:
        UsageError: It is something else.
    """
    values = check_instance(attributes, Mapping, "attributes", "a mapping")
    if not all(
        isinstance(name, str) and (value is None or isinstance(value, str))
        for name, value in values.items()
    ):
        raise UsageError("attributes: must map names to strings, or to None for no value")


def _frozen(attributes: Mapping[str, str | None]) -> Mapping[str, str | None]:
    check_values(attributes)
    return FrozenMapping(attributes, is_personal=True)


def _issued_at(value: datetime) -> datetime:
    return as_utc(value, "issued_at")


def _expires_at(value: datetime) -> datetime:
    return as_utc(value, "expires_at")


@final
@boundary
@attrs.frozen
class HeldCredential:
    """A credential in an app.

    Args:
        credential_type: `scheme.issuer.credential`.
        attributes: Values by name; None for one that was issued without a value.
        issued_at: When, a whole week since 1970: an aware time, which becomes UTC.
        expires_at: Until when it is valid, likewise.
        serial: Names it where it can be revoked, else empty.

    Raises:
        UsageError: An argument has another type, or a time is not aware.
    """

    credential_type: str
    attributes: Mapping[str, str | None] = attrs.field(repr=False, converter=_frozen)
    issued_at: datetime = attrs.field(kw_only=True, converter=_issued_at)
    expires_at: datetime = attrs.field(kw_only=True, converter=_expires_at)
    serial: str = attrs.field(default="", kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        check_string(self.credential_type, "credential_type")
        check_instance(self.serial, str, "serial", "a string")


@final
class Wallet:
    """The credentials of one app, the newest first."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._held: list[HeldCredential] = []

    def held(self) -> tuple[HeldCredential, ...]:
        """Give all."""
        return tuple(self._held)

    def clear(self) -> None:
        """Drop all."""
        self._held.clear()

    def make(
        self,
        credential_type: str,
        attributes: Mapping[str, str | None],
        *,
        now: datetime,
        issued_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> HeldCredential:
        """Make a credential; times are rounded down to weeks, as an issuer does.

        Raises:
            ConfigurationError: The scheme has no such credential type or attribute.
        """
        found = self._scheme.find(credential_type)
        if found is None:
            raise ConfigurationError("credential_type: the scheme has no such credential type")
        if not all(found.has(name) for name in attributes):
            raise ConfigurationError(
                f"attributes: {credential_type} has only {', '.join(found.attributes)}"
            )
        return HeldCredential(
            credential_type,
            {**dict.fromkeys(found.attributes), **attributes},
            issued_at=_week_of(issued_at or now),
            expires_at=_week_of(expires_at or half_a_year_after(now)),
        )

    def receive(self, issued: Mapping[str, Any]) -> None:
        """Take in what a server has issued."""
        self.add(
            HeldCredential(
                issued["credential"],
                issued["attributes"],
                issued_at=datetime.fromtimestamp(issued["issued"], UTC),
                expires_at=datetime.fromtimestamp(issued["expires"], UTC),
                serial=issued["serial"],
            )
        )

    def add(self, credential: HeldCredential) -> None:
        """Take in a credential, in the place of an older singleton or one with equal values."""
        found = self._scheme.find(credential.credential_type)
        is_singleton = found is not None and found.singleton
        self._held = [
            credential,
            *(
                held
                for held in self._held
                if held.credential_type != credential.credential_type
                or not (is_singleton or held.attributes == credential.attributes)
            ),
        ]


def _week_of(moment: datetime) -> datetime:
    return datetime.fromtimestamp(floor_to_week(moment.timestamp()), UTC)


@final
@attrs.frozen
class Pick:
    """One attribute of one credential; an empty name for the credential alone."""

    credential: HeldCredential
    name: str

    def again(self) -> RequestedAttribute:
        """Give the request that exactly this answers, as a chained session makes it."""
        identifier = self.credential.credential_type
        if not self.name:
            return RequestedAttribute(identifier)
        return RequestedAttribute(
            f"{identifier}.{self.name}", self.credential.attributes[self.name]
        )


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
            if self._holds(RequestedAttribute(asked.type)) and not self._holds(asked)
        )

    def _holds(self, asked: RequestedAttribute) -> bool:
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
        asked = tuple(RequestedAttribute(identifier) for identifier in identifiers)
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
        self, kind: str, wanted: Sequence[RequestedAttribute], *, revoked_too: bool
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


def _fits(attributes: Mapping[str, str | None], asked: RequestedAttribute) -> bool:
    if not asked.name:
        return True
    return asked.name in attributes and asked.takes(attributes[asked.name])
