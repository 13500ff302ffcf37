"""The decoder of event streams: cases as data, recorded streams, and properties of any bytes.

A case in `tests/vectors/sse` has a `name`, the stream as `chunks` (strings, sent as UTF-8) or
`hex` (bytes, one string a chunk), and what is expected: `events`, `last_event_id` and `retry`
(milliseconds or null). Cases of the limit have `max_event_bytes`, and `too_large`: whether the
error is raised.
"""

from __future__ import annotations

import copy
import json
import pickle
import time
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irma_core.errors import EventTooLargeError, TransportError, UsageError
from irma_core.protocol.sse import EventStreamDecoder, ServerSentEvent

VECTORS = Path(__file__).parent.parent / "vectors"

Event = tuple[str, str, str]
"""The type, data and ID of an event."""


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['name']}")
        for file in sorted((VECTORS / "sse").glob("*.json"))
        for case in json.loads(file.read_text("utf-8"))
    ]


def chunks_of(case: dict[str, Any]) -> list[bytes]:
    if "hex" in case:
        return [bytes.fromhex(chunk) for chunk in case["hex"]]
    return [chunk.encode() for chunk in case["chunks"]]


@attrs.frozen
class Outcome:
    """All that a decoder returned for one stream."""

    events: list[Event]
    last_event_id: str
    retry: timedelta | None
    too_large: bool = False


def decode(chunks: list[bytes], **options: int) -> Outcome:
    """Feed the chunks and one empty chunk, which raises an error that is still pending."""
    decoder = EventStreamDecoder(**options)
    events: list[Event] = []
    too_large = False
    try:
        for chunk in [*chunks, b""]:
            events += [(event.type, event.data, event.id) for event in decoder.feed(chunk)]
    except EventTooLargeError:
        too_large = True
    decoder.close()
    return Outcome(events, decoder.last_event_id, decoder.retry, too_large)


def utf8_decode(stream: bytes) -> str:
    """Decode exactly as in the Encoding Standard, "UTF-8 decoder" and "UTF-8 decode"."""
    stream = stream[3:] if stream[:3] == b"\xef\xbb\xbf" else stream
    text = ""
    code_point = seen = needed = 0
    lower, upper = 0x80, 0xBF
    position = 0
    while position < len(stream):
        byte = stream[position]
        position += 1
        if needed == 0:
            if byte <= 0x7F:
                text += chr(byte)
            elif 0xC2 <= byte <= 0xDF:
                needed, code_point = 1, byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                lower = 0xA0 if byte == 0xE0 else lower
                upper = 0x9F if byte == 0xED else upper
                needed, code_point = 2, byte & 0xF
            elif 0xF0 <= byte <= 0xF4:
                lower = 0x90 if byte == 0xF0 else lower
                upper = 0x8F if byte == 0xF4 else upper
                needed, code_point = 3, byte & 0x7
            else:
                text += "\ufffd"
        elif not lower <= byte <= upper:
            code_point = seen = needed = 0
            lower, upper = 0x80, 0xBF
            position -= 1
            text += "\ufffd"
        else:
            lower, upper = 0x80, 0xBF
            code_point = (code_point << 6) | (byte & 0x3F)
            seen += 1
            if seen == needed:
                text += chr(code_point)
                code_point = seen = needed = 0
    return text + ("\ufffd" if needed else "")


def ended_lines(text: str) -> list[str]:
    """Split a string at CRLF, LF and CR, and drop an unfinished last line."""
    lines: list[str] = []
    line = ""
    position = 0
    while position < len(text):
        if text[position : position + 2] == "\r\n":
            lines.append(line)
            line = ""
            position += 1
        elif text[position] in {"\n", "\r"}:
            lines.append(line)
            line = ""
        else:
            line += text[position]
        position += 1
    return lines


class Reference:
    """Section 9.2.6 of HTML to the letter: the whole stream at once, slowly and without limits."""

    def __init__(self, stream: bytes) -> None:
        self.events: list[Event] = []
        self.data_buffer = self.type_buffer = self.id_buffer = ""
        self.last_event_id = ""
        self.retry: timedelta | None = None
        for line in ended_lines(utf8_decode(stream)):
            if line == "":
                self.dispatch()
            elif line[0] == ":":
                pass
            elif ":" in line:
                colon = line.index(":")
                field, value = line[:colon], line[colon + 1 :]
                if value[:1] == " ":
                    value = value[1:]
                self.process(field, value)
            else:
                self.process(line, "")

    def process(self, field: str, value: str) -> None:
        if field == "event":
            self.type_buffer = value
        elif field == "data":
            self.data_buffer += value + "\n"
        elif field == "id":
            if "\u0000" not in value:
                self.id_buffer = value
        elif field == "retry" and value and all(character in "0123456789" for character in value):
            try:
                self.retry = timedelta(milliseconds=int(value))
            except OverflowError:
                self.retry = timedelta.max

    def dispatch(self) -> None:
        self.last_event_id = self.id_buffer
        if self.data_buffer == "":
            self.type_buffer = ""
            return
        data = self.data_buffer.removesuffix("\n")
        self.events.append((self.type_buffer or "message", data, self.last_event_id))
        self.data_buffer = self.type_buffer = ""

    def outcome(self) -> Outcome:
        return Outcome(self.events, self.last_event_id, self.retry)


