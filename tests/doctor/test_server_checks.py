"""Each check of the server finds the fault that a test causes, and no other fault."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from irma_backend.doctor.diagnoses import Cause, Outcome
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.misbehaving_server import MisbehavingServer, unused_port
from irma_testing.misbehaviours import answer
from tests.doctor.conftest import Diagnose, behind_a_proxy, problems


def tls_of(authority: trustme.CA, *, days: int) -> ssl.SSLContext:
    """Return the TLS context of a server whose certificate expires after some days."""
    end = datetime.now(UTC) + timedelta(days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=end).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the authority, as a user with a private authority does."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def test_server_that_is_healthy(diagnose: Diagnose) -> None:
    """The checks find no fault at a healthy server."""
    assert diagnose("reachable").outcome is Outcome.OK
    version = diagnose("version")
    assert (version.outcome, "0.15 or later" in version.seen) == (Outcome.OK, True)


def test_server_that_is_down(diagnose_by_network: Diagnose) -> None:
    """A port that refuses connections is reported, with a command that shows it."""
    with unused_port() as port:
        url = f"http://127.0.0.1:{port}"
        found = diagnose_by_network("reachable", url)
        assert problems(found) == ["reachable.not"]
        assert found.problems[0].cause is Cause.NETWORK
        assert found.problems[0].command == f"curl -i {url}/health"
        skipped = diagnose_by_network("permissions", url)
    assert (skipped.outcome, "see the check `reachable`" in skipped.seen) == (Outcome.SKIPPED, True)


def test_other_server_answers(diagnose_by_network: Diagnose) -> None:
    """A server at the URL that is not an IRMA server is reported as such."""
    with MisbehavingServer(answer(404, body=b"<h1>Not found</h1>")) as other:
        assert problems(diagnose_by_network("reachable", other.url)) == ["reachable.other"]


def test_certificate_that_is_not_trusted(
    diagnose_by_network: Diagnose, authority: trustme.CA
) -> None:
    """A certificate from an authority that this machine does not trust is reported."""
    with MisbehavingServer(answer(), tls=tls_of(authority, days=90)) as server:
        found = diagnose_by_network("tls", server.url)
    assert problems(found) == ["tls.failed"]
    assert "is not trusted" in found.problems[0].exactly


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("days", "expected"), [(90, []), (3, ["tls.expiring"]), (-1, ["tls.failed"])]
)
def test_certificate_that_expires(
    days: int, expected: list[str], diagnose_by_network: Diagnose, authority: trustme.CA
) -> None:
    """A certificate that has expired, or will expire within two weeks, is reported."""
    with MisbehavingServer(answer(), tls=tls_of(authority, days=days)) as server:
        assert problems(diagnose_by_network("tls", server.url)) == expected


def test_no_tls_to_check(diagnose_by_network: Diagnose) -> None:
    """The check of TLS reports a port without a listener, and is skipped for an http URL."""
    with unused_port() as port:
        found = diagnose_by_network("tls", f"https://localhost:{port}")
    assert problems(found) == ["tls.unreachable"]
    assert diagnose_by_network("tls", "http://127.0.0.1:1").outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("ahead", "expected"), [(0, []), (3600, ["clock.skew"]), (-3600, ["clock.skew"])]
)
def test_clocks_that_differ(ahead: int, expected: list[str], diagnose_by_network: Diagnose) -> None:
    """A server whose clock is an hour ahead or behind is reported."""

    def dated(_request: HttpRequest, response: HttpResponse) -> HttpResponse:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
        headers = (*response.headers, ("date", date))
        return HttpResponse(response.status, headers, body=response.body)

    with behind_a_proxy(change=dated) as url:
        assert problems(diagnose_by_network("clock", url)) == expected


def test_server_without_a_date(diagnose: Diagnose) -> None:
    """The check of clocks is skipped if the response has no date."""
    assert diagnose("clock").outcome is Outcome.SKIPPED


@pytest.mark.parametrize("has_pairing", [True, False])
def test_old_server(has_pairing: bool, diagnose_by_network: Diagnose) -> None:
    """A server without a health endpoint, or even without pairing, is reported as old."""

    def older(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.url.endswith("/health"):
            return HttpResponse(404, (("content-type", "text/plain"),), body=b"404 page not found")
        body = response.body
        if request.method == "POST" and not has_pairing:
            body = body.replace(b'"frontendRequest"', b'"other"')
        return HttpResponse(response.status, response.headers, body=body)

    with behind_a_proxy(change=older) as url:
        assert diagnose_by_network("reachable", url).outcome is Outcome.OK
        found = diagnose_by_network("version", url)
    assert problems(found) == ["version.old"]
    assert ("0.8" in found.problems[0].finding) is not has_pairing
