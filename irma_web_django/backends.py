"""The authentication backend, which finds or creates the user that an answer identifies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from irma_core import Answer
from irma_core.errors import ConfigurationError, LoginRefusedError, OtherPersonError
from irma_core.web.login_policy import pseudonym, verified_email
from irma_web_django.models import IrmaAccount
from irma_web_django.site_settings import current_settings

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

__all__ = ["IrmaBackend"]

_NAME_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


class IrmaBackend(ModelBackend):
    """Finds or creates the user that an answer identifies: `authenticate(request, answer=answer)`.

    The attribute in the slot `IRMA["ACCOUNT"]` identifies the account. `IrmaAccount` stores a keyed
    pseudonym of the attribute. With `IRMA["ACCOUNT_BY_EMAIL"]`, the account is instead the user
    with that e-mail address.

    To change this, a site overrides `find_user`, `create_user`, `check_login` or `update_user` in a
    subclass, and names the subclass in `AUTHENTICATION_BACKENDS`. Permissions work as in Django's
    `ModelBackend`.
    """

    def authenticate(  # type: ignore[override]  # Django passes the credentials of others by name
        self, request: HttpRequest | None, answer: Answer
    ) -> AbstractBaseUser | None:
        """Return the user that an answer identifies, and create the user if necessary.

        Args:
            request: The browser's request. If a person is already logged in, the answer must come
                from that person.
            answer: The person's answer. For any other value, the result is None.

        Raises:
            OtherPersonError: The answer does not belong to the person who is logged in.
            LoginRefusedError: The user is not active, or a method of a subclass refuses the person.
            ConfigurationError: The database refuses the user that `create_user` made.
        """
        given: object = answer
        if not isinstance(given, Answer):
            return None
        current = _current_user(request)
        user = self.find_user(answer)
        if current is not None and (user is None or user.pk != current.pk):
            raise OtherPersonError
        self.check_login(answer, user)
        if user is None:
            user = self._create_once(answer)
        if not self.user_can_authenticate(user):
            raise LoginRefusedError(_("Your account is not active."))
        self.update_user(user, answer)
        return user

    async def aauthenticate(  # type: ignore[override]  # as for `authenticate`
        self, request: HttpRequest | None, answer: Answer
    ) -> AbstractBaseUser | None:
        """Return the user that an answer identifies; see `authenticate`."""
        return await sync_to_async(self.authenticate)(request, answer)

    def find_user(self, answer: Answer) -> AbstractBaseUser | None:
        """Return the user that an answer identifies, or None if there is no such user yet.

        Raises:
            LoginRefusedError: Several users have the same e-mail address.
        """
        if current_settings().is_by_email:
            return _user_by_email(_email(answer))
        return _user_by_pseudonym(_pseudonyms(answer))

    def create_user(self, answer: Answer) -> AbstractBaseUser:
        """Create and return a user without a password, or raise `LoginRefusedError`.

        The user name is random. The e-mail address is set if it identifies the account, or if the
        user model uses it as the user name.
        """
        model: Any = get_user_model()
        email, name = model.get_email_field_name(), model.USERNAME_FIELD
        fields: dict[str, str] = {}
        if current_settings().is_by_email or email == name:
            fields[email] = _email(answer)
        if name not in fields:
            fields[name] = f"irma-{get_random_string(16, _NAME_ALPHABET)}"
        user: AbstractBaseUser = model(**fields)
        user.set_unusable_password()
        user.save()
        return user

    def check_login(self, answer: Answer, user: AbstractBaseUser | None) -> None:
        """Raise `LoginRefusedError` to refuse the person.

        Args:
            answer: The person's answer.
            user: The person's user; None if the user is about to be created.
        """

    def update_user(self, user: AbstractBaseUser, answer: Answer) -> None:
        """Update the user from the answer at each login. By default, this does nothing."""

    def _create_once(self, answer: Answer) -> AbstractBaseUser:
        """Create a user and an account, but only one of each if two sessions finish together."""
        newest = _pseudonyms(answer)[0]
        using = router.db_for_write(IrmaAccount)
        for _attempt in range(2):
            try:
                with transaction.atomic(using):
                    user = self.create_user(answer)
                    IrmaAccount.objects.using(using).create(pseudonym=newest, user=user)
            except IntegrityError:
                found = self.find_user(answer)
                if found is not None:
                    return found
                # With accounts by e-mail, this account belongs to a user whose address has since
                # changed.
                IrmaAccount.objects.using(using).filter(pseudonym=newest).delete()
            else:
                return user
        # The database's own message may quote the attribute.
        raise ConfigurationError(
            f"{type(self).__name__}.create_user: the database refused the new user, perhaps "
            "because a field is required or must be unique; override create_user to fill in the "
            "field"
        )


def _current_user(request: HttpRequest | None) -> AbstractBaseUser | None:
    user: AbstractBaseUser | AnonymousUser | None = getattr(request, "user", None)
    return user if isinstance(user, AbstractBaseUser) and user.is_authenticated else None


def _email(answer: Answer) -> str:
    return verified_email(answer, _account_slot())


def _account_slot() -> str:
    slot = current_settings().account
    if slot is None:
        raise LoginRefusedError
    return slot


def _pseudonyms(answer: Answer) -> list[str]:
    """Return the person's pseudonyms, one from each of the site's keys, newest key first."""
    slot = _account_slot()
    return [pseudonym(answer, slot, key=key) for key in current_settings().pseudonym_keys]


def _user_by_pseudonym(pseudonyms: list[str]) -> AbstractBaseUser | None:
    using = router.db_for_write(IrmaAccount)
    accounts = IrmaAccount.objects.using(using).filter(pseudonym__in=pseudonyms)
    found = {account.pseudonym: account for account in accounts.select_related("user")}
    for each in pseudonyms:
        if each in found:
            account = found[each]
            if each != pseudonyms[0]:  # made with a key that may be removed one day
                account.pseudonym = pseudonyms[0]
                account.save(update_fields=["pseudonym"])
            return account.user
    return None


def _user_by_email(email: str) -> AbstractBaseUser | None:
    model = get_user_model()
    field = model.get_email_field_name()
    users: QuerySet[Any] = model._default_manager.filter(**{f"{field}__iexact": email})  # noqa: SLF001
    # A database may treat two different addresses as equal, such as a `k` and a Kelvin sign.
    found = [user for user in users if _is_same_address(getattr(user, field), email)]
    if len(found) > 1:
        raise LoginRefusedError(_("Several accounts have your e-mail address."))
    return found[0] if found else None


def _is_same_address(stored: str, email: str) -> bool:
    return stored == email or (stored.isascii() and stored.lower() == email)
