"""The checks of a website at start-up; each of them finds exactly one fault."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_backend.site_log import log_findings
from irma_core import (
    DisclosureRequest,
    ExtendedRequest,
    FetchedServerKey,
    Question,
    Requestor,
    Risk,
    TokenAuthentication,
)
from irma_core.errors import UsageError
from irma_core.web.site_checks import (
    CHECKS,
    BrowserPackage,
    Level,
    SealingKeys,
    SiteFacts,
    check_site,
    facts_of,
)
from irma_testing import InMemoryServer, ScriptedTransport
from irma_web.browser_package import PackageState
from irma_web.page import csp_sources

IRMA = "https://irma.shop.example"
RIGHT = SiteFacts(
    server_url="http://127.0.0.1:8088",
    frontend_url=IRMA,
    has_server_key=True,
    has_authentication=True,
    site_url="https://shop.example",
    posted_urls=("https://shop.example/irma/callback",),
    origins=("https://app.example",),
    sealing_keys=SealingKeys.OWN,
    is_store_shared=True,
    workers=4,
    is_session_in_cookie=False,
    browser_package=BrowserPackage.PRESENT,
    content_policy={"default-src": ("'none'",), **csp_sources(IRMA)},
    needed_sources=csp_sources(IRMA),
    trusts_proxy=True,
)
BROKEN: dict[str, dict[str, Any]] = {
    "irma.E001": {"frontend_url": "http://irma.shop.example"},
    "irma.E002": {"frontend_url": "https://localhost:8088"},
    "irma.E003": {"posted_urls": ("http://shop.example/irma/callback",)},
    "irma.E004": {
        "server_url": IRMA,
        "posted_urls": ("https://shop.example/irma/next", "http://127.0.0.1:8000/irma/callback"),
    },
    "irma.E005": {"site_url": "http://shop.example"},
    "irma.E006": {"is_cookie_plain": True},
    "irma.E007": {"sealing_keys": SealingKeys.MISSING},
    "irma.E008": {"sealing_keys": SealingKeys.WEAK},
    "irma.E009": {"is_store_shared": False},
    "irma.E010": {"demo_questions": ("login", "adult")},
    "irma.E011": {"risks": frozenset({Risk.SIMULATED_PROOFS})},
    "irma.E012": {"risks": frozenset({Risk.UNVERIFIED_TLS})},
    "irma.E013": {"browser_package": BrowserPackage.MISSING},
    "irma.E014": {"content_policy": {"default-src": ("'self'",)}},
    "irma.E015": {"server_url": "http://irma.internal", "has_server_key": None},
    "irma.W001": {"has_server_key": False},
    "irma.W002": {"is_server_key_fetched": True},
    "irma.W003": {"has_authentication": False},
    "irma.W004": {"is_store_shared": False, "workers": None},
    "irma.W005": {"is_session_in_cookie": True},
    "irma.W006": {"browser_package": BrowserPackage.OTHER},
    "irma.W007": {"trusts_proxy": False},
    "irma.W008": {"origins": ("https://app.example", "http://old.example")},
    "irma.W009": {"frontend_url": None},
}
DETAILS = {
    "irma.E001": "http://irma.shop.example",
    "irma.E004": "http://127.0.0.1:8000/irma/callback",
    "irma.E009": "4 processes",
    "irma.E010": "login, adult",
    "irma.W008": "http://old.example",
}


def ids(facts: SiteFacts) -> list[str]:
    return [finding.id for finding in check_site(facts)]


def test_right_site_has_no_finding() -> None:
    """A site whose settings are right has no finding."""
    assert check_site(RIGHT) == ()


def test_an_unknown_fact_leads_to_no_finding() -> None:
    """A fact that an adapter does not know leads to no finding."""
    assert check_site(SiteFacts()) == ()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_check_finds_its_fault_alone(check: Any) -> None:
    """A site with one fault has the finding for it, with its remedy."""
    (finding,) = check_site(attrs.evolve(RIGHT, **BROKEN[check.id]))
    assert (finding.id, finding.remedy) == (check.id, check.remedy)
    assert finding.level is (Level.ERROR if "E" in check.id else Level.WARNING)
    assert finding.finding.startswith(check.finding)
    if detail := DETAILS.get(check.id):
        assert finding.finding == f"{check.finding} ({detail})"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_production_checks_do_not_run_for_developers(check: Any) -> None:
    """On a developer's machine, only those checks run that are meant for it."""
    facts = attrs.evolve(RIGHT, is_debug=True, **BROKEN[check.id])
    assert ids(facts) == ([check.id] if check.in_debug else [])


@pytest.mark.parametrize(
    ("workers", "found"), [(None, "irma.W004"), (1, "irma.W004"), (2, "irma.E009")]
)
def test_store_of_one_process(workers: int | None, found: str) -> None:
    """A store that is not shared is an error for a site with two processes."""
    assert ids(attrs.evolve(RIGHT, is_store_shared=False, workers=workers)) == [found]


