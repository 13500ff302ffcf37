"""Checks of the website: its settings, its callback URLs, its parts and its script."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from datetime import timedelta
from typing import Final

import attrs

from irma_backend.doctor.diagnoses import Cause, NotApplicableError, Problem
from irma_backend.doctor.examination import Examination, origin_of
from irma_core.errors import ConfigurationError, IrmaError
from irma_core.models.session_requests import as_extended
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.status_backends import PublishedEnd, StatusBackend
from irma_core.protocol.stores import Store
from irma_core.web.site_checks import (
    BrowserPackage,
    SealingKeys,
    SiteFacts,
    check_site,
    facts_of,
)
from irma_web.browser_package import FILE_NAME, package_state

__all__ = [
    "check_browser_package",
    "check_callback",
    "check_settings",
    "check_status",
    "check_store",
]

_REDIRECTS: Final = range(300, 400)
_NO_PAGE: Final = {
    404: "there is no page",
    405: "the page does not accept a POST",
    401: "a login is required",
}
_FAILURE: Final = 500


def check_settings(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether `check_site` considers any setting invalid or unsafe."""
    settings = examination.settings
    web = settings.web
    facts = attrs.evolve(
        facts_of(
            examination.context, examination.requests if examination.has_own_requests else None
        ),
        is_debug=examination.is_development,
        site_url=web.url,
        posted_urls=(
            *([] if web.url is None else [web.url]),
            *map(origin_of, _posted(examination)),
        ),
        origins=web.origins or (),
        is_cookie_plain=bool(web.plain_cookie),
        sealing_keys=None if settings.sealing_keys() is None else SealingKeys.OWN,
    )
    for found in check_site(facts):
        yield Problem.of_site(found)
    return "the settings are valid, and none is known to be unsafe"


def check_callback(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether the website responds at the URLs to which the server posts results."""
    urls = _posted(examination)
    if not urls:
        raise NotApplicableError("no request has a callback URL")
    for url in urls:
        shown = origin_of(url)  # the path may hold a secret
        request = HttpRequest(
            "POST",
            url,
            label="POST to a callback URL",
            headers=(("content-type", "text/plain; charset=UTF-8"),),
            body=b"",  # a receiver refuses an empty post, which shows that it runs
        )
        try:
            response = examination.send(request)
        except IrmaError as error:
            yield Problem(
                id="callback.unreachable",
                finding="The website cannot be reached at a callback URL",
                exactly=f"{shown}, {error}",
                remedy="Check that the website is running, and that the IRMA server can reach "
                "that URL.",
                command=f"curl -i {shown}",
                cause=Cause.NETWORK,
            )
            continue
        is_redirect = response.status in _REDIRECTS
        if is_redirect or response.status in _NO_PAGE or response.status >= _FAILURE:
            fault = "it redirects" if is_redirect else _NO_PAGE.get(response.status, "it fails")
            yield Problem(
                id="callback.wrong",
                finding="The website does not accept posts at a callback URL",
                exactly=f"{shown}, HTTP {response.status}: {fault}",
                remedy="Correct the path of the callback URL, and let the page accept a POST "
                "without a login, a CSRF token or a redirect.",
            )
    return "the website responds at each callback URL, as seen from this machine"


def _posted(examination: Examination) -> list[str]:
    """Return the callback URLs of the requests."""
    urls = (as_extended(request).callback_url for request in examination.requests.values())
    return list(dict.fromkeys(url for url in urls if url is not None))


def check_store(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether a connection to the store sees a value that another connection stored."""
    if examination.settings.first("parts.store") is None:
        raise NotApplicableError("no store is set")
    try:
        is_shared = _is_seen(examination.parts.store(), examination.parts.store())
    except (ConfigurationError, NotApplicableError):
        raise
    except Exception as error:  # noqa: BLE001  # a store raises the exceptions of its database
        yield Problem(
            id="store.failing",
            finding="The store cannot be used",
            exactly=type(error).__name__,  # without the message, which may hold a password
            remedy="Check that the database is running, and that this user may write to it.",
            command="irma-backend config",
            cause=Cause.NETWORK,
        )
        return ""
    if not is_shared:
        yield Problem(
            id="store.own",
            finding="Each process has its own store, so a process accepts a handle or callback "
            "that another has already accepted",
            remedy="Use a store that the processes share: `sqlite:PATH` on one machine, `redis:` "
            "on several.",
            command="irma-backend config",
        )
    return "a value that one connection puts into the store is visible to another"


def _is_seen(one: Store, other: Store) -> bool:
    key = f"doctor.{secrets.token_hex(16)}"
    one.put_if_absent(key, b"seen", timedelta(minutes=1))
    try:
        return other.get(key) == b"seen"
    finally:
        one.delete(key)


def check_status(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether one connection to the status backend receives what another publishes."""
    if examination.settings.first("parts.status") is None:
        raise NotApplicableError("no status backend is set")
    one, other = examination.parts.status_backend(), examination.parts.status_backend()
    try:
        is_shared = _is_heard(one, other)
    except Exception as error:  # noqa: BLE001  # a backend raises the exceptions of its service
        yield Problem(
            id="status.failing",
            finding="The status backend cannot be used",
            exactly=type(error).__name__,  # without the message, which may hold a password
            remedy="Check that its service is running, and that this user may read and write "
            "there. Until then, watches ask the IRMA server.",
            command="irma-backend config",
            cause=Cause.NETWORK,
        )
        return ""
    if not is_shared:
        yield Problem(
            id="status.own",
            finding="Each process has its own status backend, so a watch does not receive what "
            "another process publishes",
            remedy="Use a status backend that the processes share, such as `redis:`.",
            command="irma-backend config",
        )
    return "the end of a session, published on one connection, reaches another connection"


def _is_heard(one: StatusBackend, other: StatusBackend) -> bool:
    token = RequestorToken(secrets.token_hex(10))
    one.publish(token, PublishedEnd(SessionStatus.CANCELLED))
    return other.wait(token, timedelta(seconds=1)) is not None


def check_browser_package(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether the official browser package is in the folder of static files."""
    folder = examination.static
    if folder is None:
        raise NotApplicableError("give the folder of the website's static files as --static")
    state = BrowserPackage(package_state(folder / FILE_NAME).value)
    for found in check_site(SiteFacts(browser_package=state)):
        yield attrs.evolve(
            Problem.of_site(found),
            exactly=f"{FILE_NAME} in --static",  # without the path, which may be a secret
            remedy="",
            command="irma-backend browser-package DIR",
        )
    return f"{FILE_NAME} is the version that this library was tested with"
