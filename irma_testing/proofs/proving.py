"""Make disclosure proofs, optionally with proofs of non-revocation.

    proofs = OpenProofs([Shown(credential, ("name",))], Chance("an example"))
    proofs.close(nonce=7)

Each proof commits to random numbers first. The challenge is the hash of all commitments, and the
responses answer it. A signature's time stamp is made after the commitments and before the
challenge.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from irma_testing.proofs.accumulators import Witness
from irma_testing.proofs.arithmetic import product
from irma_testing.proofs.chance import Chance
from irma_testing.proofs.credentials import Credential
from irma_testing.proofs.encoding import (
    der_integer,
    der_sequence,
    der_true,
    hash_number,
    json_number,
)

__all__ = [
    "Json",
    "OpenNonRevocation",
    "OpenProof",
    "OpenProofs",
    "Shown",
    "challenge",
    "default_indices",
    "disclose",
]

Json = dict[str, object]

SECRET_KEY_BITS = 592
"""How many random bits hide the secret key.

All proofs for one secret key share these bits, so even proofs with longer keys use only as many as
1024-bit keys need.
"""
PRIME_BITS = 579
"""How many random bits hide a revocation attribute.

They are 195 for the prime, 256 for the challenge, and 128 to make the result look random.
"""


@frozen
class Shown:
    """A credential, and the part of it that a proof shows.

    Args:
        credential: The credential.
        attributes: The names of the attributes that are shown.
        witness: The witness for a proof that the credential is not revoked, or None.
    """

    credential: Credential
    attributes: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    witness: Witness | None = None

    @property
    def disclosed(self) -> dict[int, int]:
        """Return the numbers that the proof shows, by index. They always include the metadata."""
        indices = [1, *(self.credential.type.index_of(name) for name in self.attributes)]
        return {index: self.credential.numbers[index] for index in sorted(indices)}


class OpenProofs:
    """Proofs that have not received their challenge yet.

    A dishonest prover changes numbers in `proofs` before calling `close`.

    Args:
        shown: The credentials to show, in order.
        chance: The source of random numbers.
    """

    def __init__(self, shown: Sequence[Shown], chance: Chance) -> None:
        self.shown = tuple(shown)
        secrets: dict[str, int] = {}
        for each in shown:
            secrets.setdefault(each.credential.group, chance.bits(SECRET_KEY_BITS))
        self.proofs = [OpenProof(each, secrets[each.credential.group], chance) for each in shown]

    @property
    def randomized(self) -> list[int]:
        """Return the number A of each proof. A signature's time stamp covers these numbers."""
        return [proof.a for proof in self.proofs]

    def close(self, nonce: int, context: int = 1, *, is_signature: bool = False) -> list[Json]:
        """Return the proofs as JSON, with responses to the challenge.

        Args:
            nonce: The number that makes the challenge fresh.
            context: The session's context, which is 1 in practice.
            is_signature: Whether the proofs are for a signature.
        """
        contributions = [number for proof in self.proofs for number in proof.contributions]
        c = challenge(contributions, nonce, context, is_signature=is_signature)
        return [proof.answer(c) for proof in self.proofs]


def challenge(
    contributions: Sequence[int], nonce: int, context: int = 1, *, is_signature: bool = False
) -> int:
    """Return the hash that all proofs in a list respond to."""
    numbers = [len(contributions) + 2, context, *contributions, nonce]
    flag = [der_true()] if is_signature else []
    return hash_number(der_sequence(*flag, *map(der_integer, numbers)))


def disclose(
    shown: Sequence[Shown],
    chance: Chance,
    *,
    nonce: int,
    context: int = 1,
    indices: list[list[Json]] | None = None,
) -> Json:
    """Return the message that an app sends at the end of a disclosure session.

    Args:
        shown: The credentials to show, in order.
        chance: The source of random numbers.
        nonce: The session's nonce.
        context: The session's context.
        indices: The disclosed attributes for each disjunction, as pairs of indices; by default each
            credential answers one disjunction.
    """
    proofs = OpenProofs(shown, chance).close(nonce, context)
    return {"proofs": proofs, "indices": default_indices(shown) if indices is None else indices}


