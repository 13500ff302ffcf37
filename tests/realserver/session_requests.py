"""Session requests as JSON, and the credentials in the tests' wallet."""

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
    """Return a disclosure request with these outer disjunctions."""
    return {"@context": f"{CONTEXT}disclosure/v2", "disclose": list(disclose), **others}


def signature(message: str, *disclose: list[list[Any]], **others: object) -> dict[str, Any]:
    """Return a signature request with these outer disjunctions."""
    context = f"{CONTEXT}signature/v2"
    return {"@context": context, "message": message, "disclose": list(disclose), **others}


def issuance(*credentials: dict[str, Any], **others: object) -> dict[str, Any]:
    """Return an issuance request for these credentials."""
    return {"@context": f"{CONTEXT}issuance/v2", "credentials": list(credentials), **others}