# The parts of streams, chosen so that random streams exercise combinations of rules.
PIECES = [
    *(b"data", b"event", b"id", b"retry", b":", b": ", b" ", b"data: ", b"data:", b"id: ", b"\0"),
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\n\r", b"\r\n\r\n", b"event: ", b"retry: "),
    *(b"0", b"17", b"99999999999999999", b"x", b"open", "\u0663".encode(), "\u20ac".encode()),
    *("\U0001f600".encode(), "\u2028".encode(), "\u0085".encode(), b"\x0b", b"\x0c", b"\x1c"),
    *(b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", b"\xff", b"\x85", b"\xc3", b"\xe2\x82", b"\xed"),
    *(b'data: "DONE"\n\n', b'data: "CONNECTED"\r\n\r\n', b"event: open\n\n", b"id: 7\n", b"\xf0"),
]
streams = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4))).map(b"".join),
    st.binary(max_size=200),
)
limits = st.integers(min_value=1, max_value=40)


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    stream = draw(streams)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("cut", ["as it is", "whole", "byte by byte"])
def test_cases(case: dict[str, Any], cut: str) -> None:
    """Each case gives the expected events in its own chunks, whole, and byte by byte."""
    chunks = chunks_of(case)
    if cut == "whole":
        chunks = [b"".join(chunks)]
    elif cut == "byte by byte":
        chunks = bytewise(b"".join(chunks))
    options = {"max_event_bytes": case["max_event_bytes"]} if "max_event_bytes" in case else {}
    retry = case["retry"]
    assert decode(chunks, **options) == Outcome(
        [(event["type"], event["data"], event["id"]) for event in case["events"]],
        case["last_event_id"],
        None if retry is None else timedelta(milliseconds=retry),
        case.get("too_large", False),
    )


@pytest.mark.parametrize("case", [case for case in cases() if "limit:" not in str(case.id)])
def test_the_reference_agrees_with_the_cases(case: dict[str, Any]) -> None:
    """The reference decoder of the property tests returns what the cases expect."""
    retry = case["retry"]
    assert Reference(b"".join(chunks_of(case))).outcome() == Outcome(
        [(event["type"], event["data"], event["id"]) for event in case["events"]],
        case["last_event_id"],
        None if retry is None else timedelta(milliseconds=retry),
    )


RECORDED = {
    "sse-client": ['"CONNECTED"', '"DONE"'],
    "sse-deleted": ['"CANCELLED"'],
    "sse-frontend": ['{"status":"CONNECTED"}', '{"status":"DONE"}'],
    "sse-frontend-pairing": [
        '{"status":"PAIRING"}',
        '{"status":"CONNECTED"}',
        '{"status":"DONE"}',
    ],
    "sse-happy": ['"CONNECTED"', '"DONE"'],
    "sse-next-session-fails": ['"CONNECTED"', '"CANCELLED"'],
    "sse-pairing": ['"PAIRING"', '"CONNECTED"', '"DONE"'],
    "sse-refused": ['"CONNECTED"', '"CANCELLED"'],
    "sse-server-stopped": list[str](),
    "sse-subscribed-late": ['"DONE"'],
    "sse-timeout": ['"TIMEOUT"'],
}


def test_all_recordings_are_replayed() -> None:
    """No recorded stream is left out."""
    assert sorted(RECORDED) == sorted(
        file.stem for file in (VECTORS / "recorded").glob("sse-*.json")
    )


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("cut", ["as it came", "byte by byte"])
def test_recordings(name: str, cut: str) -> None:
    """A recorded stream gives its statuses, and nothing for irmago's `open`."""
    recording = json.loads((VECTORS / "recorded" / f"{name}.json").read_text("utf-8"))
    chunks = [chunk["text"].encode() for chunk in recording["response"]["chunks"]]
    if cut == "byte by byte":
        chunks = bytewise(b"".join(chunks))
    assert decode(chunks) == Outcome([("message", data, "") for data in RECORDED[name]], "", None)


many_examples = settings(max_examples=max(500, settings().max_examples))
"""Cuts and limits combine in many ways, so 100 examples are too few; `make explore` tries more."""


