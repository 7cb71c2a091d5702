"""Rules that are not in force, tried on the calls that were made: who would be refused, and by which rule.

Rules that only warn are tried as if they refused. Of values that are not on file, what does not need them is judged
(keys, lengths and types), and how many calls could not be judged in full is told.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from runproxy.audit.event import MetadataObject, Pair
from runproxy.audit.reading import LoggedCall
from runproxy.guard import Judge
from runproxy.logs import HELD_BACK
from runproxy.policy import Policies, Ruleset
from runproxy.routes import Place
from runproxy.violations import Violation

_EXAMPLES: Final = 3
_MOST_RULES: Final = 10_000
_OTHERS: Final = "(other places)"
_TOLD_EVERY: Final = 1_000
_NEED_THE_VALUE: Final = frozenset({"policy_value_not_allowed", "policy_value_pattern"})
_OF_TYPE: Final[Mapping[str, object]] = {"number": 0, "boolean": True, "null": None, "object": {}, "array": []}


@dataclass(slots=True)
class BrokenRule:
    """A rule that calls would break, at one place of their metadata: how many, of which teams, and some of them."""

    code: str
    param: str
    message: str
    calls: int = 0
    newly: int = 0
    teams: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TeamOutcome:
    """What would become of a team's calls; `action` is what the rules say of it as they are written."""

    team: str
    action: str
    calls: int = 0
    refused: int = 0
    newly: int = 0


@dataclass(slots=True)
class Simulation:
    """What would become of calls: how many would be refused, and how many of these were let pass when they were made.

    `unread` calls were refused before their metadata was read, and are not judged. `half_judged` counts calls that
    nothing was found wrong with, but whose values of some keys are not on file; `missing` counts those by key.
    """

    calls: int = 0
    refused: int = 0
    newly: int = 0
    unread: int = 0
    half_judged: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    rules: dict[tuple[str, str], BrokenRule] = field(default_factory=dict)
    teams: dict[str, TeamOutcome] = field(default_factory=dict)


def simulate(
    calls: Iterable[LoggedCall],
    policies: Policies,
    *,
    enforces_limits: bool = True,
    told: Callable[[int], None] = lambda _: None,
) -> Simulation:
    """Judge calls by rules as if all of them were enforced; `told` hears how many have been judged."""
    judge = Judge(_enforced(policies), enforces_limits)
    found = Simulation()
    for number, call in enumerate(calls, 1):
        if number % _TOLD_EVERY == 0:
            told(number)
        _try(call, judge, policies, found)
    return found


def _try(call: LoggedCall, judge: Judge, policies: Policies, found: Simulation) -> None:
    event, team = call.event, call.event.team or None
    found.calls += 1
    of_team = found.teams.setdefault(event.team, TeamOutcome(event.team, policies.of_team(team).action))
    of_team.calls += 1
    if not event.objects and event.decision == "refused":
        found.unread += 1
        return
    missing = {_param(pair): pair for pair in event.pairs if pair.form != "full"}
    judgement = judge.judge_places(_places(event.objects, event.pairs), team)
    broken = [one for one in judgement.violations if _is_sure(one, missing)]
    if broken:
        was_let_pass = event.decision != "refused"
        found.refused += 1
        found.newly += was_let_pass
        of_team.refused += 1
        of_team.newly += was_let_pass
        _note(broken, call, found)
    elif keys := _unjudged(missing.values(), judge.policies.of_team(team)):
        found.half_judged += 1
        found.missing.update(keys)


def _note(broken: Iterable[Violation], call: LoggedCall, found: Simulation) -> None:
    """Count a call once for each rule that it breaks at a place."""
    for code, param, message in {(one.code, one.param): (one.code, one.param, one.message) for one in broken}.values():
        place = (code, param)
        if place not in found.rules and len(found.rules) >= _MOST_RULES:
            place = (code, _OTHERS)
        rule = found.rules.setdefault(place, BrokenRule(*place, message))
        rule.calls += 1
        rule.newly += call.event.decision != "refused"
        rule.teams.add(call.event.team)
        if len(rule.examples) < _EXAMPLES:
            rule.examples.append(call.event.request_id)


def _places(objects: Iterable[MetadataObject], pairs: Iterable[Pair]) -> Iterator[Place]:
    """Put together the metadata of a call; in place of a value that is not on file stands one of the same length."""
    held: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        value = pair.value if pair.form == "full" else "x" * pair.chars
        held.setdefault(pair.param, {})[pair.key] = value if pair.type == "string" else _OF_TYPE[pair.type]
    for one in objects:
        yield Place(one.param, None if one.pairs is None else held.get(one.param, {}), one.is_main)


def _is_sure(found: Violation, missing: Mapping[str, Pair]) -> bool:
    """Tell whether a rule is broken for certain, though a value or a key is not on file."""
    return not found.param.endswith(HELD_BACK) and not (found.code in _NEED_THE_VALUE and found.param in missing)


def _unjudged(missing: Iterable[Pair], rules: Ruleset) -> list[str]:
    """Name the keys whose values the rules ask about, and that are not on file."""
    return [pair.key for pair in missing if rules.forbidden_shapes or _asks_for_value(rules, pair.key)]


def _asks_for_value(rules: Ruleset, key: str) -> bool:
    rule = rules.keys.get(key)
    return rule is not None and bool(rule.enum or rule.pattern)


def _param(pair: Pair) -> str:
    return f"{pair.param}.{pair.key}"


def _enforced(policies: Policies) -> Policies:
    """Give rules of which those that only warn refuse."""
    teams = {name: _enforced_rules(rules) for name, rules in policies.teams.items()}
    return Policies(_enforced_rules(policies.common), teams)


def _enforced_rules(rules: Ruleset) -> Ruleset:
    return replace(rules, action="enforce") if rules.only_warns else rules
