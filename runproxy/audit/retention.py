"""Keeping a store as small as the settings ask for, in step with the archive."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from runproxy.audit.archive import Archive
from runproxy.audit.pruning import Pruned, cut_by_age, cut_by_size, prune
from runproxy.audit.settings import AuditSettings
from runproxy.audit.store import AuditStore
from runproxy.durations import parse_duration

_MB: Final = 1_000_000


def keep_within(
    store: AuditStore, settings: AuditSettings, now_ms: int, is_over: Callable[[], bool] = lambda: False
) -> Pruned:
    """Remove calls that are too old, or more than there is room for; with an archive, once they are in it.

    `is_over` is asked between steps whether to leave it at that. Raises `AuditError`.
    """
    cut = 0
    if settings.max_age:
        age_ms = round(parse_duration(settings.max_age).total_seconds() * 1000)
        cut = cut_by_age(store, now_ms - age_ms, now_ms)
    if settings.max_mb:
        cut = max(cut, cut_by_size(store, settings.max_mb * _MB, now_ms))
    if cut and settings.archive:
        Archive(Path(settings.archive)).extend(store)
    return prune(store, cut, now_ms, archive=settings.archive, is_over=is_over)
