"""The admin pages: to look at what is stored, to unlink an account, and to drop a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from irma_web_django.models import IrmaAccount, IrmaCallback, IrmaEntry

__all__ = ["IrmaAccountAdmin", "IrmaCallbackAdmin", "IrmaEntryAdmin"]

if TYPE_CHECKING:
    # Django's own class takes no type argument at run time.
    EntryAdmin = admin.ModelAdmin[IrmaEntry]
    AccountAdmin = admin.ModelAdmin[IrmaAccount]
    CallbackAdmin = admin.ModelAdmin[IrmaCallback]
else:
    EntryAdmin = AccountAdmin = CallbackAdmin = admin.ModelAdmin


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


@admin.register(IrmaCallback)
class IrmaCallbackAdmin(CallbackAdmin):
    """Shows callbacks that are still to be delivered. Deleting one gives its outcome up."""

    list_display = ("session", "received_at")
    fields = ("session", "received_at")
    readonly_fields = ("session", "received_at")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Return False: only the IRMA server's posts become callbacks."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Return False: what was posted is sealed."""
        return False
