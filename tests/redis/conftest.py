"""A Redis for each test that stops, kills or fills it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.redis.backends import PATIENCE, set_limits
from tests.redis.redis_server import RedisServer, running_redis


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Let calls wait for a Redis on a busy machine. Tests of a hanging Redis set other limits."""
    set_limits(monkeypatch, PATIENCE)


@pytest.fixture
def server(tmp_path: Path) -> Generator[RedisServer]:
    with running_redis(tmp_path) as running:
        yield running
