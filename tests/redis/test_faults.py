"""Each fault of a Redis has a specific message, which shows neither address nor login."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from irma_core import SessionStatus
from irma_core.errors import ConfigurationError, StatusBackendError, StoreError
from irma_core.interfaces import PublishedEnd
from irma_redis import AsyncRedisStore, RedisStatusBackend, RedisStore
from irma_redis.clients import check_server
from irma_redis.failures import fault
from tests.ports import unused_port
from tests.redis.backends import a_token
from tests.redis.redis_server import RedisServer, running_redis

HOUR = timedelta(hours=1)
FULL = "max number of clients reached"
DONE = PublishedEnd(SessionStatus.DONE, "result")
RIGHTS = "+getrange +set +publish +subscribe +ping +del +select +info ~irma:* &irma:status"


def put(uri: str, password: Any = None) -> str:
    """Return the error of a failing put, which is the same in both modes of the store."""
    with closing(RedisStore(uri, password=password)) as store, pytest.raises(StoreError) as caught:
        store.put_if_absent("key", b"value", HOUR)

    async def awaited() -> str:
        other = AsyncRedisStore(uri, password=password)
        try:
            with pytest.raises(StoreError) as failed:
                await other.put_if_absent("key", b"value", HOUR)
        finally:
            await other.aclose()
        return str(failed.value)

    assert asyncio.run(awaited()) == str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return str(caught.value)


def error_of_publishing(uri: str) -> str:
    """Return the error of the status backend when publishing fails."""
    with closing(RedisStatusBackend(uri)) as backend:
        with pytest.raises(StatusBackendError) as caught:
            backend.publish(a_token(), DONE)
        return str(caught.value)


@contextmanager
def redis_settings(client: redis.Redis, **settings: str) -> Generator[None]:
    before: list[Any] = [client.config_get(name.replace("_", "-")) for name in settings]
    for name, value in settings.items():
        client.config_set(name.replace("_", "-"), value)
    yield
    for known in before:
        ((name, value),) = known.items()
        client.config_set(name, value)


def test_temporary_faults_are_recognised(server: RedisServer) -> None:
    """Each temporary fault of a Redis is recognised by the code in its reply."""
    with server.client() as client:
        with redis_settings(client, min_replicas_to_write="1"):
            assert "too few replicas" in put(server.uri)
            assert "too few replicas" in error_of_publishing(server.uri)
        with redis_settings(client, maxmemory="1"):
            assert "out of memory" in put(server.uri)
            assert "out of memory" in error_of_publishing(server.uri)
        client.execute_command("REPLICAOF", "127.0.0.1", str(unused_port()))
        assert "a replica, which accepts no writes" in put(server.uri)
        assert "a replica, which accepts no writes" in error_of_publishing(server.uri)
        with redis_settings(client, replica_serve_stale_data="no"):
            store, backend = RedisStore(server.uri), RedisStatusBackend(server.uri)
            with closing(store), pytest.raises(StoreError, match="lost contact with its master"):
                store.get("key")
            with (
                closing(backend),
                pytest.raises(StatusBackendError, match="lost contact with its master"),
            ):
                backend.wait(a_token(), timedelta(0))
        client.execute_command("REPLICAOF", "NO", "ONE")
        with closing(RedisStore(server.uri)) as store:
            assert store.put_if_absent("key", b"value", HOUR)


def test_a_redis_that_runs_a_long_script_is_busy(server: RedisServer) -> None:
    """A Redis that runs a long script is reported as busy."""
    with server.client() as client, server.client() as other:
        client.config_set("busy-reply-threshold", "1")
        ended = threading.Event()

        def run_for_ever() -> None:
            with pytest.raises(redis.ResponseError):
                other.eval("while true do end", 0)
            ended.set()

        threading.Thread(target=run_for_ever, daemon=True).start()
        while client_is_idle(client):
            time.sleep(0.02)
        assert "busy running a long script" in put(server.uri)
        client.execute_command("SCRIPT", "KILL")
        assert ended.wait(60)


def client_is_idle(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ResponseError:
        return False


@pytest.mark.parametrize("right", RIGHTS.split())
def test_a_missing_permission_is_reported_as_such(server: RedisServer, right: str) -> None:
    """The error for a missing permission says so, and no key is left without a lifetime."""
    with server.client() as client:
        rights = [each for each in RIGHTS.split() if each != right]
        client.execute_command("ACL", "SETUSER", "shop", "on", ">secret", *rights)
        uri = f"redis://shop:secret@127.0.0.1:{server.port}/1"
        said: list[str] = []
        with closing(RedisStatusBackend(uri)) as backend, closing(RedisStore(uri)) as store:
            for call in (
                lambda: backend.publish(a_token(), DONE),
                lambda: backend.wait(a_token(), timedelta(seconds=0.1)),
                lambda: backend.wait(a_token(), timedelta(0)),
                lambda: store.put_if_absent("key", b"value", HOUR),
                lambda: store.get("key"),
                lambda: store.delete("key"),
            ):
                try:
                    call()
                except (StatusBackendError, StoreError) as error:
                    said.append(str(error))
        assert all("its user lacks a permission" in text for text in said)
        # Pings are sent later, and only the check at the start needs INFO.
        assert said or right in {"+ping", "+info"}
        check_server(uri, None, keeps_all=True)
        with redis.Redis(port=server.port, db=1) as looking:
            for key in looking.scan_iter():
                assert looking.pttl(key) > 0


def test_a_missing_database_is_a_wrong_setting(server: RedisServer) -> None:
    """A missing database is an error when the part is opened."""
    uri = server.uri.replace("/0", "/99")
    assert put(uri) == "Redis: it has no database with that number"
    with pytest.raises(ConfigurationError, match="no database with that number"):
        check_server(uri, None, keeps_all=False)


def test_a_node_of_a_cluster_is_a_wrong_setting(tmp_path: Path) -> None:
    """A node of a Redis Cluster is refused, because it may not hold the slot of a key."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(unused_port()))
    with running_redis(tmp_path, *options) as server:
        for uri in (server.uri, server.uri.replace("/0", "/1")):
            assert "a node of a Redis Cluster, which is not supported" in put(uri)
        with pytest.raises(ConfigurationError, match="Redis Cluster"):
            check_server(server.uri.replace("/0", "/1"), None, keeps_all=False)
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_may_evict_keys_is_refused(server: RedisServer, policy: str) -> None:
    """A store refuses a Redis that may evict keys, because a handle could then count twice."""
    with server.client() as client:
        client.config_set("maxmemory-policy", policy)
        check_server(server.uri, None, keeps_all=True)  # without a limit, nothing is evicted
        client.config_set("maxmemory", "100mb")
        check_server(server.uri, None, keeps_all=False)
        with pytest.raises(ConfigurationError, match="set maxmemory-policy to noeviction"):
            check_server(server.uri, None, keeps_all=True)


