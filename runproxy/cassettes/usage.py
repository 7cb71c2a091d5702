"""Usage reports: which interactions of which cassettes have answered no call.

    {"cassettes": {"NAME": {"unused": [0, 3], "interactions": 5, "digest": "9f86d081884c7d65"}}}

By `interactions`, how many the cassette held when the report was made, and by the digest of their calls a report is
told that speaks of another state of the cassette. How a cassette is laid out does not count, nor what its answers say.
"""

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runproxy.cassettes.model import Cassette
from runproxy.cassettes.values import path_of
from runproxy.errors import CassetteError


class CassetteUsage(BaseModel):
    """What a report says of one cassette: positions of unused interactions, from 0, and how many there are in all."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    unused: tuple[Annotated[int, Field(ge=0, strict=True)], ...] = Field(strict=False)
    interactions: int = Field(ge=0)
    digest: str = Field(pattern=r"^[0-9a-f]{16}$")

    @model_validator(mode="after")
    def _are_positions(self) -> Self:
        if len(set(self.unused)) < len(self.unused):
            raise ValueError("'unused' names a position twice")
        if self.unused and max(self.unused) >= self.interactions:
            raise ValueError(f"'unused' names position {max(self.unused)} of {self.interactions} interactions")
        return self

    @classmethod
    def of(cls, cassette: Cassette, used: Collection[int]) -> Self:
        """Say it by the positions that have answered a call."""
        answered, count = frozenset(used), len(cassette)
        unused = tuple(place for place in range(count) if place not in answered)
        return cls(unused=unused, interactions=count, digest=digest_of(cassette))


class UsageReport(BaseModel):
    """What is said of several cassettes, by name; members that are not known here are passed over."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    cassettes: dict[str, CassetteUsage]


def digest_of(cassette: Cassette) -> str:
    """Give what tells the calls of a cassette, in their order, from those of another: 16 hexadecimal digits."""
    # What settings leave out of account is part of a call all the same, and other readers may have other settings.
    keys = cassette.keys_in_order() if cassette.matcher.is_plain else [held.key for held in cassette]
    lengths = b" ".join(b"%d" % len(key) for key in keys)
    return sha256(b"\n".join([lengths, *keys])).hexdigest()[:16]


def combined(reports: Iterable[UsageReport]) -> dict[str, list[CassetteUsage]]:
    """Bring together what several reports say of each cassette."""
    found: dict[str, list[CassetteUsage]] = {}
    for report in reports:
        for name, usage in report.cassettes.items():
            found.setdefault(name, []).append(usage)
    return found


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


def check_current(usage: CassetteUsage, cassette: Cassette, where: str) -> None:
    """Raise `CassetteError` when a report speaks of another state of a cassette than the one that is there."""
    if usage.interactions != len(cassette):
        raise CassetteError(
            f"{where}: the usage report was made for {usage.interactions} interactions, the cassette holds "
            f"{len(cassette)}. Its positions may mean others now; make a new report."
        )
    if usage.digest != digest_of(cassette):
        raise CassetteError(
            f"{where}: the usage report was made when the cassette held other calls, or in another order. Its "
            "positions may mean others now; make a new report."
        )
