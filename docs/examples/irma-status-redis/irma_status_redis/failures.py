"""What went wrong with Redis, in words that tell no address, name or password.

redis-py's errors have the address in their texts. So they are left behind: ours are raised where
none of them is being handled, or Python would keep it as the context. What Redis itself answers
begins with a code of its own, which is no secret and tells more than redis-py's classes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple, TypeVar, final

import redis
from redis import exceptions

from irma_core.errors import IrmaError, StatusBackendError, StoreError
from irma_status_redis.address import LONGEST_CALL, NoPasswordError

__all__ = ["Door", "Fault", "fault", "reason"]

ResultT = TypeVar("ResultT")
Kind = type[StatusBackendError] | type[StoreError]


class Fault(NamedTuple):
    """What is wrong.

    Attributes:
        text: The same for people.
        is_setting: Whether only another setting mends it, so that a program need not start.
    """

    text: str
    is_setting: bool = False


_PERMISSION: Final = Fault("its user lacks a permission that the README names")
_LOGIN: Final = Fault("it refuses the user name or the password")
_MEMORY: Final = Fault("it is out of memory")
_REPLICA: Final = Fault("it is a replica, which takes no writes")
_CLUSTER: Final = Fault("it is a node of a Redis Cluster, which cannot be used", is_setting=True)
_TIME: Final = Fault("it did not answer in time")
_NO_CONNECTION: Final = Fault("there is no connection to it")
_CLOSED: Final = Fault(
    "there is no connection to it: it closed that, as it does with too many clients, at its end, "
    "and where its port is for TLS"
)
_BUSY_POOL: Final = Fault("all connections of this process to it are busy: too many calls at once")

# By the words of Redis' answers, and of redis-py where it has no class of its own.
_BY_WORDS: Final = (
    ("user executing the script can't", _PERMISSION),
    ("NOPERM", _PERMISSION),
    ("unauthenticated", _LOGIN),  # its answer to a long command before a login
    ("DB index is out of range", Fault("it has no database of that number", is_setting=True)),
    ("not allowed in cluster mode", _CLUSTER),
    ("max number of clients reached", Fault("it has no connection to spare")),
    ("No connection available", _BUSY_POOL),
    (
        "NOREPLICAS",
        Fault("it has too few replicas for now, and takes no writes until they are back"),
    ),
    ("MISCONF", Fault("it cannot save its data to disk, and takes no writes until it can")),
    ("MASTERDOWN", Fault("it is a replica that has lost its master for now")),
    ("BUSY ", Fault("it is busy with a script that takes long")),
    ("LOADING", Fault("it is loading its data")),
    ("READONLY", _REPLICA),
    ("OOM", _MEMORY),
    ("WRONGTYPE", Fault("something else is kept under a name that begins with irma:")),
    ("CROSSSLOT", _CLUSTER),
    (
        "handshake operation timed out",
        Fault("it did not answer in TLS in time: is its port for TLS?"),
    ),
    ("closed by server", _CLOSED),
    ("Connection not ready", _CLOSED),  # it spoke first, as it does before it closes
    ("Connection reset", _CLOSED),
    ("Broken pipe", _CLOSED),
)
_BY_CLASS: Final[tuple[tuple[type[BaseException], Fault], ...]] = (
    (exceptions.NoPermissionError, _PERMISSION),
    (exceptions.AuthenticationError, _LOGIN),
    (exceptions.AuthenticationWrongNumberOfArgsError, _LOGIN),
    (exceptions.AuthorizationError, _LOGIN),
    (exceptions.BusyLoadingError, Fault("it is loading its data")),
    (exceptions.MaxConnectionsError, Fault("it has no connection to spare")),
    (exceptions.MasterDownError, Fault("it is a replica that has lost its master for now")),
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
            "its TLS certificate is of an unknown authority or another host: check ssl_ca_certs "
            "and the host name"
        ),
    ),
    (ssl.SSLError, Fault("TLS with it failed: is its port for TLS?")),
    (exceptions.TimeoutError, _TIME),
    (TimeoutError, _TIME),
    (exceptions.ConnectionError, _NO_CONNECTION),
    (OSError, _NO_CONNECTION),
    (exceptions.ResponseError, Fault("it refuses a command")),
)


def fault(error: BaseException) -> Fault:
    """Return what is wrong, without anything of the error's own text."""
    errors = list(_chain(error))
    for each in errors:
        if isinstance(each, NoPasswordError):
            return Fault(f"its password could not be got: {each}")
    # What lies behind says more: redis-py makes a lost connection of a certificate's failure.
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
    """Return what is wrong as the text of an error."""
    if isinstance(error, IrmaError):
        return str(error)  # our own
    return f"Redis: {fault(error).text}"


@final
class Door:
    """Where all calls to Redis go through: none after the end, and each fault in our words.

    Args:
        what: What is closed, for the message.
        kind: The error that a fault becomes.
    """

    def __init__(self, what: str, kind: Kind) -> None:
        self._what = what
        self._kind = kind
        self._is_closed = False

    def close(self) -> None:
        """Let nothing through any more: redis-py would connect again."""
        self._is_closed = True

    def check(self) -> None:
        """Raise the error of this door's kind if it is closed."""
        if self._is_closed:
            raise self._kind(f"the {self._what} is closed")

    def attempt(self, client: redis.Redis, call: Callable[[], ResultT]) -> ResultT:
        """Call; what redis-py raises becomes an error of this door's kind.

        Raises:
            StatusBackendError: Where that is the kind.
            StoreError: Where that is the kind.
        """
        self.check()
        try:
            return call()
        except Exception as error:  # noqa: BLE001  # redis-py's, which show an address
            text = reason(error)
        finally:
            if self._is_closed:  # meanwhile, by another thread
                client.close()
        raise self._kind(text)

    async def attempt_async(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """`attempt`, awaited, and ended when its time is up."""
        self.check()
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return await call()
        except Exception as error:  # noqa: BLE001  # redis-py's, which show an address
            text = reason(error)
        raise self._kind(text)
