"""Each check that starts a session finds the fault that a test causes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from irma_backend.doctor.diagnoses import Cause, Outcome
from irma_core import AttributeRequest, DisclosureRequest, ExtendedRequest
from irma_testing import (
    EXAMPLE_SCHEME,
    InMemoryServer,
    RequestorSettings,
    ServerSettings,
    SimulatedApp,
)
from tests.doctor.conftest import KNOWN, Diagnose, behind_a_proxy, problems

VECTORS = Path(__file__).parent.parent / "vectors" / "recorded"
OTHER_KEY: str = json.loads((VECTORS / "callback-done.json").read_text("utf-8"))["public_key"]
SIMULATED = {"server__allow": ["simulated-proofs"]}


def key_file(path: Path, server: InMemoryServer) -> list[str]:
    """Write the public key of a server to a file."""
    path.write_text(server.public_key_pem)
    return [str(path)]


def test_requestor_that_is_known(diagnose: Diagnose) -> None:
    """A known requestor with permissions passes, and its session is cancelled at once."""
    server = InMemoryServer(KNOWN)
    assert diagnose("authentication", server).outcome is Outcome.OK
    assert diagnose("permissions", server).seen == "the server starts a session for login"
    assert server.open_sessions() == ()


def test_wrong_token(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the server does not know is reported, and permissions are then not checked."""
    monkeypatch.setenv("IRMA_TOKEN", "hunter2")
    found = diagnose("authentication")
    assert problems(found) == ["authentication.refused"]
    assert found.problems[0].cause is Cause.REFUSED
    assert "hunter2" not in str(found)
    assert diagnose("permissions").outcome is Outcome.SKIPPED


