"""Honest proofs and their requests, changed at random."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from attrs import evolve

from irma_testing.proofs.encoding import json_number
from tests.proofs.changes import Path, is_number, leaves, put, show
from tests.proofs.honest import MESSAGE, NONCE, Proof, honest, request_for
from tests.proofs.made import ISSUED, NOW

__all__ = ["random_case"]

BASES = (
    "one attribute",
    "as requested",
    "possession",
    "an absent value",
    "random blind",
    "two credentials",
    "both schemes",
    "first form",
    "no time stamp",
    "metadata 2",
    "last second",
    "not revoked",
    "not revoked later",
    "disclosure",
    "disclosure, not revoked",
    "disclosure, a second option",
)
"""Proofs with keys of 1024 bits, so that thousands take only seconds."""
ATTRIBUTES = {
    "made.small.person": (None, "name", "email", "phone"),
    "made.small.badge": (None, "level"),
    "made.small.pass": (None, "seat", "note"),
    "made.small.lot": (None, "label", "number"),
    "shared.town.person": (None, "name"),
}
VALUES = ("Ada Lovelace", "ada@example.com", "3", "12a", "", None)
WEEK = 604_800
MOMENTS = (NOW, NOW, ISSUED, ISSUED + 26 * WEEK, ISSUED // WEEK * WEEK + 26 * WEEK, NOW + 1000)


def random_case(random: Random) -> tuple[str, Proof]:
    """Return a proof with up to two changes, and a description of them."""
    name = random.choice(BASES)
    proof = honest(name)
    changes = [name]
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        change = random.choice(CHANGES)
        what, proof = change(random, proof)
        changes.append(what)
    if proof.request is None:  # without a request, irmago reads no indices
        proof = evolve(proof, json={**proof.json, "indices": honest(name).json["indices"]})
    return "; ".join(changes), proof


def _numbers(proof: Proof) -> list[tuple[Path, str]]:
    """Return each number of a proof in base64, with its path."""
    return [(path, value) for path, value in leaves(proof.json) if is_number(path, value)]


def _number(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Change one number a little, or entirely."""
    numbers = _numbers(proof)
    if not numbers:  # another change has left out all proofs of a disclosure
        return "nothing", proof
    path, value = random.choice(numbers)
    number = int.from_bytes(base64.b64decode(value))
    bits = number.bit_length()
    others: list[int] = [
        number + 1,
        abs(number - 1),
        number ^ 1 << random.randrange(bits + 8),
        number ^ 1 << random.randrange(bits + 8),
        random.getrandbits(bits + 1),
        number << random.randrange(1, 64),
        number >> random.randrange(1, 64),
        0,
    ]
    other = random.choice(others)
    return f"{show(path)} is another number", evolve(
        proof, json=put(proof.json, path, _like(path, other, value))
    )


def _like(path: Path, number: int, before: str) -> str:
    """Return a number in base64.

    A value of fixed length, such as a key, keeps the number of bytes that it had before.
    """
    if path[-1] not in {"Data", "PublicKey", "data"}:
        return json_number(number)
    length = len(base64.b64decode(before))
    return base64.b64encode((number % (1 << 8 * length)).to_bytes(length)).decode()


