"""What stands on top of the library and may do I/O: everything below is usable without it.

The front door: a requestor and its parts by configuration alone, and stores in memory and in a
file. Beside it stand the command line (`cli`) and the development server (`dev_server`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
    from irma_backend.parts import (
        AsyncParts,
        Parts,
        connect,
        connect_async,
        open_parts,
        open_parts_async,
    )
    from irma_backend.sqlite_store import AsyncSqliteStore, SqliteStore
else:
    # Loaded on first use, as `irma_core` is: who runs the development server needs no urllib3.
    from importlib import import_module

    _ROOMS = {
        "parts": "AsyncParts Parts connect connect_async open_parts open_parts_async",
        "memory_store": "AsyncMemoryStore MemoryStore",
        "sqlite_store": "AsyncSqliteStore SqliteStore",
    }

    def __getattr__(name):
        for room, names in _ROOMS.items():
            if name in names.split():
                value = getattr(import_module(f"irma_backend.{room}"), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module 'irma_backend' has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "AsyncMemoryStore",
    "AsyncParts",
    "AsyncSqliteStore",
    "MemoryStore",
    "Parts",
    "SqliteStore",
    "connect",
    "connect_async",
    "open_parts",
    "open_parts_async",
]