def test_a_redis_that_is_down_is_not_a_wrong_setting(server: RedisServer) -> None:
    """The check at the start accepts a Redis that is down, as a program may start before it."""
    server.kill()
    check_server(server.uri, None, keeps_all=True)
    server.start()


def test_too_many_clients_are_reported_as_such(server: RedisServer) -> None:
    """Too many clients of Redis and too many calls of this process have different messages."""
    with server.client() as client:
        client.config_set("maxclients", "1")
        with closing(RedisStore(server.uri)) as store, pytest.raises(StoreError) as caught:
            store.get("key")
    # Redis reports this and closes the connection; either may arrive first.
    said = str(caught.value)
    assert "no free connection" in said or "it may have too many clients" in said
    assert "no free connection" in fault(redis.ConnectionError(FULL)).text
    assert "busy" in fault(redis.ConnectionError("No connection available.")).text


@pytest.mark.parametrize(
    ("password", "said"),
    [
        (lambda: 5, "its password could not be read: expected str or bytes, got int"),
        (lambda: None, "its password could not be read: expected str or bytes, got NoneType"),
        (lambda: b"\xff", "its password could not be read: UnicodeDecodeError"),
        (lambda: "\ud800", "its password could not be read: UnicodeEncodeError"),
        ("wrong", "it rejected the user name or the password"),
    ],
)
def test_a_password_of_a_wrong_type_is_reported_as_such(
    server: RedisServer, password: Any, said: str
) -> None:
    """An invalid result of the password function is reported as such, without its content."""
    with server.client() as client:
        client.config_set("requirepass", "right")
    assert put(server.uri, password) == f"Redis: {said}"


def test_a_foreign_value_under_our_key_is_reported_as_such(server: RedisServer) -> None:
    """A value that another program has written under a store's key is reported as such."""
    with server.client() as client, closing(RedisStore(server.uri)) as store:
        assert store.put_if_absent("key", b"", HOUR)
        assert store.get("key") == b""
        (name,) = client.scan_iter()
        for foreign in (b"x", b"=" * 1_100_000):
            client.set(name, foreign)
            with pytest.raises(StoreError, match="not written by a store"):
                store.get("key")
        client.delete(name)
        client.hset(name, "a", "b")
        with pytest.raises(StoreError, match="another program uses a key"):
            store.get("key")


def test_invalid_arguments_are_refused_before_redis_is_asked() -> None:
    """An invalid argument is refused before anything is sent to Redis."""
    with closing(RedisStore(f"redis://127.0.0.1:{unused_port()}")) as store:
        calls: list[Callable[[], object]] = [
            lambda: store.put_if_absent("\ud800", b"", HOUR),
            lambda: store.get("\ud800"),
            lambda: store.delete("\ud800"),
            lambda: store.put_if_absent("key", b"x" * 1_048_577, HOUR),
            lambda: store.put_if_absent("key", b"", timedelta(0)),
        ]
        for call in calls:
            with pytest.raises(ConfigurationError) as caught:
                call()
            assert caught.value.__context__ is None


def test_a_lifetime_of_centuries_is_accepted(server: RedisServer) -> None:
    """A lifetime is accepted even if Redis cannot represent it."""
    with closing(RedisStore(server.uri)) as store:
        assert store.put_if_absent("key", b"value", timedelta.max)
