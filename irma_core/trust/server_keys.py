"""The server's key, as a requestor is told of it: given, or to be fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.tracebacks import boundary
from irma_core.trust.jws import check_public_keys
from irma_core.trust.keys import PublicKey

__all__ = ["FetchedServerKey", "GivenKey", "ServerKey", "parse_server_keys"]


@final
@boundary
@attrs.frozen
class FetchedServerKey:
    """Let the requestor fetch the server's key from the server itself, and keep it.

    A key from the same address as the results proves no more than TLS does. It spares whoever
    changes the server's key a deployment here; in production give the key itself.

    It is fetched when it is first needed and once its lifetime is over; and once more when a signed
    result does not verify that this requestor asked the server for, or that came to a callback URL
    with the right secret. On behalf of any other sender it is never fetched.

    Args:
        lifetime: How long a key verifies results before it is fetched again.
        minimum_interval: The time between two fetched keys that a signature leads to; a fetch that
            fails does not count.

    Raises:
        ConfigurationError: They are not above zero, or the lifetime is the shorter one.
    """

    lifetime: timedelta = timedelta(hours=1)
    minimum_interval: timedelta = timedelta(minutes=1)

    def __attrs_post_init__(self) -> None:
        durations: tuple[object, ...] = (self.lifetime, self.minimum_interval)
        for each in durations:
            if not isinstance(each, timedelta) or each <= timedelta(0):
                raise ConfigurationError(
                    "lifetime and minimum_interval must be timedeltas above zero, "
                    "such as timedelta(hours=1)"
                )
        if self.lifetime < self.minimum_interval:
            raise ConfigurationError("lifetime: must not be shorter than minimum_interval")


GivenKey: TypeAlias = PublicKey | str | bytes
ServerKey: TypeAlias = GivenKey | Sequence[GivenKey] | FetchedServerKey
"""PEM, several of them during a change of keys, or how to fetch it."""


@boundary
def parse_server_keys(given: ServerKey | None) -> tuple[GivenKey, ...]:
    """Check and give the keys in a `server_key`; none where it is to be fetched, or left out.

    Raises:
        ConfigurationError: It holds none, or one that is no RSA public key in PEM.
    """
    if given is None or isinstance(given, FetchedServerKey):
        return ()
    keys: tuple[GivenKey, ...]
    if isinstance(given, PublicKey | str | bytes):
        keys = (given,)
    elif isinstance(given, list | tuple):
        keys = tuple(given)
    else:
        raise ConfigurationError(
            "server_key: the key as PEM text, a list of them, or FetchedServerKey()"
        )
    if not keys:
        # A setting that was read as empty must not switch verification off.
        raise ConfigurationError("server_key: an empty list; leave it out for unsigned results")
    try:
        check_public_keys(keys)
    except ConfigurationError as error:
        failure = ConfigurationError(f"server_key: {error}")
    else:
        return keys
    raise failure
