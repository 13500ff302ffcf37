"""The credentials in an app, and the choice of credentials for a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, final

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.arguments import as_utc, check_instance, check_string
from irma_core.models.holders import FrozenMapping
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
    """Raise `UsageError` unless the value maps names of attributes to strings or None."""
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
        attributes: Values by name; None for an attribute that was issued without a value.
        issued_at: The time of issuance, a whole number of weeks since 1970: an aware time, which is
            converted to UTC.
        expires_at: The time of expiry, in the same form.
        serial: A string that identifies the credential if it can be revoked, else empty.

    Raises:
        UsageError: An argument has the wrong type, or a time is not aware.
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
    """The credentials of one app, newest first."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._credentials: list[HeldCredential] = []

    def credentials(self) -> tuple[HeldCredential, ...]:
        """Return all credentials."""
        return tuple(self._credentials)

    def clear(self) -> None:
        """Delete all credentials."""
        self._credentials.clear()

    def make(
        self,
        credential_type: str,
        attributes: Mapping[str, str | None],
        *,
        now: datetime,
        issued_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> HeldCredential:
        """Return a new credential. As an issuer would, round its times down to weeks.

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
        """Add a credential that the server has issued."""
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
        """Add a credential.

        It replaces an older one of its type if the type is a singleton or the values are equal.
        """
        found = self._scheme.find(credential.credential_type)
        is_singleton = found is not None and found.singleton
        self._credentials = [
            credential,
            *(
                held
                for held in self._credentials
                if held.credential_type != credential.credential_type
                or not (is_singleton or held.attributes == credential.attributes)
            ),
        ]


def _week_of(moment: datetime) -> datetime:
    return datetime.fromtimestamp(floor_to_week(moment.timestamp()), UTC)


@final
@attrs.frozen
class Pick:
    """One attribute of one credential; an empty name means the credential alone."""

    credential: HeldCredential
    name: str

    def repeat(self) -> RequestedAttribute:
        """Return an attribute request for exactly this value, as a chained session makes it."""
        identifier = self.credential.credential_type
        if not self.name:
            return RequestedAttribute(identifier)
        return RequestedAttribute(
            f"{identifier}.{self.name}", self.credential.attributes[self.name]
        )


Lists: TypeAlias = tuple[tuple[Pick, ...], ...]
MADE_UP_VALUE = "made up"


@final
@attrs.frozen
class Chooser:
    """Chooses the attributes that answer one request at a given time.

    A revoked credential is not chosen if the request demands non-revocation.
    """

    wallet: Wallet
    request: StartRequest
    now: datetime
    is_revoked: Callable[[str], bool]

    def options(self, disjunction: DisCon) -> tuple[tuple[Pick, ...] | None, ...]:
        """For each option of a slot, return its attributes, or None if the wallet lacks one."""
        return tuple(self._option(conjunction) for conjunction in disjunction)

    def option_for(self, disjunction: DisCon, *, may_expire: bool = True) -> int | None:
        """Return the index of the first option that the app can disclose.

        Prefer an option without expired credentials.

        Args:
            disjunction: The slot.
            may_expire: Whether to return an option with expired credentials if there is no other.
        """
        options = self.options(disjunction)
        for allow_expired in (False, True) if may_expire else (False,):
            for index, picks in enumerate(options):
                if picks is not None and (allow_expired or not any(map(self._is_expired, picks))):
                    return index
        return None

    def mismatched_attributes(self, disjunction: DisCon) -> list[str]:
        """Return the requested attributes that the wallet holds, but only with other values."""
        return sorted(
            attribute.type
            for attribute in {attribute for con in disjunction for attribute in con}
            if self._holds(RequestedAttribute(attribute.type)) and not self._holds(attribute)
        )

    def _holds(self, attribute: RequestedAttribute) -> bool:
        return any(
            held.credential_type == attribute.credential_type
            and _satisfies(held.attributes, attribute)
            for held in self.wallet.credentials()
        )

    def pretend(self, disclose: ConDisCon) -> Lists:
        """Return the attributes for the first non-empty option of each slot.

        Either all attributes are from the wallet, revoked or not, or all are made up. With a
        mixture, the server could notice two credentials of a singleton type.
        """
        options = [next(filter(None, disjunction), ()) for disjunction in disclose]
        held = [self._option(conjunction, allow_revoked=True) for conjunction in options]
        if None not in held:
            return tuple(picks for picks in held if picks is not None)
        return tuple(self._make_up(conjunction) for conjunction in options)

    def take(self, identifiers: Sequence[str]) -> tuple[Pick, ...]:
        """Return these attributes from the wallet, or make up all of them if it lacks one."""
        requested = tuple(RequestedAttribute(identifier) for identifier in identifiers)
        held = self._option(requested, allow_revoked=True)
        return self._make_up(requested) if held is None else held

    def _option(self, conjunction: Con, *, allow_revoked: bool = False) -> tuple[Pick, ...] | None:
        chosen: dict[str, HeldCredential] = {}
        for kind in dict.fromkeys(attribute.credential_type for attribute in conjunction):
            wanted = [attribute for attribute in conjunction if attribute.credential_type == kind]
            credential = self._credential_for(kind, wanted, allow_revoked=allow_revoked)
            if credential is None:
                return None
            chosen[kind] = credential
        return tuple(
            Pick(chosen[attribute.credential_type], attribute.name) for attribute in conjunction
        )

    def _credential_for(
        self, kind: str, wanted: Sequence[RequestedAttribute], *, allow_revoked: bool
    ) -> HeldCredential | None:
        must_not_be_revoked = kind in self.request.revocation and not allow_revoked
        candidates = [
            held
            for held in self.wallet.credentials()
            if held.credential_type == kind
            and all(_satisfies(held.attributes, attribute) for attribute in wanted)
            and not (must_not_be_revoked and self.is_revoked(held.serial))
        ]
        return max(candidates, key=lambda held: held.expires_at >= self.now, default=None)

    def _is_expired(self, pick: Pick) -> bool:
        kind = pick.credential.credential_type
        return pick.credential.expires_at < self.now and kind not in self.request.skip_expiry_check

    def _make_up(self, conjunction: Con) -> tuple[Pick, ...]:
        """Return attributes of made-up credentials that satisfy the request."""
        values: dict[str, dict[str, str | None]] = {}
        for attribute in (*conjunction, *self.request.attributes()):
            of_type = values.setdefault(attribute.credential_type, {})
            if attribute.name:
                of_type.setdefault(
                    attribute.name, MADE_UP_VALUE if attribute.value is None else attribute.value
                )
        made = {
            kind: self.wallet.make(kind, values[kind], now=self.now)
            for kind in {attribute.credential_type for attribute in conjunction}
        }
        return tuple(
            Pick(made[attribute.credential_type], attribute.name) for attribute in conjunction
        )


def _satisfies(attributes: Mapping[str, str | None], attribute: RequestedAttribute) -> bool:
    if not attribute.name:
        return True
    return attribute.name in attributes and attribute.accepts(attributes[attribute.name])
