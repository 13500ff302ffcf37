"""A status backend and a store in Redis that are opened by configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from irma_backend import connect, connect_async, open_parts, open_parts_async
from irma_core import DisclosureRequest, SessionStatus
from irma_core.errors import ConfigurationError, StoreError
from irma_core.protocol.status_backends import PublishedEnd
from irma_redis import AsyncRedisStore, RedisStore
from irma_testing import InMemoryServer
from tests.ports import unused_port
from tests.redis.redis_server import RedisServer, running_redis

PASSWORD = "a password"  # only for these tests
SETTINGS: dict[str, Any] = {
    "secrets": {"redis-password": lambda: PASSWORD},
}
A_MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    directory = tmp_path_factory.mktemp("redis")
    with running_redis(directory, "--requirepass", PASSWORD) as running:
        yield running


ASKED = DisclosureRequest({"mail": "pbdf.sidn-pbdf.email.email"})


def test_watch_by_configuration(server: RedisServer) -> None:
    """`connect` opens a backend, from which a watch gets an end that was published elsewhere."""
    irma = InMemoryServer()
    with (
        connect(irma.url, status=server.uri, transport=irma.transport(), **SETTINGS) as requestor,
        open_parts(**SETTINGS) as parts,
    ):
        receiver = parts.status_backend(server.uri)
        session = requestor.start_session(ASKED)
        receiver.publish(session.token, PublishedEnd(SessionStatus.CANCELLED))
        with requestor.watch_status(session, timeout=A_MINUTE) as statuses:
            assert list(statuses) == [SessionStatus.CANCELLED]


async def test_async_watch_by_configuration(server: RedisServer) -> None:
    """`connect_async` opens the async backend for the same kind of URI."""
    irma = InMemoryServer()
    transport = irma.async_transport()
    async with (
        connect_async(irma.url, status=server.uri, transport=transport, **SETTINGS) as requestor,
        open_parts_async(**SETTINGS) as parts,
    ):
        receiver = parts.status_backend(server.uri)
        session = await requestor.start_session(ASKED)
        await receiver.publish(session.token, PublishedEnd(SessionStatus.CANCELLED))
        async with requestor.watch_status(session, timeout=A_MINUTE) as statuses:
            assert [status async for status in statuses] == [SessionStatus.CANCELLED]


async def test_both_modes_share_a_store_by_configuration(server: RedisServer) -> None:
    """A sync and an async store in the same Redis share their keys."""
    with open_parts(**SETTINGS) as parts:
        assert parts.store(server.uri).put_if_absent("key", b"value", A_MINUTE)
        async with open_parts_async(**SETTINGS) as async_parts:
            awaited = async_parts.store(server.uri)
            assert not await awaited.put_if_absent("key", b"other", A_MINUTE)
            assert await awaited.get("key") == b"value"


def test_errors_of_a_configured_store_do_not_show_the_uri(server: RedisServer) -> None:
    """An invalid URI is refused at once, and a missing password when the store is used."""
    with open_parts() as parts:
        with pytest.raises(ConfigurationError) as caught:
            parts.store("redis://ada:secret@host/x")
        assert "secret" not in str(caught.value)
        store = parts.store(server.uri)
        with pytest.raises(StoreError) as failed:
            store.get("key")
    assert str(server.port) not in str(failed.value)


def test_wrong_server_settings_are_refused_at_the_start(
    server: RedisServer,
) -> None:
    """Opening a part fails if Redis may evict keys of a store, or lacks the database."""
    with server.client() as client:
        client.auth(PASSWORD)
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "100mb")
        with (
            open_parts(**SETTINGS) as parts,
            pytest.raises(ConfigurationError, match="noeviction"),
        ):
            parts.store(server.uri)
        client.config_set("maxmemory-policy", "noeviction")
    elsewhere = server.uri.replace("/0", "/99")
    with open_parts(**SETTINGS) as parts, pytest.raises(ConfigurationError, match="no database"):
        parts.status_backend(elsewhere)


CERTIFICATE = "TLS certificate is from an unknown authority or for another host"


async def test_tls_is_checked_in_both_modes(tmp_path: Path) -> None:
    """Redis's TLS certificate must be from the URI's authority and for its host, in both modes."""
    authority, port = trustme.CA(), unused_port()
    certificate = authority.issue_cert("localhost")
    ca, cert, key = (str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    tls = ("--tls-port", str(port), "--tls-auth-clients", "no", "--tls-ca-cert-file", ca)
    with running_redis(tmp_path, *tls, "--tls-cert-file", cert, "--tls-key-file", key):
        good = f"rediss://localhost:{port}/0?ssl_ca_certs={ca}"
        bad = (good.partition("?")[0], good.replace("localhost", "127.0.0.1"))
        with closing(RedisStore(good)) as store:
            assert store.put_if_absent("key", b"value", A_MINUTE)
        awaited = AsyncRedisStore(good)
        assert await awaited.get("key") == b"value"
        await awaited.aclose()
        for uri in bad:
            with closing(RedisStore(uri)) as store, pytest.raises(StoreError, match=CERTIFICATE):
                store.get("key")
            awaited = AsyncRedisStore(uri)
            with pytest.raises(StoreError, match=CERTIFICATE):
                await awaited.get("key")
            await awaited.aclose()
        mixed = f"redis://127.0.0.1:{port}/0"
        with (
            closing(RedisStore(mixed)) as store,
            pytest.raises(StoreError, match="TLS"),
        ):
            store.get("key")
