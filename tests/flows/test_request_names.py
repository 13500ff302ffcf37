"""Requests whose names are compared with schemes before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from irma_core import (
    AsyncRequestor,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    Requestor,
    SignatureRequest,
    all_of,
    any_of,
    optional,
)
from irma_core.errors import ConfigurationError, RequestError
from irma_core.interfaces import KnownSchemes
from irma_testing import InMemoryServer
from tests.flows.shop import AGE, Shop
from tests.modes import MODES

EMAIL, OVER18 = "pbdf.post.email.email", "pbdf.town.age.over18"
TYPES = {
    "pbdf.post.email": [EMAIL, "pbdf.post.email.domain"],
    "pbdf.town.age": [OVER18],
}


class Known:
    """Schemes with two credential types."""

    def credential_types(self) -> Iterable[str]:
        yield from TYPES

    def attribute_types(self, credential_type: str) -> list[str] | None:
        return TYPES.get(credential_type)


def checked(mode: str, request: Any, schemes: Any = None) -> Any:
    shop = Shop(mode, schemes=schemes or Known())
    return shop.done(shop.requestor.check(request))


@MODES
def test_known_names_are_accepted(mode: str) -> None:
    """Known attributes and credential types are accepted wherever they are in a request."""
    slots = {"who": any_of(EMAIL, "pbdf.town.age"), "age": optional(OVER18)}
    credential = CredentialRequest("pbdf.town.age", {"over18": "yes"})
    for request in (
        DisclosureRequest(slots, revocation=["pbdf.town.age"]),
        SignatureRequest("I agree", slots),
        IssuanceRequest([credential], slots),
        ExtendedRequest(IssuanceRequest([credential])),
    ):
        assert checked(mode, request) is None


WRONG: dict[str, tuple[Any, str, str]] = {
    "slot": (
        DisclosureRequest({"age": OVER18, "mail": any_of(OVER18, "pbdf.post.emial.email")}),
        'disclose["mail"][1][0]',
        EMAIL,
    ),
    "number": (
        DisclosureRequest([OVER18, all_of(EMAIL, "pbdf.post.email.domains")]),
        "disclose[1][0][1]",
        "pbdf.post.email.domain",
    ),
    "type": (
        ExtendedRequest(SignatureRequest("I agree", ["pbdf.town.aeg"])),
        "disclose[0][0][0]",
        "pbdf.town.age",
    ),
    "dissimilar attribute": (
        DisclosureRequest(["pbdf.towns.age.sixty-five-years-or-more"]),
        "disclose[0][0][0]",
        "pbdf.town.age",
    ),
    "credential": (
        IssuanceRequest([CredentialRequest("pbdf.town.agee", {"over18": "yes"})]),
        "credentials[0].credential",
        "pbdf.town.age",
    ),
    "credential's attribute": (
        IssuanceRequest([CredentialRequest("pbdf.town.age", {"over81": "yes"})]),
        'credentials[0].attributes["over81"]',
        OVER18,
    ),
}


@MODES
@pytest.mark.parametrize("name", WRONG)
def test_an_unknown_name_is_refused(mode: str, name: str) -> None:
    """The error for an unknown name has its path, and a similar name that may be meant."""
    request, path, meant = WRONG[name]
    with pytest.raises(RequestError) as caught:
        checked(mode, request)
    assert caught.value.path == path
    assert caught.value.reason.endswith(f"did you mean {meant}?")


def test_a_dissimilar_name_gets_no_suggestion() -> None:
    """A name that is not similar to another one is refused without a suggestion."""
    with pytest.raises(RequestError) as caught:
        checked("sync", DisclosureRequest(["zz.qqqq.xxxxx.w"]))
    assert "did you mean" not in caught.value.reason


@MODES
def test_an_error_of_the_schemes_is_raised_unchanged(mode: str) -> None:
    """An error that the schemes raise, as for a damaged scheme, reaches the caller unchanged."""

    class Damaged(Known):
        def attribute_types(self, credential_type: str) -> list[str] | None:
            raise ConfigurationError(f"{credential_type}: changed")

    with pytest.raises(ConfigurationError, match=r"pbdf\.town\.age: changed"):
        checked(mode, DisclosureRequest([OVER18]), Damaged())


@MODES
def test_a_requestor_without_schemes_says_so(mode: str) -> None:
    """Without schemes, `check` raises an error that names the argument, and does not pass."""
    shop = Shop(mode)
    with pytest.raises(ConfigurationError, match="schemes"):
        shop.done(shop.requestor.check(AGE))


@pytest.mark.parametrize("kind", [Requestor, AsyncRequestor])
def test_only_schemes_are_accepted(kind: Any) -> None:
    """A class, an object without the methods, and async schemes are refused as arguments."""

    async def awaited(*_: object) -> None: ...

    class Awaited(Known):
        attribute_types: Any = awaited

    server = InMemoryServer()
    transport: Any = server.transport() if kind is Requestor else server.async_transport()
    wrongs: list[Any] = [Known, object(), Awaited()]
    for wrong in wrongs:
        with pytest.raises(ConfigurationError, match="schemes"):
            kind(server.url, transport, schemes=wrong)


def test_the_test_schemes_fulfil_the_protocol() -> None:
    """The schemes of these tests fulfil the protocol."""
    assert isinstance(Known(), KnownSchemes)
