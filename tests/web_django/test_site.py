"""Other parts of a Django site: admin pages, checks, commands, policies and languages."""

from __future__ import annotations

import gettext
import logging
import re
from io import StringIO
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core.checks import Error, Warning, run_checks  # noqa: A004
from django.core.management import CommandError, call_command
from django.db import connections
from django.template import Context, Template
from django.test import RequestFactory, override_settings
from django.utils.translation import gettext_lazy

import irma_web_django
from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer
from irma_web.browser_package import InstalledPackage
from irma_web_django.models import IrmaAccount, IrmaEntry
from tests.web_django.configured import MIDDLEWARE
from tests.web_django.shop import QUESTIONS, Visitor, settings_for

LOCALE = Path(irma_web_django.__file__).parent / "locale" / "nl" / "LC_MESSAGES"


@pytest.fixture
def admin(ada: Visitor) -> Visitor:
    """A visitor who has logged in, and is an administrator."""
    ada.prove("login")
    User.objects.update(is_staff=True, is_superuser=True)
    return ada


def test_the_admin_pages_can_only_unlink_an_account(admin: Visitor) -> None:
    """Entries show neither values nor buttons; the only action is to unlink an account."""
    entry = IrmaEntry.objects.all()[0]
    account = IrmaAccount.objects.get()
    entries = "/admin/irma_web_django/irmaentry/"
    assert entry.key[:20] in admin.get(entries).content.decode()
    page = admin.get(f"{entries}{entry.pk}/change/").content.decode()
    assert "name=" not in page.partition("<form id")[0] or "_save" not in page
    assert "_save" not in page
    assert "deletelink" not in page
    assert admin.get(f"{entries}add/").status_code == 403
    accounts = "/admin/irma_web_django/irmaaccount/"
    page = admin.get(f"{accounts}{account.pk}/change/").content.decode()
    assert "_save" not in page
    assert "deletelink" in page
    assert admin.get(f"{accounts}add/").status_code == 403


@pytest.mark.parametrize(
    ("table", "filtered"),
    [
        ("irmaentry", "value__regex=^a"),
        ("irmaentry", "value__length__gt=1"),
        ("irmacallback", "post__startswith=gAAAA"),
        ("irmacallback", "name__gt=0"),
        ("irmaaccount", "user__password__startswith=pbkdf2"),
    ],
)
def test_the_admin_pages_reveal_no_field_by_filters(
    admin: Visitor, table: str, filtered: str
) -> None:
    """Staff who may view a table cannot guess a hidden field letter by letter."""
    assert admin.get(f"/admin/irma_web_django/{table}/").status_code == 200
    assert admin.get(f"/admin/irma_web_django/{table}/?{filtered}").status_code == 400


def test_the_admin_can_delete_a_user(admin: Visitor) -> None:
    """Deleting a user deletes the account, so that the next login creates a new one."""
    User.objects.get().delete()
    assert not IrmaAccount.objects.exists()
    admin.browser.cookies.clear()
    admin.prove("login")
    assert admin.user is not None


def problems(**settings: Any) -> set[str]:
    """Return the identifiers of the checks' findings with some settings, during development."""
    with override_settings(DEBUG=True, **settings):
        found = run_checks(tags=["irma"])
    assert all(isinstance(each, Error | Warning) and each.hint for each in found)
    return {f"{each.id}".removeprefix("irma_web_django.") for each in found}


def deployment_problems(**settings: Any) -> set[str]:
    """Return the identifiers of the errors in production with some settings."""
    with override_settings(**settings):
        found = run_checks(tags=["irma"], include_deployment_checks=True)
    return {f"{each.id}" for each in found if isinstance(each, Error)}


def test_the_checks_explain_what_is_missing(shop: None, irma_server: InMemoryServer) -> None:
    """Each check of the site finds its own fault, and no other check finds it."""
    assert problems(IRMA={"SERVR": "x"}) == {"E001"}
    good = {**QUESTIONS, "adlut": QUESTIONS["adult"]}
    irma = settings_for(irma_server, QUESTIONS=good)
    usual = problems(IRMA=irma)
    assert usual == {"irma.E013"}
    assert problems() - usual == {"E005"}
    apps = ["django.contrib.auth", "django.contrib.contenttypes", "irma_web_django"]
    assert problems(IRMA=irma, INSTALLED_APPS=apps) - usual == {"E002"}
    assert problems(IRMA=irma, ROOT_URLCONF="tests.web_django.empty_urls") - usual == {"E003"}
    backends = ["django.contrib.auth.backends.ModelBackend"]
    assert problems(IRMA=irma, AUTHENTICATION_BACKENDS=backends) - usual == {"E004"}
    engine = "django.contrib.sessions.backends.signed_cookies"
    assert problems(IRMA=irma, SESSION_ENGINE=engine) - usual == {"E006"}
    assert problems(IRMA=irma, SECURE_CSP={"default-src": ["'self'"]}) - usual == {"irma.E014"}
    policy = {"DIRECTIVES": {"default-src": ["'none'"]}}
    assert problems(IRMA=irma, CONTENT_SECURITY_POLICY=policy) - usual == {"irma.E014"}