@many_examples
@given(streams)
def test_any_stream_is_decoded_as_by_the_reference(stream: bytes) -> None:
    """For any bytes, the decoder returns the same events as the literal reading of the standard."""
    assert decode([stream]) == Reference(stream).outcome()


@many_examples
@given(cut_streams())
def test_cuts_make_no_difference(chunks: list[bytes]) -> None:
    """However a stream is cut, it gives the same events as the whole stream."""
    stream = b"".join(chunks)
    whole = decode([stream])
    assert decode(chunks) == whole
    assert decode(bytewise(stream)) == whole


@many_examples
@given(cut_streams(), limits)
def test_cuts_make_no_difference_to_the_limit(chunks: list[bytes], limit: int) -> None:
    """With a limit, too, any cut gives the same events and the same error."""
    stream = b"".join(chunks)
    whole = decode([stream], max_event_bytes=limit)
    assert decode(chunks, max_event_bytes=limit) == whole
    assert decode(bytewise(stream), max_event_bytes=limit) == whole


@many_examples
@given(streams, limits)
def test_the_limit_only_ends_a_stream(stream: bytes, limit: int) -> None:
    """With a limit, the decoder returns all events, or the first of them and then the error."""
    limited = decode([stream], max_event_bytes=limit)
    whole = decode([stream])
    if limited.too_large:
        assert limited.events == whole.events[: len(limited.events)]
    else:
        assert limited == whole


@given(st.lists(st.binary(max_size=50)), limits)
def test_garbage_raises_only_the_error_of_the_limit(chunks: list[bytes], limit: int) -> None:
    """Invalid data gives events, nothing, or the error of the limit, which `decode` catches."""
    decode(chunks, max_event_bytes=limit)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=20), min_size=1))
def test_written_events_are_read(texts: list[str]) -> None:
    """Strings written as events are returned, one by one and as the lines of one event."""
    one_by_one = "".join(f"data: {text}\n\n" for text in texts).encode(errors="replace")
    as_lines = ("".join(f"data: {text}\n" for text in texts) + "\n").encode(errors="replace")
    known = [text.encode(errors="replace").decode() for text in texts]
    assert decode([one_by_one]).events == [("message", text, "") for text in known]
    assert decode([as_lines]).events == [("message", "\n".join(known), "")]


@pytest.mark.parametrize(
    ("digits", "retry"),
    [
        ("0" * 5000 + "7", timedelta(milliseconds=7)),
        ("86400000000000000", timedelta.max),
        ("1" + "0" * 17, timedelta.max),
        ("9" * 5000, timedelta.max),
    ],
)
def test_retry_of_many_digits(digits: str, retry: timedelta) -> None:
    """A retry beyond `timedelta`, or with too many digits for Python, causes no error."""
    assert decode([f"retry: {digits}\n".encode()]).retry == retry


def test_an_event_is_returned_with_its_last_byte() -> None:
    """An event is returned with the byte that ends its blank line, not later."""
    decoder = EventStreamDecoder()
    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"\r") == [ServerSentEvent("message", "a", id="")]
    assert decoder.feed(b"\ndata: b\r\n") == []
    assert decoder.feed(b"\r") == [ServerSentEvent("message", "b", id="")]
    assert decoder.feed(b"\n") == []


def test_attributes_follow_the_stream() -> None:
    """The last ID is known once its event is finished, the retry time once its line is."""
    decoder = EventStreamDecoder()
    assert (decoder.last_event_id, decoder.retry) == ("", None)
    decoder.feed(b"id: 1\nretry: 1500\n")
    assert (decoder.last_event_id, decoder.retry) == ("", timedelta(seconds=1.5))
    decoder.feed(b"\n")
    assert decoder.last_event_id == "1"


def test_closing_drops_the_unfinished_event() -> None:
    """A closed decoder accepts no data, keeps its attributes, and may be closed again."""
    decoder = EventStreamDecoder()
    decoder.feed(b"id: 1\nretry: 5\n\nid: 2\ndata: a\ndata: b")
    decoder.close()
    decoder.close()
    with pytest.raises(UsageError, match="closed"):
        decoder.feed(b"\n\n")
    with pytest.raises(UsageError, match="closed"):
        decoder.feed(b"")
    assert (decoder.last_event_id, decoder.retry) == ("1", timedelta(milliseconds=5))


def test_the_error_of_the_limit_closes() -> None:
    """The error of a too large event names the limit, shows no data, and closes the decoder."""
    decoder = EventStreamDecoder(max_event_bytes=10)
    with pytest.raises(EventTooLargeError) as caught:
        decoder.feed(b"data: secret")
    assert str(caught.value) == "event stream: an event is over the limit of 10 bytes"
    assert (caught.value.label, caught.value.request_sent) == ("event stream", True)
    assert isinstance(caught.value, TransportError)
    with pytest.raises(UsageError, match="closed"):
        decoder.feed(b"\n")


