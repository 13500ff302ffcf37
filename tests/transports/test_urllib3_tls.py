"""The trusted certificates of `Urllib3Transport`, its client certificate, and its TLS errors."""

from __future__ import annotations

import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from irma_core.errors import ConfigurationError, ConnectionBrokenError, ConnectionFailedError
from irma_testing.misbehaving_server import MisbehavingServer, Peer
from irma_testing.misbehaviours import answer, cut, hang_up, response
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import failure, get, send


@pytest.mark.parametrize("form", ["path", "path text", "text", "bytes", "context"])
def test_trusts_the_given_authority(
    form: str,
    authority: trustme.CA,
    ca_file: Path,
    server_tls: ssl.SSLContext,
    long_idle: timedelta,
) -> None:
    """The transport trusts an authority given as a path, as PEM or by a TLS context."""
    pem = authority.cert_pem.bytes()
    made = {
        "path": lambda: Urllib3Transport(ca=ca_file, idle_limit=long_idle),
        "path text": lambda: Urllib3Transport(ca=str(ca_file), idle_limit=long_idle),
        "text": lambda: Urllib3Transport(ca=pem.decode(), idle_limit=long_idle),
        "bytes": lambda: Urllib3Transport(ca=pem, idle_limit=long_idle),
        "context": lambda: Urllib3Transport(
            ssl_context=ssl.create_default_context(cadata=pem.decode()), idle_limit=long_idle
        ),
    }
    with MisbehavingServer(answer(body=b"OK"), tls=server_tls) as server, made[form]() as transport:
        assert [send(transport, get(server.url)).body for _ in range(3)] == [b"OK"] * 3
    assert server.connections == 1


def test_refuses_an_unknown_authority(server_tls: ssl.SSLContext) -> None:
    """Nothing is sent if the certificate's authority is unknown, and the error says what to do."""
    with MisbehavingServer(answer(), tls=server_tls) as server, Urllib3Transport() as transport:
        error = failure(transport, get(server.url))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent
    assert "not trusted" in str(error)
    assert "ca=" in str(error)
    assert server.requests == []


def test_the_given_authority_is_the_only_one(server_tls: ssl.SSLContext) -> None:
    """With `ca`, the system's authorities are not trusted."""
    other = trustme.CA().cert_pem.bytes()
    with MisbehavingServer(tls=server_tls) as server, Urllib3Transport(ca=other) as transport:
        assert isinstance(failure(transport, get(server.url)), ConnectionFailedError)


def test_checks_the_name(tls_transport: Urllib3Transport, server_tls: ssl.SSLContext) -> None:
    """A certificate for another name is refused."""
    with MisbehavingServer(answer(), tls=server_tls) as server:
        error = failure(tls_transport, get(f"https://127.0.0.1:{server.port}"))
    assert isinstance(error, ConnectionFailedError)
    assert "another name" in str(error)


def test_checks_the_date(authority: trustme.CA, tls_transport: Urllib3Transport) -> None:
    """An expired certificate is refused, and the message says so."""
    old = datetime(2020, 1, 1, tzinfo=UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=old).configure_cert(context)
    with MisbehavingServer(tls=context) as server:
        error = failure(tls_transport, get(server.url))
    assert "expired" in str(error)


def test_a_server_without_tls(tls_transport: Urllib3Transport) -> None:
    """If the server at an https URL does not use TLS, the error says so."""

    def plain(peer: Peer) -> None:
        peer.send(response(400))
        peer.finish()

    with MisbehavingServer(plain) as server:
        error = failure(tls_transport, get(f"https://localhost:{server.port}"))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent
    assert "does not speak TLS" in str(error)


