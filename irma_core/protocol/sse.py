"""Server-sent events without a connection: bytes in, events out.

The rules are those of the WHATWG HTML Standard, section 9.2.6 "Interpreting an event stream"; the
comments quote them. For any bytes, the following is true:

* The result does not depend on how the stream is cut into chunks.
* Invalid data decodes to events or to nothing. The only error is raised for an event that
  exceeds `max_event_bytes`.
* The decoder keeps at most `max_event_bytes` bytes between two calls, and its running time is
  linear in the number of bytes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

from irma_core.errors import EventTooLargeError, UsageError
from irma_core.value_object import ValueObject

__all__ = ["EventStreamDecoder", "ServerSentEvent"]

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

# A chunk is decoded in pieces of this size. The list of a piece's lines takes many times the size
# of the piece, and the transport chooses the size of a chunk.
_PIECE_SIZE: Final = 16 * 1024

_MAX_MILLISECONDS: Final = timedelta.max // timedelta(milliseconds=1)


@attrs.frozen(eq=False, repr=False)
class ServerSentEvent(ValueObject):
    """An event as the server sent it.

    The `repr` does not show the data, because an event for a frontend may contain a client token.

    Args:
        type: The event type; `message` if the server sent none.
        data: The data, its lines joined by LF.
        id: The last ID that the server sent, with this event or before it; empty if the server sent
            none.
    """

    type: str
    data: str = attrs.field(repr=False)
    id: str = attrs.field(kw_only=True)


# These are the slots' own setters. The `__init__` of a frozen attrs class looks up a setter for
# each field. In a run of short events, the lookups took half of the time.
_new_event: Final = object.__new__
_set_type: Final = vars(ServerSentEvent)["type"].__set__
_set_data: Final = vars(ServerSentEvent)["data"].__set__
_set_id: Final = vars(ServerSentEvent)["id"].__set__


class EventStreamDecoder:
    """Decodes the bytes of one event stream (HTML Standard, section 9.2.6).

    Use one decoder for the body of one response, in one thread at a time.

    Args:
        max_event_bytes: The maximum size of an event, at least 1. It limits the sum of two sizes:
            the bytes kept from the event's earlier lines (data, type and ID), and the whole line
            that is being read. So a comment counts only while it is being read.

    Attributes:
        last_event_id: The last ID that the server sent with a finished event, with or without data;
            empty before the first.
        retry: How long the server wants a client to wait before it connects again; None if the
            server did not say. A time too long for a `timedelta` becomes `timedelta.max`.

    Raises:
        UsageError: `max_event_bytes` is below 1.
    """

    last_event_id: str
    retry: timedelta | None

    def __init__(self, *, max_event_bytes: int = 64 * 1024) -> None:
        if max_event_bytes < 1:
            raise UsageError(f"max_event_bytes must be at least 1, not {max_event_bytes}")
        self.last_event_id = ""
        self.retry = None
        self._max_event_bytes = max_event_bytes
        self._is_closed = False
        self._is_over_limit = False
        self._is_first_line = True
        self._ended_in_cr = False
        # The line being read, without its end.
        self._line = bytearray()
        # "When a stream is parsed, a data buffer, an event type buffer, and a last event ID buffer
        # must be associated with it. They must be initialized to the empty string."
        # They hold bytes, whose size is known. A string may take four times as much memory, and a
        # list of lines fifty times.
        self._data = bytearray()
        self._type = b""
        # None if the buffer is the same as `last_event_id`.
        self._id: bytes | None = None

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Decode the next bytes of the stream and return the events that they finish.

        A blank line finishes an event at once, even if it ends in a CR, which an LF may follow.

        Args:
            data: Any number of bytes; an event or a line may continue in the next call.

        Returns:
            The events in order; often an empty list.

        Raises:
            EventTooLargeError: An event is over `max_event_bytes`. Earlier events are not lost: if
                the same bytes finish some of them, this call returns those, and the next call
                raises the error. After the error, the decoder is closed.
            UsageError: The decoder is closed.
        """
        if self._is_closed:
            raise UsageError("the event stream decoder is closed: use a new one for a new stream")
        events: list[ServerSentEvent] = []
        for start in range(0, len(data), _PIECE_SIZE):
            if self._is_over_limit:
                break
            self._feed_piece(data[start : start + _PIECE_SIZE], events)
        if self._is_over_limit and not events:
            self.close()
            raise EventTooLargeError(
                "event stream",
                f"an event is over the limit of {self._max_event_bytes} bytes",
                request_sent=True,
            )
        return events

    def close(self) -> None:
        """Close the decoder and drop the unfinished event; closing again does nothing."""
        # "Once the end of the file is reached, any pending data must be discarded. (If the file
        # ends in the middle of an event, before the final empty line, the incomplete event is not
        # dispatched.)"
        self._is_closed = True
        self._discard()

    def _discard(self) -> None:
        self._line.clear()
        self._data.clear()
        self._type = b""
        self._id = None

    def _feed_piece(self, piece: bytes, events: list[ServerSentEvent]) -> None:
        # "with a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF) character pair, a single U+000A
        # LINE FEED (LF) character not preceded by a U+000D CARRIAGE RETURN (CR) character, and a
        # single U+000D CARRIAGE RETURN (CR) character not followed by a U+000A LINE FEED (LF)
        # character being the ways in which a line can end." A CR ends its line at once, because the
        # next byte may arrive minutes later. If the next byte is an LF, it is the rest of the pair.
        if self._ended_in_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._ended_in_cr = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

        # Lines are cut before they are decoded. In UTF-8 the bytes of CR, LF, colon, space and NUL
        # are never part of another character, and they end an invalid sequence, so cutting lines
        # first makes no difference. Unlike `str.splitlines`, this does not split at U+0085 or
        # U+2028.
        end = piece.rfind(b"\n") + 1
        if end:
            self._take_lines(bytes(self._line) + piece[:end], events)
            self._line.clear()
        # An unfinished line counts too, so that the error does not depend on how the bytes are cut.
        rest = len(piece) - end
        if not self._is_over_limit and not self._has_room(len(self._line) + rest):
            self._go_over_limit()
        if not self._is_over_limit:
            self._line += piece[end:]

    def _take_lines(self, lines: bytes, events: list[ServerSentEvent]) -> None:
        start = self._take_short_events(lines, events)
        if start < len(lines):
            for line in lines[start:-1].split(b"\n"):
                self._take_line(line, events)
                if self._is_over_limit:
                    return

    def _take_short_events(self, lines: bytes, events: list[ServerSentEvent]) -> int:
        # Decode a run of events that are one `data: ` line each, as in a status stream, and return
        # the number of bytes taken. This is three times as fast as the rules below, and equivalent.
        end = lines.rfind(b"\n\n") + len(b"\n\n")
        is_clean = not self._data and not self._type and self._id is None
        if not is_clean or not lines.startswith(b"data: ") or end > self._max_event_bytes:
            return 0
        run = lines[:end].decode("utf-8", "replace")
        values = run[len("data: ") : -len("\n\n")].split("\n\ndata: ")
        # If there are exactly two line ends for each event, no value contains a line end.
        if run.count("\n") != 2 * len(values):
            return 0
        last_id = self.last_event_id
        for value in values:
            event = _new_event(ServerSentEvent)
            _set_type(event, "message")
            _set_data(event, value)
            _set_id(event, last_id)
            events.append(event)
        self._is_first_line = False
        return end

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if not self._has_room(len(line)):
            self._go_over_limit()
            return
        # "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)

        # "If the line is empty (a blank line): Dispatch the event, as defined below."
        if not line:
            self._dispatch(events)
            return

        # "If the line contains a U+003A COLON character (:): Collect the characters on the line
        # before the first U+003A COLON character (:), and let field be that string. Collect the
        # characters on the line after the first U+003A COLON character (:), and let value be that
        # string." "Otherwise, the string is not empty but does not contain a U+003A COLON character
        # (:): Process the field [...] using the whole line as the field name, and the empty string
        # as the field value." "If the line starts with a U+003A COLON character (:): Ignore the
        # line." No code is needed for that: the name is then empty, and no field below has an empty
        # name.
        field, _, value = line.partition(b":")
        # "If value starts with a U+0020 SPACE character, remove it from value."
        self._process_field(field, value.removeprefix(b" "))

    def _process_field(self, field: bytes, value: bytes) -> None:
        # "Field names must be compared literally, with no case folding performed."
        if field == b"data":
            # "Append the field value to the data buffer, then append a single U+000A LINE FEED
            # (LF) character to the data buffer."
            self._data += value
            self._data += b"\n"
        elif field == b"event":
            # "Set the event type buffer to field value."
            self._type = value
        elif field == b"id":
            # "If the field value does not contain U+0000 NULL, then set the last event ID buffer to
            # the field value. Otherwise, ignore the field."
            if b"\0" not in value:
                self._id = value
        # "If the field value consists of only ASCII digits, then interpret the field value as an
        # integer in base ten, and set the event stream's reconnection time to that integer.
        # Otherwise, ignore the field." An empty value is not an integer, and
        # `bytes.isdigit` accepts ASCII digits only.
        elif field == b"retry" and value.isdigit():
            # 18 digits exceed `timedelta`, and `int` rejects strings of several thousand digits.
            wait = int(value.lstrip(b"0")[:18] or b"0")
            fits = wait <= _MAX_MILLISECONDS
            self.retry = timedelta(milliseconds=wait) if fits else timedelta.max
        # "Otherwise: The field is ignored."

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        # "Set the last event ID string of the event source to the value of the last event ID
        # buffer. The buffer does not get reset, so the last event ID string of the event source
        # remains set to this value until the next time it is set by the server."
        if self._id is not None:
            self.last_event_id = self._id.decode("utf-8", "replace")
            self._id = None
        # "If the data buffer is an empty string, set the data buffer and the event type buffer to
        # the empty string and return."
        if self._data:
            # "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove
            # the last character from the data buffer." It always is, because each line appended a
            # line feed.
            data = self._data[:-1].decode("utf-8", "replace")
            # "Initialize event's type attribute to "message" [...] If the event type buffer has a
            # value other than the empty string, change the type of the newly created event to equal
            # the value of the event type buffer."
            name = self._type.decode("utf-8", "replace") or "message"
            events.append(ServerSentEvent(name, data, id=self.last_event_id))
        # "Set the data buffer and the event type buffer to the empty string."
        self._data.clear()
        self._type = b""

    def _has_room(self, line_size: int) -> bool:
        kept = len(self._data) + len(self._type) + len(self._id or b"")
        return kept + line_size <= self._max_event_bytes

    def _go_over_limit(self) -> None:
        self._is_over_limit = True
        self._discard()
