"""What Hypothesis makes up: JSON, requests of every kind, and results that fulfil them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from hypothesis import strategies as st

from irma_core.models.condiscon import AttributeRequest, Con, ConDisCon, DisCon
from irma_core.models.credentials import CredentialRequest
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.json_text import JsonValue
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    RevocationRequest,
    SignatureRequest,
)
from irma_core.models.statuses import AttributeProofStatus

Lists: TypeAlias = list[tuple[DisclosedAttribute, ...] | None]
"""`disclosed`, as models."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers() | st.integers(-(10**40), 10**40)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)

PARTS = st.text("abyz019-_", min_size=1, max_size=3)
CREDENTIAL_TYPES = st.builds("{}.{}.{}".format, PARTS, PARTS, PARTS) | st.sampled_from(
    ["a.b.c", "a.b.d"]
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
SECONDS = st.integers(0, 10**9).map(lambda seconds: timedelta(seconds=seconds))
DATES = st.integers(1, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
URLS = st.builds("https://{}.example/{}".format, st.text("ab1", min_size=1), PARTS)


@st.composite
def cons(draw: st.DrawFn) -> Con:
    """Make an option: attributes of some credentials, side by side, none twice."""
    credentials = draw(st.lists(CREDENTIAL_TYPES, min_size=1, max_size=2, unique=True))
    parts = st.lists(PARTS | st.none(), min_size=1, max_size=3, unique=True)
    identifiers = [
        credential if part is None else f"{credential}.{part}"
        for credential in credentials
        for part in draw(parts)
    ]
    values = st.none() | st.sampled_from(["yes", ""]) | TEXTS
    return Con(
        tuple(
            AttributeRequest(identifier, draw(values), not_null=draw(st.booleans()))
            for identifier in identifiers
        )
    )


@st.composite
def discons(draw: st.DrawFn) -> DisCon:
    """Make a slot's options; often optional."""
    options = draw(st.lists(cons(), min_size=1, max_size=3))
    if draw(st.booleans()):
        options.insert(draw(st.integers(0, len(options))), Con())
    return DisCon(tuple(options))


@st.composite
def condiscons(draw: st.DrawFn, *, min_size: int = 1) -> ConDisCon:
    """Make what is asked, with names or numbers for slots."""
    slots = tuple(draw(st.lists(discons(), min_size=min_size, max_size=3)))
    names = st.lists(NAMES, min_size=len(slots), max_size=len(slots), unique=True).map(tuple)
    return ConDisCon(slots, draw(st.none() | names if slots else st.none()))


def _types(asked: ConDisCon) -> list[str]:
    return sorted({".".join(name.split(".")[:3]) for name in asked.attribute_types()})


@st.composite
def options(draw: st.DrawFn, asked: ConDisCon) -> dict[str, Any]:
    """Make the fields that all session requests share."""
    types = st.lists(st.sampled_from(_types(asked)), unique=True) if _types(asked) else st.just([])
    translated = st.dictionaries(st.sampled_from(["en", "nl"]), TEXTS, min_size=1)
    address = draw(st.none() | URLS | st.sampled_from(["app:x", "app://return"]))
    revoked = draw(types)
    return {
        "labels": draw(st.dictionaries(st.sampled_from(asked.slots), translated, max_size=2))
        if len(asked)
        else {},
        "skip_expiry_check": draw(types),
        "revocation": {name: draw(st.none() | SECONDS) for name in revoked},
        "client_return_url": address,
        "augment_return_url": address is not None and draw(st.booleans()),
        "host": draw(st.none() | st.sampled_from(["irma.example", "localhost:8088", "[::1]:80"])),
    }


@st.composite
def credentials(draw: st.DrawFn) -> CredentialRequest:
    """Make a credential to be issued; its attributes all have values."""
    return CredentialRequest(
        draw(CREDENTIAL_TYPES),
        draw(st.dictionaries(PARTS, TEXTS, max_size=3)),
        validity=draw(st.none() | DATES),
        revocation_key=draw(st.none() | NAMES),
        sd_jwt_batch_size=draw(st.none() | st.integers(0, 200)),
    )


@st.composite
def disclosures(draw: st.DrawFn) -> DisclosureRequest:
    """Make a disclosure request."""
    asked = draw(condiscons())
    return DisclosureRequest(asked, **draw(options(asked)))


@st.composite
def signatures(draw: st.DrawFn) -> SignatureRequest:
    """Make a signature request."""
    asked = draw(condiscons())
    return SignatureRequest(draw(NAMES), asked, **draw(options(asked)))


@st.composite
def issuances(draw: st.DrawFn) -> IssuanceRequest:
    """Make an issuance request; often it asks for nothing."""
    asked = draw(condiscons(min_size=0))
    made = draw(st.lists(credentials(), min_size=1, max_size=2))
    return IssuanceRequest(made, asked, **draw(options(asked)))


SESSION_REQUESTS = disclosures() | signatures() | issuances()
EXTENDED_REQUESTS = st.builds(
    ExtendedRequest,
    SESSION_REQUESTS,
    validity=st.none() | SECONDS,
    timeout=st.none() | SECONDS,
    callback_url=st.none() | URLS,
    next_session=st.none() | st.builds(NextSession, URLS),
)
REVOCATIONS = st.builds(
    RevocationRequest, CREDENTIAL_TYPES, NAMES, issued=st.none() | st.integers(0, 2**62)
)


def attribute(
    identifier: str, value: str | None, *, status: AttributeProofStatus | None = None
) -> DisclosedAttribute:
    """Make a disclosed attribute whose credential is proved not to be revoked."""
    fitting = AttributeProofStatus.NULL if value is None else AttributeProofStatus.PRESENT
    return DisclosedAttribute(
        identifier,
        value,
        status=status or fitting,
        issued_at=datetime(2026, 11, 19, tzinfo=UTC),
        not_revoked=True,
    )


@st.composite
def fulfilling(draw: st.DrawFn, asked: ConDisCon) -> Lists:
    """Make lists that fulfil all that is asked, each in any order."""
    lists: Lists = []
    for disjunction in asked.disjunctions:
        option = draw(st.sampled_from(list(disjunction)))
        made = []
        for wanted in option:
            value = wanted.value
            if value is None:
                value = draw(TEXTS if wanted.not_null else st.none() | TEXTS)
            made.append(attribute(wanted.type, value))
        lists.append(tuple(draw(st.permutations(made))))
    return lists


@st.composite
def any_lists(draw: st.DrawFn, known: Sequence[str]) -> Lists:
    """Make lists of whatever attributes, most of them those that are asked for."""
    identifiers = st.sampled_from(list(known)) if known else st.just("a.b.c.d")
    attributes = st.builds(
        attribute,
        identifiers,
        st.none() | st.sampled_from(["yes", ""]) | TEXTS,
        status=st.none() | st.sampled_from(AttributeProofStatus),
    )
    lists = st.lists(st.none() | st.lists(attributes, max_size=3).map(tuple), max_size=4)
    return draw(lists)
