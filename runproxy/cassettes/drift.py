"""Whether a recording still tells the truth: how a fresh answer parts from the recorded one, and of what kind that is.

- `status`: another status code; what the answer says is then not compared member by member.
- `shape`: members of objects that came or went, values of another type, another content type, a header more or less.
  Programs break on it.
- `values`: the same shape with other values. Null counts as a value of any type, and arrays may be of any length, for
  one answer cannot tell what may be null or how many there may be.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from runproxy.cassettes.difference import Ignoring, header_fields, walk
from runproxy.cassettes.values import ABSENT, PlainText, body_value, path_of, pointer_of
from runproxy.messages import Response
from runproxy.positions import Steps

Kind: TypeAlias = Literal["status", "shape", "values"]

KINDS: Final[tuple[Kind, ...]] = ("status", "shape", "values")
_CONTENT_TYPE: Final = "response.headers.content-type"


@dataclass(frozen=True, slots=True)
class Drift:
    """One place where a fresh answer parts from its recording; `pointer` leads to it in the body."""

    kind: Kind
    where: str
    recorded: object
    fresh: object
    pointer: str | None = None


def find_drift(
    recorded: Response, fresh: Response, ignoring: Ignoring, kinds: Collection[str] = KINDS
) -> tuple[Drift, ...]:
    """Find where a fresh answer parts from its recording, of the kinds that are asked for; both are redacted."""
    return tuple(drift for drift in _all(recorded, fresh, ignoring) if drift.kind in kinds)


def kinds_of(drifts: Collection[Drift]) -> list[Kind]:
    """Name the kinds of drift there are, the gravest first."""
    return [kind for kind in KINDS if any(drift.kind == kind for drift in drifts)]


def _all(recorded: Response, fresh: Response, ignoring: Ignoring) -> Iterator[Drift]:
    if recorded.status != fresh.status:
        yield from _of_another_status(recorded, fresh, ignoring)
        return
    for field in header_fields("response.headers", recorded.headers, fresh.headers, ignoring):
        is_shape = field.where == _CONTENT_TYPE or ABSENT in (field.before, field.after)
        yield Drift("shape" if is_shape else "values", field.where, field.before, field.after)
    for steps, before, after in walk((), body_value(recorded), body_value(fresh), ignoring):
        yield Drift(_kind(steps, before, after), path_of(steps, "response.body"), before, after, pointer_of(steps))


def _of_another_status(recorded: Response, fresh: Response, ignoring: Ignoring) -> Iterator[Drift]:
    """Tell of an answer of another kind as a whole; member by member, an error and a run have nothing in common."""
    yield Drift("status", "response.status", recorded.status, fresh.status)
    before, after = body_value(recorded), body_value(fresh)
    if any(walk((), before, after, ignoring)):
        yield Drift("shape", "response.body", before, after, "")


def _kind(steps: Steps, before: object, after: object) -> Kind:
    if ABSENT in (before, after):
        is_item = bool(steps) and isinstance(steps[-1], int)
        return "values" if is_item else "shape"
    if before is None or after is None:
        return "values"
    return "values" if _type(before) is _type(after) else "shape"


def _type(value: object) -> type:
    """Give the type as JSON knows it: all numbers are of one."""
    for kind in (bool, PlainText, str, dict, list):
        if isinstance(value, kind):
            return kind
    return float