def test_events_before_the_large_one_are_not_lost() -> None:
    """Events before a large one are returned first, and the next call raises the error."""
    decoder = EventStreamDecoder(max_event_bytes=10)
    assert decoder.feed(b"data: a\n\ndata: secret\n\ndata: b\n\n") == [
        ServerSentEvent("message", "a", id="")
    ]
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"data: c\n\n")
    with pytest.raises(UsageError):
        decoder.feed(b"")


def test_closing_drops_a_pending_error() -> None:
    """A closed decoder does not raise the error of the limit that was still pending."""
    decoder = EventStreamDecoder(max_event_bytes=10)
    assert len(decoder.feed(b"data: a\n\ndata: secret")) == 1
    decoder.close()
    with pytest.raises(UsageError):
        decoder.feed(b"")


def test_the_default_limit() -> None:
    """The default limit of an event is 64 KiB."""
    value = b"x" * (64 * 1024 - len(b"data: "))
    assert len(decode([b"data: ", value, b"\n\n"]).events) == 1
    assert decode([b"data: ", value, b"x\n\n"]).too_large


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    """A limit that allows no event is the caller's mistake."""
    with pytest.raises(UsageError, match="max_event_bytes"):
        EventStreamDecoder(max_event_bytes=limit)


@pytest.mark.parametrize("limit", [5, 64 * 1024])
def test_large_chunks(limit: int) -> None:
    """A large chunk with many events yields all of them, or the error of the first."""
    stream = b'data: "CONNECTED"\n\n' * 5000
    outcome = decode([stream], max_event_bytes=limit)
    assert len(outcome.events) == (5000 if limit > 5 else 0)
    assert outcome.too_large == (limit == 5)


def test_events_are_values() -> None:
    """Events are frozen, equal by their facts, can be copied, and do not print their data."""
    [quick] = EventStreamDecoder().feed(b"data: secret\n\n")
    [slow] = EventStreamDecoder().feed(b":\ndata: secret\n\n")
    made = ServerSentEvent("message", "secret", id="")
    for event in (quick, slow):
        assert event == made
        assert hash(event) == hash(made)
        assert repr(event) == "ServerSentEvent(type='message', id='')"
        assert copy.deepcopy(event) == made
        assert pickle.loads(pickle.dumps(event)) == made
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            event.data = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


ENDLESS = {
    "no line end": b"x" * 1024,
    "comment": b":" * 1024,
    "lines of data": b"data: x\n" * 128,
    "lines of no data": b"data\n" * 200,
    "lines of short data": b"data:ab\n" * 128,
    "comments": b":\n" * 512,
    "unknown fields": b"a:b\n" * 256,
    "types": b"event: " + b"x" * 1000 + b"\n",
    "IDs": b"id: " + b"x" * 1000 + b"\n",
    "times": b"retry: " + b"9" * 1000 + b"\n",
    "blank lines": b"\r" * 1024,
}


@pytest.mark.memory
@pytest.mark.parametrize("chunk", ENDLESS.values(), ids=ENDLESS)
def test_memory_is_bounded(chunk: bytes) -> None:
    """An endless event takes no more memory than three times the limit."""
    limit = 16 * 1024
    decoder = EventStreamDecoder(max_event_bytes=limit)
    tracemalloc.start()
    try:
        for _ in range(8 * limit // 1024):
            decoder.feed(chunk)
    except EventTooLargeError:
        assert tracemalloc.get_traced_memory()[0] < limit / 2, "the unfinished event was kept"
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # The buffer, its copy while it grows, and the lines of one chunk.
    assert peak < 3 * limit


@pytest.mark.memory
def test_a_pending_error_keeps_no_data() -> None:
    """The bytes of a large event are dropped at once, not when its error is raised."""
    decoder = EventStreamDecoder()
    chunk = b"data: a\n\n" + (b"data: " + b"x" * 30_000 + b"\n") * 3
    tracemalloc.start()
    try:
        assert len(decoder.feed(chunk)) == 1
        assert tracemalloc.get_traced_memory()[0] < 10_000
    finally:
        tracemalloc.stop()


LONG = {
    "one line": b"data: " + b"x" * 2**20 + b"\n\n",
    "many lines": b"data: x\n" * 2**17 + b"\n",
    "a comment": b":" + b"x" * 2**20 + b"\n",
}


@pytest.mark.search
@pytest.mark.parametrize("stream", LONG.values(), ids=LONG)
def test_time_is_linear(stream: bytes) -> None:
    """1 MiB in chunks of 16 bytes takes little more work than in one chunk."""
    chunks = [stream[at : at + 16] for at in range(0, len(stream), 16)]
    started = time.process_time()
    decode(chunks, max_event_bytes=2**21)
    assert time.process_time() - started < 5
