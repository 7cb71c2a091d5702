"""What two cassettes do not share, call by call and field by field.

Calls are compared with those of the same key, the n-th recording with the n-th. JSON is compared by value: neither the
order of names counts nor how a body was printed, `1` equals `1.0`. When a call was recorded, how long it took, the id
of its answer and the coding that one came in count only when all is asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Self

from runproxy.cassettes.model import Cassette, Interaction
from runproxy.cassettes.slots import VOLATILE_HEADERS, slots_of
from runproxy.cassettes.values import ABSENT, body_value, path_of, pointer_of, steps_of
from runproxy.jsonstyle import detect
from runproxy.messages import Headers, Request, Response
from runproxy.positions import Steps
from runproxy.redaction import scrub

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Ignoring:
    """What is no difference: values in the bodies of answers by JSON pointer, and what changes with every recording."""

    pointers: tuple[tuple[str, ...], ...] = ()
    volatile: bool = True

    @classmethod
    def parse(cls, pointers: Sequence[str], *, volatile: bool = True) -> Self:
        """Read pointers, in which `*` is any name or position; raises `ValueError` for one that is none."""
        return cls(tuple(steps_of(pointer) for pointer in pointers), volatile)

    def covers(self, steps: Steps) -> bool:
        """Tell whether a pointer leads to this place."""
        return any(
            len(pointer) == len(steps)
            and all(sought in (_ANY, str(step)) for sought, step in zip(pointer, steps, strict=True))
            for pointer in self.pointers
        )


@dataclass(frozen=True, slots=True)
class Field:
    """One place where two recordings of a call part; `pointer` leads to it in the body of the answer."""

    where: str
    before: object
    after: object
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """An interaction by its position in the cassette, from 0; `nth` tells recordings of the same call apart."""

    position: int
    method: str
    target: str
    nth: int


@dataclass(frozen=True, slots=True)
class Change:
    """A call that was recorded differently."""

    before: Call
    after: Call
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """All that two cassettes do not share."""

    removed: tuple[Call, ...]
    added: tuple[Call, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.changed)


_IGNORING_WHAT_PASSES: Final = Ignoring()


def compare(before: Cassette, after: Cassette, ignoring: Ignoring = _IGNORING_WHAT_PASSES) -> Differences:
    """Find what two cassettes do not share, in the order of the cassettes."""
    old, new = slots_of(before), slots_of(after)
    changed = []
    for slot in old:
        if slot not in new:
            continue
        one, other = before[old[slot]], after[new[slot]]
        if fields := tuple(_fields(one, other, ignoring)):
            nth = slot[1]
            changed.append(Change(call_of(one, old[slot], nth), call_of(other, new[slot], nth), fields))
    return Differences(
        tuple(call_of(before[place], place, slot[1]) for slot, place in old.items() if slot not in new),
        tuple(call_of(after[place], place, slot[1]) for slot, place in new.items() if slot not in old),
        tuple(changed),
    )


def call_of(interaction: Interaction, position: int, nth: int) -> Call:
    """Name an interaction."""
    request = scrub(interaction.request)
    return Call(position, request.method, request.target, nth)


def _fields(before: Interaction, after: Interaction, ignoring: Ignoring) -> Iterator[Field]:
    if not ignoring.volatile:
        yield from _plain("recorded_at", before.recorded_at.isoformat(), after.recorded_at.isoformat())
        yield from _plain("elapsed_ms", before.elapsed_ms, after.elapsed_ms)
        yield from _plain("request.query", before.request.query, after.request.query)
        yield from _printed("request.body", before.request, after.request)
        yield from _plain("request.body.length", _length(before.request), _length(after.request))
    yield from header_fields("request.headers", before.request.headers, after.request.headers, ignoring)
    yield from _plain("response.status", before.response.status, after.response.status)
    yield from header_fields("response.headers", before.response.headers, after.response.headers, ignoring)
    yield from _bodies(before.response, after.response, ignoring)
    if not ignoring.volatile:
        yield from _plain("response.body.coding", before.response.coding or ABSENT, after.response.coding or ABSENT)


def _plain(where: str, before: object, after: object) -> Iterator[Field]:
    if before != after:
        yield Field(where, before, after)


def header_fields(where: str, before: Headers, after: Headers, ignoring: Ignoring) -> Iterator[Field]:
    """Find where headers part, by name; `where` starts what is said of each place."""
    old, new = _by_name(before), _by_name(after)
    for name in dict.fromkeys([*old, *new]):
        if not (ignoring.volatile and name in VOLATILE_HEADERS):
            yield from _plain(path_of([name], where), old.get(name, ABSENT), new.get(name, ABSENT))


def _by_name(headers: Headers) -> Mapping[str, object]:
    """Give the value of each header, or its values where it stands more than once."""
    found: dict[str, list[str]] = {}
    for name, value in headers.items():
        found.setdefault(name.lower(), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _bodies(before: Response, after: Response, ignoring: Ignoring) -> Iterator[Field]:
    if before.body == after.body:
        return
    is_same = True
    for steps, old, new in walk((), body_value(before), body_value(after), ignoring):
        is_same = False
        yield Field(path_of(steps, "response.body"), old, new, pointer_of(steps))
    if is_same and not ignoring.volatile:
        yield from _printed("response.body", before, after)


def _printed(where: str, before: Request | Response, after: Request | Response) -> Iterator[Field]:
    """Tell how two bodies of the same value are printed, by style or else in full."""
    if before.body != after.body:
        one, other = detect(before.body), detect(after.body)
        styles = (one[1], other[1]) if one and other and one[1] != other[1] else None
        old, new = styles or (_as_text(before.body), _as_text(after.body))
        yield Field(f"{where}, as printed", old, new)


def _length(request: Request) -> object:
    """Give the length of a body of which no more than a digest was recorded; boundaries of parts differ in theirs."""
    return ABSENT if request.digest is None else request.digest.length


def _as_text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def walk(steps: Steps, before: object, after: object, ignoring: Ignoring) -> Iterator[tuple[Steps, object, object]]:
    """Go through two values side by side, and give the places where they part with what stands there, or `ABSENT`."""
    if ignoring.covers(steps):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from walk((*steps, name), before.get(name, ABSENT), after.get(name, ABSENT), ignoring)
    elif isinstance(before, list) and isinstance(after, list):
        for place, (old, new) in enumerate(zip_longest(before, after, fillvalue=ABSENT)):
            yield from walk((*steps, place), old, new, ignoring)
    elif not _is_equal(before, after):
        yield steps, before, after


def _is_equal(before: object, after: object) -> bool:
    is_number = _is_number(before) and _is_number(after)
    return (is_number or type(before) is type(after)) and before == after


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
