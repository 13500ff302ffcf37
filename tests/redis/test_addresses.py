"""The contents of a Redis URI, which no error shows."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any, cast

import pytest

from irma_core import SessionStatus
from irma_core.errors import ConfigurationError
from irma_core.interfaces import PublishedEnd
from irma_redis import RedisStatusBackend, RedisStore
from irma_redis.address import Address
from irma_redis.clients import make_client
from tests.redis.backends import MODES, a_token, opened
from tests.redis.redis_server import RedisServer

DONE = PublishedEnd(SessionStatus.DONE)
SECRET = "a-secret-part"


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        ("redis://host", {"host": "host", "port": 6379, "db": 0}),
        ("redis://[::1]:7000/5", {"host": "::1", "port": 7000, "db": 5}),
        ("redis://a%40b:p%2Fw@host/", {"username": "a@b", "password": "p/w", "db": 0}),
        ("unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "db": 2}),
        ("unix://:pw@/run/redis.sock", {"path": "/run/redis.sock", "password": "pw"}),
        ("rediss://host/1", {"db": 1, "ssl_cert_reqs": "required", "ssl_check_hostname": True}),
    ],
)
def test_a_uri_has_address_database_and_login(uri: str, options: dict[str, object]) -> None:
    """A URI contains address, database and login, and TLS is always verified."""
    address = Address.parse(uri, None)
    assert options.items() <= address.options.items()
    assert address.scheme == uri.partition(":")[0]
    assert uri not in repr(address)


@pytest.mark.parametrize(
    "uri",
    [
        f"http://{SECRET}/",
        SECRET,
        f"redis:///{SECRET}",
        f"redis://host/{SECRET}",
        f"redis://host:{SECRET}/0",
        f"redis://:{SECRET}@host/0?socket_timeout=0",
        f"rediss://:{SECRET}@host/0?ssl_cert_reqs=none",
        f"redis://host/0?ssl_ca_certs={SECRET}",
        f"redis://host/0?{SECRET}",
        f"redis://host/0#{SECRET}",
        f"redis://[{SECRET}/0",
        f"unix://{SECRET}",
        f"unix:///path?db={SECRET}",
        f"redis://host/-1?{SECRET}",
        f"redis://:{SECRET}@host/-1",
        f"redis://:{SECRET}@host/+1",
        f"redis://:{SECRET}@host/1_0",
        f"redis://:{SECRET}@host/%31",
        f"redis://:{SECRET}@host/ 1",
        f"redis://:{SECRET}@host/1/",
        f"redis://:{SECRET}@host//1",
        f"redis://:{SECRET}@host/\u0661",
        f"redis://:{SECRET}@host/123456",
        f"redis://:{SECRET}@host:0/1",
        f"redis://:{SECRET}@host:\u0661/1",
        f"redis://:{SECRET}@host:6_379/1",
        f"redis://:{SECRET}@host:66666/1",
        f"unix://:{SECRET}@/path?db=1_0",
        f"unix://:{SECRET}@/path?db=",
    ],
)
def test_a_malformed_uri_is_refused_and_not_shown(uri: str) -> None:
    """A malformed URI, or one with an option that would lift a limit or a check, is refused."""
    for kind in (RedisStatusBackend, RedisStore):
        with pytest.raises(ConfigurationError, match="redis://host:port/db") as caught:
            kind(uri)
        assert SECRET not in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_the_constructor_refuses_a_wrong_ca_file(content: str | None, tmp_path: Path) -> None:
    """The constructor rejects a wrong CA file, so that no call reports a lost connection for it."""
    file = tmp_path / SECRET
    if content is not None:
        file.write_text(content)
    for path in (file, ""):
        with pytest.raises(ConfigurationError, match="ssl_ca_certs in the Redis URI") as caught:
            RedisStore(f"rediss://host/1?ssl_ca_certs={path}")
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("uri", [f"redis://:{SECRET}@host/0?db=1", f"redis://:{SECRET}@host"])
def test_no_frame_of_the_error_holds_the_password(uri: str) -> None:
    """The error for a URI has no frame with the password, as crash reports show local variables."""
    for kind in (RedisStatusBackend, RedisStore, make_client, Address.parse):
        with pytest.raises(ConfigurationError) as caught:
            cast("Any", kind)(uri, password=SECRET)
        reported = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [each for each in reported.stack if each.filename != __file__]
        if kind is make_client:  # its argument belongs to the caller
            frames = [each for each in frames if each.name != "make_client"]
        assert not [each.name for each in frames if SECRET in str(each.locals)]


def test_two_passwords_are_rejected() -> None:
    """A password in the URI and another as a secret raise ConfigurationError."""
    with pytest.raises(ConfigurationError, match="not both"):
        RedisStore(f"redis://:{SECRET}@host", password="another")


@MODES
def test_a_unix_socket_works(mode: str, server: RedisServer) -> None:
    """A status backend can use a Unix socket, whose URI has no port."""

    async def scenario() -> None:
        async with opened(mode, f"unix://{server.socket_path}") as backend:
            token = a_token()
            await backend.publish(token, DONE)
            assert await backend.wait(token) == DONE

    asyncio.run(scenario())
