"""What the limits of the API and an organisation's rules say of metadata, wherever it stands in a body."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from runproxy import metadata
from runproxy.errors import Refusal
from runproxy.limits import MAX_FINDINGS, MAX_PAIRS
from runproxy.policy import NO_POLICY, Policies, Ruleset
from runproxy.routes import Place, Route
from runproxy.violations import NOTHING_FOUND, Judgement, Violation

MAX_PLACES: Final = 1000
"""So many metadata objects are judged in one body; a call with more is refused, because judging takes time."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges bodies and metadata.

    Where `enforces_limits` is off, the API's limits only warn; values that are no strings are refused all the same.
    """

    policies: Policies = NO_POLICY
    enforces_limits: bool = True

    def judge_body(self, route: Route, body: dict[str, object], team: str | None = None) -> Judgement:
        """Judge the body of a call to a route, in the order in which the body has its metadata.

        Finds `MAX_FINDINGS` violations and as many warnings at most; raises `Refusal` for too many metadata objects.
        """
        places = list(islice(route.find_places(body), MAX_PLACES + 1))
        if len(places) > MAX_PLACES:
            raise Refusal(
                f"Your request holds metadata in more than {MAX_PLACES} places, which is more than is looked at. "
                "Send it in parts.",
                code="too_many_metadata_objects",
            )
        return self.judge_places(places, team)

    def judge_metadata(self, value: object, param: str = "metadata", team: str | None = None) -> Judgement:
        """Judge one metadata object: first the API's limits, then the team's rules."""
        return self.judge_places([Place(param, value)], team)

    def judge_places(self, places: Iterable[Place | Violation], team: str | None = None) -> Judgement:
        """Judge the places of metadata of one call, as `Route.find_places` gives them."""
        rules = self.policies.of_team(team)
        violations: list[Violation] = []
        warnings: list[Violation] = []
        for place in places:
            if isinstance(place, Violation):  # where metadata is cannot be told for sure, which no setting allows
                violations.append(place)
                continue
            broken = metadata.check(place.value, place.param)
            if broken:
                violations += (found for found in broken if self._refuses(found))
                warnings += (found for found in broken if not self._refuses(found))
            if not rules.is_idle:
                self._ask(rules, place, violations, warnings)
            if len(violations) > MAX_FINDINGS:
                break
        if not violations and not warnings:
            return NOTHING_FOUND
        return Judgement(tuple(violations[:MAX_FINDINGS]), tuple(warnings[:MAX_FINDINGS]))

    def _refuses(self, found: Violation) -> bool:
        return self.enforces_limits or found.limit is None

    def _ask(self, rules: Ruleset, place: Place, violations: list[Violation], warnings: list[Violation]) -> None:
        """Ask the team's rules; not about more pairs than there may be, for such a call is refused anyway."""
        pairs = {} if place.value is None else place.value
        if not isinstance(pairs, dict) or (self.enforces_limits and len(pairs) > MAX_PAIRS):
            return
        if rules.only_warns and len(warnings) > MAX_FINDINGS:
            return
        found = rules.judge(pairs, place.param, asks_required=place.is_main)
        violations += found.violations
        warnings += found.warnings
