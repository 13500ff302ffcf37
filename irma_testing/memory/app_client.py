"""How an app speaks with the server: its requests, and what comes back.

Does not belong here: what it does with it (`app_session`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, final
from urllib.parse import unquote

import attrs

from irma_core.errors import IrmaError
from irma_core.models.pointers import SessionPointer
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.memory.go_json import GoJsonError, Json, Members, Number, parse_json
from irma_testing.memory.go_types import (
    INT,
    TEXT,
    Field,
    Kind,
    Struct,
    fold,
    mismatch,
    pointer,
    sequence,
)
from irma_testing.memory.replies import MALFORMED_INPUT, Refusal, compact_json
from irma_testing.memory.sessions import new_token

__all__ = [
    "DISCLOSURE",
    "OPTIONS",
    "SIGNATURE",
    "AppError",
    "AppLine",
    "AppReply",
    "read_commitments",
    "read_message",
    "read_pointer",
]


class AppError(IrmaError):
    """The app cannot do what it was told.

    Attributes:
        code: The server's error name, where the server refused; else empty.
    """

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


class _Server(Protocol):
    def handle(self, request: HttpRequest) -> HttpResponse: ...


@final
@attrs.frozen
class AppReply:
    """What the server said: the HTTP status, and the JSON."""

    http_status: int
    value: Any

    @property
    def is_ok(self) -> bool:
        """Whether the server did what it was asked."""
        return self.http_status == 200  # noqa: PLR2004  # it has one word for that

    @property
    def code(self) -> str:
        """The server's error name, or an empty text."""
        return self._word("error")

    @property
    def message(self) -> str:
        """The server's words on its error, or an empty text."""
        return self._word("message")

    def _word(self, name: str) -> str:
        return str(self.value.get(name, "")) if isinstance(self.value, dict) else ""


@final
class AppLine:
    """The calls of one app in one session."""

    def __init__(self, server: _Server, url: str) -> None:
        self._server = server
        self._url = url
        self._headers = (
            ("authorization", new_token()),
            ("x-irma-minprotocolversion", '"2.8"'),
            ("x-irma-maxprotocolversion", '"2.8"'),
        )

    def get(self, path: str = "") -> AppReply:
        """Ask for something below the session pointer's URL."""
        return self._send("GET", path)

    def post(self, path: str, value: Mapping[str, Any]) -> AppReply:
        """Send something there."""
        return self._send("POST", path, compact_json(value).encode())

    def delete(self) -> None:
        """Give up the session."""
        self._send("DELETE", "")

    def _send(self, method: str, path: str, body: bytes | None = None) -> AppReply:
        response = self._server.handle(
            HttpRequest(
                method,
                f"{self._url}{path}",
                label=f"{method} {{u}}{path}",
                headers=self._headers,
                body=body,
            )
        )
        is_json = response.body[:1] in (b"{", b'"')
        return AppReply(response.status, json.loads(response.body) if is_json else None)


def read_pointer(pointer: SessionPointer | Mapping[str, Any] | str) -> tuple[str, bool]:
    """Read what an app scans: give the URL, and whether it is a static session's.

    Raises:
        AppError: It is no session pointer.
    """
    if isinstance(pointer, SessionPointer):
        return pointer.url, pointer.type.value == "redirect"
    try:
        value = json.loads(_json_in(pointer)) if isinstance(pointer, str) else pointer
        return str(value["u"]), value["irmaqr"] == "redirect"
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AppError("this is no session pointer, nor a link with one") from None


def _json_in(text: str) -> str:
    if text.startswith("{"):
        return text
    for before in ("/-/session#", "qr/json/"):
        if before in text:
            return unquote(text.partition(before)[2].partition("#Intent")[0])
    return ""


_DEEPEST = 100


def _plain(value: Json, depth: int = 0) -> Any:
    """Return a value with Python's types."""
    if depth > _DEEPEST:
        raise GoJsonError("nested too deeply")
    if isinstance(value, Members):
        return {name: _plain(member, depth + 1) for name, member in value.pairs}
    if isinstance(value, list):
        return [_plain(element, depth + 1) for element in value]
    if isinstance(value, Number):
        try:
            return int(value.text) if value.text.lstrip("-").isdigit() else float(value.text)
        except ValueError:
            raise GoJsonError("a number is too long") from None
    return str(value) if isinstance(value, str) else value


def _read_proof(value: Json, _old: object) -> Any:
    if value is None or value == Members(()):
        raise GoJsonError("Unknown proof type found in ProofList")
    if not isinstance(value, Members):
        raise mismatch(value, "ProofD")
    return _plain(value)


_LIST_OF_PROOFS = sequence(Kind(_read_proof))


def _read_proofs(value: Json, _old: object) -> Any:
    # The official server appends them to no list, so an empty one stays none.
    return _LIST_OF_PROOFS.read(value, None) or None


_PROOFS = Kind(_read_proofs)
_PLACE = Struct(Field("cred", INT, omit_empty=False), Field("attr", INT, omit_empty=False))
_INDICES = sequence(sequence(pointer(_PLACE.kind)))
_STAMP = Struct(
    Field("Time", INT, omit_empty=False),
    Field("ServerUrl", TEXT, omit_empty=False),
    Field(
        "Sig",
        Struct(
            Field("Alg", TEXT, omit_empty=False),
            Field("Data", TEXT, omit_empty=False),
            Field("PublicKey", TEXT, omit_empty=False),
        ).kind,
        omit_empty=False,
    ),
)
OPTIONS = Struct(Field("@context", TEXT), Field("pairingMethod", TEXT))
DISCLOSURE = Struct(Field("proofs", _PROOFS), Field("indices", _INDICES))
SIGNATURE = Struct(
    Field("@context", TEXT, omit_empty=False),
    Field("signature", _PROOFS, omit_empty=False),
    Field("indices", _INDICES, omit_empty=False),
    Field("nonce", pointer(TEXT), omit_empty=False),
    Field("context", pointer(TEXT), omit_empty=False),
    Field("message", TEXT, omit_empty=False),
    Field("timestamp", pointer(_STAMP.kind), omit_empty=False),
)
_COMMITMENTS = Struct(Field("combinedProofs", _PROOFS), Field("indices", _INDICES))
_PART_OF_COMMITMENTS = frozenset(
    fold(name) for name in ("U", "n_2", "combinedProofs", "proofPJwt", "proofPJwts")
)


def read_message(form: Struct, body: bytes | None) -> dict[str, Any]:
    """Read a message.

    Raises:
        Refusal: `MALFORMED_INPUT`: it is no JSON, or a field has another type.
    """
    try:
        return form.read_new(parse_json(body or b""))
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, str(problem)) from None


def read_commitments(body: bytes | None) -> dict[str, Any] | None:
    """Read what an app sends to be issued credentials; None where nothing of it is there.

    Raises:
        Refusal: As `read_message`.
    """
    try:
        value = parse_json(body or b"")
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, str(problem)) from None
    try:
        read = _COMMITMENTS.read_new(value)
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, f"failed to unmarshal base fields: {problem}") from None
    names = {fold(name) for name, _ in value.pairs} if isinstance(value, Members) else set()
    return None if names.isdisjoint(_PART_OF_COMMITMENTS) else read
