"""Accounts are found by pseudonym or e-mail address, and a site can change how."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import aauthenticate, authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.test import RequestFactory, override_settings

from irma_core import Answer
from irma_core.errors import LoginRefusedError
from irma_testing import InMemoryServer
from irma_web_django import signals
from irma_web_django.backends import IrmaBackend
from irma_web_django.models import IrmaAccount
from tests.web_django.shop import Visitor, code, settings_for


@pytest.fixture
def by_email(shop: None, irma_server: InMemoryServer) -> Iterator[None]:
    """The shop, whose accounts are found by the e-mail address of the user."""
    with override_settings(IRMA=settings_for(irma_server, ACCOUNT_BY_EMAIL=True)):
        yield


def test_the_table_has_no_personal_data(ada: Visitor) -> None:
    """An account has a pseudonym, which does not reveal the attribute."""
    ada.prove("login")
    account = IrmaAccount.objects.get()
    assert len(account.pseudonym) == 43
    assert "ada" not in f"{account} {account.pseudonym} {account.user.get_username()}"


@pytest.mark.usefixtures("by_email")
def test_a_user_is_found_by_e_mail(irma_server: InMemoryServer) -> None:
    """If the site allows it, a person is the user with that address, in upper or lower case."""
    user = User.objects.create_user("ada", "Ada@Example.com")
    ada = Visitor(irma_server, "ADA@example.com")
    assert ada.prove("login").status_code == 200
    assert ada.user == user


@pytest.mark.usefixtures("by_email")
def test_a_new_user_has_the_address(irma_server: InMemoryServer) -> None:
    """A user who is created by e-mail address has that address, and is found by it later."""
    for _ in range(2):
        assert Visitor(irma_server).prove("login").status_code == 200
    assert User.objects.get().email == "ada@example.com"


@pytest.mark.usefixtures("by_email")
def test_a_look_alike_address_is_another_user(irma_server: InMemoryServer) -> None:
    """A Kelvin sign is not a k, although some databases ignore the difference."""
    other = User.objects.create_user("kelvin", "\N{KELVIN SIGN}im@example.com")
    kim = Visitor(irma_server, "kim@example.com")
    kim.prove("login")
    assert kim.user != other


@pytest.mark.usefixtures("by_email")
def test_an_ambiguous_address_is_refused(irma_server: InMemoryServer) -> None:
    """A login is refused if two users have the address."""
    User.objects.create_user("one", "ada@example.com")
    User.objects.create_user("two", "ADA@example.com")
    response = Visitor(irma_server).prove("login")
    assert (response.status_code, code(response)) == (403, "login_refused")
    assert "Several accounts" in json.loads(response.content)["error"]["message"]


@pytest.mark.usefixtures("by_email")
def test_a_changed_address_does_not_find_the_old_user(irma_server: InMemoryServer) -> None:
    """A user whose address was changed is not found by the old one, which is free again."""
    Visitor(irma_server).prove("login")
    User.objects.update(email="lovelace@example.com")
    again = Visitor(irma_server)
    assert again.prove("login").status_code == 200
    assert User.objects.count() == 2
    assert again.user == User.objects.get(email="ada@example.com")


def test_without_the_setting_an_address_is_not_enough(ada: Visitor) -> None:
    """Unless the site allows it, a person with the address of a user is another user."""
    other = User.objects.create_user("ada", "ada@example.com")
    ada.prove("login")
    assert ada.user != other


def test_an_inactive_user_is_refused(ada: Visitor, irma_server: InMemoryServer) -> None:
    """A user who was deactivated cannot log in."""
    ada.prove("login")
    User.objects.update(is_active=False)
    response = Visitor(irma_server).prove("login")
    assert (response.status_code, code(response)) == (403, "login_refused")
    assert "not active" in json.loads(response.content)["error"]["message"]


def answer_of(visitor: Visitor, question: str = "login") -> Answer:
    """Return the answer of a visitor's login."""
    answers: list[Answer] = []

    def receive(answer: Answer, **_: Any) -> None:
        answers.append(answer)

    signals.answered.connect(receive)
    try:
        visitor.prove(question)
    finally:
        signals.answered.disconnect(receive)
    return answers[0]


