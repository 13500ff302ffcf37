"""A Redis for each test that stops, kills or fills it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.redis.redis_server import RedisServer, running_redis


@pytest.fixture
def server(tmp_path: Path) -> Generator[RedisServer]:
    with running_redis(tmp_path) as running:
        yield running
