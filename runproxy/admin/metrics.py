"""`GET /metrics` in the text format of Prometheus. Neither keys nor values of metadata are among the labels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from runproxy import __version__
from runproxy.tally import BOUNDS_S, Tally, Times


@dataclass(frozen=True, slots=True)
class Measured:
    """What is counted, and what is asked for when somebody looks: sessions, and what waits to be written."""

    mode: str
    tally: Tally
    upstream: Times
    sessions: Callable[[], int]
    waiting: Callable[[], int]
    unaudited: Callable[[], int] = lambda: 0
    audit_waiting: Callable[[], int] = lambda: 0


class _Calls(Collector):
    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterable[Metric]:
        """Give all there is, as it is now."""
        measured, tally = self._measured, self._measured.tally
        yield _requests(tally)
        yield _times("runproxy_request_seconds", "How long calls took, of streams until they began.", tally.total)
        yield _times("runproxy_upstream_seconds", "How long the upstream took to answer.", measured.upstream)
        yield _counted("runproxy_violations", "Violations of the guard's rules, by code.", "code", tally.violations)
        yield _counted("runproxy_misses", "Calls without a recorded answer, by reason.", "reason", tally.misses)
        yield _counted("runproxy_undelivered", "Answers that did not reach their client.", "reason", tally.undelivered)
        yield GaugeMetricFamily("runproxy_calls_in_flight", "Calls that are being answered.", tally.live)
        yield GaugeMetricFamily("runproxy_sessions", "Sessions that are running.", measured.sessions())
        yield GaugeMetricFamily(
            "runproxy_record_queue_depth", "Recordings that wait to be written.", measured.waiting()
        )
        yield GaugeMetricFamily(
            "runproxy_audit_queue_depth", "Entries of the audit that wait to be written.", measured.audit_waiting()
        )
        yield CounterMetricFamily(
            "runproxy_audit_failures", "Times that a call could not be written down.", measured.unaudited()
        )
        info = GaugeMetricFamily("runproxy_info", "The version and the mode.", labels=["version", "mode"])
        info.add_metric([__version__, measured.mode], 1)
        yield info


def registry(measured: Measured) -> CollectorRegistry:
    """Give what tells all figures, as they are when it is asked."""
    found = CollectorRegistry()
    found.register(_Calls(measured))
    return found


def add_metrics(app: web.Application, measured: Measured) -> None:
    """Add `GET /metrics`."""
    told = registry(measured)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(told), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/metrics", metrics)


def _requests(tally: Tally) -> Metric:
    labels = ["route", "mode", "outcome", "status_class", "team"]
    found = CounterMetricFamily("runproxy_requests", "Calls that were answered.", labels=labels)
    for kind, count in tally.calls.items():
        found.add_metric([kind.route, kind.mode, kind.outcome, f"{kind.status_class}xx", kind.team or ""], count)
    return found


def _counted(name: str, what: str, label: str, counts: "dict[str, int]") -> Metric:
    found = CounterMetricFamily(name, what, labels=[label])
    for value, count in counts.items():
        found.add_metric([value], count)
    return found


def _times(name: str, what: str, times: Times) -> Metric:
    return HistogramMetricFamily(name, what, buckets=list(_buckets(times)), sum_value=times.sum_s)


def _buckets(times: Times) -> Iterator[tuple[str, float]]:
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    yield from zip(bounds, accumulate(times.counts), strict=True)
