"""Traces for OpenTelemetry: a span for every call, and one inside it for what the upstream did.

A call that brings a `traceparent` (W3C Trace Context) is traced as part of that trace, and the upstream is sent the
span that it was asked in. Spans tell what the log tells, and so no key and no value of metadata.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeAlias

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runproxy import __version__
from runproxy.calls import Call
from runproxy.messages import Backend, Request, Response, make_headers
from runproxy.redaction import loggable_path

_Answer: TypeAlias = Callable[[Request], Awaitable[Response]]
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_FIRST_SERVER_ERROR: Final = 500


class Tracing:
    """Makes spans with `provider`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("runproxy", __version__)

    def around(self, answer: _Answer) -> _Answer:
        """Make a span of every call that `answer` answers."""

        async def traced(request: Request) -> Response:
            brought = {name.lower(): value for name, value in request.headers.items()}
            context = _PROPAGATOR.extract(brought)
            with self._tracer.start_as_current_span(request.method, context, SpanKind.SERVER):
                return await answer(request)

        return traced

    def hear(self, call: Call) -> None:
        """Say on the span of a call what became of it."""
        span = trace.get_current_span()
        span.update_name(f"{call.request.method} {call.route}")
        span.set_attributes(
            {
                "http.request.method": call.request.method,
                "http.route": call.route,
                "http.response.status_code": call.response.status,
                "url.path": loggable_path(call.request),
                "runproxy.mode": call.mode,
                "runproxy.outcome": call.outcome,
                "runproxy.request_id": call.request.id,
                **({"runproxy.team": call.caller.team} if call.caller.team else {}),
            }
        )
        if call.response.status >= _FIRST_SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR, (call.error.code if call.error else None) or ""))

    def upstream(self, backend: Backend) -> Backend:
        """Make a span of every call to an upstream."""
        return _Traced(backend, self._tracer)


class _Traced:
    def __init__(self, backend: Backend, tracer: trace.Tracer) -> None:
        self._backend = backend
        self._tracer = tracer

    async def send(self, request: Request) -> Response:
        """Answer as the backend does, which is sent the span it is asked in; raises what it raises."""
        with self._tracer.start_as_current_span(
            f"{request.method} upstream", kind=SpanKind.CLIENT, record_exception=False
        ) as span:
            own: dict[str, str] = {}
            _PROPAGATOR.inject(own)
            kept = [(name, value) for name, value in request.headers.items() if name.lower() not in own]
            response = await self._backend.send(replace(request, headers=make_headers([*kept, *own.items()])))
            span.set_attribute("http.response.status_code", response.status)
            return response


@contextmanager
def exporting() -> Iterator[Tracing]:
    """Send spans to where the OTEL_EXPORTER_OTLP_* variables say, for as long as the context lasts."""
    provider = TracerProvider(resource=Resource.create({"service.name": "runproxy", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield Tracing(provider)
    finally:
        provider.shutdown()
