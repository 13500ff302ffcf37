"""A limit on starts counts networks as Django sees them, and ignores headers that can be forged."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from irma_testing import InMemoryServer, ManualClock
from tests.web_django.shop import Visitor, code, settings_for

HOME, MOBILE = "198.41.0.4", "2001:500:2::c"


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def start(visitor: Visitor, address: str, **headers: str) -> HttpResponse:
    """Start a session with a new browser from an address."""
    visitor.browser.cookies.clear()
    response: Any = visitor.browser.post(
        "/irma/start/adult",
        b"{}",
        content_type="application/json",
        headers=headers,
        secure=True,
        REMOTE_ADDR=address,
    )
    return response  # type: ignore[no-any-return]


def with_limit(server: InMemoryServer, **more: Any) -> Any:
    """Return settings with a limit of two."""
    return override_settings(IRMA=settings_for(server, STARTS_PER_MINUTE=2, **more))


def statuses(visitor: Visitor, *addresses: str, **headers: str) -> list[int]:
    """Return the statuses of starts from some addresses, in order."""
    return [start(visitor, each, **headers).status_code for each in addresses]


def test_starts_over_the_limit_are_refused(
    ada: Visitor, irma_server: InMemoryServer, events: list[tuple[str, Any]]
) -> None:
    """A start over the limit is refused with a code and a sentence, and works a minute later."""
    with with_limit(irma_server):
        assert statuses(ada, HOME, HOME, "192.0.32.8") == [200, 200, 200]
        refused = start(ada, HOME)
        assert (refused.status_code, code(refused)) == (429, "too_many")
        assert refused["Retry-After"] == "60"
        assert "minute" in json.loads(refused.content)["error"]["message"]
        assert (events[-1][0], events[-1][1]["code"]) == ("refused", "too_many")
        assert isinstance(irma_server.clock, ManualClock)
        irma_server.clock.advance(timedelta(minutes=1))
        assert start(ada, HOME).status_code == 200


def test_a_made_up_header_changes_nothing(ada: Visitor, irma_server: InMemoryServer) -> None:
    """A client that sends another forwarded address each time is counted as one client."""
    with with_limit(irma_server):
        for made_up in ("1.1.1.1", "1.0.0.1"):
            start(ada, HOME, x_forwarded_for=made_up, forwarded=f"for={made_up}")
        assert start(ada, HOME, x_forwarded_for="8.8.8.8").status_code == 429


def test_all_addresses_of_a_customer_count_as_one(
    ada: Visitor, irma_server: InMemoryServer
) -> None:
    """All addresses of an IPv6 customer count as one, as do both spellings of an IPv4 address."""
    with with_limit(irma_server):
        assert statuses(ada, MOBILE, "2001:500:2::d", "2001:500:2:0:1::", "2001:500:3::c") == [
            *(200, 200, 429, 200)
        ]
        assert statuses(ada, HOME, f"::ffff:{HOME}", HOME) == [200, 200, 429]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "::1", "", "unix:"])
def test_starts_through_a_proxy_are_not_counted(
    ada: Visitor, irma_server: InMemoryServer, address: str
) -> None:
    """If Django sees a proxy's address or none, starts are not counted, and none is refused."""
    with with_limit(irma_server):
        assert statuses(ada, *(3 * [address])) == [200, 200, 200]


def by_header(request: HttpRequest) -> str:
    """Return the address that the proxy has appended."""
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()


def test_a_function_of_the_site_can_return_the_address(
    ada: Visitor, irma_server: InMemoryServer
) -> None:
    """Behind a proxy, a function of the site returns the client's address, or any other string."""
    with with_limit(irma_server, CLIENT_ADDRESS=f"{__name__}.by_header"):
        for name in ("10.1.1.1", "x"):
            headers = {"x_forwarded_for": f"8.8.8.8, {name}"}
            assert statuses(ada, *(3 * ["127.0.0.1"]), **headers) == [200, 200, 429]


def test_a_site_can_switch_the_limit_off(ada: Visitor, irma_server: InMemoryServer) -> None:
    """The setting None switches the limit off."""
    with override_settings(IRMA=settings_for(irma_server, STARTS_PER_MINUTE=None)):
        assert statuses(ada, *(130 * [HOME]))[-1] == 200


def test_no_start_is_refused_while_the_cache_is_down(
    ada: Visitor, irma_server: InMemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """While the cache is down, no start is refused."""
    dummy = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with with_limit(irma_server), override_settings(CACHES=dummy):
        assert statuses(ada, HOME, HOME, HOME) == [200, 200, 200]
    assert "the cache failed" in caplog.text


def test_the_check_says_that_nothing_is_counted(ada: Visitor, irma_server: InMemoryServer) -> None:
    """Behind a proxy, `check --deploy` asks the site for the function, or for a decision."""

    def found(**irma: Any) -> bool:
        irma = settings_for(irma_server, **irma)
        proxy = ("HTTP_X_FORWARDED_PROTO", "https")
        with override_settings(IRMA=irma, SECURE_PROXY_SSL_HEADER=proxy):
            messages = run_checks(tags=["irma"], include_deployment_checks=True)
        return "irma_web_django.W009" in {each.id for each in messages}

    assert found()
    assert not found(CLIENT_ADDRESS=by_header)
    assert not found(STARTS_PER_MINUTE=None)
