"""What the rules ask of a key, in words."""

from collections.abc import Iterator

from runproxy.policy.ruleset import Ruleset

_ACTIONS = {
    "enforce": "a call that breaks a rule is refused",
    "warn": "a call that breaks a rule passes with a warning",
    "off": "the rules are switched off",
}


def explain(rules: Ruleset, key: str) -> Iterator[str]:
    """Yield what the rules ask of a key, a line each."""
    yield f"action: {_ACTIONS[rules.action]}"
    if key in rules.required:
        yield "required: metadata must have this key"
    if rules.key_pattern:
        fits = "fits" if rules.key_pattern.fullmatch(key) else "does not fit"
        yield f"name: {fits} the pattern for keys, {rules.key_pattern.pattern}"
    if key not in rules.known:
        words = {"allow": "allowed", "warn": "passes with a warning", "reject": "rejected"}
        yield f"unknown to the rules: {words[rules.unknown_keys]}"
    yield from _of_value(rules, key)
    if rules.near_limit:
        yield f"warned of: {rules.near_limit:.0%} of a limit of the API, and more"


def _of_value(rules: Ruleset, key: str) -> Iterator[str]:
    rule = rules.keys.get(key)
    if rule:
        if rule.enum:
            yield f"value: one of {rule.allowed}"
        if rule.pattern:
            yield f"value: matches {rule.pattern.pattern}, from its start to its end"
        yield f"value: {rule.min_chars} to {rule.max_chars} characters"
        if rule.advice:
            yield f"about:{rule.advice}"
    if rules.forbidden_shapes:
        yield f"value: must not hold {', '.join(rules.forbidden_shapes)}"
