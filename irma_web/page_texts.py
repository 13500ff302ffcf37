"""The page's texts for visitors, in English and Dutch.

The sentence for an error is in the endpoint's reply; all other strings are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["ASK_TITLES", "LANGUAGES", "TEXTS", "page_language"]

_ENGLISH = {
    "start": "Continue with Yivi",
    "wait": "One moment, please.",
    "qr": "Scan the QR code with the Yivi app on your phone.",
    "button": "Open the Yivi app on this device.",
    "pairing": "Enter the pairing code that the Yivi app shows.",
    "app": "Follow the steps in the Yivi app.",
    "code": "QR code for the Yivi app",
    "digit": "Pairing code, digit ",
    "done": "Done.",
    "again": "Try again",
    "cancel": "Cancel",
    "cancelled": "You cancelled this request.",
    "network": "This website cannot be reached. Please check your internet connection.",
    "page": "Something went wrong. Please reload this page.",
    "failed": "Something went wrong. Please try again.",
}
_DUTCH = {
    "start": "Ga verder met Yivi",
    "wait": "Een ogenblik geduld.",
    "qr": "Scan de QR-code met de Yivi-app op uw telefoon.",
    "button": "Open de Yivi-app op dit apparaat.",
    "pairing": "Vul de koppelcode in die u in de Yivi-app ziet.",
    "app": "Volg de stappen in de Yivi-app.",
    "code": "QR-code voor de Yivi-app",
    "digit": "Koppelcode, cijfer ",
    "done": "Gelukt.",
    "again": "Opnieuw proberen",
    "cancel": "Annuleren",
    "cancelled": "U heeft geannuleerd.",
    "network": "Deze website is niet bereikbaar. Controleer uw internetverbinding.",
    "page": "Er is iets misgegaan. Laad deze pagina opnieuw.",
    "failed": "Er is iets misgegaan. Probeer het opnieuw.",
}
TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"en": MappingProxyType(_ENGLISH), "nl": MappingProxyType(_DUTCH)}
)
"""Strings by language and key. The keys are those that `irma.js` uses."""
ASK_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {"en": "Show who you are with Yivi", "nl": "Laat met Yivi zien wie u bent"}
)
"""The title of a page that only asks a question, by language."""
LANGUAGES: Final = tuple(TEXTS)


def page_language(tag: str) -> str:
    """Return the page's language for a language tag: `nl` for tags such as `nl-BE`, else `en`."""
    primary = tag.replace("_", "-").partition("-")[0].lower()
    return primary if primary in TEXTS else "en"
