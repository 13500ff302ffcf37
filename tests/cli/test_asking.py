"""What options ask: values with all kinds of characters, and what may have been meant."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from irma_backend.cli.request_options import read_asked, request_of
from irma_core import IssuanceRequest
from irma_core.errors import RequestError
from tests.cli.conftest import OVER18, CommandLine

A, B = "pbdf.sidn-pbdf.email.email", "pbdf.gemeente.personalData.over18"
REQUEST = {"@context": "https://irma.app/ld/request/disclosure/v2", "disclose": [[[OVER18]]]}


def asked(text: str) -> list[list[tuple[str, str | None]]]:
    """Give the options of one slot, as attributes and values."""
    request = request_of([text], sign=None, issue=[])
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
def test_a_value_goes_on_to_the_end(name: str, value: str) -> None:
    """Whatever is in it; also before another attribute or option."""
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
        (f"{A}==x|{B}=Yes", "needs --request FILE"),
        (f"{A}==x|pbdf.over18==Yes", "needs --request FILE"),
        (f"{A}==x+age==Yes", "needs --request FILE"),
        (f"{A}|", "an attribute is named"),
        ("", "names no attribute"),
    ],
)
def test_what_is_doubtful_is_refused(text: str, words: str) -> None:
    """Rather than taken for a value that nobody has."""
    with pytest.raises(RequestError, match="--disclose 1: ") as refused:
        asked(text)
    assert words in str(refused.value)
    assert "Yes" not in str(refused.value)


def test_a_comma_in_a_value_to_be_issued_is_escaped() -> None:
    """A bare one parts attributes."""
    request = request_of([], sign=None, issue=[r"a.b.c:x=Lovelace\, Ada,y=1=2,z=C:\dir\,"])
    assert isinstance(request, IssuanceRequest)
    (card,) = request.credentials
    assert card.attributes == {"x": "Lovelace, Ada", "y": "1=2", "z": "C:\\dir,"}
    (card,) = request_of([], sign=None, issue=["a.b.c"]).credentials  # type: ignore[union-attr]
    assert card.attributes == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b.c:x=Lovelace, Ada", r"write \, for one in a value"),
        ("a.b.c:x=1,", "an attribute is NAME=VALUE"),
        ("a.b.c:x=1,x=2", "an attribute is named twice"),
        ("a.b:x=1", "credential"),
        ("a.b.c:x y=1", "name"),
    ],
)
def test_a_wrong_credential_is_refused_at_its_place(text: str, words: str) -> None:
    """Its values are not repeated."""
    with pytest.raises(RequestError, match="--issue 2: ") as refused:
        request_of([], sign=None, issue=["a.b.c:x=1", text])
    assert words in str(refused.value)
    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_files_may_begin_with_a_mark(
    mark: bytes, command_line: CommandLine, tmp_path: Path
) -> None:
    """As some editors write them: requests, JWTs and tokens."""
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


def test_a_file_in_utf_16_is_named_so(command_line: CommandLine, tmp_path: Path) -> None:
    """As one redirected by an old PowerShell is."""
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST), encoding="utf-16")
    status, _, err = command_line.run("request", "--request", str(path))
    assert (status, err) == (2, "Error: --request: is text in UTF-16; save it as UTF-8\n")


def test_a_jwt_may_begin_with_a_mark() -> None:
    """And have whitespace around it."""
    assert read_asked("\ufeff a.b.c\n") == "a.b.c"
