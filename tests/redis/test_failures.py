"""Calls fail and recover if a Redis is down, restarted, hanging, full or used by others."""

from __future__ import annotations

import asyncio
import select
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio.client import PubSub

from irma_core import SessionStatus
from irma_core.errors import IrmaError, StatusBackendError, StoreError
from irma_core.interfaces import PublishedEnd
from irma_redis import (
    AsyncRedisStore,
    RedisStatusBackend,
    RedisStore,
    listening,
    listening_async,
)
from irma_redis.address import LONGEST_STEP
from irma_redis.clients import as_bytes
from tests.redis.backends import MODES, PATIENCE, a_token, opened, set_limits
from tests.redis.redis_server import RedisServer

BEGUN = 0.3  # seconds after which a wait has begun
LONGEST = 60.0  # seconds that a call may take to fail
JWT = "a-signed-result-with-ada@example.com"
DONE = PublishedEnd(SessionStatus.DONE, JWT)
CANCELLED = PublishedEnd(SessionStatus.CANCELLED)


@MODES
def test_crash_ends_waits(mode: str, server: RedisServer) -> None:
    """All waits raise when Redis crashes, and new waits work after it was started again."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as watching, opened("async", server.uri) as telling:
            token = a_token()
            waits = [asyncio.create_task(watching.wait(token)) for _ in range(3)]
            await asyncio.sleep(BEGUN)
            server.kill()
            for wait in waits:
                with pytest.raises(StatusBackendError, match=r"(no|closed the) connection"):
                    await wait
            for failing in (
                watching.wait(token),
                watching.wait(token, seconds=0),
                telling.publish(token, DONE),
            ):
                with pytest.raises(StatusBackendError, match=r"(no|closed the) connection"):
                    await failing
            server.start()
            wait = asyncio.create_task(watching.wait(token))
            await asyncio.sleep(BEGUN)
            await telling.publish(token, DONE)
            assert await wait == DONE

    asyncio.run(scenario())


@MODES
def test_hanging_redis_is_detected(
    mode: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ping detects a Redis that keeps its connections open and does not reply."""
    set_limits(monkeypatch, LONGEST_STEP)

    async def scenario() -> None:
        async with opened(mode, server.uri) as watching, opened("async", server.uri) as telling:
            token = a_token()
            wait = asyncio.create_task(watching.wait(token))
            await asyncio.sleep(BEGUN)
            server.hang()
            calls = (wait, watching.wait(token, seconds=0), telling.publish(token, DONE))
            async with asyncio.timeout(LONGEST):
                failures = await asyncio.gather(*calls, return_exceptions=True)
            for failure in failures:
                assert isinstance(failure, StatusBackendError)
                assert "not answer in time" in str(failure)
            server.resume()
        # Redis executes the command later, although the publisher got an error.
        set_limits(monkeypatch, PATIENCE)
        async with opened(mode, server.uri) as watching:
            assert await watching.wait(token) == DONE

    asyncio.run(scenario())


@MODES
def test_slow_redis_is_waited_for(mode: str, server: RedisServer) -> None:
    """Calls and waits succeed if Redis does not reply for a second."""

    async def scenario() -> None:
        assert LONGEST_STEP > 1
        async with opened(mode, server.uri) as watching, opened("async", server.uri) as telling:
            token = a_token()
            wait = asyncio.create_task(watching.wait(token))
            await asyncio.sleep(BEGUN)
            server.hang()
            telling_it = asyncio.create_task(telling.publish(token, DONE))
            looking = asyncio.create_task(watching.wait(a_token(), seconds=0))
            await asyncio.sleep(1)
            server.resume()
            await telling_it
            assert await looking is None
            assert await wait == DONE

    asyncio.run(scenario())


