"""Two schemes, credentials of all kinds, and proofs, made for the tests.

Each is made once in a process, when a test first needs it, and is the same in each run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from irma_testing.proofs import (
    Accumulator,
    Chance,
    Credential,
    MadeAttribute,
    MadeIssuerKey,
    MadeScheme,
    MadeType,
    TimeStamper,
    Witness,
    issue,
)

__all__ = [
    "BITS",
    "NOW",
    "SHARED",
    "STAMPS",
    "accumulator",
    "credential",
    "made_scheme",
    "other_witness",
    "pinned",
    "scheme_files",
    "shared_scheme",
    "witness",
]

NOW = 1795924800
"""The time of every disclosure, in Unix time: a Sunday in November 2026."""
ISSUED = NOW - 3 * 86_400
BITS = {"small": 1024, "mid": 2048, "big": 4096}
SHARED = "shared.town.person"
STAMPS = TimeStamper()
"""The time-stamping server of both schemes."""

_VALUES: Mapping[str, Mapping[str, str | int | None]] = {
    "person": {"name": "Ada Lovelace", "email": "ada@example.com"},
    "badge": {"level": "3"},
    "pass": {"seat": "12a", "note": "x" * 200},
    "lot": {"label": "raffle", "number": 2**254 + 12345},
}


def _types(issuer: str) -> tuple[MadeType, ...]:
    phone = MadeAttribute("phone", optional=True)
    revocation = MadeAttribute("", revocation=True)
    number = MadeAttribute("number", random_blind=True)
    return (
        MadeType(f"made.{issuer}.person", ("name", "email", phone)),
        MadeType(f"made.{issuer}.badge", ("level",), singleton=True),
        MadeType(f"made.{issuer}.pass", ("seat", "note", revocation)),
        MadeType(f"made.{issuer}.lot", ("label", number)),
    )


@cache
def made_scheme() -> MadeScheme:
    """Return a scheme with issuers whose keys have 1024, 2048 and 4096 bits.

    The first one has an older key as well, which expired before `NOW`.
    """
    old = MadeIssuerKey.make(1024, pair=1, counter=0, expires=ISSUED - 60 * 86_400)
    new = {issuer: MadeIssuerKey.make(bits, counter=2) for issuer, bits in BITS.items()}
    keys = {"small": (old, new["small"]), "mid": (new["mid"],), "big": (new["big"],)}
    types = tuple(each for issuer in BITS for each in _types(issuer))
    return MadeScheme("made", types, keys)


@cache
def shared_scheme() -> MadeScheme:
    """Return a scheme with a keyshare server, and therefore with other secret keys."""
    keys = {"town": (MadeIssuerKey.make(1024, pair=2),)}
    types = (MadeType(SHARED, ("name",)), MadeType("shared.town.login", ("number",)))
    return MadeScheme("shared", types, keys, keyshare_server="https://keyshare.example")


@cache
def scheme_files() -> Mapping[str, bytes]:
    """Return the files of both schemes."""
    return made_scheme().files() | shared_scheme().files()


def pinned() -> dict[str, str]:
    """Return the keys of both schemes."""
    return {each.name: each.public_pem for each in (made_scheme(), shared_scheme())}


@cache
def accumulator(issuer: str = "small") -> Accumulator:
    """Return an accumulator of an issuer, from shortly before `NOW`."""
    key = made_scheme().key_of(f"made.{issuer}.pass")
    return Accumulator.first(key, Chance(f"accumulator {issuer}"), time=NOW - 100)


@cache
def witness(issuer: str = "small") -> Witness:
    """Return the witness that belongs to the pass of an issuer."""
    return accumulator(issuer).witness(Chance(f"witness {issuer}"))


@cache
def other_witness(issuer: str = "small") -> Witness:
    """Return a witness of another holder of a pass."""
    return accumulator(issuer).witness(Chance(f"other witness {issuer}"))


@cache
def credential(
    name: str,
    *,
    holder: str = "Ada",
    signed_at: int = ISSUED,
    weeks: int = 26,
    counter: int | None = None,
    version: int = 3,
) -> Credential:
    """Return a credential of a type, given as `issuer.type`, with the type's own values.

    The type `town.person` belongs to the scheme with a keyshare server.
    """
    issuer, kind = name.split(".")
    scheme = shared_scheme() if issuer == "town" else made_scheme()
    return issue(
        scheme,
        f"{scheme.name}.{name}",
        _VALUES.get(kind, {"number": "7"}),
        Chance(f"{name} of {holder}, {signed_at} {weeks} {counter} {version}"),
        signed_at=signed_at,
        weeks=weeks,
        holder=holder,
        counter=counter,
        witness=witness(issuer) if kind == "pass" else None,
        version=version,
    )
