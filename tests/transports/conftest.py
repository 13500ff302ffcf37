"""Transports and certificates for the tests of transports."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from irma_transport_urllib3 import Urllib3Transport

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def long_idle(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """Allow a long idle limit, so that even a busy machine uses a connection again in time."""
    monkeypatch.setattr("irma_transport.settings.LONGEST_IDLE", AN_HOUR)
    return AN_HOUR


@pytest.fixture
def transport(long_idle: timedelta) -> Iterator[Urllib3Transport]:
    with Urllib3Transport(idle_limit=long_idle) as transport:
        yield transport


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def tls_transport(ca_file: Path, long_idle: timedelta) -> Iterator[Urllib3Transport]:
    with Urllib3Transport(ca=ca_file, idle_limit=long_idle) as transport:
        yield transport
