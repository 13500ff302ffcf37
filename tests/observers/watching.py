"""Observers that an application may have; each collects everything that it receives as strings."""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import Any

__all__ = ["OBSERVERS", "Seen"]

Seen = list[str]


@contextmanager
def sentry(seen: Seen) -> Generator[Callable[[Iterable[BaseException]], None]]:
    """Sentry with its default integrations, all traces, and local variables."""
    import sentry_sdk  # noqa: PLC0415  # only the process that is observed has it
    from sentry_sdk.transport import Transport  # noqa: PLC0415

    class RecordingTransport(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            for item in envelope.items:
                event = json.loads(item.payload.get_bytes())
                for error in event.get("exception", {}).get("values", ()):
                    for frame in error.get("stacktrace", {}).get("frames", ()):
                        if str(frame.get("module")).startswith("tests."):
                            frame.pop("vars", None)  # the application's, not the library's
                seen.append(json.dumps(event, ensure_ascii=False))

    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1",
        transport=RecordingTransport,
        traces_sample_rate=1.0,
        send_default_pii=True,
        include_local_variables=True,
        include_source_context=False,
        max_breadcrumbs=1000,
    )

    def report(errors: Iterable[BaseException]) -> None:
        for error in errors:
            sentry_sdk.capture_exception(error)

    with sentry_sdk.start_transaction(op="play", name="play"):
        yield report
    sentry_sdk.flush()


@contextmanager
def telemetry(seen: Seen) -> Generator[Callable[[Iterable[BaseException]], None]]:
    """OpenTelemetry, with its instrumentations for urllib3, aiohttp and logging."""
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.instrumentation.aiohttp_client import (  # noqa: PLC0415
        AioHttpClientInstrumentor,
    )
    from opentelemetry.instrumentation.logging import LoggingInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    def record_hook(_span: Any, *what: Any, **more: Any) -> None:
        seen.append(as_text((what, more)))

    URLLib3Instrumentor().instrument(request_hook=record_hook, response_hook=record_hook)
    AioHttpClientInstrumentor().instrument(request_hook=record_hook, response_hook=record_hook)
    LoggingInstrumentor().instrument(set_logging_format=True)
    tracer = trace.get_tracer("play")

    def report(errors: Iterable[BaseException]) -> None:
        for error in errors:
            with contextlib.suppress(type(error)), tracer.start_as_current_span("failing"):
                raise error

    with tracer.start_as_current_span("play"):
        yield report
    seen.extend(span.to_json() for span in exporter.get_finished_spans())


@contextmanager
def logs(seen: Seen) -> Generator[Callable[[Iterable[BaseException]], None]]:
    """Logging of all libraries at its lowest level, and asyncio's debug mode."""

    class RecordingHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(f"{record.getMessage()} {record.args!r} {self.format(record)}")

    handler, root = RecordingHandler(level=1), logging.getLogger()
    root.addHandler(handler)
    root.setLevel(1)
    for name in ("asyncio", "urllib3", "aiohttp", "aiohttp.client", "http.client"):
        logging.getLogger(name).setLevel(1)

    def report(errors: Iterable[BaseException]) -> None:
        for error in errors:
            root.error("a call failed: %s", error, exc_info=error)

    yield report
    root.removeHandler(handler)


@contextmanager
def debug_output(seen: Seen) -> Generator[Callable[[Iterable[BaseException]], None]]:
    """`http.client` with its debug output, and Python's tracebacks."""
    import http.client  # noqa: PLC0415

    http.client.HTTPConnection.debuglevel = 1
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        yield lambda errors: seen.extend(
            "".join(traceback.format_exception(error)) for error in errors
        )
    seen.append(printed.getvalue())
    http.client.HTTPConnection.debuglevel = 0


@contextmanager
def hooks(seen: Seen) -> Generator[Callable[[Iterable[BaseException]], None]]:
    """The hooks of tracing tools: methods of HTTP libraries, aiohttp's traces, and audit events."""
    import http.client  # noqa: PLC0415

    import aiohttp  # noqa: PLC0415
    import urllib3  # noqa: PLC0415

    is_on = True

    def note(event: str, what: tuple[Any, ...]) -> None:
        if is_on and event.partition(".")[0] in {"http", "urllib", "socket", "ssl"}:
            seen.append(f"{event} {what!r}")

    def patched(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def wrapper(*args: Any, **more: Any) -> Any:
            seen.append(f"{owner.__name__}.{name} {as_text(args)} {as_text(more)}")
            return real(*args, **more)

        setattr(owner, name, wrapper)

    for name in ("putrequest", "putheader", "endheaders", "send", "request", "set_tunnel"):
        patched(http.client.HTTPConnection, name)
    patched(urllib3.HTTPConnectionPool, "urlopen")
    patched(aiohttp.ClientSession, "_request")
    real = aiohttp.ClientSession.__init__

    def with_traces(self: Any, *args: Any, **more: Any) -> None:
        config = aiohttp.TraceConfig()

        async def record_hook(_session: Any, _context: Any, what: Any) -> None:
            seen.append(as_text(vars(what) if hasattr(what, "__dict__") else what))

        for signal in vars(aiohttp.TraceConfig).keys() & {
            name for name in dir(aiohttp.TraceConfig) if name.startswith("on_")
        }:
            getattr(config, signal).append(record_hook)
        real(self, *args, trace_configs=[config], **more)

    aiohttp.ClientSession.__init__ = with_traces  # type: ignore[method-assign]
    sys.addaudithook(note)
    yield lambda errors: None
    is_on = False


def as_text(what: Any) -> str:
    """Return the strings that a hook sees in its arguments, two levels deep."""
    texts = [repr(what)]
    if isinstance(what, dict):
        texts += [repr(value) for value in what.values()]
    elif isinstance(what, tuple | list):
        texts += [as_text(each) for each in what]
    for name in ("url", "headers", "body", "reason", "request_info"):
        with contextlib.suppress(Exception):
            texts.append(repr(getattr(what, name)))
    return " ".join(texts)


OBSERVERS: dict[
    str, Callable[[Seen], AbstractContextManager[Callable[[Iterable[BaseException]], None]]]
] = {
    "sentry": sentry,
    "telemetry": telemetry,
    "logs": logs,
    "debug output": debug_output,
    "hooks": hooks,
}


def dump(secrets: dict[str, str], seen: Seen, errors: int) -> str:
    """Return the collected strings for the test."""
    return json.dumps({"secrets": secrets, "seen": seen, "errors": errors})
