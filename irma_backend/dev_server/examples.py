"""Example values for attributes that the app does not hold, so that a person need not make them up.

They look like the values of real credentials of the scheme `pbdf`, and belong to no real person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["example_value"]

_EXAMPLES: Final[Mapping[str, str]] = {
    "bsn": "999990019",  # the Dutch government's own test number
    "city": "Utrecht",
    "country": "Nederland",
    "dateofbirth": "01-01-1990",
    "domain": "example.com",
    "email": "ada@example.com",
    "expirydate": "01-01-2036",
    "familyname": "Lovelace",
    "firstname": "Ada",
    "firstnames": "Ada",
    "fullname": "Ada Lovelace",
    "gender": "V",
    "housenumber": "1",
    "iban": "NL91ABNA0417164300",
    "id": "12345",
    "initials": "A.",
    "mobilenumber": "+31612345678",
    "nationality": "Nederlandse",
    "phone": "+31612345678",
    "placeofbirth": "Utrecht",
    "street": "Stationsplein",
    "surname": "Lovelace",
    "zipcode": "1234 AB",
}
_YES_OR_NO: Final = re.compile(r"over\d+|is[a-z]+")


def example_value(attribute: str) -> str:
    """Return an example value for an attribute with this name."""
    name = attribute.lower()
    if _YES_OR_NO.fullmatch(name):
        return "Yes"
    return _EXAMPLES.get(name, "example")
