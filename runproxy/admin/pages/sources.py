"""Where pages have from what they tell: the same for one process, and for a supervisor of several."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from runproxy.admin.pages.library import Library

Latest: TypeAlias = Callable[[Literal["misses", "errors"]], Awaitable[Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Audited:
    """The store of the audit, and what gives the forms in which a value may be on file there."""

    store: Path
    forms_of: Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What pages ask: what `/api/status` tells, the latest misses and errors, the latest first, and the cassettes."""

    status: Callable[[], Awaitable[Mapping[str, Any]]]
    latest: Latest
    library: Library
    audit: Audited | None = None
    """The audit; None where nothing is written down and nothing was."""
