"""Describe Redis faults without showing an address, a name or a password.

redis-py's errors contain the address. So our errors are raised outside the `except` block; inside
it, Python would attach redis-py's error as the context. An error reply from Redis begins with a
code, which is not secret and is more specific than redis-py's classes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple, TypeVar, final

import redis
from redis import exceptions

from irma_core.errors import IrmaError, StatusBackendError, StoreError
from irma_redis.address import LONGEST_CALL, NoPasswordError

__all__ = ["Door", "Fault", "fault", "reason"]

ResultT = TypeVar("ResultT")
Kind = type[StatusBackendError] | type[StoreError]


class Fault(NamedTuple):
    """A fault in Redis, or in the connection to it.

    Attributes:
        text: The description.
        is_setting: Whether only a change of settings can fix the fault. A program with such a
            fault should not start.
    """

    text: str
    is_setting: bool = False


_PERMISSION: Final = Fault(
    "its user lacks a permission; docs/how-to/redis.md lists the permissions that it needs"
)
_LOGIN: Final = Fault("it rejected the user name or the password")
_MEMORY: Final = Fault("it is out of memory")
_REPLICA: Final = Fault("it is a replica, which accepts no writes")
_CLUSTER: Final = Fault(
    "it is a node of a Redis Cluster, which is not supported; use a server without cluster mode",
    is_setting=True,
)
_TIME: Final = Fault("it did not answer in time")
_NO_CONNECTION: Final = Fault("there is no connection to it")
_CLOSED: Final = Fault(
    "it closed the connection; it may have too many clients, be shutting down, or require TLS "
    "on that port"
)
_BUSY_POOL: Final = Fault(
    "all of this process's connections to it are busy; there are too many calls at once"
)

# These patterns match Redis's replies, or redis-py's messages if redis-py has no class for the
# fault.
_BY_WORDS: Final = (
    ("user executing the script can't", _PERMISSION),
    ("NOPERM", _PERMISSION),
    ("unauthenticated", _LOGIN),  # Redis's reply to a long command before a login
    ("DB index is out of range", Fault("it has no database with that number", is_setting=True)),
    ("not allowed in cluster mode", _CLUSTER),
    ("max number of clients reached", Fault("it has no free connection")),
    ("No connection available", _BUSY_POOL),
    (
        "NOREPLICAS",
        Fault("it has too few replicas at the moment, and accepts no writes until they are back"),
    ),
    ("MISCONF", Fault("it cannot save its data to disk, and accepts no writes until it can")),
    ("MASTERDOWN", Fault("it is a replica that has lost contact with its master")),
    ("BUSY ", Fault("it is busy running a long script")),
    ("LOADING", Fault("it is loading its data")),
    ("READONLY", _REPLICA),
    ("OOM", _MEMORY),
    ("WRONGTYPE", Fault("another program uses a key whose name begins with irma:")),
    ("CROSSSLOT", _CLUSTER),
    (
        "handshake operation timed out",
        Fault("the TLS handshake with it timed out; check that its port uses TLS"),
    ),
    ("closed by server", _CLOSED),
    ("Connection not ready", _CLOSED),  # Redis sent a message before it closed the connection
    ("Connection reset", _CLOSED),
    ("Broken pipe", _CLOSED),
)
_BY_CLASS: Final[tuple[tuple[type[BaseException], Fault], ...]] = (
    (exceptions.NoPermissionError, _PERMISSION),
    (exceptions.AuthenticationError, _LOGIN),
    (exceptions.AuthenticationWrongNumberOfArgsError, _LOGIN),
    (exceptions.AuthorizationError, _LOGIN),
    (exceptions.BusyLoadingError, Fault("it is loading its data")),
    (exceptions.MaxConnectionsError, Fault("it has no free connection")),
    (exceptions.MasterDownError, Fault("it is a replica that has lost contact with its master")),
    (exceptions.ClusterDownError, _CLUSTER),
    (exceptions.MovedError, _CLUSTER),
    (exceptions.AskError, _CLUSTER),
    (exceptions.TryAgainError, _CLUSTER),
    (exceptions.ClusterCrossSlotError, _CLUSTER),
    (exceptions.OutOfMemoryError, _MEMORY),
    (exceptions.ReadOnlyError, _REPLICA),
    (
        ssl.SSLCertVerificationError,
        Fault(
            "its TLS certificate is from an unknown authority or for another host; check "
            "ssl_ca_certs and the host name"
        ),
    ),
    (ssl.SSLError, Fault("TLS with it failed; check that its port uses TLS")),
    (exceptions.TimeoutError, _TIME),
    (TimeoutError, _TIME),
    (exceptions.ConnectionError, _NO_CONNECTION),
    (OSError, _NO_CONNECTION),
    (exceptions.ResponseError, Fault("it rejected a command")),
)


def fault(error: BaseException) -> Fault:
    """Return the fault that an error reports, without copying any part of the error's message."""
    errors = list(_chain(error))
    for each in errors:
        if isinstance(each, NoPasswordError):
            return Fault(f"its password could not be read: {each}")
    # The cause explains more, because redis-py reports a rejected certificate as a lost connection.
    for each in errors:
        if isinstance(each, ssl.SSLError) or "handshake" in str(each):
            error = each
    for words, found in _BY_WORDS:
        if words in str(error):
            return found
    for kind, found in _BY_CLASS:
        if isinstance(error, kind):
            return found
    return Fault(type(error).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def reason(error: Exception) -> str:
    """Return the message of our own error, or a description of an error from redis-py."""
    if isinstance(error, IrmaError):
        return str(error)  # our own error
    return f"Redis: {fault(error).text}"


@final
class Door:
    """Guards all calls to Redis: rejects calls after `close`, and translates errors.

    Args:
        what: The name of the status backend or the store, for messages.
        kind: The class of the errors to raise.
    """

    def __init__(self, what: str, kind: Kind) -> None:
        self._what = what
        self._kind = kind
        self._is_closed = False

    def close(self) -> None:
        """Reject all further calls, because redis-py would otherwise connect again."""
        self._is_closed = True

    def check(self) -> None:
        """Raise an error if `close` has been called."""
        if self._is_closed:
            raise self._kind(f"the {self._what} is closed")

    def attempt(self, client: redis.Redis, call: Callable[[], ResultT]) -> ResultT:
        """Call the function and translate its errors into errors of the door's `kind`.

        Raises:
            StatusBackendError: The call failed, and the caller is a status backend.
            StoreError: The call failed, and the caller is a store.
        """
        self.check()
        try:
            return call()
        except Exception as error:  # noqa: BLE001  # redis-py's, which show an address
            text = reason(error)
        finally:
            if self._is_closed:  # closed by another thread during the call
                client.close()
        raise self._kind(text)

    async def attempt_async(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Await the call and translate its errors; cancel it if it takes too long."""
        self.check()
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return await call()
        except Exception as error:  # noqa: BLE001  # redis-py's, which show an address
            text = reason(error)
        raise self._kind(text)
