"""The store in an SQLite file: atomic puts among processes, a private file, and clear errors."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from irma_backend import AsyncSqliteStore, SqliteStore, open_parts, open_parts_async
from irma_core.errors import ConfigurationError, PluginError
from irma_testing import AsyncScriptedTransport, ManualClock, ScriptedTransport
from irma_testing.contracts import AsyncStoreContract, StoreContract

ROOT = Path(__file__).parent.parent.parent
MINUTE = timedelta(minutes=1)
PUT = """\
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from irma_backend import SqliteStore
from irma_transport import SystemClock

store = SqliteStore(sys.argv[1], SystemClock())
print("ready", flush=True)
sys.stdin.readline()
keys = [str(n) for n in range(25) for _ in range(8)]
with ThreadPoolExecutor(8) as threads:
    print(sum(threads.map(lambda key: store.put_if_absent(key, b"", timedelta(hours=1)), keys)))
"""
FORK = """\
import os, sys
from datetime import timedelta
from irma_backend import SqliteStore
from irma_transport import SystemClock

store = SqliteStore(sys.argv[1], SystemClock())
print(store.put_if_absent("k", b"", timedelta(hours=1)), flush=True)
child = os.fork()
if child:
    os.waitpid(child, 0)
print(store.put_if_absent("k" if child == 0 else "l", b"", timedelta(hours=1)), flush=True)
"""
PARENT_ENDS = """\
import os, subprocess, sys
from datetime import timedelta
from irma_backend import SqliteStore
from irma_transport import SystemClock

HOUR = timedelta(hours=1)
store = SqliteStore(sys.argv[1], SystemClock())
if len(sys.argv) > 2:
    print(store.put_if_absent("second", b"", HOUR))
    sys.exit()
(is_read, is_put), (is_closed, close) = os.pipe(), os.pipe()
child = os.fork()
if child:
    os.read(is_read, 1)
    store.close()
    os.write(close, b"x")
    os.waitpid(child, 0)
else:
    print(store.put_if_absent("first", b"", HOUR), flush=True)
    os.write(is_put, b"x")
    os.read(is_closed, 1)
    print(store.put_if_absent("second", b"", HOUR), flush=True)
    subprocess.run([*sys.orig_argv, "again"], check=True)
    os._exit(0)
"""
FORK_AMID_A_CALL = """\
import os, sys
from datetime import timedelta
from irma_backend import SqliteStore
from irma_core.errors import ConfigurationError
from irma_transport import SystemClock

store = SqliteStore(sys.argv[1], SystemClock())
with store._connections.borrowed():
    child = os.fork()
    if child == 0:
        try:
            store.get("k")
        except ConfigurationError as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def spoil(path: Path) -> None:
    """Replace a database by other content, and delete SQLite's files beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    path.write_bytes(b"not a database" * 100)


class TestSqliteStore(StoreContract):
    """`SqliteStore` passes the sync contract of stores."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store.db"
        self.clock = ManualClock()

    def make_store(self) -> SqliteStore:
        return SqliteStore(self.path, self.clock)

    def make_failing_store(self) -> SqliteStore:
        store = self.make_store()
        spoil(self.path)
        return store

    async def pass_time(self, duration: timedelta) -> None:
        self.clock.advance(duration)


