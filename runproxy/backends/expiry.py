"""How old a recording may be. Age counts from the recording; nothing is ever recorded anew because of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Recordings older than `max_age` are told of, or, where it `refuses`, not given. `now` tells the time in UTC."""

    max_age: timedelta
    refuses: bool = False
    now: Callable[[], datetime] = _utc_now

    def age_of_expired(self, recorded_at: datetime) -> timedelta | None:
        """Give the age of a recording that is too old; None for one that is not."""
        age = self.now() - recorded_at
        return age if age > self.max_age else None
