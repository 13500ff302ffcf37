"""What scripts read: answers and results as JSON on the standard output.

An answer is `{"session", "type", "evidence", "answer": {SLOT: {"option", "attributes": [{"id",
"value", "issued"}]}}, "signature", "issuedCredentials"}`: `session` is the fingerprint, `value` is
null without a value, `issued` is in Unix seconds. The last two are there only where a signature was
made, and where credentials were issued. An unchecked result has `"status"`, `"proofStatus"` and
`"disclosed"` instead of `"answer"`, and proves nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from irma_backend.cli.output import is_unsafe, put
from irma_core import Answer, DisclosedAttribute, IssuanceRequest, SessionResult
from irma_core.models.json_text import JsonValue, read_json, write_json
from irma_core.models.sessions import StartedSession

__all__ = ["answer_text", "issued_in", "print_answer", "print_json", "print_unchecked"]


def print_json(value: JsonValue) -> None:
    """Print a value on one line.

    What would steer a terminal, or has no place in the encoding of the standard output, is escaped
    as JSON can.

    Raises:
        OutputError: It cannot be written.
    """
    put(_line(value, sys.stdout.encoding))


def _line(value: JsonValue, encoding: str) -> str:
    written = write_json(value)
    try:
        written.encode(encoding)
    except UnicodeEncodeError:
        return "".join(each if each.isascii() else _escaped(each) for each in written)
    return "".join(_escaped(each) if is_unsafe(each) else each for each in written)


def _escaped(letter: str) -> str:
    # Two units for what lies beyond the first 65,536; half a pair stays half a pair.
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def print_answer(answer: Answer, session: StartedSession) -> None:
    """Print the answer of a session.

    Raises:
        OutputError: It cannot be written.
    """
    print_json(_answer_value(answer, session))


def answer_text(answer: Answer, session: StartedSession) -> str:
    """Return the same line as ASCII, for a file."""
    return _line(_answer_value(answer, session), "ascii")


def issued_in(session: StartedSession) -> Sequence[str]:
    """Return the credential types that a session issues when it is done."""
    asked = session.request.request
    if not isinstance(asked, IssuanceRequest):
        return ()
    return [credential.credential for credential in asked.credentials]


def _answer_value(answer: Answer, session: StartedSession) -> JsonValue:
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
    if issued := issued_in(session):
        value["issuedCredentials"] = list(issued)
    return value


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
