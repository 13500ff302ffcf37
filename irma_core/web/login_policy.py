"""Identify a person's account by an e-mail address, or by a pseudonym derived from an attribute.

The website decides which attribute identifies a person. The attribute must be unique, stay the same
for years, and be issued only to its owner. People change their e-mail addresses, and providers give
abandoned addresses to other people. So an address identifies a person only if the website decides
to accept this.
"""

from __future__ import annotations

from typing import Final

from irma_core.errors import LoginRefusedError, OtherPersonError, SlotNotAnsweredError
from irma_core.models.answers import Answer, AnsweredSlot
from irma_core.models.arguments import check_instance, check_optional
from irma_core.tracebacks import boundary
from irma_core.trust.pseudonyms import keyed_pseudonym, same_secret
from irma_core.web.proofs import Proof

__all__ = ["check_same_person", "pseudonym", "verified_email"]

_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@boundary
def verified_email(answer: Answer | Proof, slot: str | int = "email") -> str:
    """Return the e-mail address in a slot, normalized so that accounts can be compared.

    Only the letters A to Z are converted to lower case. Lower-casing every letter would turn a
    Kelvin sign into an ordinary `k`, for example, and the address would then identify another
    account.

    Args:
        answer: The answer, or a proof that the website has kept.
        slot: The name or index of the slot. The address must be the only attribute with which the
            person answered the slot.

    Raises:
        SlotNotAnsweredError: The person left the slot out, or the request has no such slot.
        NullAttributeError: The attribute has no value. Request it with `not_null=True`.
        LoginRefusedError: The value is not an e-mail address.
        UsageError: The slot was answered with several attributes, or an argument has the wrong
            type.
    """
    value = _slot_of(answer, slot).value
    local, _, domain = value.partition("@")
    is_one_word = value.isprintable() and " " not in value
    if not local or not domain or "@" in domain or not is_one_word:
        raise LoginRefusedError
    return value.translate(_LOWER)


@boundary
def pseudonym(answer: Answer | Proof, slot: str | int, *, key: str) -> str:
    """Return a stable pseudonym for the person whose unique attribute is in a slot.

    The pseudonym reveals nothing about the attribute. It depends on the key, and on the attribute's
    identifier and value exactly as issued. So the same value from another issuer results in another
    pseudonym.

    Args:
        answer: The answer, or a proof that the website has kept.
        slot: The name or index of the slot. If the person answered the slot with several
            attributes, the pseudonym depends on all of them.
        key: A key that the website uses only for this, from `new_sealing_key`. Unlike a sealing
            key, this key must never change, because every pseudonym would change with it. Anyone
            who has the key can find out whom a pseudonym belongs to.

    Returns:
        43 letters, digits, `-` and `_`.

    Raises:
        SlotNotAnsweredError: The person left the slot out, or the request has no such slot.
        NullAttributeError: An attribute has no value. Request it with `not_null=True`.
        ConfigurationError: The key is invalid.
        UsageError: Another argument has the wrong type.
    """
    found = _slot_of(answer, slot)
    return keyed_pseudonym(key, [[each.attribute, each.value] for each in found])


@boundary
def check_same_person(current: str | None, proved: str) -> None:
    """Check that a proof belongs to the person who is logged in.

    Call this before a step-up, and before another attribute is linked to an account. Without this
    check, people could link their own attribute to another person's account while they use that
    person's computer.

    Args:
        current: The e-mail address or pseudonym of the person who is logged in; None if no one is.
        proved: The e-mail address or pseudonym from the answer.

    Raises:
        OtherPersonError: The proof belongs to another person.
        UsageError: An argument has the wrong type.
    """
    check_optional(current, str, "current", "a string")
    check_instance(proved, str, "proved", "a string")
    if current is not None and not same_secret(current, proved):
        raise OtherPersonError


def _slot_of(answer: Answer | Proof, slot: str | int) -> AnsweredSlot:
    check_instance(answer, (Answer, Proof), "answer", "an Answer or a Proof")
    check_instance(slot, (str, int), "slot", "the name or number of a slot")
    found = answer.get(slot)
    if found is None:
        session = answer.token.fingerprint if isinstance(answer, Answer) else "unknown"
        raise SlotNotAnsweredError(session, "the slot that identifies the person was not answered")
    return found