def test_no_token(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing token is reported, unless the server runs with `no_auth`."""
    monkeypatch.delenv("IRMA_TOKEN")
    assert problems(diagnose("authentication")) == ["authentication.refused"]
    assert "without" in diagnose("authentication", InMemoryServer()).seen


@pytest.mark.parametrize(
    ("name", "expected"), [("shop", []), ("other", ["authentication.refused"])]
)
def test_name_of_a_key(
    name: str,
    expected: list[str],
    diagnose: Diagnose,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A key under another name than the server knows is reported."""
    monkeypatch.delenv("IRMA_TOKEN")
    secret = "cvS+idbrqxSW4h44vNfIygpokorzCBrX3/h+dy6zUMI="
    (tmp_path / "key").write_text(secret)
    server = InMemoryServer(ServerSettings(requestors={"shop": RequestorSettings("hmac", secret)}))
    by_key = {
        "authentication__key": f"file:{tmp_path}/key",
        "authentication__requestor": name,
    }
    found = diagnose("authentication", server, **by_key)
    assert problems(found) == expected
    assert found.outcome is (Outcome.ERROR if expected else Outcome.OK)


def test_missing_permission(diagnose: Diagnose) -> None:
    """A request that the requestor may not start is reported with the setting that permits it."""
    server = InMemoryServer(attrs.evolve(KNOWN, disclose_perms=("irma-demo.*",)))
    assert diagnose("authentication", server).outcome is Outcome.OK
    found = diagnose("permissions", server)
    assert (problems(found), found.outcome) == (["permissions.refused"], Outcome.ERROR)
    assert "disclose_perms" in found.problems[0].remedy
    assert diagnose("events", server).outcome is Outcome.SKIPPED


def test_permission_for_the_usual_request(diagnose: Diagnose) -> None:
    """If the user has no request to check, a missing permission is only a warning."""
    server = InMemoryServer(attrs.evolve(KNOWN, disclose_perms=()))
    found = diagnose("permissions", server, requests={})
    assert (problems(found), found.outcome) == (["permissions.refused"], Outcome.WARNING)


def test_request_that_cannot_be_sent(diagnose: Diagnose) -> None:
    """A request that the settings do not allow is reported with its name."""
    demo = DisclosureRequest([AttributeRequest("irma-demo.MijnOverheid.root.BSN")])
    found = diagnose("permissions", requests={"demo": demo})
    assert problems(found) == ["permissions.failed"]
    assert found.problems[0].exactly.startswith("demo: ")
    assert diagnose("authentication", requests={"demo": demo}).outcome is Outcome.SKIPPED


def test_request_that_the_server_refuses(diagnose: Diagnose) -> None:
    """A request for an attribute that the server's schemes lack is reported as a wrong request."""
    found = diagnose("permissions", InMemoryServer(KNOWN, scheme=EXAMPLE_SCHEME))
    assert problems(found) == ["permissions.refused"]
    assert "Correct the request" in found.problems[0].remedy


def test_trial_does_not_call_the_website(diagnose: Diagnose) -> None:
    """The session of a check posts nothing to the callback URL of its request."""
    server = InMemoryServer(KNOWN)
    asked = ExtendedRequest(
        DisclosureRequest([AttributeRequest("pbdf.sidn-pbdf.email.email")]),
        callback_url="https://shop.example/irma/callback/x",
    )
    assert diagnose("permissions", server, requests={"login": asked}).outcome is Outcome.OK
    assert server.posted == ()


def test_key_that_verifies(diagnose: Diagnose, tmp_path: Path) -> None:
    """The check of the key passes with the server's key, and if the server signs no results."""
    server = InMemoryServer(KNOWN)
    files = key_file(tmp_path / "key.pem", server)
    good = diagnose("key", server, server__key_files=files, **SIMULATED)
    assert good.outcome is Outcome.OK
    assert "no key is configured" in diagnose("key", server).seen
    unsigned = InMemoryServer(attrs.evolve(KNOWN, has_jwt_key=False))
    assert "signs no results" in diagnose("key", unsigned).seen


def test_key_that_is_broken(diagnose: Diagnose, tmp_path: Path) -> None:
    """A wrong key or issuer, a server without a key, and a simulation are distinct problems."""
    server = InMemoryServer(KNOWN)
    files = {"server__key_files": key_file(tmp_path / "key.pem", server)}
    (tmp_path / "other.pem").write_text(OTHER_KEY)
    other = {"server__key_files": [str(tmp_path / "other.pem")]}
    assert problems(diagnose("key", server, **other, **SIMULATED)) == ["key.refused"]
    renamed = {**files, **SIMULATED, "server__jwt_issuer": "another"}
    assert problems(diagnose("key", server, **renamed)) == ["key.issuer"]
    assert problems(diagnose("key", server, **files)) == ["key.simulated"]
    unsigned = InMemoryServer(attrs.evolve(KNOWN, has_jwt_key=False))
    assert problems(diagnose("key", unsigned, **files, **SIMULATED)) == ["key.none"]


def test_events_arrive(diagnose: Diagnose, diagnose_by_network: Diagnose) -> None:
    """The check of events passes directly, and through a proxy that holds nothing back."""
    assert diagnose("events").outcome is Outcome.OK
    with behind_a_proxy() as url:
        assert diagnose_by_network("events", url).outcome is Outcome.OK


@pytest.mark.parametrize("let_through", [0, 1, 2])
def test_proxy_that_holds_events_back(let_through: int, diagnose_by_network: Diagnose) -> None:
    """A proxy that holds back the whole stream, its events or its last event is reported."""
    soon = timedelta(seconds=0.5)
    with behind_a_proxy(let_through=let_through) as url:
        found = diagnose_by_network("events", url, promptness=soon)
    assert problems(found) == ["events.buffered"]


@pytest.mark.parametrize("let_through", [1, 2])
def test_proxy_that_cuts_the_stream(let_through: int, diagnose_by_network: Diagnose) -> None:
    """A proxy that ends the stream before the session ends is reported."""
    with behind_a_proxy(let_through=let_through, cuts=True) as url:
        assert problems(diagnose_by_network("events", url)) == ["events.broken"]


def test_server_without_events(diagnose: Diagnose) -> None:
    """A server without the option `sse` causes a warning."""
    found = diagnose("events", InMemoryServer(attrs.evolve(KNOWN, enable_sse=False)))
    assert (problems(found), found.outcome) == (["events.off"], Outcome.WARNING)


def test_app_that_answers_by_itself(diagnose: Diagnose) -> None:
    """The check of events is skipped if an app answers each session at once, as in rehearsals."""
    server = InMemoryServer(KNOWN)
    server.when_started(SimulatedApp(server).refuse)
    assert diagnose("events", server).outcome is Outcome.SKIPPED
