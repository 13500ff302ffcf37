"""Open requestors from a configuration, keep state in memory or SQLite, and log events.

This package also contains the command line (`cli`) and the development server (`dev_server`). The
package is optional: `irma_core` and a transport work without it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irma_backend.logging_observer import LoggingObserver
    from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
    from irma_backend.parts import (
        AsyncParts,
        Parts,
        connect,
        connect_async,
        open_parts,
        open_parts_async,
    )
    from irma_backend.scheme_folder import SchemeFolder
    from irma_backend.settings import read_settings
    from irma_backend.sqlite_store import AsyncSqliteStore, SqliteStore
else:
    # These are loaded on first use, so that the command line starts quickly.
    from importlib import import_module

    _ROOMS = {
        "parts": "AsyncParts Parts connect connect_async open_parts open_parts_async",
        "logging_observer": "LoggingObserver",
        "memory_store": "AsyncMemoryStore MemoryStore",
        "scheme_folder": "SchemeFolder",
        "settings": "read_settings",
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
    "LoggingObserver",
    "MemoryStore",
    "Parts",
    "SchemeFolder",
    "SqliteStore",
    "connect",
    "connect_async",
    "open_parts",
    "open_parts_async",
    "read_settings",
]
