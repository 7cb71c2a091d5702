"""What the limits of the API and an organisation's rules say of metadata, wherever it stands in a body."""

from dataclasses import dataclass

from runproxy import metadata
from runproxy.limits import MAX_PAIRS
from runproxy.policy import NO_POLICY, Policies
from runproxy.routes import Route
from runproxy.violations import NOTHING_FOUND, Judgement, Violation


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges bodies and metadata; where `enforces_limits` is off, the API's limits only warn."""

    policies: Policies = NO_POLICY
    enforces_limits: bool = True

    def judge_body(self, route: Route, body: dict[str, object], team: str | None = None) -> Judgement:
        """Judge the body of a call to a route, in the order in which the body has its metadata."""
        judgement = NOTHING_FOUND
        for found in route.find_places(body):
            if isinstance(found, Violation):  # where metadata is cannot be told for sure, which no setting allows
                judgement += Judgement((found,))
            else:
                judgement += self.judge_metadata(found.value, found.param, team)
        return judgement

    def judge_metadata(self, value: object, param: str = "metadata", team: str | None = None) -> Judgement:
        """Judge one metadata object: first the API's limits, then the team's rules.

        The rules are not asked about more pairs than there may be: the call is refused, and asking takes time.
        """
        broken = metadata.check(value, param)
        rules = self.policies.of_team(team)
        if not broken and rules.is_idle:
            return NOTHING_FOUND
        limits = Judgement(tuple(broken))
        if not self.enforces_limits:
            limits = limits.as_warnings()
        pairs = {} if value is None else value
        if rules.is_idle or not isinstance(pairs, dict) or (self.enforces_limits and len(pairs) > MAX_PAIRS):
            return limits
        return limits + rules.judge(pairs, param)
