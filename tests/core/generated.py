"""Hypothesis strategies: JSON, requests of every kind, and results that fulfil them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from hypothesis import strategies as st

from irma_core.json_text import JsonValue
from irma_core.models.condiscon import AttributeRequest, Con, ConDisCon, DisCon
from irma_core.models.credentials import CredentialRequest
from irma_core.models.disclosed import DisclosedAttribute
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
"""The value of `disclosed`, as models."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers() | st.integers(-(10**40), 10**40)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)

# Only a few names, so that options and slots often ask for the same attributes.
PARTS = st.sampled_from(["a", "b", "D", "x-9", "_y0"])
CREDENTIAL_TYPES = st.sampled_from(["a.b.c", "a.b.d", "irma-demo.X_1.c", "b.a.c"])
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
SECONDS = st.integers(0, 10**9).map(lambda seconds: timedelta(seconds=seconds))
DATES = st.integers(1, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
URLS = st.builds("https://{}.example/{}".format, st.text("ab1", min_size=1), PARTS)


# Each strategy is made once and then mapped, since making it for each draw would be slow.


def _con(parts: dict[str, list[tuple[str | None, str | None, bool]]]) -> Con:
    return Con(
        tuple(
            AttributeRequest(
                credential if part is None else f"{credential}.{part}", value, not_null=not_null
            )
            for credential, wanted in parts.items()
            for part, value, not_null in wanted
        )
    )


def _discon(options: list[Con], empty_at: int | None) -> DisCon:
    if empty_at is not None:
        options = [*options[:empty_at], Con(), *options[empty_at:]]
    return DisCon(tuple(options))


def _condiscon(slots: list[DisCon], names: tuple[str, ...] | None) -> ConDisCon:
    return ConDisCon(tuple(slots), None if names is None else names[: len(slots)])


_VALUES = st.sampled_from([None, "yes", "", "Zo\u00eb \U0001f989\n"])
_ATTRIBUTES = st.tuples(st.sampled_from([None, "a", "D", "x-9", "_y0"]), _VALUES, st.booleans())
CONS = st.dictionaries(
    CREDENTIAL_TYPES,
    st.lists(_ATTRIBUTES, min_size=1, max_size=2, unique_by=lambda wanted: wanted[0]),
    min_size=1,
    max_size=2,
).map(_con)
"""Options, in which the attributes of a credential are adjacent and occur once."""
DISCONS = st.builds(
    _discon, st.lists(CONS, min_size=1, max_size=2), st.sampled_from([None, None, 0, 1, 2])
)
"""Slots, often optional."""
_SLOT_NAMES = st.none() | st.permutations(["age", "\u00e9 x", "_", '"']).map(tuple)
CONDISCONS = st.builds(_condiscon, st.lists(DISCONS, min_size=1, max_size=3), _SLOT_NAMES)
"""Condiscons, whose slots have names or numbers."""
NOTHING_OR_SOMETHING = st.just(ConDisCon()) | CONDISCONS


def _types(asked: ConDisCon) -> list[str]:
    return sorted({".".join(name.split(".")[:3]) for name in asked.attribute_types()})


_TRANSLATED = st.dictionaries(st.sampled_from(["en", "nl"]), TEXTS, min_size=1)
_SOME_LABELS = st.lists(st.none() | _TRANSLATED, min_size=3, max_size=3)
_SOME_TOLERANCES = st.lists(st.none() | SECONDS, max_size=3)
_ADDRESSES = st.none() | URLS | st.sampled_from(["app:x", "app://return"])
_HOSTS = st.sampled_from([None, "irma.example", "localhost:8088", "[::1]:80"])


@st.composite
def options(draw: st.DrawFn, asked: ConDisCon) -> dict[str, Any]:
    """Make the fields that all session requests share."""
    types = _types(asked)
    labels = zip(asked.slots, draw(_SOME_LABELS), strict=False)
    address = draw(_ADDRESSES)
    return {
        "labels": {slot: label for slot, label in labels if label is not None},
        "skip_expiry_check": types[: draw(st.integers(0, 3))],
        "revocation": dict(zip(types, draw(_SOME_TOLERANCES), strict=False)),
        "client_return_url": address,
        "augment_return_url": address is not None and draw(st.booleans()),
        "host": draw(_HOSTS),
    }


CREDENTIALS = st.builds(
    CredentialRequest,
    CREDENTIAL_TYPES,
    st.dictionaries(PARTS, st.none() | TEXTS, max_size=3),
    validity=st.none() | DATES,
    revocation_key=st.none() | NAMES,
    sd_jwt_batch_size=st.none() | st.integers(0, 200),
)
"""Credentials to be issued."""
_SOME_CREDENTIALS = st.lists(CREDENTIALS, min_size=1, max_size=2)


@st.composite
def disclosures(draw: st.DrawFn) -> DisclosureRequest:
    """Make a disclosure request."""
    asked = draw(CONDISCONS)
    return DisclosureRequest(asked, **draw(options(asked)))


@st.composite
def signatures(draw: st.DrawFn) -> SignatureRequest:
    """Make a signature request."""
    asked = draw(CONDISCONS)
    return SignatureRequest(draw(NAMES), asked, **draw(options(asked)))


@st.composite
def issuances(draw: st.DrawFn) -> IssuanceRequest:
    """Make an issuance request, which often asks for no attributes."""
    asked = draw(NOTHING_OR_SOMETHING)
    return IssuanceRequest(draw(_SOME_CREDENTIALS), asked, **draw(options(asked)))


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
    RevocationRequest, CREDENTIAL_TYPES, NAMES, issued=st.none() | st.integers(1, 2**63 - 1)
)


