"""The admin pages: to look at what is stored, and to unlink an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from irma_web_django.models import IrmaAccount, IrmaEntry

__all__ = ["IrmaAccountAdmin", "IrmaEntryAdmin"]

if TYPE_CHECKING:
    # Django's own class takes no type argument at run time.
    EntryAdmin = admin.ModelAdmin[IrmaEntry]
    AccountAdmin = admin.ModelAdmin[IrmaAccount]
else:
    EntryAdmin = AccountAdmin = admin.ModelAdmin


@admin.register(IrmaEntry)
class IrmaEntryAdmin(EntryAdmin):
    """Shows entries of the store, without their values."""

    list_display = ("__str__", "expires_at")
    fields = ("key", "expires_at")
    readonly_fields = ("key", "expires_at")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Return False: only the store makes entries."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Return False: only the store changes entries."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Return False: without its entry, a session could count twice."""
        return False


@admin.register(IrmaAccount)
class IrmaAccountAdmin(AccountAdmin):
    """Shows accounts. Deleting one unlinks the attribute from its user."""

    list_display = ("__str__", "user")
    fields = ("pseudonym", "user")
    readonly_fields = ("pseudonym", "user")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Return False: only a login makes accounts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Return False: an account that is given to another user is another person's."""
        return False
