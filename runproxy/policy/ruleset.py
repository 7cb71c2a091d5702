"""The rules for one team, ready to judge metadata.

Rules are looked at in one order: missing keys; then per key of the body its name, whether it is known, and its value
(allowed values, length, pattern, shapes); last, what is near a limit. Every finding says what to write instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Final, Literal

from runproxy.limits import MAX_FINDINGS, MAX_KEY_CHARS, MAX_PAIRS, MAX_VALUE_CHARS
from runproxy.patterns import Pattern, compile_text
from runproxy.policy.keyrule import KeyRule
from runproxy.policy.tables import TeamTable
from runproxy.shapes import finds
from runproxy.violations import NOTHING_FOUND, Judgement, Violation

_SHAPES_IN_WORDS: Final = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "credit_card": "the number of a payment card",
    "token": "a secret token",
}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The rules for one team. `near_limit` is a share between 0 and 1; 0 never warns. `is_idle`: nothing is asked."""

    action: Literal["enforce", "warn", "off"]
    required: tuple[str, ...]
    unknown_keys: Literal["allow", "warn", "reject"]
    key_pattern: Pattern | None
    forbidden_shapes: tuple[str, ...]
    near_limit: float
    keys: Mapping[str, KeyRule]
    known: frozenset[str] = field(init=False)
    is_idle: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(self.required) | self.keys.keys())
        asks = (
            self.known or self.key_pattern or self.forbidden_shapes or self.near_limit or self.unknown_keys != "allow"
        )
        object.__setattr__(self, "is_idle", self.action == "off" or not asks)

    @classmethod
    def of(cls, table: TeamTable) -> "Ruleset":
        """Make rules of a whole table; raises `ValueError` for rules that contradict each other."""
        rules = cls(
            table.action,
            table.required,
            table.unknown_keys,
            compile_text(table.key_pattern) if table.key_pattern else None,
            table.forbidden_shapes,
            table.near_limit_percent / 100,
            {name: KeyRule.of(f"keys.{name}", key) for name, key in table.keys.items()},
        )
        rules._check_own_keys()
        return rules

    @property
    def only_warns(self) -> bool:
        """Tell whether a broken rule lets the call pass."""
        return self.action == "warn"

    def judge(self, metadata: Mapping[str, object], param: str, *, asks_required: bool = True) -> Judgement:
        """Judge the metadata that stands at `param` in a body; values that are no strings are not asked.

        At most `MAX_FINDINGS` broken rules are found, and as many things that are only ever warned of.
        """
        if self.is_idle:
            return NOTHING_FOUND
        broken = tuple(islice(self._broken(metadata, param, asks_required), MAX_FINDINGS))
        notable = tuple(islice(self._notable(metadata, param), MAX_FINDINGS))
        if not broken and not notable:
            return NOTHING_FOUND
        found = Judgement(broken, notable)
        return found.as_warnings() if self.only_warns else found

    def _check_own_keys(self) -> None:
        for name in (*self.required, *self.keys):
            if len(name) > MAX_KEY_CHARS or (self.key_pattern and not self.key_pattern.fullmatch(name)):
                raise ValueError(f"the key {name!r} could never be sent: it does not fit key_pattern, or is too long")
            if self._is_forbidden(name):
                raise ValueError(f"the key {name!r} could never be sent: forbidden_shapes forbids it")
        for name, key in self.keys.items():
            for value in filter(self._is_forbidden, key.told_values):
                raise ValueError(f"keys.{name}: {value!r} has a shape that forbidden_shapes forbids")
        if len(self.required) > MAX_PAIRS:
            raise ValueError(f"required: metadata cannot have more than {MAX_PAIRS} keys")

    def _is_forbidden(self, text: str) -> bool:
        return any(finds(shape, text) for shape in self.forbidden_shapes)

    def _broken(self, metadata: Mapping[str, object], param: str, asks_required: bool) -> Iterator[Violation]:
        for key in self.required if asks_required else ():
            if key not in metadata:
                text = f"Missing '{param}.{key}': the policy requires this key.{self._advice(key)}"
                yield Violation("policy_missing_key", f"{param}.{key}", text)
        for key, value in metadata.items():
            place = f"{param}.{key}"
            yield from self._broken_by_key(key, place, metadata)
            if isinstance(value, str):
                yield from self._broken_by_value(key, value, place)

    def _notable(self, metadata: Mapping[str, object], param: str) -> Iterator[Violation]:
        """Yield what is only ever warned of: unknown keys where the policy says so, and what is near a limit."""
        if self.unknown_keys == "warn":
            for key in metadata:
                if key not in self.known:
                    yield self._unknown_key(key, f"{param}.{key}", metadata)
        if self.near_limit:
            yield from self._near(len(metadata), MAX_PAIRS, param, f"'{param}'", "pairs")
            for key, value in metadata.items():
                place = f"{param}.{key}"
                yield from self._near(len(key), MAX_KEY_CHARS, place, f"The key '{place}'", "characters")
                if isinstance(value, str):
                    yield from self._near(len(value), MAX_VALUE_CHARS, place, f"'{place}'", "characters")

    def _broken_by_key(self, key: str, place: str, metadata: Mapping[str, object]) -> Iterator[Violation]:
        if self.key_pattern and not self.key_pattern.fullmatch(key):
            hint = self._suggestion(key, metadata)
            text = f"Invalid key '{place}': the policy wants keys that match {self.key_pattern.pattern}.{hint}"
            yield Violation("policy_key_pattern", place, text)
        if self.unknown_keys == "reject" and key not in self.known:
            yield self._unknown_key(key, place, metadata)
        yield from self._shapes_in(key, place, "its key", "")

    def _broken_by_value(self, key: str, value: str, place: str) -> Iterator[Violation]:
        if key in self.keys:
            yield from self.keys[key].judge(value, place)
        yield from self._shapes_in(value, place, "it", self._advice(key))

    def _shapes_in(self, text: str, place: str, what: str, advice: str) -> Iterator[Violation]:
        for shape in self.forbidden_shapes:
            if finds(shape, text):
                words = _SHAPES_IN_WORDS[shape]
                told = f"Invalid '{place}': {what} holds what looks like {words}, which the policy forbids in metadata."
                yield Violation("policy_forbidden_shape", place, told + advice)

    def _near(self, actual: int, limit: int, place: str, what: str, unit: str) -> Iterator[Violation]:
        if self.near_limit * limit <= actual <= limit:
            text = f"{what} has {actual} of at most {limit} {unit}."
            yield Violation("policy_near_limit", place, text, limit, actual)

    def _unknown_key(self, key: str, place: str, metadata: Mapping[str, object]) -> Violation:
        known = f" It knows {_quoted(sorted(self.known))}." if self.known else " It knows no key at all."
        text = f"Unknown key '{place}': the policy does not know it.{self._suggestion(key, metadata) or known}"
        return Violation("policy_unknown_key", place, text)

    def _suggestion(self, key: str, metadata: Mapping[str, object]) -> str:
        """Name the known key that comes near; not for more pairs than there may be, because it takes its time."""
        if len(metadata) > MAX_PAIRS or len(key) > MAX_KEY_CHARS:
            return ""
        known = {name.casefold(): name for name in sorted(self.known)}
        close = get_close_matches(key.casefold(), known, n=1)
        return f" Did you mean {known[close[0]]!r}?" if close else ""

    def _advice(self, key: str) -> str:
        return self.keys[key].advice if key in self.keys else ""


def _quoted(names: list[str]) -> str:
    shown = names[:MAX_PAIRS]
    return ", ".join(map(repr, shown)) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
