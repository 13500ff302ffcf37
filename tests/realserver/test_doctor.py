"""`irma-backend doctor` with the official server, its refusals and its events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from irma_backend.doctor.checkup import examine
from irma_backend.doctor.diagnoses import Outcome
from irma_backend.doctor.examination import Examination
from irma_backend.parts import open_parts
from irma_backend.settings import settings_with
from irma_core import AttributeRequest, DisclosureRequest, Requestor
from irma_transport_urllib3 import Urllib3Transport
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool

ASKED = {"age": DisclosureRequest([AttributeRequest("example.town.age.over18")])}
SHOP = {"shop": {"auth_method": "token", "key": "api-token-81"}}


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IRMA_TOKEN", raising=False)


def diagnose(server: OfficialServer, **settings: object) -> dict[str, tuple[Outcome, list[str]]]:
    """Return the outcome and the problems of each check, by its name."""
    given = {key.replace("__", "."): ("a test", value) for key, value in settings.items()}
    read = settings_with({"server.url": ("a test", server.url), **given})
    late = timedelta(seconds=30)
    with Urllib3Transport() as transport, open_parts(settings=read, transport=transport) as parts:
        examination = Examination(read, parts, transport, ASKED, promptness=late)
        return {
            each.check: (each.outcome, [problem.id for problem in each.problems])
            for each in examine(examination)
        }


def faults(diagnoses: Mapping[str, tuple[Outcome, list[str]]]) -> dict[str, list[str]]:
    """Return the problems of the checks that have any."""
    return {name: problems for name, (_, problems) in diagnoses.items() if problems}


def test_healthy_server(official_server: OfficialServer, tmp_path: Path) -> None:
    """A healthy server has two problems here: phones cannot reach it, and anyone may use it."""
    with Urllib3Transport() as transport:
        key = Requestor(official_server.url, transport).get_public_key()
    (tmp_path / "server.pem").write_text(key)
    diagnoses = diagnose(official_server, server__key_files=[str(tmp_path / "server.pem")])
    assert faults(diagnoses) == {"pointer": ["pointer.loopback"], "cors": ["cors.anyone"]}
    healthy = ("reachable", "clock", "version", "authentication", "permissions", "key", "events")
    assert {diagnoses[name][0] for name in healthy} == {Outcome.OK}


def test_refusals_are_told_apart(
    start_official_server: ServerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong token and a missing permission are different problems, although both get a 403."""
    server = start_official_server(ServerOptions(requestors=SHOP, default_permissions=False))
    monkeypatch.setenv("IRMA_TOKEN", "hunter2")
    assert faults(diagnose(server)) == {"authentication": ["authentication.refused"]}
    monkeypatch.setenv("IRMA_TOKEN", "api-token-81")
    assert faults(diagnose(server)) == {"permissions": ["permissions.refused"]}