def test_several_faults_are_found_with_errors_first() -> None:
    """A site with several faults has a finding for each, and the errors come first."""
    facts = attrs.evolve(RIGHT, has_authentication=False, is_cookie_plain=True, trusts_proxy=False)
    assert ids(facts) == ["irma.E006", "irma.W003", "irma.W007"]


def test_identifiers_are_unique_and_in_order() -> None:
    """Each identifier of a finding occurs once, in the table's order, and all have one form."""
    found = [check.id for check in CHECKS]
    assert found == sorted(set(found))
    assert all(re.fullmatch(r"irma\.[EW]\d{3}", each) for each in found)


@pytest.mark.parametrize(
    ("policy", "missing"),
    [
        (None, ""),
        ({}, ""),
        ({"script-src": ("'self'",), "img-src": ("data:",)}, ""),
        ({"default-src": ("'self'", "https:", "data:", "'unsafe-inline'")}, ""),
        ({"connect-src": ("'self'",)}, f"connect-src {IRMA}"),
        ({"connect-src": ("'self'", "*")}, ""),
        ({"connect-src": ("'self'", "http:")}, f"connect-src {IRMA}"),
        ({"img-src": ("*",)}, "img-src data:"),
        ({"script-src": ()}, "script-src 'self'"),
        ({"style-src": ("'self'", "'unsafe-inline'")}, ""),
        ({"style-src": ("'self'", "'unsafe-inline'", "'nonce-x'")}, "style-src 'sha256-"),
    ],
)
def test_content_policy(policy: Any, missing: str) -> None:
    """A policy must allow each source, by its name, a wildcard or a fallback directive."""
    findings = check_site(attrs.evolve(RIGHT, content_policy=policy))
    assert bool(findings) == bool(missing)
    assert missing in "".join(finding.finding for finding in findings)


def test_facts_of_a_bare_requestor() -> None:
    """The facts of a requestor without keys say that it has no keys."""
    facts = facts_of(Requestor(IRMA, ScriptedTransport()).context)
    assert facts == SiteFacts(server_url=IRMA, has_server_key=False, has_authentication=False)


def test_facts_of_a_configured_requestor() -> None:
    """The facts of a requestor have its URLs and risks, and which keys it has, but no key."""
    requestor = Requestor(
        IRMA,
        ScriptedTransport(),
        authentication=TokenAuthentication("token of the shop"),
        server_key=InMemoryServer().public_key_pem,
        frontend_url="https://public.example",
        allow={Risk.SIMULATED_PROOFS},
    )
    facts = facts_of(requestor.context)
    assert facts == SiteFacts(
        server_url=IRMA,
        frontend_url="https://public.example",
        has_server_key=True,
        has_authentication=True,
        risks=frozenset({Risk.SIMULATED_PROOFS}),
    )
    assert "token of the shop" not in repr(facts)


def test_facts_of_a_requestor_that_fetches_its_key() -> None:
    """A requestor that fetches the server's key counts as having a key, but a weaker one."""
    requestor = Requestor(IRMA, ScriptedTransport(), server_key=FetchedServerKey())
    facts = facts_of(requestor.context)
    assert (facts.has_server_key, facts.is_server_key_fetched) == (True, True)


def test_facts_of_questions() -> None:
    """The facts name the questions that use a demo scheme, in whichever form these are written."""
    demo = DisclosureRequest({"id": "irma-demo.MijnOverheid.root.BSN"})

    def made(_request: object) -> DisclosureRequest:
        return demo

    questions: Any = {
        "email": DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"}),
        "plain": demo,
        "extended": ExtendedRequest(demo, timeout=timedelta(minutes=1)),
        "question": Question(demo, reference="order-17"),
        "made": made,
    }
    facts = facts_of(Requestor(IRMA, ScriptedTransport()).context, questions)
    assert facts.demo_questions == ("plain", "extended", "question")


def test_a_value_that_is_not_facts_is_refused() -> None:
    """Any object that is not the facts of a site is refused."""
    wrong: Any = {"is_debug": True}
    with pytest.raises(UsageError, match="facts: must be SiteFacts"):
        check_site(wrong)


def test_states_of_the_browser_package_are_the_same() -> None:
    """The core has the same states of the browser package as `irma_web`, which it cannot import."""
    assert {each.value for each in BrowserPackage} == {each.value for each in PackageState}


def test_findings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Each finding is one line, at its level, with identifier and remedy."""
    log_findings(check_site(SiteFacts(browser_package=BrowserPackage.MISSING, trusts_proxy=False)))
    (missing, proxy) = caplog.record_tuples
    assert missing == (
        "irma_backend",
        logging.ERROR,
        "irma.E013: The official browser package is missing, so pages show no QR code. Run "
        "irma-backend browser-package DIRECTORY.",
    )
    assert proxy[1] == logging.WARNING
    assert proxy[2].startswith("irma.W007: ")
