"""Honest proofs of every kind. A verifier must accept all of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from attrs import frozen

from irma_testing.proofs import Accumulator, Chance, Shown, Witness, disclose, issue, sign_message
from tests.proofs.made import (
    ISSUED,
    NOW,
    STAMPS,
    accumulator,
    credential,
    made_scheme,
    other_witness,
    witness,
)

__all__ = ["HONEST", "Proof", "honest", "request_for"]

MESSAGE = "I agree. € ü"
NONCE = 2**79 + 7


@frozen
class Proof:
    """A disclosure or a signature, with its request and its time."""

    kind: str
    """`signature` or `disclosure`."""
    json: dict[str, Any]
    request: dict[str, Any] | None = None
    at: int = NOW

    def question(self) -> dict[str, Any]:
        """Return the line that the official verifier reads."""
        return {"kind": self.kind, "proof": self.json, "request": self.request, "at": self.at}


def request_for(kind: str, disclose: Sequence[object], **more: object) -> dict[str, Any]:
    """Return a request as the server made it, with nonce and context.

    Args:
        kind: `signature` or `disclosure`.
        disclose: the disjunctions.
        more: other members.
    """
    nonce = base64.b64encode(NONCE.to_bytes(10)).decode()
    own: dict[str, object] = {"message": MESSAGE} if kind == "signature" else {}
    context = f"https://irma.app/ld/request/{kind}/v2"
    return {
        "@context": context,
        "context": "AQ==",
        "nonce": nonce,
        "disclose": list(disclose),
        **own,
        **more,
    }


def _signed(
    *shown: Shown,
    chance: str = "signature",
    request: Sequence[object] | None = None,
    **how: Any,
) -> Proof:
    how = {"stamper": STAMPS, "at": NOW, "nonce": NONCE, **how}
    signature = sign_message(MESSAGE, shown, Chance(chance), **how)
    asked = None if request is None else request_for("signature", request)
    return Proof("signature", signature, asked, how["at"])


def _disclosed(*shown: Shown, request: Sequence[object], **more: object) -> Proof:
    proof = disclose(shown, Chance("disclosure"), nonce=NONCE)
    return Proof("disclosure", proof, request_for("disclosure", request, **more))


def _name(issuer: str = "small", **kind: Any) -> Shown:
    return Shown(credential(f"{issuer}.person", **kind), ("name",))


def _pass(witness: Witness, issuer: str = "small") -> Shown:
    return Shown(credential(f"{issuer}.pass"), ("seat",), witness)


@cache
def later(issuer: str = "small") -> Accumulator:
    """Return the accumulator after the other holder's pass was revoked."""
    return accumulator(issuer).revoke(other_witness(issuer).prime, time=NOW - 50)


def _updated(issuer: str = "small") -> Witness:
    return witness(issuer).update(later(issuer), other_witness(issuer).prime)


def _with_value(bits: int, issuer: str = "small") -> Shown:
    """Return a credential with a value of that many bits, the last of which marks it as present."""
    value = (1 << (bits - 1)) + int.from_bytes(b"a") * 2 + 1
    chance = Chance(f"{bits} bits of {issuer}")
    values = {"name": value, "email": value + 2}
    made = issue(made_scheme(), f"made.{issuer}.person", values, chance, signed_at=ISSUED)
    return Shown(made, ("name",))


HONEST: Mapping[str, Callable[[], Proof]] = {
    "one attribute": lambda: _signed(_name()),
    "as requested": lambda: _signed(_name(), request=[[["made.small.person.name"]]]),
    "possession": lambda: _signed(Shown(credential("small.badge"))),
    "an absent value": lambda: _signed(Shown(credential("small.person"), ("phone", "email"))),
    "a hashed value": lambda: _signed(Shown(credential("small.pass"), ("note",))),
    "256 bits": lambda: _signed(_with_value(256)),
    "257 bits": lambda: _signed(_with_value(257)),
    "random blind": lambda: _signed(Shown(credential("small.lot"), ("label", "number"))),
    "two credentials": lambda: _signed(
        _name(), Shown(credential("small.badge"), ("level",)), chance="two"
    ),
    "two of a type": lambda: _signed(_name(), _name(weeks=27)),
    "both schemes": lambda: _signed(_name(), Shown(credential("town.person"), ("name",))),
    "first form": lambda: _signed(_name(), first_form=True),
    "no time stamp": lambda: _signed(_name(), stamper=None),
    "another context": lambda: _signed(_name(), context=2**100),
    "metadata 2": lambda: _signed(_name(version=2)),
    "an older key": lambda: _signed(
        _name(counter=0, signed_at=ISSUED - 90 * 86_400, weeks=52), chance="old"
    ),
    "last second": lambda: _signed(_name(), at=ISSUED // 604_800 * 604_800 + 26 * 604_800),
    "not revoked": lambda: _signed(_pass(witness())),
    "not revoked later": lambda: _signed(_pass(_updated()), Shown(credential("small.badge"))),
    "not revoked, 2048 bits": lambda: _signed(_pass(witness("mid"), "mid")),
    "2048 bits": lambda: _signed(_name("mid")),
    "4096 bits": lambda: _signed(_with_value(513, "big")),
    "all lengths": lambda: _signed(_name("big"), _name("mid"), _name(), _with_value(512, "big")),
    "disclosure": lambda: _disclosed(_name(), request=[[["made.small.person.name"]]]),
    "disclosure, not revoked": lambda: _disclosed(
        _pass(witness()), request=[[["made.small.pass.seat"]]], revocation=["made.small.pass"]
    ),
    "disclosure, a second option": lambda: _disclosed(
        _name(),
        Shown(credential("small.badge")),
        request=[
            [["made.small.badge"], [{"type": "made.small.person.name", "value": "Ada Lovelace"}]],
            [["made.small.badge"]],
        ],
    ),
}
"""The function that makes each proof, by the name of the proof."""


@cache
def honest(name: str) -> Proof:
    """Return the honest proof of that name, which is made once in a process."""
    return HONEST[name]()
