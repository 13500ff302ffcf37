"""HTTP messages: their equality, copies and headers."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from irma_core.errors import UsageError
from irma_core.protocol.messages import HttpRequest, HttpResponse

HEADERS = (("accept", "text/plain"), ("x-key", "secret"))


class Name(str):
    """A string of another class, as in web frameworks."""

    __slots__ = ()


def request(**changes: Any) -> HttpRequest:
    parts: dict[str, Any] = {"method": "GET", "url": "https://irma.example/x", "label": "GET x"}
    parts |= {"headers": HEADERS, "body": b"x", **changes}
    return HttpRequest(**parts)


def response(**changes: Any) -> HttpResponse:
    parts: dict[str, Any] = {"status": 200, "headers": HEADERS, "body": b"x", **changes}
    return HttpResponse(**parts)


@pytest.mark.parametrize("make", [request, response])
def test_messages_compare_by_all_parts(make: Any) -> None:
    """Two messages are equal, and have the same hash, only if all their parts are equal."""
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != make(headers=())
    assert make() != make(body=b"y")
    assert make() != "x"
    assert request() != response()


@pytest.mark.parametrize("message", [request(), response()])
def test_a_copy_is_the_message_itself(message: Any) -> None:
    """A copy of a message is the same object, since messages are immutable."""
    assert copy.copy(message) is message
    assert copy.deepcopy([message])[0] is message


@pytest.mark.parametrize("make", [request, response])
def test_headers_may_be_of_other_classes(make: Any) -> None:
    """Headers may be lists of lists, an iterator, or strings of another class."""
    assert len(make(headers=[["a", "b"]]).headers) == 1
    assert make(headers=iter(HEADERS)).headers == HEADERS
    assert make(headers=((Name("a"), "b"),)).headers == (("a", "b"),)


@pytest.mark.parametrize("make", [request, response])
@pytest.mark.parametrize(
    "wrong", [{"a": "b"}, "ab", (("a",),), (("a", b"b"),), ((b"a", "b"),), ("ab",), 3]
)
def test_headers_must_be_pairs_of_strings(make: Any, wrong: Any) -> None:
    """Headers that are not pairs of strings are refused; the error shows no value."""
    with pytest.raises(UsageError, match=r"^headers: must be pairs of strings"):
        make(headers=wrong)
