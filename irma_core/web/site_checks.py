"""Check a website's configuration at start-up, from a table that identifies each check.

The adapter for a web framework collects `SiteFacts`, `check_site` applies the table to them, and
the framework shows the findings in its own way. An adapter leaves out facts that it cannot
determine, and the checks that need those facts find nothing. The table is printed in
`docs/explanation/site-checks.md`.

An identifier keeps its meaning forever, because sites use it to silence findings. A retired number
is never used again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

import attrs

from irma_core.flows.context import RequestorContext
from irma_core.models.arguments import check_instance
from irma_core.models.risks import Risk
from irma_core.models.session_requests import ExtendedRequest, SessionRequest, as_extended
from irma_core.models.urls import is_loopback, is_plain_http
from irma_core.tracebacks import boundary
from irma_core.trust.authentication import NoAuthentication
from irma_core.value_object import ValueObject
from irma_core.web.questions import Question, Questions

__all__ = [
    "CHECKS",
    "BrowserPackage",
    "Check",
    "Finding",
    "Level",
    "SealingKeys",
    "SiteFacts",
    "check_site",
    "facts_of",
]

_DEMO_SCHEME: Final = "irma-demo."


class Level(Enum):
    """The severity of a finding."""

    ERROR = "error"
    """The site does not work, or anyone can log in as anyone else."""
    WARNING = "warning"
    """The site works, but is less safe or slower than it could be."""


class SealingKeys(Enum):
    """The source of the keys that seal handles and URLs."""

    OWN = "own"
    """The keys are separate settings, or are derived from a strong key of the framework."""
    WEAK = "weak"
    """The keys are derived from a framework key that can be guessed, such as one in a tutorial."""
    MISSING = "missing"
    """No keys are set, so each process makes its own."""


class BrowserPackage(Enum):
    """The state of the official browser package."""

    PRESENT = "present"
    """The file is the pinned version, unchanged."""
    OTHER = "other"
    """The file is not the pinned version, or was changed."""
    MISSING = "missing"
    """The file does not exist."""


@final
@boundary
@attrs.frozen(eq=False, repr=False, kw_only=True)
class SiteFacts(ValueObject):
    """The known facts about a website. They contain no secret.

    Args:
        is_debug: Whether the site runs on a developer's machine. Most checks are only about
            production.
        server_url: The base URL of the IRMA server.
        frontend_url: The URL at which apps and browsers reach the server, if it is not
            `server_url`.
        has_server_key: Whether answers come from signed results.
        is_server_key_fetched: Whether the key that verifies signed results comes from the server
            itself.
        has_authentication: Whether the requestor authenticates to the server.
        risks: The risks that the site allows.
        demo_questions: The names of questions that ask for attributes from the `irma-demo` scheme.
        site_url: The site's own URL, as browsers see it.
        posted_urls: The URLs that the IRMA server posts to.
        origins: Other origins whose pages may call the site.
        sealing_keys: The source of the sealing keys.
        is_store_shared: Whether all processes of the site share the store.
        workers: How many processes serve the site.
        is_session_in_cookie: Whether the framework keeps its web session in a cookie, and not on
            the server.
        is_cookie_plain: Whether the binding cookie may travel over plain HTTP.
        browser_package: The state of the browser package.
        content_policy: The site's content security policy, which maps directives to sources; None
            if the site has no policy.
        needed_sources: The sources that the page needs, in the form of `content_policy`; see
            `irma_web.page.csp_sources`.
        trusts_proxy: Whether the framework takes the scheme of a request from the proxy in front of
            it (`X-Forwarded-Proto`).
    """

    is_debug: bool = False
    server_url: str | None = None
    frontend_url: str | None = None
    has_server_key: bool | None = None
    is_server_key_fetched: bool = False
    has_authentication: bool | None = None
    risks: frozenset[Risk] = frozenset()
    demo_questions: tuple[str, ...] = ()
    site_url: str | None = None
    posted_urls: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    sealing_keys: SealingKeys | None = None
    is_store_shared: bool | None = None
    workers: int | None = None
    is_session_in_cookie: bool | None = None
    is_cookie_plain: bool = False
    browser_package: BrowserPackage | None = None
    content_policy: Mapping[str, Collection[str]] | None = None
    needed_sources: Mapping[str, Collection[str]] = attrs.field(factory=dict)
    trusts_proxy: bool | None = None


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class Finding(ValueObject):
    """A problem with a site's configuration, which should be fixed.

    Args:
        id: The stable identifier, such as `irma.E001`.
        level: The severity.
        finding: What is wrong.
        remedy: What to do, or which command to run.
    """

    id: str
    level: Level
    finding: str
    remedy: str


Find: TypeAlias = Callable[[SiteFacts], str | None]
"""Looks for a problem in the facts about a site. Returns None if there is no problem, and otherwise
details for the finding, which may be an empty string.
"""


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class Check(ValueObject):
    """One check of a site's configuration: a row of the table of checks.

    Args:
        id: The stable identifier. `E` is an error and `W` a warning.
        finding: What is wrong.
        remedy: What to do, or which command to run.
        find: The function that looks for the problem in the facts about a site.
        in_debug: Whether the check also applies on a developer's machine.
    """

    id: str
    finding: str
    remedy: str
    find: Find = attrs.field(repr=False)
    in_debug: bool = False

    @property
    def level(self) -> Level:
        """The severity of the finding."""
        return Level.ERROR if self.id.startswith("irma.E") else Level.WARNING

    def compare(self, facts: SiteFacts) -> Finding | None:
        """Return the finding, or None if nothing is wrong."""
        if facts.is_debug and not self.in_debug:
            return None
        exactly = self.find(facts)
        if exactly is None:
            return None
        finding = f"{self.finding} ({exactly})" if exactly else self.finding
        return Finding(self.id, self.level, finding, self.remedy)


@boundary
def check_site(facts: SiteFacts) -> tuple[Finding, ...]:
    """Return the findings about a site, errors first.

    Args:
        facts: The known facts about the site.

    Raises:
        UsageError: The facts are not `SiteFacts`.
    """
    check_instance(facts, SiteFacts, "facts", "SiteFacts")
    compared = (check.compare(facts) for check in CHECKS)
    return tuple(finding for finding in compared if finding is not None)


@boundary
def facts_of(context: RequestorContext, questions: Questions | None = None) -> SiteFacts:
    """Return the facts that can be read from a site's requestor and questions.

    Args:
        context: The requestor's `context`.
        questions: The site's questions, by name. A question that a function creates cannot be
            inspected.
    """
    frontend = context.frontend
    return SiteFacts(
        server_url=context.server.text,
        frontend_url=None if frontend is None else frontend.text,
        has_server_key=context.takes_signed_results,
        is_server_key_fetched=context.fetched_key is not None,
        has_authentication=not isinstance(context.authentication, NoAuthentication),
        risks=context.allow,
        demo_questions=tuple(
            name for name, asked in (questions or {}).items() if _asks_for_demo(asked)
        ),
    )


def _asks_for_demo(asked: object) -> bool:
    request = asked.request if isinstance(asked, Question) else asked
    if not isinstance(request, SessionRequest | ExtendedRequest):
        return False
    return any(
        attribute.type.startswith(_DEMO_SCHEME)
        for disjunction in as_extended(request).request.disclose.disjunctions
        for option in disjunction
        for attribute in option
    )


def _found(*, when: bool | None) -> str | None:
    return "" if when else None


def _listed(items: Collection[str]) -> str | None:
    return ", ".join(items) if items else None


def _is_here(url: str | None) -> bool:
    return url is not None and is_loopback(urlsplit(url).hostname or "")


def _plain(*urls: str | None) -> str | None:
    return _listed([url for url in urls if url is not None and is_plain_http(url)])


def _unreachable(facts: SiteFacts) -> str | None:
    if facts.server_url is None or _is_here(facts.server_url):
        return None
    return _listed([url for url in facts.posted_urls if _is_here(url)])


def _missing_sources(facts: SiteFacts) -> str | None:
    policy = facts.content_policy
    if policy is None:
        return None
    missing = [
        f"{directive} {source}"
        for directive, needed in facts.needed_sources.items()
        if (allowed := policy.get(directive, policy.get("default-src"))) is not None
        for source in needed
        if not _covers(allowed, source)
    ]
    return "; ".join(missing) if missing else None


def _covers(allowed: Collection[str], source: str) -> bool:
    if source in allowed:
        return True
    if source.startswith("'sha"):
        # A hash or nonce in the list switches 'unsafe-inline' off (CSP Level 3, section 6.7.3.2).
        is_strict = any(each.startswith(("'sha", "'nonce-")) for each in allowed)
        return "'unsafe-inline'" in allowed and not is_strict
    if not source.startswith(("http://", "https://")):
        return False
    return "*" in allowed or f"{urlsplit(source).scheme}:" in allowed


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "irma.E001",
        "Apps would reach the IRMA server over plain HTTP, so anyone on the network can log in as "
        "anyone else",
        "Serve the IRMA server over HTTPS. Put its https address into `frontend_url` here, and "
        "into the server's own setting `url`.",
        lambda facts: _plain(facts.frontend_url or facts.server_url),
    ),
    Check(
        "irma.E002",
        "Apps cannot reach the IRMA server, because its `frontend_url` is a loopback address, such "
        "as localhost",
        "Put the address at which visitors' phones reach the server into `frontend_url` here, and "
        "into the server's own setting `url`.",
        lambda facts: facts.frontend_url if _is_here(facts.frontend_url) else None,
    ),
    Check(
        "irma.E003",
        "The IRMA server would post results over plain HTTP",
        "Use an https URL for callbacks and next sessions, and serve it over HTTPS.",
        lambda facts: _plain(*facts.posted_urls),
    ),
    Check(
        "irma.E004",
        "The IRMA server runs on another machine, so it cannot post to the site's loopback address",
        "Set the site's URL to one that the server can reach. During development, run "
        "`irma-backend dev-server` on the same machine.",
        _unreachable,
        in_debug=True,
    ),
    Check(
        "irma.E005",
        "The site is served over plain HTTP, so browsers drop the cookie that a login needs",
        "Serve the site over HTTPS.",
        lambda facts: _plain(facts.site_url),
    ),
    Check(
        "irma.E006",
        "The cookie that binds a login to a browser may travel over plain HTTP",
        "Leave out `plain_cookie=True`, which is for development on this machine.",
        lambda facts: _found(when=facts.is_cookie_plain),
    ),
    Check(
        "irma.E007",
        "There are no sealing keys, so each process refuses handles from the others",
        "Make a key with `python -c 'import irma_core; print(irma_core.new_sealing_key())'`, and "
        "give it to all processes.",
        lambda facts: _found(when=facts.sealing_keys is SealingKeys.MISSING),
    ),
    Check(
        "irma.E008",
        "The sealing keys can be guessed, so anyone can make a handle that logs them in",
        "Make a key with `python -c 'import irma_core; print(irma_core.new_sealing_key())'`, or "
        "give the framework a random secret key.",
        lambda facts: _found(when=facts.sealing_keys is SealingKeys.WEAK),
    ),
    Check(
        "irma.E009",
        "Each process has its own store, so a process accepts a handle or callback that another "
        "has already accepted",
        "Use a store that all processes share: the database of the Django app, `sqlite:` on one "
        "machine, or `redis:` on several.",
        lambda facts: (
            f"{facts.workers} processes"
            if facts.is_store_shared is False and (facts.workers or 0) > 1
            else None
        ),
        in_debug=True,
    ),
    Check(
        "irma.E010",
        "A question asks for irma-demo attributes, which anyone can issue to themselves",
        "Ask for attributes of another scheme, such as `pbdf.`, in production.",
        lambda facts: _listed(facts.demo_questions),
    ),
    Check(
        "irma.E011",
        "Results from a simulated server are accepted, so anyone who knows its key can log in as "
        "anyone else",
        "Leave `Risk.SIMULATED_PROOFS` out of `allow`; it is for tests.",
        lambda facts: _found(when=Risk.SIMULATED_PROOFS in facts.risks),
    ),
    Check(
        "irma.E012",
        "The certificate of the IRMA server is not verified, which is no better than plain HTTP",
        "Leave `Risk.UNVERIFIED_TLS` out of `allow`. Trust the certificate authority of the server "
        "instead.",
        lambda facts: _found(when=Risk.UNVERIFIED_TLS in facts.risks),
    ),
    Check(
        "irma.E013",
        "The official browser package is missing, so pages show no QR code",
        "Run irma-backend browser-package DIRECTORY.",
        lambda facts: _found(when=facts.browser_package is BrowserPackage.MISSING),
        in_debug=True,
    ),
    Check(
        "irma.E014",
        "The content security policy lacks a source that the page needs",
        "Add what `irma_web.page.csp_sources(server_url)` returns to the policy.",
        _missing_sources,
        in_debug=True,
    ),
    Check(
        "irma.E015",
        "Unsigned results travel over plain HTTP, so anyone on that network can log in as anyone "
        "else",
        "Pass the server's public key as `server_key`, or serve the IRMA server over HTTPS.",
        lambda facts: None if facts.has_server_key else _plain(facts.server_url),
    ),
    Check(
        "irma.W001",
        "The requestor has no `server_key`, so an answer is only as safe as the connection "
        "to the server",
        "Copy the public key from the server's configuration, and pass it as `server_key`.",
        lambda facts: _found(when=facts.has_server_key is False),
    ),
    Check(
        "irma.W002",
        "The key that verifies results is fetched from the server, so it is only as "
        "trustworthy as TLS",
        "Copy the public key from the server's configuration, and pass it as `server_key`.",
        lambda facts: _found(when=facts.is_server_key_fetched),
    ),
    Check(
        "irma.W003",
        "The requestor does not authenticate, so the server starts sessions for anyone who can "
        "reach it",
        "Add a requestor with a token or a key to the server's `requestors` setting, and pass "
        "`token`, or `key` and `name`.",
        lambda facts: _found(when=facts.has_authentication is False),
    ),
    Check(
        "irma.W004",
        "The store is in the memory of one process, and is lost at each restart",
        "Use a store that all processes share, unless you are certain that there is only one "
        "process.",
        lambda facts: _found(when=facts.is_store_shared is False and (facts.workers or 1) == 1),
    ),
    Check(
        "irma.W005",
        "The web session is kept in a cookie, so a copy of the cookie stays valid after the person "
        "has logged out",
        "Keep web sessions on the server, in a database or a cache.",
        lambda facts: _found(when=facts.is_session_in_cookie),
    ),
    Check(
        "irma.W006",
        "The browser package is not the version that this library was tested with",
        "Run irma-backend browser-package DIRECTORY.",
        lambda facts: _found(when=facts.browser_package is BrowserPackage.OTHER),
        in_debug=True,
    ),
    Check(
        "irma.W007",
        "The framework does not trust the scheme (http or https) that a proxy reports, so behind a "
        "proxy each call from a page is refused with the code `other_site`",
        "If a proxy sets X-Forwarded-Proto, let the framework trust that header. If there is no "
        "proxy, silence this warning.",
        lambda facts: _found(when=facts.trusts_proxy is False),
    ),
    Check(
        "irma.W008",
        "A page from another origin is loaded over plain HTTP, so anyone on the network can change "
        "it",
        "Serve that page over HTTPS.",
        lambda facts: _plain(*facts.origins),
    ),
    Check(
        "irma.W009",
        "Apps probably cannot reach the IRMA server: its URL is a loopback address, such as "
        "localhost, and `frontend_url` is not set",
        "Set `frontend_url` to the value of the server's `url` setting.",
        lambda facts: _found(when=facts.frontend_url is None and _is_here(facts.server_url)),
    ),
)