async def test_the_backend_accepts_only_an_answer(shop: None, irma_server: InMemoryServer) -> None:
    """Both functions of the backend accept a checked `Answer`, and nothing that resembles one."""
    from asgiref.sync import sync_to_async  # noqa: PLC0415

    def visit() -> tuple[Answer, AbstractBaseUser | None]:
        ada = Visitor(irma_server)
        return answer_of(ada), ada.user

    answer, user = await sync_to_async(visit)()
    request = RequestFactory().get("/")
    assert await sync_to_async(authenticate)(request, answer=answer) == user
    assert await aauthenticate(request, answer=answer) == user
    for other in ({"email": "ada@example.com"}, None, "ada@example.com", dict(answer)):
        assert await sync_to_async(authenticate)(request, answer=other) is None
        assert await aauthenticate(request, answer=other) is None
    assert await sync_to_async(authenticate)(request, username="x", password="y") is None


class MembersBackend(IrmaBackend):
    """Lets only some people in, under their own names."""

    def create_user(self, answer: Answer) -> AbstractBaseUser:
        return User.objects.create_user(answer["email"].value.partition("@")[0])

    def check_login(self, answer: Answer, user: AbstractBaseUser | None) -> None:
        if answer["email"].value.startswith("eve"):
            raise LoginRefusedError("Members only.")

    def update_user(self, user: AbstractBaseUser, answer: Answer) -> None:
        User.objects.filter(pk=user.pk).update(email=answer["email"].value)


@override_settings(AUTHENTICATION_BACKENDS=[f"{__name__}.MembersBackend"])
def test_a_site_changes_what_it_needs(ada: Visitor, irma_server: InMemoryServer) -> None:
    """A subclass decides how users are created and updated, and whom to refuse."""
    failures: list[object] = []

    def receive(credentials: object, **_: Any) -> None:
        failures.append(credentials)

    user_login_failed.connect(receive)
    try:
        ada.prove("login")
        response = Visitor(irma_server, "eve@example.com").prove("login")
    finally:
        user_login_failed.disconnect(receive)
    assert ada.user is not None
    assert (ada.user.get_username(), ada.user.email) == ("ada", "ada@example.com")
    assert json.loads(response.content)["error"]["message"] == "Members only."
    assert User.objects.count() == 1
    assert failures == [{}]


@override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"])
def test_without_the_backend_nobody_logs_in(ada: Visitor) -> None:
    """A site without the backend refuses logins, and the check reports that beforehand."""
    assert code(ada.prove("login")) == "login_refused"


def test_two_first_logins_at_once_make_one_user(
    ada: Visitor, irma_server: InMemoryServer, monkeypatch: Any
) -> None:
    """If another session of the same person created the user first, that user logs in."""
    ada.prove("login")
    find, calls = IrmaBackend.find_user, []

    def find_late(self: IrmaBackend, answer: Answer) -> AbstractBaseUser | None:
        calls.append(answer)
        return None if len(calls) == 1 else find(self, answer)

    monkeypatch.setattr(IrmaBackend, "find_user", find_late)
    late = Visitor(irma_server)
    assert late.prove("login").status_code == 200
    assert late.user == ada.user
    assert User.objects.count() == 1


def test_a_receiver_may_refuse(ada: Visitor) -> None:
    """A receiver of `answered` can raise `LoginRefusedError`, and then no proof is stored."""

    def refuse(**_: Any) -> None:
        raise LoginRefusedError("Not today.")

    signals.answered.connect(refuse)
    try:
        response = ada.prove("adult")
    finally:
        signals.answered.disconnect(refuse)
    assert json.loads(response.content)["error"]["message"] == "Not today."
    assert ada.get("/beers/").status_code == 302


def test_a_user_model_that_needs_more_is_a_fault_of_the_site(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If the database refuses a new user, the site is at fault, and the log says what to do."""
    User.objects.create_user("irma-taken")

    def take(*_: object) -> str:
        return "taken"  # as a unique field without a value would be

    monkeypatch.setattr("irma_web_django.backends.get_random_string", take)
    response = ada.prove("login")
    assert (response.status_code, code(response)) == (500, "misconfigured")
    assert "override create_user" in caplog.text
    assert "Traceback" not in caplog.text