def test_a_server_without_common_tls_settings(
    tls_transport: Urllib3Transport, authority: trustme.CA
) -> None:
    """If a server has no TLS settings in common with us, the error says what IRMA servers use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")  # trustme's keys are not RSA
    authority.issue_cert("localhost").configure_cert(context)
    with MisbehavingServer(tls=context) as server:
        error = failure(tls_transport, get(server.url))
    assert isinstance(error, ConnectionFailedError)
    assert "X25519" in str(error)


def test_a_server_that_hangs_up_in_the_handshake(tls_transport: Urllib3Transport) -> None:
    """If a connection ends during the TLS handshake, the error says that nothing was sent."""

    def hang_up_at_once(peer: Peer) -> None:
        peer.sock.recv(1)
        peer.reset()

    with MisbehavingServer(at_connect=hang_up_at_once) as server:
        error = failure(tls_transport, get(f"https://localhost:{server.port}"))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent


def test_broken_responses_raise_as_over_plain_http(
    tls_transport: Urllib3Transport, server_tls: ssl.SSLContext
) -> None:
    """With TLS, a cut or missing response raises the same error as over plain HTTP."""
    for behaviour in (hang_up, cut(response(body=b"whole"), 20), Peer.reset):
        with MisbehavingServer(behaviour, tls=server_tls) as server:
            error = failure(tls_transport, get(server.url))
        assert isinstance(error, ConnectionBrokenError)
        assert error.request_sent


def test_invalid_tls_records_are_an_error(
    tls_transport: Urllib3Transport, server_tls: ssl.SSLContext
) -> None:
    """Invalid TLS records after the handshake raise `ConnectionBrokenError`."""

    def spoil(peer: Peer) -> None:
        peer.read_request()
        with peer.raw_socket() as bare:
            bare.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with MisbehavingServer(spoil, tls=server_tls) as server:
        error = failure(tls_transport, get(server.url))
    assert isinstance(error, ConnectionBrokenError)
    assert "TLS connection to localhost" in str(error)


@pytest.fixture
def choosy_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a server that requires a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    return context


@pytest.fixture
def client_files(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return a certificate, its key, and its key under the password `open`."""
    issued = authority.issue_cert("client@example.com")
    paths = tmp_path / "client.pem", tmp_path / "key.pem", tmp_path / "locked.pem"
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    lock = BestAvailableEncryption(b"open")
    paths[2].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    return paths


@pytest.mark.parametrize("form", ["one file", "two files", "password"])
def test_sends_a_client_certificate(
    form: str, client_files: tuple[Path, Path, Path], ca_file: Path, choosy_tls: ssl.SSLContext
) -> None:
    """The client's certificate and key may be in one file or two, and the key may be encrypted."""
    certificate, key, locked = client_files
    if form == "one file":
        certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    with (
        MisbehavingServer(answer(body=b"OK"), tls=choosy_tls) as server,
        Urllib3Transport(
            ca=ca_file,
            client_certificate=certificate,
            client_key={"one file": None, "two files": key, "password": locked}[form],
            client_key_password="open" if form == "password" else None,
        ) as transport,
    ):
        assert send(transport, get(server.url)).body == b"OK"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_asks_for_a_certificate(
    version: ssl.TLSVersion, tls_transport: Urllib3Transport, choosy_tls: ssl.SSLContext
) -> None:
    """Without a client certificate, the TLS 1.2 handshake fails, or the request with TLS 1.3."""
    choosy_tls.minimum_version = choosy_tls.maximum_version = version
    with MisbehavingServer(answer(), tls=choosy_tls) as server:
        error = failure(tls_transport, get(server.url))
    if version is ssl.TLSVersion.TLSv1_2:
        assert isinstance(error, ConnectionFailedError)
    else:
        assert isinstance(error, ConnectionBrokenError)
    assert error.request_sent == (version is ssl.TLSVersion.TLSv1_3)


def test_refuses_bad_files(
    client_files: tuple[Path, Path, Path], tmp_path: Path, authority: trustme.CA
) -> None:
    """The constructor refuses a missing or invalid file of a certificate or key."""
    certificate, key, locked = client_files
    missing = tmp_path / "missing.pem"
    for ca in (missing, b"\xff", "-----BEGIN CERTIFICATE-----\nnone", key):
        with pytest.raises(ConfigurationError, match="ca"):
            Urllib3Transport(ca=ca)
    for wrong in (missing, None):
        with pytest.raises(ConfigurationError, match="client_certificate"):
            Urllib3Transport(client_certificate=certificate, client_key=wrong)
    for password in (None, "shut"):
        with pytest.raises(ConfigurationError, match="password"):
            Urllib3Transport(
                client_certificate=certificate, client_key=locked, client_key_password=password
            )
    with pytest.raises(ConfigurationError, match="client_key"):
        Urllib3Transport(client_key=key)


def test_a_context_excludes_other_tls_settings(ca_file: Path) -> None:
    """A TLS context cannot be combined with the settings that it replaces."""
    with pytest.raises(ConfigurationError, match="ssl_context"):
        Urllib3Transport(ca=ca_file, ssl_context=ssl.create_default_context())


def test_no_warning_is_logged(
    tls_transport: Urllib3Transport,
    server_tls: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A request over TLS logs nothing above DEBUG."""
    caplog.set_level(logging.INFO)
    with MisbehavingServer(answer(), tls=server_tls) as server:
        send(tls_transport, get(server.url))
    assert caplog.text == ""
