"""Tests trust one authority by default, and programs that use a network the machine's."""

from __future__ import annotations

import os
import ssl

import pytest

from tests.authorities import machine_environment, trust_one_authority


def test_a_context_reads_one_authority() -> None:
    """A default TLS context in a test has only one authority, so that it is made quickly."""
    assert len(ssl.create_default_context().get_ca_certs()) == 1


@pytest.mark.parametrize("given", [{}, {"SSL_CERT_FILE": "machine.pem"}], ids=["default", "named"])
def test_the_machines_authorities_are_kept(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original environment of the run is known in a worker, and in a run that a test starts."""
    monkeypatch.setattr(os, "environ", dict(given))
    for _ in range(2):
        trust_one_authority()
        assert os.environ["SSL_CERT_FILE"] != "machine.pem"
        assert machine_environment() == given