def test_production_checks_are_those_of_the_core(shop: None, irma_server: InMemoryServer) -> None:
    """`check --deploy` runs the core's checks, with the core's identifiers."""
    irma = settings_for(irma_server, QUESTIONS={**QUESTIONS, "adlut": QUESTIONS["adult"]})
    usual = deployment_problems(IRMA=irma)
    assert usual == {"irma.E013"}
    insecure = {"SECRET_KEY": "django-insecure-" + 50 * "x"}
    assert deployment_problems(IRMA=irma, **insecure) - usual == {"irma.E008"}
    assert deployment_problems(IRMA={**irma, "PLAIN_COOKIE": True}) - usual == {"irma.E006"}
    posting = {**irma, "CALLBACK": print, "URL": "https://127.0.0.1"}
    posting["SERVER_KEY"] = irma_server.public_key_pem
    assert deployment_problems(IRMA=posting) - usual == {"irma.E004"}
    assert deployment_problems(IRMA={}) == {"irma_web_django.E001"}


@pytest.mark.parametrize("is_debug", [True, False])
def test_check_deploy_reports_each_finding_once(
    shop: None, irma_server: InMemoryServer, is_debug: bool
) -> None:
    """`check --deploy` also runs the checks of development, and repeats none of their findings."""
    irma = settings_for(irma_server, QUESTIONS={**QUESTIONS, "adlut": QUESTIONS["adult"]})
    with override_settings(DEBUG=is_debug, IRMA=irma):
        found = run_checks(tags=["irma"], include_deployment_checks=True)
    names = [each.id for each in found]
    assert "irma.E013" in names
    assert len(names) == len(set(names))


def test_hints_name_django_settings(shop: None) -> None:
    """A hint names a Django setting, and not an argument of the library."""
    found = run_checks(tags=["irma"], include_deployment_checks=True)
    hints = {each.id: f"{each.hint}" for each in found}
    assert 'pass it as `IRMA["SERVER_KEY"]`' in hints["irma.W001"]
    assert '`IRMA["TOKEN"]`' in hints["irma.W003"]
    assert "SECURE_PROXY_SSL_HEADER" in hints["irma.W007"]


def test_the_command_says_where_django_does_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Django finds no static files in the folder, the command hints at INSTALLED_APPS."""

    def install(*_: object, **__: object) -> InstalledPackage:
        return InstalledPackage(tmp_path / "yivi.js", is_new=True)

    command = "irma_web_django.management.commands.irma_browser_package"
    monkeypatch.setattr(f"{command}.install_browser_package", install)
    said, warned = StringIO(), StringIO()
    call_command("irma_browser_package", str(tmp_path), stdout=said, stderr=warned)
    assert "written" in said.getvalue()
    assert "INSTALLED_APPS" in warned.getvalue()


def test_no_migration_is_missing(database: Path) -> None:
    """The migrations create exactly the tables that the models describe."""
    call_command("makemigrations", "irma_web_django", check=True, dry_run=True, verbosity=0)


def test_the_translations_are_compiled() -> None:
    """The Dutch sentences in the package are those of its source file, and none is missing."""
    source = (LOCALE / "django.po").read_text(encoding="utf-8")
    pairs = dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', source, re.MULTILINE))
    with (LOCALE / "django.mo").open("rb") as opened:
        dutch = gettext.GNUTranslations(opened)
    assert len(pairs) == source.count("msgid") - 1
    assert {sentence: dutch.gettext(sentence) for sentence in pairs} == pairs
    used = set()
    for path in LOCALE.parent.parent.parent.rglob("*.*"):
        if path.suffix in {".py", ".html"}:
            text = path.read_text(encoding="utf-8")
            used |= set(re.findall(r'\b_\(\s*"([^"]+)"\s*\)', text))
            used |= set(re.findall(r'{% translate "([^"]+)" %}', text))
    assert used == pairs.keys()


def test_requests_may_be_atomic(ada: Visitor, monkeypatch: Any) -> None:
    """With `ATOMIC_REQUESTS` on each database, a login works, and a refusal rolls nothing back."""
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
        monkeypatch.setitem(connections[alias].settings_dict, "ATOMIC_REQUESTS", True)
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    assert ada.finish("login", started).status_code == 200
    assert ada.finish("login", started).status_code == 200
    assert ada.get("/beers/").status_code == 302


@override_settings(
    MIDDLEWARE=[*MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
)
def test_a_site_may_demand_a_login_everywhere(shop: None, irma_server: InMemoryServer) -> None:
    """Visitors who are not logged in can use the calls and the page that asks."""
    ada = Visitor(irma_server)
    with override_settings(LOGIN_URL="/irma/ask/login/"):
        assert ada.get("/beers/").status_code == 302
        assert ada.get("/irma/ask/login/").status_code == 200
        assert ada.prove("login").status_code == 200
        assert ada.post("callback", "x", {}).status_code == 404


def test_the_policy_allows_what_the_page_needs() -> None:
    """`csp` names the IRMA server by its URL for browsers."""
    policy = irma_web_django.csp({"SERVER": "https://irma.example/api"})
    assert policy["connect-src"] == ["'self'", "https://irma.example"]
    assert policy["img-src"] == ["data:"]
    given = {"SERVER": "http://10.0.0.1", "CONNECT": {"frontend_url": "https://irma.example"}}
    assert irma_web_django.csp(given) == policy
    with pytest.raises(ConfigurationError, match="SERVER"):
        irma_web_django.csp({})
    with pytest.raises(ConfigurationError, match="dictionary"):
        irma_web_django.csp("https://irma.example")  # type: ignore[arg-type]


def test_the_policy_fits_django_csp(shop: None, irma_server: InMemoryServer) -> None:
    """The sources of `csp` are in the header that django-csp sends."""
    policy = irma_web_django.csp({"SERVER": "https://irma.example"})
    with override_settings(
        MIDDLEWARE=[*MIDDLEWARE, "csp.middleware.CSPMiddleware"],
        CONTENT_SECURITY_POLICY={"DIRECTIVES": {"default-src": ["'self'"], **policy}},
    ):
        header = Visitor(irma_server).get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in header
    assert "connect-src 'self' https://irma.example" in header


@pytest.mark.skipif(django.VERSION < (6,), reason="this Django has no middleware for policies")
def test_the_policy_fits_djangos_own_middleware(shop: None, irma_server: InMemoryServer) -> None:
    """The sources of `csp` are in the header that Django 6 sends."""
    policy = irma_web_django.csp({"SERVER": "https://irma.example"})
    with override_settings(
        MIDDLEWARE=[*MIDDLEWARE, "django.middleware.csp.ContentSecurityPolicyMiddleware"],
        SECURE_CSP={"default-src": ["'self'"], **policy},
    ):
        header = Visitor(irma_server).get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in header
    assert "connect-src 'self' https://irma.example" in header


def test_the_page_has_no_inline_script(ada: Visitor) -> None:
    """The tag writes JSON and script tags with a source, and each script only once in a page."""
    page = ada.get("/").content.decode()
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL):
        assert "src=" in attributes or 'type="application/json"' in attributes
        assert not content or "application/json" in attributes
    assert page.count("irma.js") == page.count("yivi.js") == 1
    assert page.count('data-irma="') == 2
    assert "<style" not in page
    assert " on" not in re.sub(r">[^<]*<", "><", page)


def test_the_page_speaks_dutch(ada: Visitor) -> None:
    """The page that asks, and the messages of its script, are in the visitor's language."""
    response: Any = ada.browser.get(
        "/irma/ask/login/", headers={"accept-language": "nl"}, secure=True
    )
    page = response.content.decode()
    assert '<html lang="nl">' in page
    assert "Laat met Yivi zien" in page
    assert '"language":"nl"' in page


