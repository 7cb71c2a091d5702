"""Usage reports: which interactions of which cassettes have answered no call.

    {"cassettes": {"NAME": {"unused": [0, 3], "interactions": 5}}}

`interactions` is how many the cassette held when the report was made; by that a report that is too old is told.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runproxy.cassette.values import path_of
from runproxy.errors import CassetteError


class CassetteUsage(BaseModel):
    """What a report says of one cassette: positions of unused interactions, from 0, and how many there are in all."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    unused: tuple[Annotated[int, Field(ge=0, strict=True)], ...] = Field(strict=False)
    interactions: int = Field(ge=0)

    @model_validator(mode="after")
    def _are_positions(self) -> Self:
        if len(set(self.unused)) < len(self.unused):
            raise ValueError("'unused' names a position twice")
        if self.unused and max(self.unused) >= self.interactions:
            raise ValueError(f"'unused' names position {max(self.unused)} of {self.interactions} interactions")
        return self

    @classmethod
    def from_used(cls, used: Collection[int], interactions: int) -> Self:
        """Say it by the positions that have answered a call."""
        answered = frozenset(used)
        return cls(
            unused=tuple(place for place in range(interactions) if place not in answered), interactions=interactions
        )


class UsageReport(BaseModel):
    """What is said of several cassettes, by name; members that are not known here are passed over."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    cassettes: dict[str, CassetteUsage]


def write_report(cassettes: Mapping[str, CassetteUsage]) -> bytes:
    """Print a report, as one JSON object with a final newline."""
    return UsageReport(cassettes=dict(cassettes)).model_dump_json(indent=2).encode() + b"\n"


def read_report(text: bytes, where: str) -> UsageReport:
    """Read a report; `where` names the file in errors. Raises `CassetteError` with the place of what is wrong."""
    try:
        return UsageReport.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = first["msg"].removeprefix("Value error, ")
        place = f" {path_of(first['loc'])}:" if first["loc"] else ""
        raise CassetteError(f"{where}:{place} {reason}. Expected a usage report of runproxy.") from None


def check_current(usage: CassetteUsage, interactions: int, where: str) -> None:
    """Raise `CassetteError` when a report speaks of another state of a cassette than the one that is there."""
    if usage.interactions != interactions:
        raise CassetteError(
            f"{where}: the usage report was made for {usage.interactions} interactions, the cassette holds "
            f"{interactions}. Its positions may mean others now; make a new report."
        )
