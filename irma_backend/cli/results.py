"""What scripts read: answers and results as JSON on the standard output.

An answer is `{"session", "type", "evidence", "answer": {SLOT: {"option", "attributes": [{"id",
"value", "issued"}]}}, "signature"}`: `session` is the fingerprint, `value` null without a value,
`issued` Unix seconds, `signature` only where one was made. An unchecked result has `"status"`,
`"proofStatus"` and `"disclosed"` instead of `"answer"`, and proves nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from irma_backend.cli.screen import is_unsafe
from irma_core import Answer, DisclosedAttribute, SessionResult
from irma_core.models.json_text import JsonValue, read_json, write_json

__all__ = ["print_answer", "print_json", "print_unchecked"]


def print_json(value: JsonValue) -> None:
    """Print a value on one line; what would steer a terminal is escaped, as JSON can."""
    line = "".join(_escaped(each) if is_unsafe(each) else each for each in write_json(value))
    sys.stdout.write(f"{line}\n")


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be").hex()  # two for what lies beyond the first 65,536
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def print_answer(answer: Answer) -> None:
    """Print an answer."""
    slots: dict[str, JsonValue] = {
        str(slot): {"option": answered.option, "attributes": _attributes(answered)}
        for slot, answered in answer.items()
    }
    value: dict[str, JsonValue] = {
        "session": answer.token.fingerprint,
        "type": answer.type.value,
        "evidence": answer.evidence.value,
        "answer": slots,
    }
    if answer.signature is not None:
        value["signature"] = read_json(answer.signature.json_text)
    print_json(value)


def print_unchecked(result: SessionResult) -> None:
    """Print a result that was compared with no request."""
    disclosed: list[JsonValue] = [
        None if each is None else _attributes(each) for each in result.unchecked_disclosed
    ]
    print_json(
        {
            "session": result.token.fingerprint,
            "type": result.type.value,
            "status": result.status.value,
            "proofStatus": result.proof_status.value if result.proof_status else None,
            "disclosed": disclosed,
        }
    )


def _attributes(attributes: Iterable[DisclosedAttribute]) -> list[JsonValue]:
    return [
        {
            "id": each.attribute,
            "value": each.raw_value,
            "issued": int(each.issued_at.timestamp()),
        }
        for each in attributes
    ]
