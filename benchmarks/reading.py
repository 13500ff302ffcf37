"""Read results, with every check, and event streams."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta

from benchmarks.rounds import Effort, Row, alternate, ratios
from irma_core import DisclosureRequest, Requestor, all_of
from irma_core.protocol.endpoints import parse_result_response
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.sse import EventStreamDecoder
from irma_testing import InMemoryServer, SimulatedApp
from tests.core.proving import SECRET_TOKEN, started

__all__ = ["attribute", "rows"]

EVENT = b'data: "CONNECTED"\n\n'  # 19 bytes, as the server writes it
CHUNK, LINE, MEGABYTE = 1024, 16, 1024 * 1024


def rows(effort: Effort) -> Iterator[Row]:
    """Return the figures for reading results and event streams, measured without a socket."""
    yield from _results(effort)
    yield from _events(effort)
    yield from _sessions(effort)


def _results(effort: Effort) -> Iterator[Row]:
    ids = [f"pbdf.gemeente.personalData.attribute{number}" for number in range(20)]
    yield from _result(effort, "one slot", DisclosureRequest({"all": all_of(*ids)}), [ids])
    slots = DisclosureRequest({each: each for each in ids})
    yield from _result(effort, "20 slots", slots, [[each] for each in ids])


def _result(
    effort: Effort, name: str, request: DisclosureRequest, disclosed: list[list[str]]
) -> Iterator[Row]:
    session = started(request)
    body = json.dumps(
        {
            "token": SECRET_TOKEN,
            "status": "DONE",
            "type": "disclosing",
            "proofStatus": "VALID",
            "disclosed": [[attribute(each) for each in slot] for slot in disclosed],
        }
    ).encode()
    response = HttpResponse(200, (("content-type", "application/json"),), body=body)
    taken = alternate(
        effort,
        1000,
        {
            "json": lambda: json.loads(body),
            "result": lambda: parse_result_response(response),
            "answer": lambda: parse_result_response(response).answer_to(session),
        },
    )
    for made, said in (("result", "parsed"), ("answer", "into an answer")):
        row = f"result of 20 attributes in {name}, {said} / json.loads"
        yield Row(row, ratios(taken[made], taken["json"]), "x", 3)


def attribute(identifier: str) -> dict[str, object]:
    return {
        "id": identifier,
        "rawvalue": "some value",
        "value": {"": "some value", "en": "some value", "nl": "some value"},
        "status": "PRESENT",
        "issuancetime": 1795046400,
    }


def _events(effort: Effort) -> Iterator[Row]:
    stream = EVENT * (effort.times(20) * CHUNK)
    chunks = [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]
    line = b"data:" + b"x" * effort.times(MEGABYTE)
    pieces = [line[at : at + LINE] for at in range(0, len(line), LINE)]
    speeds: list[float] = []
    seconds: list[float] = []
    for _ in range(effort.rounds):
        speeds.append(len(stream) / 1e6 / _fed(EventStreamDecoder(), chunks))
        seconds.append(_fed(EventStreamDecoder(max_event_bytes=2 * MEGABYTE), pieces))
    yield Row("events of 19 bytes in chunks of 1 KiB", speeds, "MB/s", 20, at_least=True)
    yield Row("a line of 1 MiB in chunks of 16 bytes", seconds, "s", 0.5)


def _fed(decoder: EventStreamDecoder, chunks: list[bytes]) -> float:
    begin = time.process_time()
    for chunk in chunks:
        decoder.feed(chunk)
    return time.process_time() - begin


def _sessions(effort: Effort) -> Iterator[Row]:
    server = InMemoryServer()
    app = SimulatedApp(server)
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    server.when_started(app.accept)
    requestor = Requestor("https://irma.example", server.transport())
    asked = DisclosureRequest({"age": "pbdf.gemeente.personalData.over18"})

    def session() -> object:
        return requestor.wait_for_answer(
            requestor.start_session(asked), timeout=timedelta(minutes=1)
        )

    taken = alternate(effort, 200, {"session": session})
    milliseconds = [seconds * 1e3 for seconds in taken["session"]]
    yield Row("start to answer with the server in memory", milliseconds, "ms", 1)
