"""The page of figures: what Prometheus is told, as it is told."""

from collections.abc import Mapping
from typing import Final

from docs.generate.markdown import code, page, prose, table
from runproxy.admin.metrics import Measured, registry
from runproxy.tally import BOUNDS_S, Kind, Tally, Times

_INTRODUCTION: Final = f"""\
`GET /metrics` on the admin address gives these in the text format of Prometheus. Counters end in `_total`; histograms
have `_bucket`, `_sum` and `_count`, with bounds (seconds) at
{", ".join(f"{bound:g}" for bound in BOUNDS_S)}.

Neither a key nor a value of metadata is ever a label, nor any path. [Operations](../operations.md#figures) says more of
what is counted."""
_NAMES: Final[Mapping[str, str]] = {"counter": "_total"}


def metrics() -> str:
    """Write the page."""
    tally = Tally()
    tally.calls[Kind(route="modify_run", mode="replay", outcome="replayed", status_class=2, team="")] = 1
    for counts in (tally.violations, tally.misses, tally.undelivered):
        counts["any"] = 1
    told = registry(Measured("replay", tally, Times(), sessions=lambda: 0, waiting=lambda: 0)).collect()
    rows = (
        (
            code(family.name + _NAMES.get(family.type, "")),
            family.type,
            ", ".join(code(label) for label in family.samples[0].labels if label != "le"),
            prose(family.documentation),
        )
        for family in told
    )
    return page("Figures", _INTRODUCTION, table(("name", "type", "labels", "what is told"), rows))
