"""The command line parses the options that describe a request."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from irma_backend.cli.request_options import parse_options, parse_request
from irma_core import IssuanceRequest
from irma_core.errors import RequestError
from tests.cli.conftest import OVER18, CommandLine

A, B = "pbdf.sidn-pbdf.email.email", "pbdf.gemeente.personalData.over18"
REQUEST = {"@context": "https://irma.app/ld/request/disclosure/v2", "disclose": [[[OVER18]]]}


def asked(text: str) -> list[list[tuple[str, str | None]]]:
    """Return the options of one slot, as attributes and values."""
    request = parse_options([text], sign=None, issue=[])
    (slot,) = request.disclose.disjunctions
    return [[(each.type, each.value) for each in option] for option in slot]


@pytest.mark.parametrize(
    "value",
    [
        "+31612345678",
        "ada+shop@example.com",
        "ada+first.last.name@example.com",
        "1+1",
        "a|b",
        "+",
        "|",
        "a+",
        "==",
        "a==b",
        "a=b",
        "'single' \"double\"",
        "two words",
        " ",
        "",
        "a,b;c:d?e",
        "https://shop.example/?a=1&b=2",
        "line\nline",
        "\\",
        "Ł😀",
        "+31.612.345",
    ],
)
@pytest.mark.parametrize("name", ["", "phone=", "phone?="])
def test_value_extends_to_the_end(name: str, value: str) -> None:
    """A value may hold any character and extends to the next attribute or option."""
    wanted = [(A, value)]
    empty: list[list[tuple[str, str | None]]] = [[]] if "?" in name else []
    assert asked(f"{name}{A}=={value}") == [wanted, *empty]
    assert asked(f"{name}{A}=={value}|{B}==Yes") == [wanted, [(B, "Yes")], *empty]
    assert asked(f"{name}{A}=={value}+{B}") == [[*wanted, (B, None)], *empty]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"age={B}=Yes", "did you mean '=='"),
        (f"{B}=Yes", "did you mean '=='"),
        (f"{A}+{B}=Yes", "did you mean '=='"),
        (f"{A}==x|{B}=Yes", "use --request FILE"),
        (f"{A}==x|pbdf.over18==Yes", "use --request FILE"),
        (f"{A}==x+age==Yes", "use --request FILE"),
        (f"{A}|", "must have the form"),
        (f"age:{B}", "did you mean NAME=ATTRIBUTE"),
        (f"mail={A}:ada", "did you mean '=='"),
        (A.replace(".", "/"), "did you mean dots"),
        (f"{A},{B}", "did you mean '+'"),
        ("mail=email==ada", "expected the full name of an attribute, such as "),
        ("", "expected an attribute"),
    ],
)
def test_ambiguous_slots_are_refused(text: str, words: str) -> None:
    """An ambiguous slot is an error; it does not become a value that no attribute can have."""
    with pytest.raises(RequestError, match="--disclose 1: ") as refused:
        asked(text)
    assert words in str(refused.value)
    assert "Yes" not in str(refused.value)


def test_whitespace_around_a_slot_name_is_ignored() -> None:
    """Whitespace around the name and the attribute of a slot is ignored."""
    request = parse_options([f" age = {B}", f"mail={A} "], sign=None, issue=[])
    assert request.disclose.names == ("age", "mail")
    assert [*request.disclose.attribute_types()] == [B, A]


def test_comma_in_an_issued_value_is_escaped() -> None:
    """Commas separate attributes in `--issue`, unless a backslash precedes them."""
    request = parse_options([], sign=None, issue=[r"a.b.c:x=Lovelace\, Ada,y=1=2,z=C:\dir\,"])
    assert isinstance(request, IssuanceRequest)
    (card,) = request.credentials
    assert card.attributes == {"x": "Lovelace, Ada", "y": "1=2", "z": "C:\\dir,"}
    (card,) = parse_options([], sign=None, issue=["a.b.c"]).credentials  # type: ignore[union-attr]
    assert card.attributes == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b.c:x=Lovelace, Ada", r"write \, for a comma in a value"),
        ("a.b.c:x=1,", "expected NAME=VALUE"),
        ("a.b.c:x=1,x=2", "an attribute occurs twice"),
        ("a.b:x=1", "credential"),
        ("a.b.c:x y=1", "name"),
        ("a.b.c.x=Ada", "with a colon after the credential"),
    ],
)
def test_invalid_credential_is_refused(text: str, words: str) -> None:
    """The error names the option of an invalid credential and does not repeat its values."""
    with pytest.raises(RequestError, match="--issue 2: ") as refused:
        parse_options([], sign=None, issue=["a.b.c:x=1", text])
    assert words in str(refused.value)
    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_byte_order_mark_is_ignored(mark: bytes, command_line: CommandLine, tmp_path: Path) -> None:
    """Requests, JWTs and tokens may start with a byte order mark."""
    path = tmp_path / "request.json"
    path.write_bytes(mark + json.dumps(REQUEST).encode())
    status, out, err = command_line.run("request", "--request", str(path))
    assert (status, json.loads(out)["request"]) == (0, REQUEST), err
    with path.open(encoding="utf-8") as file:
        status, out, err = command_line.run("request", "--request", "-", stdin=file.read())
    assert (status, json.loads(out)["request"]) == (0, REQUEST), err
    token = tmp_path / "token"
    token.write_bytes(mark + b"api-token-81\r\n")
    there = command_line.at(IRMA_TOKEN="")
    asking = ("session", "--disclose", OVER18, "--token-file", str(token), "--timeout", "1")
    assert there.run(*asking)[0] == 4


def test_utf_16_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    """The error for a file in UTF-16, as old PowerShells write it, names the encoding."""
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST), encoding="utf-16")
    status, _, err = command_line.run("request", "--request", str(path))
    assert (status, err) == (2, "Error: --request must be UTF-8, got UTF-16: save it as UTF-8\n")


def test_jwt_may_have_a_byte_order_mark() -> None:
    """A JWT may have a byte order mark and whitespace around it."""
    assert parse_request("\ufeff a.b.c\n") == "a.b.c"
