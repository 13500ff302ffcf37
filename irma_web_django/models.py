"""The adapter's data in the database: store entries, accounts, and callbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["IrmaAccount", "IrmaCallback", "IrmaEntry"]


class IrmaEntry(models.Model):
    """A value of `DjangoStore`, kept for minutes: a claim on a session, or a sealed outcome."""

    key: models.CharField[str, str] = models.CharField(_("key"), max_length=200, primary_key=True)
    value: models.BinaryField[bytes, bytes | memoryview] = models.BinaryField(_("value"))
    # A number, because the meaning of a `DateTimeField` depends on the site's `USE_TZ`.
    expires_ms: models.BigIntegerField[int, int] = models.BigIntegerField(
        _("expires"), db_index=True
    )

    objects: ClassVar[models.Manager[IrmaEntry]] = models.Manager()

    class Meta:
        """Names for the admin pages."""

        verbose_name = _("IRMA store entry")
        verbose_name_plural = _("IRMA store entries")

    def __str__(self) -> str:
        return f"{self.key[:24]}…"

    @property
    @admin.display(description=_("expires"), ordering="expires_ms")
    def expires_at(self) -> datetime:
        """When the entry expires, in UTC."""
        return datetime.fromtimestamp(self.expires_ms / 1000, UTC)


class IrmaAccount(models.Model):
    """The account of a person who logs in with IRMA: a user, and the pseudonym of an attribute.

    The pseudonym is a keyed hash of the attribute, so the table reveals no personal data to a
    reader of the database.
    """

    pseudonym: models.CharField[str, str] = models.CharField(
        _("pseudonym"), max_length=43, unique=True
    )
    user: models.ForeignKey[AbstractBaseUser, AbstractBaseUser] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="irma_accounts",
        verbose_name=_("user"),
    )

    objects: ClassVar[models.Manager[IrmaAccount]] = models.Manager()

    class Meta:
        """Names for the admin pages."""

        verbose_name = _("IRMA account")
        verbose_name_plural = _("IRMA accounts")

    def __str__(self) -> str:
        return f"{self.pseudonym[:8]}…"


class IrmaCallback(models.Model):
    """A callback that the site's function has not handled yet. Its contents are sealed.

    The session is `unknown` if the post could not be verified yet.
    """

    name: models.CharField[str, str] = models.CharField(_("name"), max_length=64, unique=True)
    session: models.CharField[str, str] = models.CharField(_("session"), max_length=40)
    post: models.TextField[str, str] = models.TextField(_("post"))
    # A number, as in `IrmaEntry`.
    received_ms: models.BigIntegerField[int, int] = models.BigIntegerField(
        _("received"), db_index=True
    )

    objects: ClassVar[models.Manager[IrmaCallback]] = models.Manager()

    class Meta:
        """Names for the admin pages."""

        verbose_name = _("IRMA callback")
        verbose_name_plural = _("IRMA callbacks")

    def __str__(self) -> str:
        return self.session

    @property
    @admin.display(description=_("received"), ordering="received_ms")
    def received_at(self) -> datetime:
        """When the callback was received, in UTC."""
        return datetime.fromtimestamp(self.received_ms / 1000, UTC)
