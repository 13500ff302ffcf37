"""Parse a session request from options or from a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from irma_backend.cli.inputs import read_input, read_text
from irma_core import (
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    DisCon,
    ExtendedRequest,
    IssuanceRequest,
    RevocationRequest,
    SignatureRequest,
    all_of,
    any_of,
    optional,
)
from irma_core.errors import RequestError
from irma_core.models.session_requests import SessionRequest
from irma_core.wire.read_requests import read_request

__all__ = [
    "AnyRequest",
    "parse_options",
    "parse_request",
    "request_from_options",
    "with_request_options",
]

AnyRequest = SessionRequest | ExtendedRequest | str
Command = TypeVar("Command", bound=Callable[..., Any])
_SLOT = re.compile(r"(?:(?P<name>[^=.|+?]*)(?P<optional>\?)?=(?!=))?(?P<options>.+)", re.DOTALL)
_SIGN = re.compile(r"==|[+|]|\Z")
_NAME = r"[A-Za-z][\w-]*(?:\.[\w-]+)"
_AFTER_VALUE = re.compile(
    rf"(?P<sign>[+|])\s*{_NAME}{{2,3}}\s*(?=[+|]|==|\Z)"
    rf"|[+|]\s*(?P<odd>{_NAME}+\s*=|[A-Za-z][\w-]*\s*==)",
    re.ASCII,
)
"""Matches the end of a value: a `+` or `|`, and then an attribute or a likely misspelling of
one."""
_STRAY_SIGN = (
    "'+' or '|' after a value must be followed by an attribute, as in "
    "A==VALUE|pbdf.sidn-pbdf.email.email==VALUE; if the value itself contains that "
    "character, use --request FILE"
)
_SINGLE_EQUALS = "'=' after an attribute: did you mean '==', to require a value?"
_HINTS = (
    (re.compile(r"\A[\w.?-]++\s*+:[^.]*+\."), "did you mean NAME=ATTRIBUTE, with '='?"),
    (
        re.compile(r"\A[\w-]++(?:\.[\w-]++){3}\s*+:", re.ASCII),
        "did you mean '==', to require a value?",
    ),
    (re.compile(r"[\w-][/:][\w-]"), "did you mean dots between its parts?"),
    (
        re.compile(r"\A[\w-]++\s*+(?:==.*)?\Z", re.DOTALL),
        "expected the full name of an attribute, such as pbdf.sidn-pbdf.email.email",
    ),
    (re.compile(r","), "did you mean '+', for a further attribute of the slot?"),
)
"""Patterns of common mistakes in a slot, each with a hint. The first match is used."""
_COMMA = re.compile(r"(?<!\\),")
_JWT = re.compile(r"\A[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


_OPTIONS = (
    click.option(
        "--disclose",
        multiple=True,
        metavar="SLOT",
        help="Request the attributes of a SLOT. Repeatable.",
    ),
    click.option("--sign", metavar="MESSAGE", help="Request a signature over this message."),
    click.option(
        "--issue",
        multiple=True,
        metavar="CREDENTIAL:NAME=VALUE,...",
        help="Issue a credential. In a value, write \\, for a comma. Repeatable.",
    ),
    click.option(
        "--request",
        "file",
        metavar="FILE",
        help="Read the request from this file, as JSON or JWT; - is standard input.",
    ),
    click.option(
        "--named", metavar="NAME", help="Use the request with this name in the settings file."
    ),
)


def with_request_options(command: Command) -> Command:
    """Add the options for `request_from_options` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request_from_options(
    requests: Mapping[str, AnyRequest],
    *,
    disclose: Sequence[str],
    sign: str | None,
    issue: Sequence[str],
    file: str | None,
    named: str | None,
) -> AnyRequest:
    """Return the request that the options describe.

    Args:
        requests: The requests in the settings file, by name.
        disclose: Slots. See `parse_options` for the form of `disclose`, `sign` and `issue`.
        sign: The message of a signature request.
        issue: Credentials.
        file: The file that contains a request; `-` is standard input.
        named: The name of a request in the settings file.

    Raises:
        RequestError: A part of the request is invalid; the error's `path` says which part.
    """
    by_options = bool(disclose or issue or sign is not None)
    if by_options + (file is not None) + (named is not None) != 1:
        raise RequestError(
            "", "expected --disclose, --sign or --issue, or else --request FILE or --named NAME"
        )
    if named is not None:
        if named not in requests:
            there = ", ".join(requests) or "none"
            raise RequestError("--named", f"the settings file has no such request; it has {there}")
        return requests[named]
    if file is None:
        return parse_options(disclose, sign=sign, issue=issue)
    return parse_request(
        read_input("the request") if file == "-" else read_text(Path(file), "--request")
    )


