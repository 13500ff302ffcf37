"""A head that is recognized in one step passes every check that looks at its lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_transport.response_errors import NotHttpError
from irma_transport.response_head import HeadCheck, begins_with_plain_head

PLAIN = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 12\r\nX-Empty:\r\n\r\n"
)
PIECES = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(b"HTTP/1.1 103 Early Hints\r\n", b"HTTP/1.1 200 \x00\r\n", b"HTTP/2 200\r\n"),
    *(b"Content-Length: 3\r\n", b"content-length: +3\r\n", b"Content-Length: 3, 3\r\n"),
    *(b"Content-Length : 3\r\n", b"Content-Length:\x0b3\r\n", b"Content-Length: 9" + b"9" * 18),
    *(b"Transfer-Encoding: chunked\r\n", b"TRANSFER-ENCODING: gzip\r\n", b"A: b\r\n"),
    *(b" folded\r\n", b"\tfolded\r\n", b"A b: c\r\n", b"A\r\n", b": a\r\n", b"A: \x01\r\n"),
    *(b"A: \xff\r\n", b"A: b\n", b"\n", b"\r\n", b"\r", b"\r\n\r\n", b"body"),
]


def has_passed(received: bytes) -> bool:
    """Return whether the head has an end, and each line up to this end passes the check."""
    check = HeadCheck()
    try:
        return any(check.take(line) for line in re.findall(rb"[^\n]*\n", received))
    except NotHttpError:
        return False


def test_a_usual_head_is_recognized() -> None:
    """A complete usual head is recognized in one step, with or without a body after it."""
    assert begins_with_plain_head(PLAIN)
    assert begins_with_plain_head(PLAIN + b"the body\x00")
    assert has_passed(PLAIN)


@pytest.mark.parametrize("cut", range(len(PLAIN)))
def test_a_part_of_a_head_is_not_recognized(cut: int) -> None:
    """An incomplete head is not recognized in one step."""
    assert not begins_with_plain_head(PLAIN[:cut])


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join))
def test_a_recognized_head_passes_each_check(received: bytes) -> None:
    """Any head that is recognized in one step passes the check of each line."""
    assert has_passed(received) or not begins_with_plain_head(received)


@given(st.integers(0, len(PLAIN)), st.integers(0, 3), st.binary(max_size=4))
def test_a_changed_head_passes_each_check_or_is_not_recognized(
    place: int, removed: int, added: bytes
) -> None:
    """A usual head with some bytes replaced is recognized in one step only if each line passes."""
    received = PLAIN[:place] + added + PLAIN[place + removed :]
    assert has_passed(received) or not begins_with_plain_head(received)
