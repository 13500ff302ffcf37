"""Check that the names in a request exist in the requestor's schemes. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import partial

from irma_core.errors import ConfigurationError, RequestError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Call, Flow
from irma_core.models.session_requests import (
    ExtendedRequest,
    IssuanceRequest,
    SessionRequest,
    as_extended,
)
from irma_core.models.validation import credential_type_of
from irma_core.protocol.known_schemes import KnownSchemes

__all__ = ["check_names_flow", "nearest_name"]


def check_names_flow(
    context: RequestorContext, request: SessionRequest | ExtendedRequest
) -> Flow[None]:
    """Check that all credential types and attributes in a request exist.

    Raises:
        RequestError: One of them does not exist; the error's `path` says where it is.
        ConfigurationError: The requestor has no schemes, or they are incomplete or have been
            changed.
        DeadlineError: In async mode, reading the schemes took too long.
    """
    if context.schemes is None:
        raise ConfigurationError(
            "schemes: is missing; to check requests, make the requestor with schemes=, such as "
            "irma_proofs.Schemes"
        )
    yield from Call(
        partial(_check_names, context.schemes, as_extended(request).request),
        context.deadline(),
        callee="schemes",
        failure=None,
        computes=True,
    )


def _check_names(schemes: KnownSchemes, request: SessionRequest) -> None:
    for path, identifier in _named(request):
        known = schemes.attribute_types(credential_type_of(identifier))
        is_type = identifier == credential_type_of(identifier)
        if known is None or not (is_type or identifier in known):
            near = nearest_name(
                identifier,
                schemes.credential_types(),
                lambda found: schemes.attribute_types(found) or (),
            )
            advice = f"; did you mean {near}?" if near else ""
            raise RequestError(path, f"{identifier} is in none of the given schemes{advice}")


def _named(request: SessionRequest) -> Iterator[tuple[str, str]]:
    """Yield each identifier in `disclose` and `credentials` with its path.

    The request's other fields name only credential types that also occur in `disclose`.
    """
    for slot, disjunction in zip(
        request.disclose.slots, request.disclose.disjunctions, strict=True
    ):
        where = f'disclose["{slot}"]' if isinstance(slot, str) else f"disclose[{slot}]"
        for j, option in enumerate(disjunction):
            for k, attribute in enumerate(option):
                yield f"{where}[{j}][{k}]", attribute.type
    if isinstance(request, IssuanceRequest):
        for i, credential in enumerate(request.credentials):
            yield f"credentials[{i}].credential", credential.credential
            for name in credential.attributes:
                path = f'credentials[{i}].attributes["{name}"]'
                yield path, f"{credential.credential}.{name}"


def nearest_name(
    identifier: str,
    credential_types: Iterable[str],
    attribute_types: Callable[[str], Iterable[str]],
) -> str:
    """Return the identifier that is most similar to a misspelt one; empty if none is similar.

    Args:
        identifier: The misspelt identifier, of a credential type or an attribute.
        credential_types: The identifiers of all credential types.
        attribute_types: A function that takes a credential type and returns the identifiers of its
            attributes.
    """
    misspelt = credential_type_of(identifier)
    credential = _first(misspelt, credential_types)
    if not credential or identifier == misspelt:
        return credential
    attribute = identifier.replace(misspelt, credential, 1)
    return _first(attribute, attribute_types(credential)) or credential


def _first(name: str, names: Iterable[str]) -> str:
    return next(iter(get_close_matches(name, list(names), n=1)), "")
