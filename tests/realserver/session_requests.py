"""Session requests as JSON, and the contents of the tests' wallet."""

from typing import Any

CONTEXT = "https://irma.app/ld/request/"

AGE = {
    "credential": "example.town.age",
    "attributes": {"over12": "yes", "over18": "yes", "over65": "no"},
}
RESIDENT = {
    "credential": "example.town.resident",
    "attributes": {"firstname": "Ada", "familyname": "Lovelace", "email": "ada@example.com"},
}


def disclosure(*disclose: list[list[Any]], **others: object) -> dict[str, Any]:
    """A disclosure request of these outer disjunctions."""
    return {"@context": f"{CONTEXT}disclosure/v2", "disclose": list(disclose), **others}


def signature(message: str, *disclose: list[list[Any]], **others: object) -> dict[str, Any]:
    """A signature request of these outer disjunctions."""
    context = f"{CONTEXT}signature/v2"
    return {"@context": context, "message": message, "disclose": list(disclose), **others}


def issuance(*credentials: dict[str, Any], **others: object) -> dict[str, Any]:
    """An issuance request of these credentials."""
    return {"@context": f"{CONTEXT}issuance/v2", "credentials": list(credentials), **others}