class TestAsyncSqliteStore(AsyncStoreContract):
    """`AsyncSqliteStore` passes the async contract of stores."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store.db"
        self.clock = ManualClock()

    def make_store(self) -> AsyncSqliteStore:
        return AsyncSqliteStore(self.path, self.clock)

    def make_failing_store(self) -> AsyncSqliteStore:
        store = self.make_store()
        spoil(self.path)
        return store

    async def pass_time(self, duration: timedelta) -> None:
        self.clock.advance(duration)


def test_only_one_process_puts_each_key(tmp_path: Path) -> None:
    """If the threads of four processes put the same key, one of them succeeds."""
    command = [sys.executable, "-c", PUT, str(tmp_path / "store.db")]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sum(int(process.communicate()[0]) for process in processes) == 25


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    """The database and the files that SQLite puts beside it have mode 0600."""
    store = SqliteStore(tmp_path / "store.db", ManualClock())
    with closing(sqlite3.connect(tmp_path / "store.db")) as reader:
        reader.execute("SELECT * FROM entries").fetchall()
        store.put_if_absent("k", b"", MINUTE)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_a_deleted_file_is_not_recreated(tmp_path: Path) -> None:
    """The store never recreates a deleted file, because another process may use the old one."""
    store = SqliteStore(tmp_path / "store.db", ManualClock())
    (tmp_path / "store.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(sqlite3.OperationalError):
        store.put_if_absent("k", b"", MINUTE)
    assert not (tmp_path / "store.db").exists()


def test_a_forked_process_opens_its_own_connections(tmp_path: Path) -> None:
    """A forked process opens its own connections, because SQLite's locks do not survive a fork."""
    path = str(tmp_path / "store.db")
    done = subprocess.run(
        [sys.executable, "-c", FORK, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["True", "False", "True"], "")


def test_an_entry_of_a_forked_process_is_kept(tmp_path: Path) -> None:
    """An entry of a forked process is kept after the parent has closed the store."""
    path = str(tmp_path / "store.db")
    done = subprocess.run(
        [sys.executable, "-c", PARENT_ENDS, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "True", "False"]


def test_a_process_forked_during_a_call_is_refused(tmp_path: Path) -> None:
    """A process that was forked during a call of its parent cannot use the store."""
    path = str(tmp_path / "store.db")
    done = subprocess.run(
        [sys.executable, "-c", FORK_AMID_A_CALL, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "fork first" in done.stdout


def test_a_closed_store_has_no_file_open(tmp_path: Path) -> None:
    """The store keeps its file open between calls, until it is closed."""
    path = tmp_path / "store.db"
    store = SqliteStore(path, ManualClock())
    with ThreadPoolExecutor(30) as threads:
        puts = threads.map(store.put_if_absent, "ab" * 50, [b""] * 100, [MINUTE] * 100)
        assert sum(puts) == 2
    assert path in open_files()
    store.close()
    assert path not in open_files()


def open_files() -> list[Path]:
    """Return the files that this process has open."""
    return [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.exists()]


def test_a_put_deletes_expired_entries(tmp_path: Path) -> None:
    """A put deletes expired entries from the file."""
    clock = ManualClock()
    store = SqliteStore(tmp_path / "store.db", clock)
    for number in range(10):
        store.put_if_absent(str(number), b"", MINUTE)
        clock.advance(MINUTE)
    with closing(sqlite3.connect(tmp_path / "store.db")) as reader:
        assert reader.execute("SELECT key FROM entries").fetchall() == [("9",)]


def test_a_failed_call_leaves_no_lock(tmp_path: Path) -> None:
    """A failed call rolls its transaction back, so that the next call works."""
    store = SqliteStore(tmp_path / "store.db", ManualClock())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("irma_backend.sqlite_store._PUT", "INSERT INTO nothing VALUES (:key)")
        with pytest.raises(sqlite3.OperationalError):
            store.put_if_absent("k", b"", MINUTE)
    assert store.put_if_absent("k", b"", MINUTE)


def test_a_put_waits_for_another_process(tmp_path: Path) -> None:
    """A put waits while another process writes, and fails if this takes too long."""
    store = SqliteStore(tmp_path / "store.db", ManualClock())
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("irma_backend.sqlite_store._BUSY_TIMEOUT", timedelta(seconds=0.1))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                store.put_if_absent("k", b"", MINUTE)
        with ThreadPoolExecutor() as threads:
            put = threads.submit(store.put_if_absent, "k", b"", MINUTE)
            assert store.get("k") is None
            other.execute("COMMIT")
            assert put.result()


def test_a_lifetime_must_be_above_zero(tmp_path: Path) -> None:
    """A lifetime of zero is refused, because then every put would succeed."""
    store = SqliteStore(tmp_path / "store.db", ManualClock())
    with pytest.raises(ConfigurationError, match="lifetime"):
        store.put_if_absent("k", b"", timedelta(0))


def test_a_closed_store_stays_closed(tmp_path: Path) -> None:
    """Each call after `close` raises ConfigurationError."""
    store = SqliteStore(tmp_path / "store.db", ManualClock())
    store.close()
    for call in (
        lambda: store.put_if_absent("k", b"", MINUTE),
        lambda: store.get("k"),
        lambda: store.delete("k"),
    ):
        with pytest.raises(ConfigurationError, match="closed"):
            call()


async def test_a_closed_async_store_stays_closed(tmp_path: Path) -> None:
    """A call after `aclose` raises ConfigurationError."""
    store = AsyncSqliteStore(tmp_path / "store.db", ManualClock())
    await store.aclose()
    await store.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await store.get("k")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere/store.db", "No such file or directory"),
        ("", "Is a directory"),
        ("x\0y", "not a path"),
        ("text", "not an SQLite database"),
    ],
)
def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    """The constructor refuses a file that cannot be opened, and the error shows no path."""
    (tmp_path / "text").write_text("something else " * 100)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        SqliteStore(f"{tmp_path}/{name}", ManualClock())
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.__context__ is None


async def test_a_uri_opens_the_store(tmp_path: Path) -> None:
    """`sqlite:PATH` opens the same file in both modes, on the transport's clock."""
    uri = f"sqlite:{tmp_path}/store.db"
    transport = ScriptedTransport()
    with open_parts(transport=transport) as parts:
        store = parts.store(uri)
        assert store.put_if_absent("k", b"first", MINUTE)
        async with open_parts_async(transport=AsyncScriptedTransport()) as async_parts:
            assert await async_parts.store(uri).get("k") == b"first"
        transport.sleep(MINUTE)
        assert store.get("k") is None
        with pytest.raises(PluginError, match="sqlite: must be followed by a path"):
            parts.store("sqlite:")