def parse_options(
    disclose: Sequence[str], *, sign: str | None, issue: Sequence[str]
) -> SessionRequest:
    r"""Return the request that these options describe.

    Args:
        disclose: Slots: `[NAME[?]=]ATTRIBUTE[==VALUE][+ATTRIBUTE…][|OPTION…]`. A value extends to
            the end, or to a `+` or `|` that is followed by an attribute.
        sign: The message of a signature request.
        issue: Credentials: `CREDENTIAL:NAME=VALUE[,NAME=VALUE…]`. A comma in a value is written as
            `\,`.

    Raises:
        RequestError: A part of the request is invalid; the error's `path` says which part.
    """
    if sign is not None and issue:
        raise RequestError("", "give either --sign or --issue, not both")
    slots = _slots(disclose)
    if sign is not None:
        return SignatureRequest(sign, slots)
    if issue:
        return IssuanceRequest(
            [_credential(text, number) for number, text in enumerate(issue, 1)], slots
        )
    return DisclosureRequest(slots)


def parse_request(text: str) -> AnyRequest:
    """Return the request in a file: any session request in JSON, or a session request JWT.

    Raises:
        RequestError: A part of the request is invalid; the error's `path` says which part.
    """
    jwt = text.removeprefix("\ufeff").strip()
    if _JWT.fullmatch(jwt):
        return jwt
    request = read_request(text)
    if isinstance(request, RevocationRequest):
        raise RequestError("@context", "a revocation request cannot start a session")
    return request


def _slots(texts: Sequence[str]) -> dict[str, DisCon] | list[DisCon]:
    parsed = [_SLOT.fullmatch(text) for text in texts]
    slots: list[tuple[str, DisCon]] = []
    for number, match in enumerate(parsed):
        if match is None:
            raise RequestError(f"--disclose {number + 1}", "expected an attribute")
        try:
            slots.append(((match["name"] or "").strip(), _slot(match)))
        except RequestError as error:
            hint = next((words for form, words in _HINTS if form.search(match["options"])), "")
            reason = f"{error.reason}; {hint}" if hint and "'" not in error.reason else error.reason
            raise RequestError(f"--disclose {number + 1}", reason) from None
    if not any(name for name, _ in slots):
        return [slot for _, slot in slots]
    named = {name or str(number): slot for number, (name, slot) in enumerate(slots)}
    if len(named) < len(slots):
        raise RequestError("--disclose", "two slots have the same name")
    return named


def _slot(match: re.Match[str]) -> DisCon:
    options: list[list[AttributeRequest]] = [[]]
    for sign, attribute in _attributes(match["options"]):
        if sign == "|":
            options.append([])
        options[-1].append(attribute)
    made = [all_of(*attributes) for attributes in options]
    return optional(*made) if match["optional"] else any_of(*made)


def _attributes(text: str) -> Iterator[tuple[str, AttributeRequest]]:
    """Yield each attribute of a slot, after the `+` or `|` before it ("" for the first one)."""
    sign, at = "", 0
    while True:
        found = next(_SIGN.finditer(text, at))
        kind, end, at = text[at : found.start()].strip(), found[0], found.end()
        value = None
        if end == "==":
            after = _AFTER_VALUE.search(text, at)
            if after is not None and after["odd"] is not None:
                raise RequestError("", _STRAY_SIGN)
            stop = len(text) if after is None else after.start()
            value, end = text[at:stop], "" if after is None else after["sign"]
            at = stop + len(end)
        elif "=" in kind:
            raise RequestError("", _SINGLE_EQUALS)
        yield sign, AttributeRequest(kind, value=value)
        if not end:
            return
        sign = end


def _credential(text: str, number: int) -> CredentialRequest:
    option = f"--issue {number}"
    kind, _, pairs = text.partition(":")
    if "=" in kind:
        raise RequestError(
            option, "expected CREDENTIAL:NAME=VALUE, with a colon after the credential"
        )
    attributes: dict[str, str | None] = {}
    for pair in _COMMA.split(pairs) if pairs else ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise RequestError(
                option,
                "expected NAME=VALUE; write \\, for a comma in a value",
            )
        if name in attributes:
            raise RequestError(option, "an attribute occurs twice")
        attributes[name] = value.replace("\\,", ",")
    try:
        return CredentialRequest(kind, attributes)
    except RequestError as error:
        raise RequestError(option, str(error)) from None
