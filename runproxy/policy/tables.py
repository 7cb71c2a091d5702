"""The tables of a policy, as people write them in TOML."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from runproxy.limits import MAX_KEY_CHARS, MAX_VALUE_CHARS
from runproxy.patterns import compile_text
from runproxy.sections import Section, TeamName
from runproxy.shapes import SHAPES


def _pattern(text: str) -> str:
    """Hold a pattern against the engine; raises `ValueError`."""
    compile_text(text)
    return text


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(f"{', '.join(map(repr, twice))} stands there more than once")
    return names


def _shapes(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(names) - SHAPES.keys())
    if unknown:
        raise ValueError(f"there is no shape {', '.join(map(repr, unknown))}; there are {_quoted(SHAPES)}")
    return names


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


_Pattern = Annotated[str, AfterValidator(_pattern)]
_Names = Annotated[tuple[str, ...], AfterValidator(_each_once)]
_Key = Annotated[str, Field(max_length=MAX_KEY_CHARS)]


class KeyTable(Section):
    """What is asked of the value of one key."""

    description: str = ""
    """What the key is for; whoever breaks a rule of it is told."""
    example: str = ""
    """A value that keeps the rules, shown to whoever breaks one."""
    pattern: _Pattern = ""
    """An RE2 pattern that the whole value must match; empty for none."""
    enum: _Names = ()
    """The values there may be; empty for any."""
    min_chars: Annotated[int, Field(ge=0, le=MAX_VALUE_CHARS)] = 0
    """The least length of a value, in characters."""
    max_chars: Annotated[int, Field(ge=0, le=MAX_VALUE_CHARS)] = MAX_VALUE_CHARS
    """The greatest length of a value, in characters."""


class TeamTable(Section):
    """The rules for one team: what is not set here is as in the policy for all."""

    action: Literal["enforce", "warn", "off"] = "enforce"
    """What a broken rule does: refuse the call, let it pass with a warning, or nothing."""
    required: _Names = ()
    """The keys that metadata must have."""
    unknown_keys: Literal["allow", "warn", "reject"] = "allow"
    """What happens to keys that are neither required nor have a table of their own."""
    key_pattern: _Pattern = ""
    """An RE2 pattern that every whole key must match; empty for none."""
    forbidden_shapes: Annotated[_Names, AfterValidator(_shapes)] = ()
    """What values must not look like: any of "email", "phone", "credit_card" and "token"."""
    near_limit_percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Warn of what has reached this share of a limit of the API, in percent; 0 never warns."""
    keys: dict[_Key, KeyTable] = Field(default_factory=dict)
    """What is asked of the value of each key."""


class PolicySettings(TeamTable):
    """The organisation's own rules on metadata."""

    teams: dict[TeamName, TeamTable] = Field(default_factory=dict)
    """Rules for single teams, laid over those for all, table by table."""
