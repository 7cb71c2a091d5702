"""Calls over time as stacked bars, in numbers that a template can draw.

They are drawn as SVG inside the page, so that each bar is a link and follows the colours of the page. Libraries that
draw SVG bring styles and scripts inside it, which the Content-Security-Policy of the pages does not let run.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from runproxy.audit.event import DECISIONS
from runproxy.audit.report import TimelineRow
from runproxy.audit.schema import DAY_MS, HOUR_MS

_SPANS_MS: Final = (HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS, 28 * DAY_MS)
_MOST_BARS: Final = 60
HEIGHT: Final = 160
WIDTH: Final = 960


@dataclass(frozen=True, slots=True)
class Part:
    """The calls of one decision in a bar: where they are drawn, from the top."""

    decision: str
    calls: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """The calls of a span of time."""

    start_ms: int
    end_ms: int
    x: float
    width: float
    parts: tuple[Part, ...]

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(part.calls for part in self.parts)


def span_of(first_ms: int, last_ms: int) -> int:
    """Choose how long a time a bar stands for, in milliseconds, so that there are few enough."""
    return next((span for span in _SPANS_MS if (last_ms - first_ms) / span < _MOST_BARS), _SPANS_MS[-1])


def bars_of(rows: Iterable[TimelineRow], span_ms: int) -> list[Bar]:
    """Lay out bars by time; spans without a call leave a gap."""
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in rows:
        counts[row.start_ms][row.decision] = row.calls
    if not counts:
        return []
    first, most = min(counts), max(sum(held.values()) for held in counts.values())
    step = WIDTH / ((max(counts) - first) // span_ms + 1)
    width = round(min(step * 0.86, 64), 2)
    return [
        Bar(start, start + span_ms, round((start - first) // span_ms * step, 2), width, _parts(held, most))
        for start, held in counts.items()
    ]


def _parts(counts: Mapping[str, int], most: int) -> tuple[Part, ...]:
    """Stack the decisions of a span from below; a bar of the most calls is as high as the chart."""
    parts, y = [], float(HEIGHT)
    for decision in DECISIONS:
        if calls := counts.get(decision, 0):
            height = calls / most * HEIGHT
            y -= height
            parts.append(Part(decision, calls, round(y, 2), round(height, 2)))
    return tuple(parts)