@MODES
def test_quiet_minutes_do_not_end_a_wait(
    mode: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait goes on for as long as Redis replies to pings."""

    async def scenario(silence: float) -> None:
        async with opened(mode, server.uri) as watching, opened("async", server.uri) as telling:
            token = a_token()
            wait = asyncio.create_task(watching.wait(token))
            await asyncio.sleep(5 * silence)
            await telling.publish(token, DONE)
            assert await wait == DONE

    for silence in (0.3, 3.0, 30.0):  # a reply may take longer on a busy machine
        monkeypatch.setattr(listening, "SILENCE", silence)
        monkeypatch.setattr(listening_async, "SILENCE", silence)
        with suppress(StatusBackendError):
            asyncio.run(scenario(silence))
            return
    raise AssertionError("a wait ended although Redis replied")


def test_stopped_process_pings_before_it_gives_up(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait goes on after its process was stopped for longer than Redis may stay silent."""
    monkeypatch.setattr(listening, "SILENCE", 60.0)
    later = 0.0
    monkeypatch.setattr(
        listening, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + later)
    )
    with closing(RedisStatusBackend(server.uri)) as watching, ThreadPoolExecutor() as pool:
        token = a_token()
        wait = pool.submit(watching.wait, token, timedelta(hours=1))
        with server.client() as client:
            while not any(each["sub"] == "1" for each in client.client_list()):
                time.sleep(0.02)
            later = 1000.0
            while not any(each["cmd"] == "ping" for each in client.client_list()):
                assert not wait.done()
                time.sleep(0.02)
        watching.publish(token, DONE)
        assert wait.result() == DONE


