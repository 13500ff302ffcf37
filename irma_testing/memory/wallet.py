"""What an app holds: credentials, and the rules by which a new one takes an old one's place.

Does not belong here: what is disclosed of them (`choices`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, final

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.arguments import check_instance, check_string
from irma_core.models.frozen import FrozenMapping
from irma_core.models.moments import as_utc
from irma_core.tracebacks import boundary
from irma_testing.memory.issuing import floor_to_week, half_a_year_after
from irma_testing.memory.scheme import Scheme

__all__ = ["HeldCredential", "Wallet", "check_values"]


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
