"""Upgrade session requests from the form used before condiscons (2019) to the current form."""

from __future__ import annotations

from irma_core.json_text import JsonValue
from irma_core.wire.values import WireError, read_list, read_object, read_string
from irma_core.wire.write_requests import DISCLOSURE_CONTEXT, ISSUANCE_CONTEXT, SIGNATURE_CONTEXT

__all__ = ["is_legacy", "upgrade_legacy"]

_CONTEXTS = {
    "disclosing": (DISCLOSURE_CONTEXT, "content"),
    "signing": (SIGNATURE_CONTEXT, "content"),
    "issuing": (ISSUANCE_CONTEXT, "disclose"),
}
_NOT_LEGACY = frozenset({"disclose", "labels", "skipExpiryCheck"})


def is_legacy(fields: dict[str, JsonValue]) -> bool:
    """Return whether a request in JSON has the form used before condiscons (2019)."""
    return "@context" not in fields and "type" in fields


def upgrade_legacy(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Convert a request in JSON from the form used before condiscons to the current form.

    Raises:
        WireError: A value is invalid; the error's `path` says where it is.
    """
    kind = read_string(fields["type"], ".type")
    if kind not in _CONTEXTS:
        raise WireError(".type", "must be one of disclosing, signing, issuing")
    context, content = _CONTEXTS[kind]
    for name in _NOT_LEGACY - {content}:
        if name in fields:
            # The server would silently ignore such a field.
            raise WireError(f".{name}", "is not a field of a request in this old format")
    old = {"type", content, "messageType"} if kind == "signing" else {"type", content}
    modern = {key: value for key, value in fields.items() if key not in old}
    modern["@context"] = context
    disclose: list[JsonValue] = []
    labels: dict[str, JsonValue] = {}
    for i, item in enumerate(read_list(fields.get(content, []), f".{content}")):
        path = f".{content}[{i}]"
        disjunction = read_object(item, path)
        for name in disjunction:
            if name not in ("label", "attributes"):
                raise WireError(f"{path}.{name[:40]}", "is not a field of this request")
        disclose.append(_options(disjunction.get("attributes", []), f"{path}.attributes"))
        if label := read_string(disjunction.get("label", ""), f"{path}.label"):
            labels[str(i)] = {"en": label, "nl": label}
    if disclose:
        modern["disclose"] = disclose
    if labels:
        modern["labels"] = labels
    return modern


def _options(attributes: JsonValue, path: str) -> list[JsonValue]:
    if isinstance(attributes, dict):
        return [[{"type": name, "value": value}] for name, value in attributes.items()]
    names = enumerate(read_list(attributes, path))
    return [[read_string(name, f"{path}[{k}]")] for k, name in names]
