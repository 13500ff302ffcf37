"""Redis for irma-backend: a status backend and a store, each in two modes.

By configuration: `connect(…, status="redis://…", plugins=["irma-status-redis"])`. Or directly:

    with closing(RedisStatusBackend("redis://127.0.0.1/0")) as backend:
        requestor = Requestor(url, transport, status_backend=backend)
"""

from irma_status_redis.status import RedisStatusBackend
from irma_status_redis.status_async import AsyncRedisStatusBackend
from irma_status_redis.store import AsyncRedisStore, RedisStore

__all__ = ["AsyncRedisStatusBackend", "AsyncRedisStore", "RedisStatusBackend", "RedisStore"]
