"""Bringing cassettes together: two branches with what they had in common, or several cassettes into one.

Calls are told apart by key, and recordings of one call by their order. Where both branches have changed the same
recording in different ways, ours is kept and the conflict is named. When and how fast a call was recorded makes no
conflict.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from runproxy.cassettes.format import encode_interaction
from runproxy.cassettes.model import Interaction
from runproxy.cassettes.slots import is_same_recording
from runproxy.matching import MatchKey, MatchSettings
from runproxy.redaction import scrub

_Recordings: TypeAlias = Sequence[Interaction]
_ByKey: TypeAlias = Mapping[MatchKey, _Recordings]

CHANGED: Final = "both sides changed this recording, each in its own way"
ADDED: Final = "both sides added a recording of this call, and they differ"
REMOVED: Final = "one side removed a recording of this call that the other changed"
DIFFERS: Final = "the cassettes hold different recordings of this call"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A recording that cannot be chosen; `nth` tells recordings of the same call apart, from 0."""

    method: str
    target: str
    nth: int
    reason: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it; where there is a conflict, the interactions hold the side that came first."""

    interactions: tuple[Interaction, ...]
    conflicts: tuple[Conflict, ...]


def merge_match(base: MatchSettings, ours: MatchSettings, theirs: MatchSettings) -> MatchSettings:
    """Merge what two branches say of how calls are compared; where both have changed it, both count."""
    if ours == base:
        return theirs
    return ours if theirs == base else ours.with_more(theirs)


def merge_branches(base: _Recordings, ours: _Recordings, theirs: _Recordings) -> Merged:
    """Merge what two branches made of one cassette: in our order, then what only they have, in theirs."""
    if _is_identical(base, ours):
        return Merged(tuple(theirs), ())
    common, own, other = _by_key(base), _by_key(ours), _by_key(theirs)
    conflicts: list[Conflict] = []
    chosen = {
        key: _choose(common.get(key, ()), own.get(key, ()), other.get(key, ()), conflicts) for key in {**own, **other}
    }
    return Merged(tuple(_in_order(ours, theirs, chosen)), tuple(conflicts))


def merge_all(cassettes: Iterable[_Recordings], *, later_wins: bool = False) -> Merged:
    """Put all recordings of several cassettes together; of two that differ, the later one is taken only on request."""
    found: dict[tuple[MatchKey, int], Interaction] = {}
    conflicts = []
    for cassette in cassettes:
        for key, recordings in _by_key(cassette).items():
            for nth, recording in enumerate(recordings):
                earlier = found.setdefault((key, nth), recording)
                if is_same_recording(earlier, recording):
                    continue
                if later_wins:
                    found[key, nth] = recording
                else:
                    conflicts.append(_conflict(recording, nth, DIFFERS))
    return Merged(tuple(found.values()), tuple(conflicts))


def _by_key(interactions: _Recordings) -> dict[MatchKey, list[Interaction]]:
    found: defaultdict[MatchKey, list[Interaction]] = defaultdict(list)
    for interaction in interactions:
        found[interaction.key].append(interaction)
    return dict(found)


def _choose(
    base: _Recordings, ours: _Recordings, theirs: _Recordings, conflicts: list[Conflict]
) -> Sequence[Interaction | None]:
    """Choose the recordings of one call."""
    if _is_identical(base, ours):
        return theirs
    if _is_identical(base, theirs):
        return ours
    if min(len(ours), len(theirs)) >= len(base):
        longest = max(len(ours), len(theirs))
        return [_choose_nth(nth, base, ours, theirs, conflicts) for nth in range(longest)]
    # One side has removed recordings. Which ones they were is not sure, so all of them are looked at as one.
    if _is_alike(base, ours):
        return theirs
    if not (_is_alike(base, theirs) or _is_alike(ours, theirs)):
        conflicts.append(_conflict((*ours, *theirs)[0], 0, REMOVED))
    return ours


def _choose_nth(
    nth: int, base: _Recordings, ours: _Recordings, theirs: _Recordings, conflicts: list[Conflict]
) -> Interaction | None:
    common, own, other = _nth(base, nth), _nth(ours, nth), _nth(theirs, nth)
    if own is None or other is None:
        return own or other  # only one side has added this one
    if common is not None:
        if encode_interaction(other) == encode_interaction(common):
            return own
        if encode_interaction(own) == encode_interaction(common):
            return other
        if is_same_recording(own, common):
            return other
        if is_same_recording(other, common):
            return own
    if not is_same_recording(own, other):
        conflicts.append(_conflict(own, nth, ADDED if common is None else CHANGED))
    return own


def _nth(recordings: _Recordings, nth: int) -> Interaction | None:
    return recordings[nth] if nth < len(recordings) else None


def _in_order(
    ours: _Recordings, theirs: _Recordings, chosen: Mapping[MatchKey, Sequence[Interaction | None]]
) -> Iterator[Interaction]:
    placed: defaultdict[MatchKey, int] = defaultdict(int)
    ended = {key: len(recordings) for key, recordings in _by_key(ours).items()}
    for interaction in ours:
        key = interaction.key
        yield from filter(None, chosen[key][placed[key] : placed[key] + 1])
        placed[key] += 1
    passed: defaultdict[MatchKey, int] = defaultdict(int)
    for interaction in theirs:
        key = interaction.key
        if passed[key] >= ended.get(key, 0):
            yield from filter(None, chosen[key][passed[key] : passed[key] + 1])
        passed[key] += 1


def _is_identical(one: _Recordings, other: _Recordings) -> bool:
    return len(one) == len(other) and all(map(_is_same_text, one, other))


def _is_same_text(one: Interaction, other: Interaction) -> bool:
    return encode_interaction(one) == encode_interaction(other)


def _is_alike(one: _Recordings, other: _Recordings) -> bool:
    return len(one) == len(other) and all(map(is_same_recording, one, other))


def _conflict(interaction: Interaction, nth: int, reason: str) -> Conflict:
    request = scrub(interaction.request)
    return Conflict(request.method, request.target, nth, reason)
