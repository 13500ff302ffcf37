"""Pairing: the app shows a code that the person types into the page before the session goes on."""

from __future__ import annotations

from enum import Enum
from typing import final

import attrs

from irma_core.models.arguments import check_instance, check_optional
from irma_core.models.hidden import Hidden, hide_optional
from irma_core.tracebacks import boundary

__all__ = ["FrontendOptions", "PairingMethod"]


class PairingMethod(Enum):
    """How the person shows that page and app are theirs. Source: irmago `PairingMethod`."""

    NONE = "none"
    PIN = "pin"
    """Four digits that the app shows."""


@final
@boundary
@attrs.frozen
class FrontendOptions:
    """What the server answers to a change of the frontend's options.

    Source: irmago `SessionOptions`.

    Args:
        pairing_method: The method that now holds.
        pairing_code: The code that the app will show, with `PIN`; each change makes a new one.
    """

    pairing_method: PairingMethod
    _pairing_code: Hidden[str | None] = attrs.field(
        default=None, alias="pairing_code", converter=hide_optional, repr=False
    )

    @property
    def pairing_code(self) -> str | None:
        """The code that the app will show."""
        return self._pairing_code.reveal()

    def __attrs_post_init__(self) -> None:
        check_instance(self.pairing_method, PairingMethod, "pairing_method", "a PairingMethod")
        check_optional(self.pairing_code, str, "pairing_code", "a string")
