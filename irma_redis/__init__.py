"""Redis for irma-backend: a status backend and a store, each for threads and for asyncio.

This package needs `irma-backend[redis]`. Use it through `connect(…, status="redis://…")`, or
directly:

    with closing(RedisStatusBackend("redis://127.0.0.1/0")) as backend:
        requestor = Requestor(url, transport, status_backend=backend)
"""

from importlib.util import find_spec

if find_spec("redis") is None:
    raise ImportError(
        "irma_redis needs the extra redis: pip install 'irma-backend[redis]'", name="redis"
    )

from irma_redis.status import RedisStatusBackend
from irma_redis.status_async import AsyncRedisStatusBackend
from irma_redis.store import AsyncRedisStore, RedisStore

__all__ = ["AsyncRedisStatusBackend", "AsyncRedisStore", "RedisStatusBackend", "RedisStore"]
