"""Requests from before condiscons (2019), turned into the JSON of today's.

Source: irmago `legacy.go`. They have no `@context` but a `type`, and list options, not
conjunctions. Nothing here writes the old form. A signature request may have a `messageType`, which
asks nothing.
"""

from __future__ import annotations

from irma_core.models.json_text import JsonValue
from irma_core.models.reading import WireError, read_list, read_object, read_text
from irma_core.models.request_json import (
    DISCLOSURE_CONTEXT,
    ISSUANCE_CONTEXT,
    SIGNATURE_CONTEXT,
)

__all__ = ["is_legacy", "modernised"]

_CONTEXTS = {
    "disclosing": (DISCLOSURE_CONTEXT, "content"),
    "signing": (SIGNATURE_CONTEXT, "content"),
    "issuing": (ISSUANCE_CONTEXT, "disclose"),
}
_NOT_LEGACY = frozenset({"disclose", "labels", "skipExpiryCheck"})


def is_legacy(fields: dict[str, JsonValue]) -> bool:
    """Tell whether it is a request of the old form."""
    return "@context" not in fields and "type" in fields


def modernised(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Give the same request in today's form.

    Raises:
        WireError: At the place it names.
    """
    kind = read_text(fields["type"], ".type")
    if kind not in _CONTEXTS:
        raise WireError(".type", "names no disclosure, signature or issuance request")
    context, content = _CONTEXTS[kind]
    for name in _NOT_LEGACY - {content}:
        if name in fields:
            # The server would ignore it without a word.
            raise WireError(f".{name}", "is no field of a request of this old form")
    old = {"type", content, "messageType"} if kind == "signing" else {"type", content}
    modern = {key: value for key, value in fields.items() if key not in old}
    modern["@context"] = context
    disclose: list[JsonValue] = []
    labels: dict[str, JsonValue] = {}
    for i, item in enumerate(read_list(fields.get(content, []), f".{content}")):
        place = f".{content}[{i}]"
        disjunction = read_object(item, place)
        for name in disjunction:
            if name not in ("label", "attributes"):
                raise WireError(f"{place}.{name[:40]}", "is no field of this request")
        disclose.append(_options(disjunction.get("attributes", []), f"{place}.attributes"))
        if label := read_text(disjunction.get("label", ""), f"{place}.label"):
            labels[str(i)] = {"en": label, "nl": label}
    if disclose:
        modern["disclose"] = disclose
    if labels:
        modern["labels"] = labels
    return modern


def _options(attributes: JsonValue, place: str) -> list[JsonValue]:
    if isinstance(attributes, dict):
        return [[{"type": name, "value": value}] for name, value in attributes.items()]
    names = enumerate(read_list(attributes, place))
    return [[read_text(name, f"{place}[{k}]")] for k, name in names]