_ISSUED = CredentialRequest("a.b.c", {"d": "yes"})


def _asking(
    kind: type[DisclosureRequest | SignatureRequest | IssuanceRequest],
    asked: ConDisCon,
    not_revoked: int,
) -> DisclosureRequest | SignatureRequest | IssuanceRequest:
    revocation = _types(asked)[:not_revoked]
    if kind is IssuanceRequest:
        return IssuanceRequest([_ISSUED], asked, revocation=revocation)
    if kind is SignatureRequest:
        return SignatureRequest("I agree.", asked, revocation=revocation)
    return DisclosureRequest(asked, revocation=revocation)


ASKING = st.builds(
    _asking,
    st.sampled_from([DisclosureRequest, SignatureRequest, IssuanceRequest]),
    CONDISCONS,
    st.sampled_from([0, 0, 1, 2]),
) | st.just(IssuanceRequest([_ISSUED]))
"""Requests that contain only the parts on which their answer depends."""


def attribute(
    identifier: str, value: str | None, *, status: AttributeProofStatus | None = None
) -> DisclosedAttribute:
    """Make a disclosed attribute with a proof of non-revocation."""
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
    """Make lists that fulfil the whole request, with the attributes of each in any order."""
    chance = draw(st.randoms(use_true_random=False))
    lists: Lists = []
    for disjunction in asked.disjunctions:
        made = []
        for wanted in chance.choice(disjunction.options):
            value = wanted.value
            if value is None:
                value = chance.choice(["yes", "", "no"] if wanted.not_null else ["yes", "", None])
            made.append(attribute(wanted.type, value))
        chance.shuffle(made)
        lists.append(tuple(made))
    return lists


@st.composite
def any_lists(draw: st.DrawFn, known: Sequence[str]) -> Lists:
    """Make lists of any attributes, most of which are requested."""
    chance = draw(st.randoms(use_true_random=False))

    def any_list() -> tuple[DisclosedAttribute, ...] | None:
        if chance.random() < 0.1:
            return None
        return tuple(
            attribute(
                chance.choice([*known, "x.y.z.other"]),
                chance.choice([None, "yes", "", "no"]),
                status=chance.choice([None, None, None, *AttributeProofStatus]),
            )
            for _ in range(chance.randrange(4))
        )

    return [any_list() for _ in range(chance.randrange(5))]