def default_indices(shown: Sequence[Shown]) -> list[list[Json]]:
    """For each credential, list the attributes that it shows, or its metadata if it shows none.

    Showing the metadata alone proves that the holder has the credential.
    """
    indices: list[list[Json]] = []
    for number, each in enumerate(shown):
        named = [each.credential.type.index_of(name) for name in each.attributes] or [1]
        indices.append([{"cred": number, "attr": index} for index in named])
    return indices


class OpenProof:
    """A proof of one credential before its challenge: `a` is its number A.

    The challenge is a hash that covers `contributions`.
    """

    def __init__(self, shown: Shown, secret_random: int, chance: Chance) -> None:
        self._shown = shown
        self._credential = credential = shown.credential
        key, sizes = credential.key, credential.key.sizes
        n = key.n
        m_bits, e_bits, v_bits = sizes.commitments

        # If (A, e, v) is a signature over the attributes, then (A·S^r, e, v - e·r) is one as well.
        blind = chance.bits(sizes.ln + sizes.lstatzk)
        self.a = product([(credential.a, 1), (key.s, blind)], n)
        self._v = credential.v - credential.e * blind

        hidden = [i for i in range(len(credential.numbers)) if i not in shown.disclosed]
        self._random = {index: chance.bits(m_bits) for index in hidden}
        self._random[0] = secret_random
        self.non_revocation: OpenNonRevocation | None = None
        if shown.witness is not None:
            index = [each.revocation for each in credential.type.attributes].index(True) + 2
            self._random[index] = chance.bits(PRIME_BITS)
            self.non_revocation = OpenNonRevocation(shown.witness, self._random[index], chance)
        self._random_e = chance.bits(e_bits)
        self._random_v = chance.bits(v_bits)

        powers = [(key.bases[index], number) for index, number in self._random.items()]
        powers += [(self.a, self._random_e), (key.s, self._random_v)]
        self.contributions = [self.a, product(powers, n)]
        if self.non_revocation:
            self.contributions += self.non_revocation.contributions

    def answer(self, c: int) -> Json:
        """Return the proof as JSON, with responses to a challenge."""
        credential, key = self._credential, self._credential.key
        e = credential.e - (1 << (key.sizes.le - 1))
        responses = {
            str(index): json_number(number + c * key.signed_number(credential.numbers[index]))
            for index, number in sorted(self._random.items())
        }
        proof: Json = {
            "c": json_number(c),
            "A": json_number(self.a),
            "e_response": json_number(self._random_e + c * e),
            "v_response": json_number(self._random_v + c * self._v),
            "a_responses": responses,
            "a_disclosed": {str(i): json_number(m) for i, m in self._shown.disclosed.items()},
        }
        if self.non_revocation:
            proof["nonrev_proof"] = self.non_revocation.answer(c)
        return proof


class OpenNonRevocation:
    """The proof that a witness's prime is in the accumulator, including the numbers C_r and C_u."""

    def __init__(self, witness: Witness, random_alpha: int, chance: Chance) -> None:
        self._accumulator = accumulator = witness.accumulator
        key, n = accumulator.key, accumulator.key.n
        quarter = n // 4
        epsilon, zeta = chance.below(quarter), chance.below(quarter)
        self._secrets = {
            "beta": witness.prime * epsilon,
            "delta": witness.prime * zeta,
            "epsilon": epsilon,
            "zeta": zeta,
        }
        self._random = random = {
            "beta": chance.below(quarter << PRIME_BITS),
            "delta": chance.below(quarter << PRIME_BITS),
            "epsilon": chance.below(quarter << 384),
            "zeta": chance.below(quarter << 384),
        }
        self.c_r = product([(key.g, epsilon), (key.h, zeta)], n)
        self.c_u = product([(witness.u, 1), (key.h, epsilon)], n)
        self.contributions = [
            self.c_r,
            self.c_u,
            accumulator.nu,
            product([(key.g, random["epsilon"]), (key.h, random["zeta"])], n),
            product([(self.c_u, random_alpha), (key.h, -random["beta"])], n),
            product(
                [(self.c_r, random_alpha), (key.g, -random["beta"]), (key.h, -random["delta"])], n
            ),
        ]

    def answer(self, c: int) -> Json:
        """Return the proof as JSON, with responses to a challenge."""
        responses = {
            name: json_number(self._random[name] + c * secret)
            for name, secret in self._secrets.items()
        }
        return {
            "C_r": json_number(self.c_r),
            "C_u": json_number(self.c_u),
            "responses": responses,
            "sacc": self._accumulator.signed(),
        }
