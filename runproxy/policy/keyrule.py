"""The rules for the value of one key."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from runproxy.limits import MAX_VALUE_CHARS
from runproxy.patterns import Pattern, compile_text
from runproxy.policy.tables import KeyTable
from runproxy.violations import Violation

_SHOWN_VALUES: Final = 16


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What is asked of a value.

    `advice` is what a person who broke a rule is told, starting with a blank; `told_values` are the values it may name.
    """

    enum: tuple[str, ...]
    pattern: Pattern | None
    min_chars: int
    max_chars: int
    advice: str
    told_values: tuple[str, ...]

    @classmethod
    def of(cls, where: str, table: KeyTable) -> "KeyRule":
        """Make a rule of a whole table; raises `ValueError` that names `where` for one that nothing can keep."""
        pattern = compile_text(table.pattern) if table.pattern else None
        rule = cls(table.enum, pattern, table.min_chars, table.max_chars, _advice(table), _told(table))
        if table.min_chars > table.max_chars:
            raise ValueError(f"{where}: min_chars is greater than max_chars")
        if table.example and any(rule.judge(table.example, "")):
            raise ValueError(f"{where}.example: the example breaks the rule it is to explain")
        for value in table.enum:
            if any(rule.judge(value, "")):
                raise ValueError(f"{where}.enum: {value!r} breaks another rule of this key")
        return rule

    def judge(self, value: str, place: str) -> Iterator[Violation]:
        """Yield the rules that a value breaks; the value itself is never repeated."""
        if self.enum and value not in self.enum:
            close = get_close_matches(value[: self.max_chars], self.enum, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            text = f"Invalid '{place}': the policy allows {self.allowed}.{hint}"
            yield Violation("policy_value_not_allowed", place, f"{text}{self.advice}")
        if len(value) < self.min_chars:
            yield self._length("policy_value_too_short", place, "at least", self.min_chars, len(value))
        if len(value) > self.max_chars < MAX_VALUE_CHARS:  # more than that is the API's matter
            yield self._length("policy_value_too_long", place, "at most", self.max_chars, len(value))
        if self.pattern and not self.pattern.fullmatch(value):
            text = f"Invalid '{place}': the policy wants a value that matches {self.pattern.pattern}.{self.advice}"
            yield Violation("policy_value_pattern", place, text)

    @property
    def allowed(self) -> str:
        """The allowed values in words; of a long list, the first ones."""
        shown = ", ".join(map(repr, self.enum[:_SHOWN_VALUES]))
        more = len(self.enum) - _SHOWN_VALUES
        return f"{shown} and {more} more" if more > 0 else shown

    def _length(self, code: str, place: str, words: str, limit: int, actual: int) -> Violation:
        text = f"Invalid '{place}': the policy wants {words} {limit} characters, but it has {actual}.{self.advice}"
        return Violation(code, place, text, limit, actual)


def _told(table: KeyTable) -> tuple[str, ...]:
    return (*table.enum, table.example) if table.example else table.enum


def _advice(table: KeyTable) -> str:
    description = f" {table.description.rstrip('.')}." if table.description else ""
    example = table.example or (table.enum[0] if table.enum else "")
    return f"{description} Example: {example!r}." if example else description
