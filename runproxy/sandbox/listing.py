"""Pages of a list: which part of it a query asks for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from runproxy.sandbox.refusals import SandboxRefusal

_MAX_LIMIT: Final = 100
_USUAL_LIMIT: Final = 20
_ORDERS: Final = ("asc", "desc")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a list: at most `limit` of it, newest first or oldest first, next to these objects."""

    limit: int
    is_descending: bool
    after: str | None
    before: str | None

    @classmethod
    def parse(cls, query: str) -> "Wanted":
        """Read a raw query; raises `SandboxRefusal`. Other members are left alone."""
        members = dict(parse_qsl(query, keep_blank_values=True))
        order = members.get("order", "desc")
        if order not in _ORDERS:
            message = f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'."
            raise SandboxRefusal(400, message, param="order", code="invalid_value")
        return cls(_limit(members), order == "desc", members.get("after"), members.get("before"))


def page(ids: Sequence[str], wanted: Wanted) -> tuple[Sequence[str], bool]:
    """Give the wanted part of the ids, which are in the order of their making, and whether there is more.

    The page before an object ends next to it; any other starts at the front. Raises `KeyError` for an object that is
    not in the list.
    """
    ordered = list(reversed(ids)) if wanted.is_descending else list(ids)
    places = {name: place for place, name in enumerate(ordered)}
    start = places[wanted.after] + 1 if wanted.after is not None else 0
    end = places[wanted.before] if wanted.before is not None else len(ordered)
    between = ordered[start:end]
    is_backwards = wanted.before is not None and wanted.after is None
    return between[-wanted.limit :] if is_backwards else between[: wanted.limit], len(between) > wanted.limit


def list_fields(objects: Sequence[Mapping[str, Any]], has_more: bool) -> dict[str, Any]:
    """Give the fields of a page, in the service's order."""
    first, last = (objects[0]["id"], objects[-1]["id"]) if objects else (None, None)
    return {"object": "list", "data": objects, "first_id": first, "last_id": last, "has_more": has_more}


def _limit(members: Mapping[str, str]) -> int:
    text = members.get("limit", str(_USUAL_LIMIT))
    if not _INTEGER.fullmatch(text):
        message = "Invalid type for 'limit': expected an integer, but got a string instead."
        raise SandboxRefusal(400, message, param="limit", code="invalid_type")
    limit = int(text)
    if limit < 1:
        message = f"Invalid 'limit': integer below minimum value. Expected a value >= 1, but got {limit} instead."
        raise SandboxRefusal(400, message, param="limit", code="integer_below_min_value")
    if limit > _MAX_LIMIT:
        message = (
            f"Invalid 'limit': integer above maximum value. Expected a value <= {_MAX_LIMIT}, but got {limit} instead."
        )
        raise SandboxRefusal(400, message, param="limit", code="integer_above_max_value")
    return limit
