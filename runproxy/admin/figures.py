"""Figures of several processes as one: what each tells for Prometheus is added up."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_Sample: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
_Family: TypeAlias = tuple[str, str, str]
_Told: TypeAlias = dict[_Family, dict[_Sample, float]]
_GROWING: Final = frozenset({"counter", "histogram"})
_NOTE: Final = "_info"


class Figures:
    """Keeps what processes that have ended had counted, or a sum would fall, and seem to have begun anew."""

    def __init__(self) -> None:
        self._latest: dict[str, _Told] = {}
        self._ended: _Told = {}

    def summed(self, texts: Mapping[str, str], alive: Collection[str], restarts: int = 0) -> bytes:
        """Give the sum of what processes tell, by name, and of what the others told last.

        Of those that are not `alive` any more, what grows counts, and what they were doing does not. How many there
        are, and how often one was started again, is told beside it.
        """
        for name in self._latest.keys() - set(alive):
            gone = self._latest.pop(name)
            self._ended = _sum([self._ended, {family: held for family, held in gone.items() if family[2] in _GROWING}])
        self._latest |= {name: _parse(text) for name, text in texts.items()}
        registry = CollectorRegistry()
        registry.register(_Summed(_sum([self._ended, *self._latest.values()])))
        Gauge("runproxy_workers", "Workers that answer calls.", registry=registry).set(len(alive))
        registry.register(_Restarts(restarts))
        return generate_latest(registry)


class _Summed(Collector):
    def __init__(self, told: _Told) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        """Give all there is."""
        for (name, text, kind), samples in self._told.items():
            family = Metric(name, text, kind)
            for (sample, labels), value in samples.items():
                family.add_sample(sample, dict(labels), value)
            yield family


class _Restarts(Collector):
    def __init__(self, count: int) -> None:
        self._count = count

    def collect(self) -> Iterable[Metric]:
        """Give how often."""
        yield CounterMetricFamily("runproxy_worker_restarts", "Workers that were started again.", self._count)


def _parse(text: str) -> _Told:
    return {
        (family.name, family.documentation, family.type): {
            (sample.name, tuple(sample.labels.items())): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(text)
    }


def _sum(all_told: Iterable[_Told]) -> _Told:
    total: _Told = {}
    for family, sample, value in _flat(all_told):
        held = total.setdefault(family, {})
        # That there is something is said with a 1, however many say it.
        held[sample] = value if family[0].endswith(_NOTE) else held.get(sample, 0.0) + value
    return total


def _flat(all_told: Iterable[_Told]) -> Iterator[tuple[_Family, _Sample, float]]:
    for told in all_told:
        for family, samples in told.items():
            yield from ((family, sample, value) for sample, value in samples.items())
