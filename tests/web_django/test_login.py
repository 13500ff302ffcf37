"""A login: one user for one attribute, once, however often the page asks."""

from __future__ import annotations

import json

from django.contrib.auth.models import User

from irma_testing import InMemoryServer
from irma_web_django.models import IrmaAccount
from tests.web_django.shop import Visitor, code


def test_a_person_logs_in(ada: Visitor) -> None:
    """A new person becomes a user without a password, and the page continues."""
    response = ada.prove("login", next="/account/")
    assert json.loads(response.content) == {"next": "/account/"}
    assert ada.user is not None
    assert not ada.user.has_usable_password()
    assert ada.user.email == ""
    assert IrmaAccount.objects.get().user == ada.user


def test_a_person_logs_in_again(ada: Visitor, irma_server: InMemoryServer) -> None:
    """A person with the same attribute is the same user, in any browser."""
    ada.prove("login")
    other = Visitor(irma_server)
    other.prove("login")
    assert other.user == ada.user is not None
    assert User.objects.count() == 1


def test_a_repeat_joins_the_same_session(ada: Visitor, logins: list[User]) -> None:
    """A repeated finish, with the old cookies, joins the session that the first one made."""
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    before = dict(ada.browser.cookies)
    ada.finish("login", started)
    key = ada.browser.cookies["sessionid"].value
    ada.browser.cookies.clear()
    ada.browser.cookies.update(before)
    assert "sessionid" not in ada.browser.cookies
    assert ada.finish("login", started).status_code == 200
    assert ada.browser.cookies["sessionid"].value == key
    assert logins == [ada.user]


def test_another_person_is_another_user(ada: Visitor, irma_server: InMemoryServer) -> None:
    """A person with another attribute is another user."""
    bob = Visitor(irma_server, "bob@example.com")
    ada.prove("login")
    bob.prove("login")
    assert ada.user != bob.user
    assert User.objects.count() == 2


def test_another_persons_attribute_is_refused(ada: Visitor, irma_server: InMemoryServer) -> None:
    """While a person is logged in, another person's attribute is refused, and creates no user."""
    ada.prove("login")
    user = ada.user
    ada.app = Visitor(irma_server, "eve@example.com").app
    response = ada.prove("login")
    assert (response.status_code, code(response)) == (403, "other_person")
    assert ada.user == user
    assert User.objects.count() == 1
