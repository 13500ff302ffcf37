"""Tests of the provider for allauth, in the how-to's project, which runs in a separate process.

`tests/docs/test_how_to_django_allauth.py` copies this file into that project and runs it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from allauth.account.models import EmailAddress  # pyright: ignore[reportMissingTypeStubs]
from allauth.socialaccount.models import SocialAccount  # pyright: ignore[reportMissingTypeStubs]
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client, TestCase, override_settings

from irma_core import DisclosureRequest, new_sealing_key
from irma_testing import InMemoryServer, Login

ADA, EVE = "ada@example.com", "eve@example.com"


class ProviderTest(TestCase):
    """Logins by allauth, and attempts to log in as another person."""

    def setUp(self) -> None:
        self.server = InMemoryServer()
        self.prove = Login(self.server)
        self.change()

    def change(self, **irma: Any) -> None:
        """Change settings until the test ends."""
        transport = self.server.transport()
        connect = {"SERVER": self.server.url, "CONNECT": {"transport": transport}}
        changed = override_settings(IRMA={**settings.IRMA, **connect, **irma})
        changed.enable()
        self.addCleanup(changed.disable)

    def provider(self, **given: Any) -> None:
        """Change the provider's settings until the test ends."""
        changed = override_settings(SOCIALACCOUNT_PROVIDERS={"irma": given})
        changed.enable()
        self.addCleanup(changed.disable)

    def begin(self, browser: Client, query: str = "") -> str:
        """Press the button, and return the URL to which the asking page leads back."""
        response: Any = browser.post(f"/accounts/irma/login/{query}", secure=True)
        assert urlsplit(response["Location"]).path == "/irma/ask/allauth/"
        page: Any = browser.get(response["Location"], secure=True)
        self.assertContains(page, 'data-irma="allauth"')
        (callback,) = parse_qs(urlsplit(f"{response['Location']}").query)["next"]
        return callback

    def log_in(self, browser: Client, email: str = ADA, query: str = "") -> Any:
        """Log a person in, and return the last response."""
        callback = self.begin(browser, query)
        assert self.prove(browser, "allauth", email=email, next_url=callback) == callback
        return browser.get(callback, secure=True)

    def test_a_person_signs_up_and_comes_back(self) -> None:
        """The first login creates an account with a verified address; the next login finds it."""
        response = self.log_in(self.client, query="?next=/accounts/email/")
        assert response["Location"] == "/accounts/email/"
        user = get_user(self.client)
        address = EmailAddress.objects.get()
        assert (address.email, address.verified, address.primary) == (ADA, True, True)
        again = Client()
        self.log_in(again)
        assert get_user(again) == user
        self.log_in(Client(), EVE)
        assert User.objects.count() == 2

    def test_only_a_pseudonym_is_stored(self) -> None:
        """Allauth's table has neither the address nor any other disclosed value."""
        self.log_in(self.client)
        account = SocialAccount.objects.get()
        assert (account.extra_data, len(account.uid)) == ({}, 43)
        page = self.client.get("/accounts/3rdparty/", secure=True)
        self.assertContains(page, "Yivi")

    def test_without_a_slot_there_is_no_address(self) -> None:
        """Without the setting `EMAIL`, the new account has no e-mail address."""
        self.provider(ACCOUNT="email")
        self.log_in(self.client)
        assert User.objects.get().email == ""
        assert not EmailAddress.objects.exists()

    def test_a_form_of_allauth_may_come_between(self) -> None:
        """A person can complete a sign-up with allauth's own form, in a later request."""
        with override_settings(SOCIALACCOUNT_AUTO_SIGNUP=False):
            assert self.log_in(self.client)["Location"] == "/accounts/3rdparty/signup/"
            form = {"username": "ada", "email": "ada@shop.example"}
            self.client.post("/accounts/3rdparty/signup/", form, secure=True)
        assert get_user(self.client) == User.objects.get(username="ada")
        verified = EmailAddress.objects.filter(verified=True)
        assert [each.email for each in verified] == [ADA]

    def test_an_account_is_joined_by_address_only_if_the_site_says_so(self) -> None:
        """Allauth asks for another address if an account has it, unless a setting joins both."""
        known = User.objects.create_user("ada", ADA)
        EmailAddress.objects.create(user=known, email=ADA, verified=True, primary=True)
        assert self.log_in(self.client)["Location"] == "/accounts/3rdparty/signup/"
        with override_settings(SOCIALACCOUNT_EMAIL_AUTHENTICATION=True):
            browser = Client()
            self.log_in(browser)
            assert get_user(browser) == known

    def test_an_attribute_is_connected_to_the_user_who_is_logged_in(self) -> None:
        """Allauth's page for connections adds the attribute to an account."""
        known = User.objects.create_user("bob", "bob@example.com")
        self.client.force_login(known)
        self.log_in(self.client, query="?process=connect")
        assert SocialAccount.objects.get().user == known

    def test_a_callback_needs_a_proof(self) -> None:
        """A person who opens the callback without a proof is not logged in."""
        callback = self.begin(self.client)
        response: Any = self.client.get(callback, secure=True)
        assert response.status_code == 401
        assert get_user(self.client).is_anonymous

    def test_an_earlier_proof_is_not_enough(self) -> None:
        """A proof from before the button was pressed does not log the person in."""
        self.log_in(self.client)
        self.client.post("/accounts/logout/", secure=True)
        self.prove(self.client, "allauth", email=EVE)
        response: Any = self.client.get(self.begin(self.client), secure=True)
        assert response.status_code == 401

    def test_a_callback_works_once_and_in_its_own_browser(self) -> None:
        """A stolen callback, a made-up one and a used one are refused."""
        callback = self.begin(self.client)
        eve = Client()
        self.prove(eve, "allauth", email=EVE)
        made_up = "/accounts/irma/login/callback/?state=x"
        for url in (callback, made_up, made_up.partition("?")[0]):
            refused: Any = eve.get(url, secure=True)
            assert refused.status_code == 403
        self.prove(self.client, "allauth", email=ADA)
        assert self.client.get(callback, secure=True).status_code == 302
        assert self.client.get(callback, secure=True).status_code == 403
        assert get_user(eve).is_anonymous
        assert self.client.post(callback, secure=True).status_code == 405

    def test_a_value_that_is_not_an_address(self) -> None:
        """An attribute that is not an e-mail address leads to allauth's page for failures."""
        callback = self.begin(self.client)
        self.prove(self.client, "allauth", email="nobody")
        response: Any = self.client.get(callback, secure=True)
        assert response.status_code == 401

    def test_accounts_move_to_a_new_key(self) -> None:
        """A person is found with an older key, and from then on with the newest key."""
        old, new = new_sealing_key(), new_sealing_key()
        self.change(PSEUDONYM_KEYS=[old])
        self.log_in(self.client)
        self.change(PSEUDONYM_KEYS=[new, old])
        self.log_in(Client())
        self.change(PSEUDONYM_KEYS=[new])
        self.log_in(Client())
        assert (User.objects.count(), SocialAccount.objects.count()) == (1, 1)

    def problems(self) -> list[str]:
        """Return the messages of the provider's system check."""
        found = run_checks(tags=["irma"])
        return [each.msg for each in found if each.id == "irma_web_django.E008"]

    def test_the_check_names_a_wrong_setting(self) -> None:
        """Each error of the system check names its setting."""
        assert self.problems() == []
        wrong: list[tuple[str, Any]] = [
            ('["ACCOUNT"]', {}),
            ('["ACCOUNT"]', {"ACCOUNT": 1}),
            ('["EMAIL"]', {"ACCOUNT": "email", "EMAIL": 1}),
            ('["EMAIL"]', {"ACCOUNT": "email", "EMAIL": "mail"}),
            ("did you mean 'email'?", {"ACCOUNT": "emial"}),
            ('["QUESTION"]', {"ACCOUNT": "email", "QUESTION": "x"}),
        ]
        for name, given in wrong:
            with self.subTest(name), override_settings(SOCIALACCOUNT_PROVIDERS={"irma": given}):
                assert name in "".join(self.problems())
        with override_settings(SOCIALACCOUNT_PROVIDERS={"irma": ["x"]}):
            assert "must be a dictionary" in "".join(self.problems())
        login = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
        self.change(QUESTIONS={"login": login}, ACCOUNT="email")
        self.provider(ACCOUNT="email", QUESTION="login")
        assert 'must not be IRMA["LOGIN"]' in "".join(self.problems())
