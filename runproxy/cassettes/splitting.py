"""Sorting the interactions of one cassette into several, each under a name that any file system takes."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from runproxy.cassettes.model import Interaction
from runproxy.messages import Request

_THREAD: Final = re.compile(r"/threads/([^/]+)")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_CHARS: Final = 100

PARTS: Final[Mapping[str, Callable[[Request], str]]] = MappingProxyType(
    {
        "path": lambda request: request.path,
        "method": lambda request: request.method.lower(),
        "thread": lambda request: found[1] if (found := _THREAD.search(request.path)) else "no-thread",
    }
)
"""What interactions can be sorted by."""


def split_by(part: str, interactions: Iterable[Interaction]) -> dict[str, list[Interaction]]:
    """Sort interactions by a part of their request, in their order; names differ in more than case."""
    found: dict[str, list[Interaction]] = {}
    for interaction in interactions:
        found.setdefault(PARTS[part](interaction.request), []).append(interaction)
    taken: set[str] = set()
    return {_free_name(_safe(value), taken): held for value, held in found.items()}


def _safe(value: str) -> str:
    return _UNSAFE.sub("-", value).strip("-.")[:_MAX_CHARS].rstrip("-.") or "root"


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free.casefold() in taken or free.casefold().endswith(".json"):
        number += 1
        free = f"{name}-{number}"
    taken.add(free.casefold())
    return free
