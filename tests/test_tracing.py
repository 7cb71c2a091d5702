"""Traces: a span for a call and one for the upstream's part, as parts of the trace that the client is in."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from runproxy import tracing
from runproxy.composition import Proxy
from tests.parts import HEADERS, ScriptedUpstream, ask, echo, modify, proxy, serving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = (*HEADERS, ("traceparent", f"00-{TRACE}-{SPAN}-01"))


@asynccontextmanager
async def traced_proxy(
    folder: Path, mode: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Proxy, InMemorySpanExporter]]:
    """Run a proxy whose spans stay here."""
    exporter = InMemorySpanExporter()

    @contextmanager
    def kept() -> Iterator[tracing.Tracing]:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        yield tracing.Tracing(provider)
        provider.shutdown()

    monkeypatch.setattr(tracing, "exporting", kept)
    async with proxy(folder, mode, base_url, rules={"tracing": {"enabled": True}}) as on:
        yield on, exporter


def by_kind(exporter: InMemorySpanExporter) -> dict[SpanKind, ReadableSpan]:
    """Give the spans of one call."""
    return {span.kind: span for span in exporter.get_finished_spans()}


async def test_a_call_and_its_upstream_are_spans_of_the_trace_of_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The span of the call is a child of the client's, that of the upstream its child, which the upstream is sent."""
    upstream = ScriptedUpstream(make=echo)
    async with (
        serving(upstream) as base_url,
        traced_proxy(tmp_path, "record", base_url, monkeypatch) as (on, exporter),
    ):
        await ask(on.url, modify({"k": "a value"}, headers=TRACED))
        spans = by_kind(exporter)
    server, client = spans[SpanKind.SERVER], spans[SpanKind.CLIENT]
    assert server.parent is not None
    assert (f"{server.parent.trace_id:032x}", f"{server.parent.span_id:016x}") == (TRACE, SPAN)
    assert client.parent is not None
    assert client.parent.span_id == server.context.span_id
    (sent,) = upstream.seen[0].headers.getall("traceparent")
    assert sent == f"00-{TRACE}-{client.context.span_id:016x}-01"
    assert server.name == "POST modify_run"
    assert dict(server.attributes or {})["runproxy.outcome"] == "recorded"
    assert "a value" not in str(server.to_json()) + str(client.to_json())


async def test_a_call_that_failed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the upstream cannot be reached, the span of the call says so by code."""
    async with traced_proxy(tmp_path, "passthrough", "http://127.0.0.1:9/v1", monkeypatch) as (on, exporter):
        await ask(on.url, modify({"k": "v"}))
        spans = by_kind(exporter)
    assert spans[SpanKind.SERVER].status.status_code is StatusCode.ERROR
    assert spans[SpanKind.SERVER].status.description == "upstream_unreachable"


async def test_without_traces_a_traceparent_passes_as_it_is(tmp_path: Path) -> None:
    """What the client sent of its trace reaches the upstream."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        await ask(on.url, modify({"k": "v"}, headers=TRACED))
    assert upstream.seen[0].headers["traceparent"] == TRACED[-1][1]