def _exchanged(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Replace one number by another."""
    numbers = _numbers(proof)
    if not numbers:  # another change has left out all proofs of a disclosure
        return "nothing", proof
    (path, before), (source, value) = random.choices(numbers, k=2)
    other = _like(path, int.from_bytes(base64.b64decode(value)), before)
    return f"{show(path)} is {show(source)}", evolve(proof, json=put(proof.json, path, other))


def _integer(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Change an index, the time or the counter of an accumulator's key."""
    found = [(path, value) for path, value in leaves(proof.json) if type(value) is int]
    if not found:
        return "nothing", proof
    path, value = random.choice(found)
    other = max(0, value + random.choice((-2, -1, 1, 2, 3)))
    return f"{show(path)} is {other}", evolve(proof, json=put(proof.json, path, other))


def _proofs(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Leave proofs out, repeat them, reverse them, or replace them by those of another proof."""
    member = "signature" if proof.kind == "signature" else "proofs"
    proofs: list[Any] = proof.json[member]
    other = honest(random.choice([name for name in BASES if honest(name).kind == proof.kind]))
    changed: Sequence[Any] = random.choice(
        [proofs[:-1], proofs[1:], proofs + proofs[:1], proofs[::-1], other.json[member]]
    )
    return "other proofs", evolve(proof, json={**proof.json, member: list(changed)})


def _indices(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Change which attributes answer which slots."""
    indices: list[Any] = deepcopy(proof.json["indices"])
    how = random.randrange(4)
    if how == 0:
        indices.reverse()
    elif how == 1:
        indices = indices[:-1]
    elif how == 2:
        indices.append(random.choice([[], *indices]))
    elif indices:
        indices[0] = random.choice([[], indices[0] * 2, indices[0][::-1], indices[-1]])
    return "other indices", evolve(proof, json={**proof.json, "indices": indices})


def _request(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Change the request, or leave it out."""
    if proof.kind == "signature" and random.random() < 0.2:
        return "no request", evolve(proof, request=None)
    slots = [
        [_option(random, random.choice((0, 1, 1, 2))) for _ in range(options)]
        for options in random.choices((1, 1, 2, 3), k=random.choice((1, 1, 2)))
    ]
    if not any(option for slot in slots for option in slot):
        slots[0].append([_asked(random)])  # a request must ask for something
    more: dict[str, Any] = {}
    if random.random() < 0.3:
        more["skipExpiryCheck"] = [random.choice(list(ATTRIBUTES))]
    if proof.kind == "disclosure" and random.random() < 0.3:
        more["revocation"] = ["made.small.pass"]
    return f"asked {slots} {more}", evolve(proof, request=request_for(proof.kind, slots, **more))


def _option(random: Random, count: int) -> list[Any]:
    """Return attributes without duplicates."""
    asked = [_asked(random) for _ in range(count)]
    return list({each if isinstance(each, str) else each["type"]: each for each in asked}.values())


def _asked(random: Random) -> Any:
    credential_type = random.choice(list(ATTRIBUTES))
    name = random.choice(ATTRIBUTES[credential_type])
    identifier = credential_type if name is None else f"{credential_type}.{name}"
    if random.random() < 0.6:
        return identifier
    asked: dict[str, Any] = {"type": identifier}
    if (value := random.choice(VALUES)) is not None:
        asked["value"] = value
    if random.random() < 0.3:
        asked["notNull"] = True
    return asked


def _session(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Change the session's values, but not the proof."""
    request = proof.request or request_for(proof.kind, [[["made.small.person.name"]]])
    member, values = random.choice(
        [
            ("nonce", [json_number(NONCE + 1), "", json_number(NONCE)]),
            ("context", ["Ag==", "", "AQ=="]),
            *(
                [("message", ["I agree.", MESSAGE + " ", "I refuse."])]
                if proof.kind == "signature"
                else []
            ),
        ]
    )
    value = random.choice(values)
    return f"{member} of the request", evolve(proof, request={**request, member: value})


def _message(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Change the message, the form or the time stamp of a signature as a whole."""
    if proof.kind == "disclosure":
        return "nothing", proof
    changed = dict(proof.json)
    other = honest(random.choice([name for name in BASES if honest(name).kind == "signature"]))
    member = random.choice(("message", "timestamp", "@context", "nonce", "context"))
    if member == "message":
        changed[member] = random.choice(("", MESSAGE.upper(), MESSAGE + " "))
    elif random.random() < 0.5 or member not in other.json:
        if member in {"timestamp", "@context"}:
            changed.pop(member, None)
    else:
        changed[member] = other.json[member]
    return f"other {member}", evolve(proof, json=changed)


def _moment(random: Random, proof: Proof) -> tuple[str, Proof]:
    """Verify the proof at another time, which matters if it has no time stamp."""
    at = random.choice(MOMENTS) + random.choice((-1, 0, 0, 1))
    if proof.kind == "disclosure":  # no accumulator is from the future
        at = max(at, NOW)
    return f"at {at}", evolve(proof, at=at)


CHANGES: tuple[Callable[[Random, Proof], tuple[str, Proof]], ...] = (
    _number,
    _number,
    _number,
    _exchanged,
    _integer,
    _proofs,
    _indices,
    _request,
    _request,
    _request,
    _session,
    _message,
    _moment,
)