def test_a_template_can_set_the_words_on_the_button(shop: None) -> None:
    """A template can set the words on the button, also to a translation."""
    template = Template(
        '{% load irma i18n %}{% translate "Log in" as words %}'
        '{% irma "login" start=words again=lazy %}'
    )
    request = RequestFactory().get("/")
    context = Context({"request": request, "lazy": gettext_lazy("Try again")})
    page = template.render(context)
    assert '"start":"Log in"' in page
    assert '"again":"Try again"' in page


def test_a_wrong_tag_is_explained(shop: None) -> None:
    """A misspelt question, or a context without a request, raises an explanatory error."""
    template = '{% load irma %}{% irma "NAME" %}'
    with pytest.raises(ConfigurationError, match='has no "lgoin"'):
        Template(template.replace("NAME", "lgoin")).render(Context())
    with pytest.raises(ConfigurationError, match="has no request"):
        Template(template.replace("NAME", "login")).render(Context())
    misspelt = Template('{% load irma %}{% irma "login" starts="Log in" %}')
    context = Context({"request": RequestFactory().get("/")})
    with pytest.raises(ConfigurationError, match="did you mean 'start'"):
        misspelt.render(context)


def test_the_browser_package_command_explains(shop: None, tmp_path: Path) -> None:
    """The command refuses a file that is not the browser package, and writes nothing."""
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"wrong")
    with pytest.raises(CommandError, match="hash"):
        call_command("irma_browser_package", str(tmp_path / "static"), from_file=wrong)
    assert not (tmp_path / "static").exists()


def test_the_log_of_runserver_has_no_sealed_url(caplog: pytest.LogCaptureFixture) -> None:
    """In the log of `runserver`, the line of a callback has its path without the seal."""
    sealed = f"/irma/callback/gAAAA{40 * 'x'}/"
    with caplog.at_level("INFO", "django.server"):
        logging.getLogger("django.server").info('"%s" %s', f"POST {sealed}", 204)
    assert caplog.messages == ['"POST /irma/callback/[redacted]/" 204']


def test_the_development_server_is_for_this_machine(shop: None) -> None:
    """The command refuses to run if the setting names an IRMA server on another machine."""
    with pytest.raises(CommandError, match="must be on this machine"):
        call_command("irma_dev_server", stdout=StringIO())
