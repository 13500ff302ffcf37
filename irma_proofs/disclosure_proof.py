"""Disclosure proofs, which show that a person has a credential with the disclosed attributes.

The arithmetic is that of Camenisch-Lysyanskaya signatures. `docs/explanation/proofs.md` has the
formulas.

Source: gabi `ProofD`; Idemix specification, sections 6.2.3 and 6.2.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final, final

import attrs

from irma_core.errors import ProofError
from irma_core.json_text import JsonValue
from irma_proofs.credential_types import FIRST_ATTRIBUTE, CredentialType
from irma_proofs.issuer_keys import IssuerKey, Sizes, is_unit
from irma_proofs.metadata import Metadata, parse_metadata, signed_value
from irma_proofs.numbers import read_number, read_numbers_by_index
from irma_proofs.powers import product_of_powers
from irma_proofs.proof_json import MOST_BITS, read_list, read_members
from irma_proofs.schemes import Schemes

__all__ = ["METADATA", "SECRET_KEY", "DisclosureProof", "commitment", "read_proofs"]

SECRET_KEY: Final = 0
"""The index of the secret key, which is never disclosed."""
METADATA: Final = 1
"""The index of the metadata, which is always disclosed."""
_MOST_PROOFS: Final = 20
_VALUE_BITS: Final = 8 * 4 * 2**20
"""The maximum length of a disclosed attribute in bits: 4 MiB, because it may be a photo."""
_REQUIRED: Final = frozenset({"c", "A", "e_response", "v_response", "a_responses", "a_disclosed"})
_OPTIONAL: Final = frozenset({"nonrev_proof", "rangeproofs"})


@final
@attrs.frozen
class DisclosureProof:
    """A proof whose form has been checked, with its credential type and its issuer's key.

    Args:
        path: The proof's path in the JSON.
        challenge: The number c.
        a: The number A, a blinded part of the issuer's signature.
        e_response: The response for the signature's number e.
        v_response: The response for the signature's number v.
        responses: The responses for attributes that are not disclosed, by index.
        disclosed: The disclosed attributes as numbers, by index.
        metadata: The contents of the attribute at index 1.
        credential_type: The type of the credential.
        key: The issuer's key.
        non_revocation: The JSON of the proof of non-revocation, or None.
    """

    path: str
    challenge: int
    a: int = attrs.field(repr=False)
    e_response: int = attrs.field(repr=False)
    v_response: int = attrs.field(repr=False)
    responses: dict[int, int] = attrs.field(repr=False)
    disclosed: dict[int, int] = attrs.field(repr=False)
    metadata: Metadata
    credential_type: CredentialType
    key: IssuerKey
    non_revocation: JsonValue = attrs.field(repr=False)

    @cached_property
    def product(self) -> int:
        """The product of R_i^x(a_i) over the disclosed attributes. Time stamps also cover it."""
        key = self.key
        pairs = [
            (key.bases[i], signed_value(number, bits=key.sizes.m))
            for i, number in self.disclosed.items()
        ]
        return product_of_powers(pairs, key.n)


def read_proofs(
    value: JsonValue, path: str, *, schemes: Schemes, min_key_bits: int
) -> tuple[DisclosureProof, ...]:
    """Return the disclosure proofs in a list, after checking the form of each.

    This function does not check the arithmetic of the proofs.

    Args:
        value: The JSON list.
        path: The list's path.
        schemes: The schemes of the credentials.
        min_key_bits: The minimum length of a modulus.

    Raises:
        ProofError: A proof does not have the right form.
        ConfigurationError: A scheme file is missing, has been changed, or is malformed.
    """
    values = read_list(value, path)
    check_number_of_proofs(values, path)
    return tuple(
        _read_proof(each, f"{path}[{i}]", schemes, min_key_bits) for i, each in enumerate(values)
    )


def _read_proof(
    value: JsonValue, path: str, schemes: Schemes, min_key_bits: int
) -> DisclosureProof:
    members = read_members(value, path, required=_REQUIRED, optional=_OPTIONAL)
    check_no_range_proofs(members, path)
    disclosed = read_numbers_by_index(
        members["a_disclosed"], f"{path}.a_disclosed", bits=_VALUE_BITS
    )
    check_metadata_disclosed(disclosed, path)
    metadata = parse_metadata(disclosed[METADATA], f'{path}.a_disclosed["{METADATA}"]')
    credential_type = known_credential_type(schemes, metadata, path)
    key = known_key(schemes, credential_type, metadata, path)
    check_key_length(key, min_key_bits, path)
    proof = DisclosureProof(
        path=path,
        challenge=read_number(members["c"], f"{path}.c", bits=MOST_BITS),
        a=read_number(members["A"], f"{path}.A", bits=MOST_BITS),
        e_response=read_number(members["e_response"], f"{path}.e_response", bits=MOST_BITS),
        v_response=read_number(members["v_response"], f"{path}.v_response", bits=MOST_BITS),
        responses=read_numbers_by_index(
            members["a_responses"], f"{path}.a_responses", bits=MOST_BITS
        ),
        disclosed=disclosed,
        metadata=metadata,
        credential_type=credential_type,
        key=key,
        non_revocation=members.get("nonrev_proof"),
    )
    check_no_index_twice(proof)
    check_secret_key_hidden(proof)
    check_indices_of_type(proof)
    check_indices_of_key(proof)
    check_group_element(proof)
    check_challenge_length(proof)
    check_attribute_responses(proof)
    check_e_response(proof)
    check_v_response(proof)
    check_random_blind_length(proof)
    return proof


def commitment(proof: DisclosureProof) -> int:
    """Return the commitment that the prover must have made, if the proof is valid.

    It is (∏ R_i^x(a_i) / Z)^c · A^(e_response + c·2^(le-1)) · S^v_response · ∏ R_i^response, modulo
    n. The first product is over the disclosed attributes, and the last one over all others.
    """
    key, c = proof.key, proof.challenge
    pairs = [
        (proof.product * pow(key.z, -1, key.n) % key.n, c),
        (proof.a, proof.e_response + (c << (key.sizes.e - 1))),
        (key.s, proof.v_response),
    ]
    pairs += [(key.bases[i], response) for i, response in proof.responses.items()]
    return product_of_powers(pairs, key.n)


def known_credential_type(schemes: Schemes, metadata: Metadata, path: str) -> CredentialType:
    """Return the credential type that the metadata refers to.

    Raises:
        ProofError: None of the schemes has the type.
        ConfigurationError: The type's file is missing, has been changed, or is malformed.
    """
    found = schemes.credential_type_by_hash(metadata.type_hash)
    if found is None:
        raise ProofError(
            path,
            "has a credential type that is in none of the given schemes; add or update its scheme",
            check="known_credential_type",
        )
    return found


def known_key(
    schemes: Schemes, credential_type: CredentialType, metadata: Metadata, path: str
) -> IssuerKey:
    """Return the issuer's key that the metadata refers to.

    Raises:
        ProofError: The scheme does not have the key.
        ConfigurationError: The key's file is missing, has been changed, or is malformed.
    """
    found = schemes.issuer_key(credential_type.issuer, metadata.key_counter)
    if found is None:
        raise ProofError(
            path,
            f"uses key {metadata.key_counter} of {credential_type.issuer}, which is not in the "
            "given scheme; update the scheme",
            check="known_key",
        )
    return found


def check_number_of_proofs(values: Sequence[JsonValue], path: str) -> None:
    """Check that there are at most 20 proofs, because each takes time to verify.

    Raises:
        ProofError: The check fails.
    """
    if len(values) > _MOST_PROOFS:
        raise ProofError(path, f"must have at most {_MOST_PROOFS} proofs", check="number_of_proofs")


def check_no_range_proofs(members: dict[str, JsonValue], path: str) -> None:
    """Check that the proof has no range proofs, which are not supported.

    Raises:
        ProofError: The check fails.
    """
    if "rangeproofs" in members:
        raise ProofError(
            f"{path}.rangeproofs", "range proofs are not supported", check="no_range_proofs"
        )


def check_metadata_disclosed(disclosed: dict[int, int], path: str) -> None:
    """Check that the metadata is disclosed.

    Raises:
        ProofError: The check fails.
    """
    if METADATA not in disclosed:
        raise ProofError(
            f"{path}.a_disclosed",
            "must disclose the metadata, which is at index 1",
            check="metadata_disclosed",
        )


def check_key_length(key: IssuerKey, min_key_bits: int, path: str) -> None:
    """Check that the issuer's key is at least as long as the caller requires.

    Raises:
        ProofError: The check fails.
    """
    if key.sizes.n < min_key_bits:
        raise ProofError(
            path,
            f"uses a key of {key.issuer} with only {key.sizes.n} bits; to accept it, lower "
            "min_key_bits",
            check="key_length",
        )


def check_no_index_twice(proof: DisclosureProof) -> None:
    """Check that no attribute is both disclosed and hidden.

    Raises:
        ProofError: An attribute is both.
    """
    if proof.disclosed.keys() & proof.responses.keys():
        raise ProofError(
            f"{proof.path}.a_responses",
            "must not have an index that is also in a_disclosed",
            check="no_index_twice",
        )


def check_secret_key_hidden(proof: DisclosureProof) -> None:
    """Check that the proof has a response for the secret key, instead of disclosing it.

    Raises:
        ProofError: The check fails.
    """
    if SECRET_KEY not in proof.responses:
        raise ProofError(
            f"{proof.path}.a_responses",
            "must have a response for the secret key, which is at index 0",
            check="secret_key_hidden",
        )


def check_indices_of_type(proof: DisclosureProof) -> None:
    """Check that the credential type has an attribute for each index in the proof.

    Raises:
        ProofError: The check fails.
    """
    if max(proof.disclosed.keys() | proof.responses.keys()) >= (
        proof.credential_type.number_of_indices
    ):
        raise ProofError(
            proof.path,
            f"may contain only indices of attributes in {proof.credential_type.identifier}",
            check="indices_of_type",
        )


def check_indices_of_key(proof: DisclosureProof) -> None:
    """Check that the issuer's key has a base for each index in the proof.

    Raises:
        ProofError: The check fails.
    """
    if max(proof.disclosed.keys() | proof.responses.keys()) >= len(proof.key.bases):
        raise ProofError(
            proof.path,
            f"may contain only indices for which the key of {proof.key.issuer} has a base",
            check="indices_of_key",
        )


def check_group_element(proof: DisclosureProof) -> None:
    """Check that the proof's number A is between 1 and n-1, and coprime to the modulus n.

    Raises:
        ProofError: The check fails.
    """
    if not is_unit(proof.a, proof.key.n):
        raise ProofError(
            f"{proof.path}.A",
            "must be between 1 and n-1, and coprime to n",
            check="group_element",
        )


def check_challenge_length(proof: DisclosureProof) -> None:
    """Check that the challenge is not longer than a hash.

    Raises:
        ProofError: The check fails.
    """
    if proof.challenge.bit_length() > Sizes.HASH:
        raise ProofError(
            f"{proof.path}.c", f"must have at most {Sizes.HASH} bits", check="challenge_length"
        )


def check_attribute_responses(proof: DisclosureProof) -> None:
    """Check that no response for an attribute is longer than an honest prover's.

    Raises:
        ProofError: The check fails.
    """
    bits = proof.key.sizes.m_response
    for i, response in proof.responses.items():
        if response.bit_length() > bits:
            raise ProofError(
                f'{proof.path}.a_responses["{i}"]',
                f"must have at most {bits} bits",
                check="attribute_responses",
            )


def check_e_response(proof: DisclosureProof) -> None:
    """Check that the response for e is not longer than an honest prover's.

    Raises:
        ProofError: The check fails.
    """
    bits = proof.key.sizes.e_response
    if proof.e_response.bit_length() > bits:
        raise ProofError(
            f"{proof.path}.e_response", f"must have at most {bits} bits", check="e_response"
        )


def check_v_response(proof: DisclosureProof) -> None:
    """Check that the response for v is not longer than an honest prover's.

    Raises:
        ProofError: The check fails.
    """
    bits = proof.key.sizes.v_response
    if proof.v_response.bit_length() > bits:
        raise ProofError(
            f"{proof.path}.v_response", f"must have at most {bits} bits", check="v_response"
        )


def check_random_blind_length(proof: DisclosureProof) -> None:
    """Check that each disclosed random number is short enough to be signed without hashing.

    Raises:
        ProofError: The check fails.
    """
    bits = proof.key.sizes.m
    for i, attribute in enumerate(proof.credential_type.attributes, FIRST_ATTRIBUTE):
        number = proof.disclosed.get(i, 0)
        if attribute.is_random_blind and number.bit_length() > bits:
            raise ProofError(
                f'{proof.path}.a_disclosed["{i}"]',
                f"must have at most {bits} bits",
                check="random_blind_length",
            )
