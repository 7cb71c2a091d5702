"""The base of what people write by hand in TOML: unknown names are refused, and docstrings describe the fields."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

HIDDEN: Final = "hidden"
"""The type of a mistake whose value is not shown, because it may be a secret."""

TEAM_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""What the name of a team may consist of: what can stand in a header and in a path as it is."""

TeamName = Annotated[str, StringConstraints(pattern=TEAM_PATTERN)]


class Section(BaseModel):
    """A table of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay tables over others: what both have as a table is merged, of everything else the upper one counts."""
    merged = dict(base)
    for name, value in over.items():
        held = merged.get(name)
        merged[name] = merge(held, value) if isinstance(held, Mapping) and isinstance(value, Mapping) else value
    return merged
