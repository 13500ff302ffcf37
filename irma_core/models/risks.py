"""What is refused unless it is allowed by name, and what only a start can judge.

Belongs here: the risks, and the last look at a request before it leaves, when the time and the
permissions are known. Does not belong here: rules that hold at any time (the models have them).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.condiscon import ConDisCon
from irma_core.models.credentials import resolve_validity
from irma_core.models.session_requests import ExtendedRequest, IssuanceRequest
from irma_core.models.urls import is_plain_http
from irma_core.tracebacks import boundary

__all__ = ["Risk", "parse_risks", "resolve_request"]

_DEMO_SCHEME = "irma-demo."


class Risk(Enum):
    """Something that is refused unless a requestor's `allow` names it."""

    PLAIN_HTTP = "plain http"
    """Plain HTTP that leaves this machine: anyone who can change the traffic can log in as anybody.
    For the base URL, the token URL and the session pointer; for a `callback_url`, a `next_session`
    and a `client_return_url` that carries the token; and for the way to a proxy."""
    UNVERIFIED_TLS = "unverified tls"
    """A TLS context that does not verify the server's certificate and name, or that takes TLS
    before 1.2. It is worth no more than plain HTTP."""
    DEMO_ATTRIBUTES = "demo attributes"
    """Asking for attributes of `irma-demo`, which everybody can issue to themselves."""
    TOKEN_IN_RETURN_URL = "token in return url"  # noqa: S105  # the name of a risk
    """`augment_return_url`: the requestor token in a URL, hence in histories and logs."""
    SIMULATED_PROOFS = "simulated proofs"
    """JWTs of a server in memory, which are signed and prove nothing: for tests and development."""
    MEMORY_STORE = "memory store"
    """A `memory:` store, which each process has for itself: of several processes, each would take
    a callback or a handle once."""


@boundary
def parse_risks(allow: object) -> frozenset[Risk]:
    """Check and give what a setting `allow` holds.

    Raises:
        ConfigurationError: It is no collection of `Risk`.
    """
    if type(allow) is frozenset and all(type(risk) is Risk for risk in allow):
        return allow
    if isinstance(allow, Iterable) and not isinstance(allow, str | bytes | Mapping):
        given = tuple(allow)
        risks = frozenset(risk for risk in given if isinstance(risk, Risk))
        if all(isinstance(risk, Risk) for risk in given):
            return risks
    raise ConfigurationError("allow: must be a collection of Risk, such as {Risk.PLAIN_HTTP}")


@boundary
def resolve_request(
    request: ExtendedRequest, now: datetime, allow: Collection[Risk] = ()
) -> ExtendedRequest:
    """Give the request as it can be sent at `now`, with dates for durations.

    Args:
        request: What is to be asked.
        now: An aware time.
        allow: The risks that are taken.

    Raises:
        RequestError: A credential would be expired when it is issued.
        ConfigurationError: The request takes a risk that is not allowed.
    """
    allow = parse_risks(allow)
    asked = request.request
    if asked.augment_return_url and Risk.TOKEN_IN_RETURN_URL not in allow:
        raise ConfigurationError(
            "augment_return_url puts the requestor token into a URL: allow "
            "Risk.TOKEN_IN_RETURN_URL if nobody else can see that URL"
        )
    if Risk.PLAIN_HTTP not in allow:
        _check_plain_http(request)
    if Risk.DEMO_ATTRIBUTES not in allow:
        _check_schemes(asked.disclose)
    if not isinstance(asked, IssuanceRequest):
        return request
    credentials = tuple(
        resolve_validity(credential, now, f"credentials[{i}]")
        for i, credential in enumerate(asked.credentials)
    )
    if credentials == asked.credentials:
        return request
    return attrs.evolve(request, request=attrs.evolve(asked, credentials=credentials))


def _check_schemes(disclose: ConDisCon) -> None:
    # Loops over the tuples themselves: iterators written in Python cost more than the check.
    for disjunction in disclose.disjunctions:
        for option in disjunction.options:
            for attribute in option.attributes:
                if attribute.type.startswith(_DEMO_SCHEME):
                    raise ConfigurationError(
                        f"{attribute.type} proves nothing, as everybody can issue attributes of "
                        "irma-demo: allow Risk.DEMO_ATTRIBUTES in tests and demonstrations"
                    )


def _check_plain_http(request: ExtendedRequest) -> None:
    asked = request.request
    next_url = None if request.next_session is None else request.next_session.url
    return_url = asked.client_return_url if asked.augment_return_url else None
    for field, carried, url in (
        ("callback_url", "the result", request.callback_url),
        ("next_session", "the result", next_url),
        ("client_return_url", "the requestor token", return_url),
    ):
        if url is not None and is_plain_http(url):
            raise ConfigurationError(
                f"{field}: {carried} would travel over plain http, for everyone on the way to "
                "read; use https, or allow Risk.PLAIN_HTTP on a network you trust"
            )
