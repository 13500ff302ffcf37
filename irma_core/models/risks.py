"""Risks that an application must allow explicitly, and the last checks before a request is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.condiscon import ConDisCon
from irma_core.models.credentials import resolve_validity
from irma_core.models.session_requests import ExtendedRequest, IssuanceRequest
from irma_core.models.urls import is_plain_http
from irma_core.tracebacks import boundary

__all__ = ["Risk", "parse_risks", "resolve_for", "resolve_request"]

_DEMO_SCHEME = "irma-demo."


class Risk(Enum):
    """Something that the library refuses unless a requestor's `allow` contains it."""

    PLAIN_HTTP = "plain http"
    """Plain HTTP that leaves this machine. Anyone who can change the traffic can log in as anyone.
    This applies to the base URL, the token URL, the session pointer, `callback_url`,
    `next_session`, a `client_return_url` with the token, and the connection to a proxy."""
    UNVERIFIED_TLS = "unverified tls"
    """A TLS context that does not verify the server's certificate and name, or that accepts TLS
    versions before 1.2. Such a context is no better than plain HTTP."""
    DEMO_ATTRIBUTES = "demo attributes"
    """Requests for attributes of the scheme `irma-demo`, which anyone can issue to themselves."""
    TOKEN_IN_RETURN_URL = "token in return url"  # noqa: S105  # the name of a risk
    """`augment_return_url`, which puts the requestor token into a URL, and so into histories and
    logs."""
    SIMULATED_PROOFS = "simulated proofs"
    """JWTs from an in-memory server. They prove nothing, and are only for tests and development."""
    MEMORY_STORE = "memory store"
    """A store in memory. Each process has its own store, so each process could accept the same
    callback or handle once."""


_RISKS: Final = frozenset(Risk)


@boundary
def parse_risks(allow: object) -> frozenset[Risk]:
    """Return the risks that a setting `allow` contains.

    Raises:
        ConfigurationError: The setting is not a collection of `Risk`.
    """
    if type(allow) is frozenset and allow <= _RISKS:
        return allow
    if isinstance(allow, Iterable) and not isinstance(allow, str | bytes | Mapping):
        items = tuple(allow)
        risks = frozenset(risk for risk in items if isinstance(risk, Risk))
        if all(isinstance(risk, Risk) for risk in items):
            return risks
    raise ConfigurationError("allow: must be a collection of risks, such as {Risk.PLAIN_HTTP}")


@boundary
def resolve_request(
    request: ExtendedRequest, now: datetime, allow: Collection[Risk] = ()
) -> ExtendedRequest:
    """Return the request as it can be sent now, with dates in place of durations.

    Args:
        request: The request.
        now: The present time, as an aware `datetime`.
        allow: The allowed risks.

    Raises:
        RequestError: A credential would already have expired when it was issued.
        ConfigurationError: The request needs a risk that is not allowed.
    """
    return resolve_for(request, now, parse_risks(allow))


def resolve_for(request: ExtendedRequest, now: datetime, allow: frozenset[Risk]) -> ExtendedRequest:
    """Do what `resolve_request` does, with risks that have already been checked."""
    session_request = request.request
    if session_request.augment_return_url and Risk.TOKEN_IN_RETURN_URL not in allow:
        raise ConfigurationError(
            "augment_return_url puts the requestor token into a URL: allow "
            "Risk.TOKEN_IN_RETURN_URL if nobody else can see that URL"
        )
    if Risk.PLAIN_HTTP not in allow:
        _check_plain_http(request)
    if Risk.DEMO_ATTRIBUTES not in allow:
        _check_schemes(session_request.disclose)
    if not isinstance(session_request, IssuanceRequest):
        return request
    credentials = tuple(
        resolve_validity(credential, now, f"credentials[{i}]")
        for i, credential in enumerate(session_request.credentials)
    )
    if credentials == session_request.credentials:
        return request
    return attrs.evolve(request, request=attrs.evolve(session_request, credentials=credentials))


def _check_schemes(disclose: ConDisCon) -> None:
    # This loops over the tuples directly, because iterators written in Python cost more than the
    # check.
    for disjunction in disclose.disjunctions:
        for option in disjunction.options:
            for attribute in option.attributes:
                if attribute.type.startswith(_DEMO_SCHEME):
                    raise ConfigurationError(
                        f"{attribute.type} proves nothing, because anyone can issue attributes of "
                        "irma-demo: allow Risk.DEMO_ATTRIBUTES in tests and demonstrations"
                    )


def _check_plain_http(request: ExtendedRequest) -> None:
    session_request = request.request
    if (url := request.callback_url) is not None:
        _check_encrypted("callback_url", "the result", url)
    if request.next_session is not None:
        _check_encrypted("next_session", "the result", request.next_session.url)
    if session_request.augment_return_url and session_request.client_return_url is not None:
        url = session_request.client_return_url
        _check_encrypted("client_return_url", "the requestor token", url)


def _check_encrypted(field: str, carried: str, url: str) -> None:
    if is_plain_http(url):
        raise ConfigurationError(
            f"{field}: anyone on the network could read {carried}, which would travel over "
            "plain http; use https, or allow Risk.PLAIN_HTTP on a network that you trust"
        )
