"""Each check of the website finds the fault that a test causes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from irma_backend.doctor.diagnoses import Diagnosis, Outcome
from irma_backend.settings_kinds import SecretReference
from irma_core import AttributeRequest, DisclosureRequest, ExtendedRequest
from irma_testing.misbehaving_server import MisbehavingServer, unused_port
from irma_testing.misbehaviours import answer
from irma_web import browser_package
from tests.doctor.conftest import EMAIL, Diagnose, behind_a_proxy, problems
from tests.plugins.in_process import factory_of, plugin
from tests.redis.redis_server import running_redis


def test_settings_that_are_safe(diagnose: Diagnose) -> None:
    """Safe settings for production cause only the warning that a server key is missing."""
    found = diagnose("settings", web__url="https://shop.example")
    assert problems(found) == ["irma.W001"]


def test_settings_that_are_not_safe(diagnose: Diagnose) -> None:
    """Unsafe settings are reported with the identifiers of the site checks."""
    found = diagnose(
        "settings",
        web__url="http://shop.example",
        web__plain_cookie=True,
        server__allow=["simulated-proofs"],
    )
    ids = ["irma.E003", "irma.E005", "irma.E006", "irma.E011", "irma.W001"]
    assert problems(found) == ids
    assert found.problems[0].exactly == "http://shop.example"
    assert "shop.example" not in found.problems[0].finding


def test_secret_that_cannot_be_read(diagnose: Diagnose, tmp_path: Path) -> None:
    """A missing token file is reported, and the checks that need the token are skipped."""
    missing = {"authentication__token": SecretReference.to_file(tmp_path / "missing")}
    assert problems(diagnose("settings", **missing)) == ["settings.failed"]
    skipped = diagnose("events", **missing)
    assert (skipped.outcome, "see the check `settings`" in skipped.seen) == (Outcome.SKIPPED, True)


def callback(diagnose_by_network: Diagnose, url: str) -> Diagnosis:
    """Return the diagnosis for a callback URL."""
    asked = ExtendedRequest(DisclosureRequest([AttributeRequest(EMAIL)]), callback_url=url)
    with behind_a_proxy() as server:
        return diagnose_by_network("callback", server, requests={"login": asked})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, []),
        (301, ["callback.wrong"]),
        (404, ["callback.wrong"]),
        (405, ["callback.wrong"]),
        (502, ["callback.wrong"]),
    ],
)
def test_page_for_callbacks(
    status: int, expected: list[str], diagnose_by_network: Diagnose
) -> None:
    """A callback page that refuses an empty post is healthy; other responses are reported."""
    with MisbehavingServer(answer(status)) as site:
        assert problems(callback(diagnose_by_network, f"{site.url}/irma/callback")) == expected


def test_website_that_is_down(diagnose_by_network: Diagnose, diagnose: Diagnose) -> None:
    """A callback URL that cannot be reached is reported; without such a URL, nothing is checked."""
    with unused_port() as port:
        found = callback(diagnose_by_network, f"http://127.0.0.1:{port}/callback")
    assert problems(found) == ["callback.unreachable"]
    assert "/callback" not in str(found)
    assert diagnose("callback").outcome is Outcome.SKIPPED


def test_store_that_is_shared(diagnose: Diagnose, tmp_path: Path) -> None:
    """A store in a database file passes the check, which is skipped without a store."""
    found = diagnose("store", parts__store=f"sqlite:{tmp_path}/irma.db")
    assert found.outcome is Outcome.OK
    assert diagnose("store").outcome is Outcome.SKIPPED


def test_store_that_is_not_shared(diagnose: Diagnose) -> None:
    """A store in memory is reported, because processes cannot share it."""
    own = {"parts__store": "memory:", "server__allow": ["memory-store"]}
    assert problems(diagnose("store", **own)) == ["store.own"]
    refused = diagnose("store", parts__store="memory:")
    assert problems(refused) == ["store.failed"]


def test_store_that_fails(diagnose: Diagnose) -> None:
    """A store whose database is down is reported, without the message of the driver."""
    with unused_port() as port:
        found = diagnose("store", parts__store=f"redis://127.0.0.1:{port}")
    assert problems(found) == ["store.failing"]
    assert str(port) not in str(found)


def test_status_backend_that_is_shared(diagnose: Diagnose, tmp_path: Path) -> None:
    """A status backend in Redis passes the check, which is skipped without a status backend."""
    with running_redis(tmp_path) as redis:
        assert diagnose("status", parts__status=redis.uri).outcome is Outcome.OK
    assert diagnose("status").outcome is Outcome.SKIPPED


class OwnBackend:
    """A status backend that shares nothing with other instances."""

    def publish(self, *_: object) -> None: ...

    def wait(self, *_: object) -> None: ...

    def close(self) -> None: ...


def test_status_backend_that_is_not_shared(diagnose: Diagnose) -> None:
    """A status backend that other processes cannot share is reported."""
    own = plugin(irma_status_backends=lambda: {"own": factory_of(OwnBackend())})
    found = diagnose("status", parts__status="own:", plugins=[own])
    assert problems(found) == ["status.own"]
    assert problems(diagnose("status", parts__status="unknown:")) == ["status.failed"]


def test_status_backend_that_fails(diagnose: Diagnose) -> None:
    """A status backend whose service is down is reported, without the message of the driver."""
    with unused_port() as port:
        found = diagnose("status", parts__status=f"redis://:a-password@127.0.0.1:{port}/0")
    assert problems(found) == ["status.failing"]
    assert found.problems[0].command
    assert "a-password" not in str(found)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return a function that pins the browser package to this content."""

    def pin(content: bytes) -> None:
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        monkeypatch.setattr(browser_package, "FILE_INTEGRITY", f"sha512-{digest}")

    return pin


def test_browser_package(
    diagnose: Diagnose, tmp_path: Path, pinned: Callable[[bytes], None]
) -> None:
    """A missing browser package, or a file of another version, is reported."""
    assert diagnose("browser-package").outcome is Outcome.SKIPPED
    missing = diagnose("browser-package", static=tmp_path)
    assert problems(missing) == ["irma.E013"]
    assert missing.problems[0].command == "irma-backend browser-package DIR"
    (tmp_path / "yivi.js").write_bytes(b"of another version")
    assert problems(diagnose("browser-package", static=tmp_path)) == ["irma.W006"]
    pinned(b"of another version")
    assert diagnose("browser-package", static=tmp_path).outcome is Outcome.OK
