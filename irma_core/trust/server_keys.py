"""The setting `server_key`: the server's public keys, or how to fetch one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.tracebacks import boundary
from irma_core.trust.jws import check_public_keys
from irma_core.trust.keys import PublicKey
from irma_core.value_object import ValueObject

__all__ = ["FetchedServerKey", "GivenKey", "ServerKey", "parse_server_keys"]


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class FetchedServerKey(ValueObject):
    """Makes the library fetch the server's key from the server itself, and cache the key.

    With a fetched key, the application needs no deployment when the server's key changes. But a key
    from the same address as the results is only as trustworthy as TLS. So in production, configure
    the key itself.

    The library fetches the key when it first needs it and when the key's lifetime is over. It also
    fetches the key again if a signed result does not verify, but only if the requestor asked for
    that result, or the result came to a callback URL with the right secret. Results from other
    senders never cause a fetch.

    Args:
        lifetime: How long a key verifies results before it is fetched again.
        minimum_interval: The shortest time between two fetches after results that did not verify. A
            fetch that fails does not count.

    Raises:
        ConfigurationError: A duration is not above zero, or `lifetime` is shorter than
            `minimum_interval`.
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
            raise ConfigurationError("lifetime must not be shorter than minimum_interval")


GivenKey: TypeAlias = PublicKey | str | bytes
ServerKey: TypeAlias = GivenKey | Sequence[GivenKey] | FetchedServerKey
"""The type of the setting `server_key`: one key, several keys while the server's key changes, or a
`FetchedServerKey`.
"""


@boundary
def parse_server_keys(given: ServerKey | None) -> tuple[GivenKey, ...]:
    """Check the setting `server_key`, and return the keys in it.

    If the setting is None or a `FetchedServerKey`, the result is empty.

    Raises:
        ConfigurationError: The list is empty, or a key is not an RSA public key in PEM.
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
            "server_key must be a public key in PEM, a list of keys, or FetchedServerKey()"
        )
    if not keys:
        # An empty setting must not turn verification off.
        raise ConfigurationError(
            "server_key must not be an empty list: leave it out to accept unsigned results"
        )
    try:
        check_public_keys(keys)
    except ConfigurationError as error:
        failure = ConfigurationError(f"server_key: {error}")
    else:
        return keys
    raise failure
