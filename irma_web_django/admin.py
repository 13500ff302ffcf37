"""The admin pages for stored entries, accounts and callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from irma_web_django.models import IrmaAccount, IrmaCallback, IrmaEntry

__all__ = ["IrmaAccountAdmin", "IrmaCallbackAdmin", "IrmaEntryAdmin"]

if TYPE_CHECKING:
    # Django's own class takes no type argument at run time.
    AnyAdmin = admin.ModelAdmin[Model]
else:
    AnyAdmin = admin.ModelAdmin


class _LookingOnly(AnyAdmin):
    """Shows some fields of a table, and lets no one add or change a row."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Return False, because only the library adds rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Return False: an edit would assign the row to another person, or break its seal."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # noqa: ARG002
        """Return False, because `?value__regex=^a` would reveal a field that is not shown."""
        return False


@admin.register(IrmaEntry)
class IrmaEntryAdmin(_LookingOnly):
    """Shows entries in the store, without their values."""

    list_display = ("__str__", "expires_at")
    fields = ("key", "expires_at")
    readonly_fields = ("key", "expires_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Return False, because a session could be used twice if its entry were deleted."""
        return False


@admin.register(IrmaAccount)
class IrmaAccountAdmin(_LookingOnly):
    """Shows accounts. Deleting an account unlinks the attribute from its user."""

    list_display = ("__str__", "user")
    fields = ("pseudonym", "user")
    readonly_fields = ("pseudonym", "user")


@admin.register(IrmaCallback)
class IrmaCallbackAdmin(_LookingOnly):
    """Shows undelivered callbacks. Deleting a callback discards its outcome."""

    list_display = ("session", "received_at")
    fields = ("session", "received_at")
    readonly_fields = ("session", "received_at")
