"""Check a request against the permissions, the scheme and the configuration.

Source: irmago `CanRequest` in `requestorserver/conf.go`, `startNextSession` and
`validateIssuanceRequest` in `irmaserver`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from irma_testing.memory.go_urls import matches_path
from irma_testing.memory.jwt import moment_of
from irma_testing.memory.replies import (
    INVALID_REQUEST,
    REVOCATION,
    UNAUTHORIZED,
    UNSUPPORTED,
    Refusal,
    ServerCrash,
)
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.session_request import Con, RequestedCredential, StartRequest
from irma_testing.memory.settings import RequestorSettings, ServerSettings

__all__ = ["check_callbacks", "check_permissions", "check_revocation", "check_startable"]

_CREDENTIAL_DOTS = 2


def check_permissions(
    settings: ServerSettings, requestor: str, request: StartRequest, default_host: str
) -> None:
    """Raise `Refusal` unless the requestor may make this request and use the host in it."""
    known = (settings.requestors or {}).get(requestor)
    if request.kind == "issuing":
        _check_issuing(_permissions(settings, known, "issue_perms"), request)
    if request.disclose:
        name = "sign_perms" if request.kind == "signing" else "disclose_perms"
        _check_disclosing(_permissions(settings, known, name), request)
    _check_host(known.host_perms if known else (), request.host or default_host, default_host)


def check_callbacks(settings: ServerSettings, request: StartRequest) -> None:
    """Raise `Refusal` if the server must sign the results that it posts, but has no key."""
    if settings.has_jwt_key or settings.allow_unsigned_callbacks:
        return
    if request.callback_url or request.next_url is not None:
        field = "callbackUrl" if request.callback_url else "nextSession"
        raise Refusal(
            UNSUPPORTED,
            f"{field} provided but no JWT private key is installed: either install JWT or enable "
            "allow_unsigned_callbacks in configuration",
        )


def check_startable(
    settings: ServerSettings, scheme: Scheme, request: StartRequest, now: datetime
) -> None:
    """Check a request against the scheme and the configuration.

    Raises:
        Refusal: The request names something unknown or unsupported.
        ServerCrash: The official server would crash on this request.
    """
    _check_identifiers(scheme, request)
    _check_revocation_demands(scheme, request)
    if request.augment_return_url and not settings.augment_client_return_url:
        raise Refusal(
            INVALID_REQUEST, "augmenting client return url not enabled in server configuration"
        )
    if request.augment_return_url and not request.client_return_url:
        raise Refusal(INVALID_REQUEST, "cannot augment empty client return url")
    for disjunction in request.disclose:
        for conjunction in disjunction:
            _check_singletons(scheme, conjunction)
    for credential in request.credentials:
        _check_credential(scheme, credential, now)


def check_revocation(
    settings: ServerSettings, scheme: Scheme, requestor: str, credential_type: str
) -> None:
    """Check that a requestor may revoke credentials of a type, and that they can be revoked.

    Raises:
        Refusal: The requestor may not revoke them, or they cannot be revoked.
        ServerCrash: The official server would crash on this request.
    """
    known = (settings.requestors or {}).get(requestor)
    permissions = _permissions(settings, known, "revoke_perms")
    if not permissions:
        raise Refusal(UNAUTHORIZED)
    if credential_type.count(".") != _CREDENTIAL_DOTS or not scheme.knows_scheme(credential_type):
        raise ServerCrash("a revocation in an unknown scheme")
    if not scheme.knows_issuer(_issuer_of(credential_type)):
        raise Refusal(UNAUTHORIZED, "issuer private key not found: file does not exist")
    if not _allows(permissions, credential_type, _issuer_of(credential_type)):
        raise Refusal(UNAUTHORIZED, credential_type)
    if not scheme.supports_revocation(credential_type):
        raise Refusal(REVOCATION, f"cannot revoke {credential_type}")


def _permissions(
    settings: ServerSettings, known: RequestorSettings | None, name: str
) -> frozenset[str]:
    own: Iterable[str] = getattr(known, name) if known else ()
    return frozenset(own) | frozenset(getattr(settings, name))


def _allows(permissions: frozenset[str], identifier: str, *parents: str) -> bool:
    """Return whether the permissions cover the identifier.

    They do if they contain the identifier, `*`, or one of its parents followed by `.*`.
    """
    scheme = identifier.partition(".")[0]
    patterns = {"*", *(f"{parent}.*" for parent in (scheme, *parents))}
    return identifier in permissions or not permissions.isdisjoint(patterns)


def _issuer_of(credential_type: str) -> str:
    return credential_type.rpartition(".")[0] or credential_type


def _check_issuing(permissions: frozenset[str], request: StartRequest) -> None:
    if not permissions:
        raise Refusal(UNAUTHORIZED, "No issuer permissions configured")
    for credential in request.credentials:
        if not _allows(permissions, credential.type, _issuer_of(credential.type)):
            raise Refusal(
                UNAUTHORIZED,
                f"No issuer permissions configured for credential '{credential.type}'",
            )


def _check_disclosing(permissions: frozenset[str], request: StartRequest) -> None:
    if not permissions:
        raise Refusal(UNAUTHORIZED)
    for attribute in request.attributes():
        kind = attribute.credential_type
        if not _allows(permissions, attribute.type, _issuer_of(kind), kind):
            raise Refusal(UNAUTHORIZED, attribute.type)


def _check_host(patterns: tuple[str, ...], host: str, default_host: str) -> None:
    if not patterns and host == default_host:
        return
    if not any(matches_path(pattern, host) for pattern in patterns):
        raise Refusal(UNAUTHORIZED, "requestor not allowed to use the requested host")


def _check_identifiers(scheme: Scheme, request: StartRequest) -> None:
    if not all(scheme.knows_scheme(credential.type) for credential in request.credentials):
        raise ServerCrash("an unknown scheme in an issuance request")
    if unknown := scheme.missing(request.identifiers()):
        # The official server makes no suggestions here.
        near = ", ".join(scheme.suggestions(request.identifiers()))
        advice = f"; did you mean {near}?" if near else ""
        raise Refusal(INVALID_REQUEST, f"Unknown identifiers: {', '.join(unknown)}{advice}")
    for credential in request.credentials:
        if credential.key_counter:
            # Every issuer has a single key, with the number 0.
            key = f"{_issuer_of(credential.type)}-{credential.key_counter}"
            raise Refusal(INVALID_REQUEST, f"Unknown identifiers: {key}")
        described = scheme.described(credential.type)
        missing = described.required - set(credential.attributes) if described else ()
        if missing:
            names = ", ".join(f"{credential.type}.{name}" for name in sorted(missing))
            raise Refusal(INVALID_REQUEST, f"Required attributes are missing: {names}")


def _check_revocation_demands(scheme: Scheme, request: StartRequest) -> None:
    for credential_type in request.revocation:
        if scheme.find(credential_type) is None:
            raise Refusal(
                INVALID_REQUEST,
                # The official server misspells this word.
                f"cannot requet nonrevocation proof for {credential_type}: unknown credential type",
            )
        if not scheme.supports_revocation(credential_type):
            raise Refusal(
                INVALID_REQUEST,
                f"cannot request nonrevocation proof for {credential_type}: revocation not "
                "enabled in scheme",
            )


def _check_singletons(scheme: Scheme, conjunction: Con) -> None:
    types = {attribute.credential_type for attribute in conjunction}
    described = [scheme.described(credential_type) for credential_type in types]
    if sum(1 for known in described if known and not known.singleton) > 1:
        raise Refusal(
            INVALID_REQUEST,
            "Multiple non-singletons within one inner conjunction are not allowed",
        )


def _check_credential(scheme: Scheme, credential: RequestedCredential, now: datetime) -> None:
    described = scheme.described(credential.type)
    if described and described.revocation and not credential.revocation_key:
        raise Refusal(
            INVALID_REQUEST,
            f"revocation enabled for {credential.type} but no revocationKey specified",
        )
    if credential.validity is not None and moment_of(credential.validity) < now.timestamp():
        raise Refusal(INVALID_REQUEST, "cannot issue expired credentials")