def test_stopped_process_finds_the_reply_to_its_ping(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait goes on if its event loop stands still while Redis replies to a ping."""
    monkeypatch.setattr(listening_async, "SILENCE", 0.3)
    ping = PubSub.ping
    stalled = asyncio.Event()

    async def ping_and_stall(pubsub: PubSub) -> None:
        server.hang()
        await ping(pubsub)
        monkeypatch.setattr(PubSub, "ping", ping)
        connection: Any = pubsub.connection
        socket = connection._writer.get_extra_info("socket").fileno()

        def stall() -> None:
            server.resume()
            assert select.select([socket], [], [], 60)[0]
            time.sleep(0.4)  # now the reply has arrived, and its time is up
            monkeypatch.setattr(listening_async, "SILENCE", 60.0)
            stalled.set()

        asyncio.get_running_loop().call_soon(stall)  # when the listener waits for the reply

    async def scenario() -> None:
        monkeypatch.setattr(PubSub, "ping", ping_and_stall)
        async with opened("async", server.uri) as watching:
            token = a_token()
            wait = asyncio.create_task(watching.wait(token))
            await asyncio.wait(
                {wait, asyncio.create_task(stalled.wait())}, return_when=asyncio.FIRST_COMPLETED
            )
            await watching.publish(token, DONE)
            assert await wait == DONE

    asyncio.run(scenario())


@MODES
def test_full_redis_makes_publish_raise(mode: str, server: RedisServer) -> None:
    """If Redis is full, publishing raises and stores nothing, and a later try wakes the wait."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as backend:
            token = a_token()
            wait = asyncio.create_task(backend.wait(token))
            await asyncio.sleep(BEGUN)
            with server.client() as client:
                client.config_set("maxmemory", "1")
                with pytest.raises(StatusBackendError, match="out of memory"):
                    await backend.publish(token, DONE)
                assert await backend.wait(token, seconds=0) is None
                assert not wait.done()
                client.config_set("maxmemory", "0")
            await backend.publish(token, DONE)
            assert await wait == DONE

    asyncio.run(scenario())


def test_failing_redis_lets_nothing_happen_twice(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that fails raises, and never reports that an existing key was put."""
    store = RedisStore(server.uri)
    hour = timedelta(hours=1)
    assert store.put_if_absent("once", b"1", hour)
    with server.client() as client:
        client.config_set("maxmemory", "1")
        with pytest.raises(StoreError, match="out of memory"):
            store.put_if_absent("another", b"1", hour)
        assert store.get("once") == b"1"
        client.config_set("maxmemory", "0")
    server.hang()
    set_limits(monkeypatch, LONGEST_STEP)
    with (
        closing(RedisStore(server.uri)) as hasty,
        pytest.raises(StoreError, match="not answer in time"),
    ):
        hasty.put_if_absent("once", b"2", hour)
    server.resume()
    assert not store.put_if_absent("once", b"2", hour)
    server.kill()
    with pytest.raises(StoreError, match=r"(no|closed the) connection"):
        store.put_if_absent("once", b"2", hour)
    store.close()


@MODES
def test_idle_connections_survive_a_restart(mode: str, server: RedisServer) -> None:
    """After a restart of Redis, the first call on an idle connection succeeds."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as backend:
            token = a_token()
            await backend.publish(token, DONE)
            await asyncio.to_thread(server.kill)  # the event loop continues, as in a program
            await asyncio.to_thread(server.start)
            await backend.publish(token, DONE)
            assert await backend.wait(token, seconds=0) == DONE

    asyncio.run(scenario())


@MODES
def test_redis_contains_nothing_readable(mode: str, server: RedisServer) -> None:
    """Redis contains nothing readable, and a value that is not a session's own end is refused."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as backend:
            token, other = a_token(), a_token()
            await backend.publish(other, DONE)
            with server.client() as client:
                (others_key,) = client.scan_iter()
                await backend.publish(token, CANCELLED)
                keys: list[bytes] = list(client.scan_iter())
                assert len(keys) == 2
                for key in keys:
                    ttl = client.pttl(key)
                    assert isinstance(ttl, int)
                    assert 0 < ttl <= 30 * 60 * 1000
                    shown = repr((key, client.get(key)))
                    for each in (token, other):
                        assert each.reveal() not in shown
                        assert each.fingerprint not in shown
                    for word in ("ada@example.com", "DONE", "CANCELLED"):
                        assert word not in shown
                (key,) = set(keys) - {others_key}
                # The end of another session is as wrong as any other value.
                for forged in (b"x", b"DONE", client.get(others_key), b"x" * 2 * 10**6):
                    client.set(key, as_bytes(forged) or b"")
                    for failing in (
                        backend.wait(token, seconds=0),
                        backend.wait(token),
                        backend.publish(token, DONE),
                    ):
                        with pytest.raises(StatusBackendError, match="not published for this"):
                            await failing
                    assert client.get(key) == forged, "another program's value is not overwritten"

    asyncio.run(scenario())


@MODES
def test_false_notices_end_no_wait(mode: str, server: RedisServer) -> None:
    """False notices from another program do not end a wait before its timeout."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as backend:
            token = a_token()
            await backend.publish(token, DONE)
            with server.client() as client:
                (key,) = client.scan_iter()
                client.delete(key)
                wait = asyncio.create_task(backend.wait(token, seconds=1))
                while not wait.done():
                    client.publish("irma:status", b"nonsense \xff")
                    client.publish("irma:status", key)
                    await asyncio.sleep(0.001)
                assert await wait is None

    asyncio.run(scenario())


@MODES
def test_repeated_publish_wakes_waits(mode: str, server: RedisServer) -> None:
    """A second publish wakes waits too, because the first publisher may have died before that."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as watching, opened("async", server.uri) as telling:
            token = a_token()
            await telling.publish(token, DONE)
            with server.client() as client:
                (key,) = client.scan_iter()
                stored = as_bytes(client.get(key))
                assert stored is not None
                client.delete(key)
                wait = asyncio.create_task(watching.wait(token))
                await asyncio.sleep(BEGUN)
                client.set(key, stored)  # as if the first publisher had died too early
            await telling.publish(token, CANCELLED)
            assert await wait == DONE

    asyncio.run(scenario())


@MODES
def test_many_watches_share_the_connections(mode: str, server: RedisServer) -> None:
    """A thousand waits share one connection for notices, and a few for commands."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as watching, opened("async", server.uri) as telling:
            tokens = [a_token() for _ in range(1000 if mode == "async" else 30)]
            waits = asyncio.gather(*(watching.wait(token) for token in tokens))
            await asyncio.sleep(1)
            listening: list[object] = []
            with server.client() as client:
                while not listening:  # a busy machine needs more than a second
                    await asyncio.sleep(0.05)
                    connected = client.client_list()
                    assert len(connected) <= 16 + 1
                    listening = [one for one in connected if one["sub"] == "1"]
            assert len(listening) == 1
            for token in tokens:
                await telling.publish(token, DONE)
            assert await waits == [DONE] * len(tokens)

    asyncio.run(scenario())


@MODES
def test_failing_password_function_is_reported(mode: str, server: RedisServer) -> None:
    """The error of a failing password function says so, and does not report a lost connection."""

    def password() -> str:
        raise FileNotFoundError("/run/secrets/redis")

    async def scenario() -> None:
        async with opened(mode, server.uri, password) as backend:
            token = a_token()
            for failing in (
                backend.wait(token),
                backend.wait(token, seconds=0),
                backend.publish(token, DONE),
            ):
                with pytest.raises(IrmaError, match="password could not be read: FileNotFound"):
                    await failing

    asyncio.run(scenario())


@MODES
def test_closing_ends_waits(mode: str, server: RedisServer) -> None:
    """Closing a backend makes all waits raise, and leaves no connection."""

    async def scenario() -> None:
        async with opened(mode, server.uri) as backend:
            wait = asyncio.create_task(backend.wait(a_token()))
            await asyncio.sleep(BEGUN)
        with pytest.raises(StatusBackendError, match="closed"):
            await wait
        for call in (
            backend.wait(a_token()),
            backend.wait(a_token(), seconds=0),
            backend.publish(a_token(), DONE),
        ):
            with pytest.raises(StatusBackendError, match="the status backend is closed"):
                await call
        wait_until_left(server)

    asyncio.run(scenario())


def wait_until_left(server: RedisServer) -> None:
    """Wait until Redis has noticed that all other clients have left."""
    ends = time.monotonic() + LONGEST
    with server.client() as client:
        while len(client.client_list()) > 1:
            assert time.monotonic() < ends, "a connection is left"
            time.sleep(0.02)


def test_a_store_that_is_closed_stays_closed(server: RedisServer) -> None:
    """A closed store refuses every call, although redis-py would connect again by itself."""
    store, hour = RedisStore(server.uri), timedelta(hours=1)
    assert store.put_if_absent("key", b"value", hour)
    for _ in range(2):
        store.close()
    for call in (
        lambda: store.put_if_absent("another", b"", hour),
        lambda: store.get("key"),
        lambda: store.delete("key"),
    ):
        with pytest.raises(StoreError, match="the store is closed"):
            call()

    async def scenario() -> None:
        awaited = AsyncRedisStore(server.uri)
        assert await awaited.get("key") == b"value"
        await awaited.aclose()
        for call in (
            awaited.put_if_absent("another", b"", hour),
            awaited.get("key"),
            awaited.delete("key"),
        ):
            with pytest.raises(StoreError, match="the store is closed"):
                await call

    asyncio.run(scenario())
    wait_until_left(server)


@MODES
@pytest.mark.parametrize("password", [None, "wrong"])
def test_rejected_login_is_reported_without_secrets(
    mode: str, password: str | None, server: RedisServer
) -> None:
    """The error of a rejected login shows neither the password nor the address."""

    async def scenario() -> None:
        with server.client() as client:
            client.config_set("requirepass", "right")
        async with opened(mode, server.uri, password) as backend:
            for failing in (backend.wait(a_token()), backend.publish(a_token(), DONE)):
                with pytest.raises(StatusBackendError, match="rejected the user name") as caught:
                    await failing
                shown = "".join(traceback.format_exception(caught.value))
                assert "wrong" not in shown
                assert str(server.port) not in shown
                assert caught.value.__cause__ is None
                assert caught.value.__context__ is None
        async with opened(mode, server.uri, lambda: b"right") as backend:
            await backend.publish(a_token(), DONE)

    asyncio.run(scenario())


@MODES
def test_missing_permission_is_reported(mode: str, server: RedisServer) -> None:
    """A missing permission is reported, and the permissions in the how-to guide are enough."""

    async def scenario() -> None:
        named = "+getrange +set +publish +subscribe +ping +del +select +info ~irma:* &irma:status"
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "none", "on", ">secret")
            client.execute_command("ACL", "SETUSER", "some", "on", ">secret", *named.split())
        uri = f"redis://{{}}@127.0.0.1:{server.port}/1"
        async with opened(mode, uri.format("none"), "secret") as backend:
            with pytest.raises(StatusBackendError, match="permission"):
                await backend.publish(a_token(), DONE)
        async with opened(mode, uri.format("some"), "secret") as backend:
            token = a_token()
            wait = asyncio.create_task(backend.wait(token))
            await asyncio.sleep(BEGUN)
            await backend.publish(token, DONE)
            assert await wait == DONE
        store = RedisStore(uri.format("some"), password="secret")
        assert store.put_if_absent("key", b"value", timedelta(minutes=1))
        assert store.get("key") == b"value"
        store.delete("key")
        store.close()

    asyncio.run(scenario())
