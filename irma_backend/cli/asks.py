"""What is asked, as options or as a request in a file, made a request of the library's."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

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
from irma_core.models.wire import read_request

__all__ = ["Asked", "asked_of", "read_asked", "read_file", "request_of", "with_asked"]

Asked = SessionRequest | ExtendedRequest | str
Command = TypeVar("Command", bound=Callable[..., Any])
_SLOT = re.compile(r"(?:(?P<name>[^=.|+?]*)(?P<optional>\?)?=(?!=))?(?P<options>.+)", re.DOTALL)
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


_OPTIONS = (
    click.option(
        "--disclose", multiple=True, metavar="SLOT", help="Ask for attributes; see above."
    ),
    click.option("--sign", metavar="MESSAGE", help="Ask for a signature over this message."),
    click.option(
        "--issue", multiple=True, metavar="CREDENTIAL:NAME=VALUE,...", help="Issue a credential."
    ),
    click.option(
        "--request", "file", metavar="FILE", help="The request as JSON or JWT; - for the input."
    ),
)


def with_asked(command: Command) -> Command:
    """Give a command the options that say what to ask; `asked_of` takes them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked_of(
    *, disclose: Sequence[str], sign: str | None, issue: Sequence[str], file: str | None
) -> Asked:
    """Give what the options ask.

    Raises:
        RequestError: At the place it names.
    """
    by_options = bool(disclose or issue or sign is not None)
    if by_options == (file is not None):
        raise RequestError("", "say what to ask: --disclose, --sign or --issue, or --request FILE")
    if file is None:
        return request_of(disclose, sign=sign, issue=issue)
    return read_asked(read_file(file, sys.stdin.read() if file == "-" else ""))


def request_of(
    disclose: Sequence[str], *, sign: str | None, issue: Sequence[str]
) -> SessionRequest:
    """Make a request of the options' texts.

    Args:
        disclose: Slots, `[NAME[?]=]ATTRIBUTE[==VALUE][+ATTRIBUTE…][|OPTION…]`.
        sign: The message of a signature request.
        issue: Credentials, `CREDENTIAL:NAME=VALUE[,NAME=VALUE…]`.

    Raises:
        RequestError: At the place it names.
    """
    if sign is not None and issue:
        raise RequestError("", "--sign and --issue: one session does one of them")
    slots = _slots(disclose)
    if sign is not None:
        return SignatureRequest(sign, slots)
    if issue:
        return IssuanceRequest([_credential(text) for text in issue], slots)
    return DisclosureRequest(slots)


def read_asked(text: str) -> Asked:
    """Read a request of a file: JSON of any session request, or a session request JWT.

    Raises:
        RequestError: At the place it names.
    """
    jwt = text.removeprefix("\ufeff").strip()
    if _JWT.fullmatch(jwt):
        return jwt
    request = read_request(text)
    if isinstance(request, RevocationRequest):
        raise RequestError("@context", "a revocation is no session")
    return request


def _slots(texts: Sequence[str]) -> dict[str, DisCon] | list[DisCon]:
    parsed = [_SLOT.fullmatch(text) for text in texts]
    slots: list[tuple[str, DisCon]] = []
    for number, match in enumerate(parsed):
        if match is None:
            raise RequestError(f"--disclose {number + 1}", "names no attribute")
        try:
            slots.append((match["name"] or "", _slot(match)))
        except RequestError as error:
            raise RequestError(f"--disclose {number + 1}", error.reason) from None
    if not any(name for name, _ in slots):
        return [slot for _, slot in slots]
    named = {name or str(number): slot for number, (name, slot) in enumerate(slots)}
    if len(named) < len(slots):
        raise RequestError("--disclose", "two slots have the same name")
    return named


def _slot(match: re.Match[str]) -> DisCon:
    options = [_option(option) for option in match["options"].split("|")]
    return optional(*options) if match["optional"] else any_of(*options)


def _option(text: str) -> Sequence[AttributeRequest]:
    attributes: list[AttributeRequest] = []
    for each in text.split("+"):
        kind, demanded, value = each.partition("==")
        attributes.append(AttributeRequest(kind.strip(), value=value if demanded else None))
    return all_of(*attributes).attributes


def _credential(text: str) -> CredentialRequest:
    kind, _, pairs = text.partition(":")
    attributes: dict[str, str | None] = {}
    for pair in filter(None, pairs.split(",")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise RequestError("--issue", "an attribute is NAME=VALUE")
        attributes[name] = value
    return CredentialRequest(kind, attributes)


def read_file(path: str, stdin: str) -> str:
    """Give a file's text, or that of the standard input for `-`.

    Raises:
        RequestError: It cannot be read.
    """
    if path == "-":
        return stdin
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise RequestError("", f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RequestError("", f"{path}: is not text in UTF-8") from None
