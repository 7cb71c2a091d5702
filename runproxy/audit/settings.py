"""What is written down of calls, as people write it in TOML."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from runproxy.durations import checked_duration
from runproxy.sections import Section

KEY_VARIABLE: Final = "RUNPROXY_AUDIT_KEY"
DEFAULT_STORE: Final = ".runproxy/audit.db"

Mode: TypeAlias = Literal["replay", "record", "auto", "passthrough", "verify"]
Values: TypeAlias = Literal["full", "hashed", "keys_only"]


def _names(given: object) -> object:
    """Take modes from one text, as a flag or a variable gives them; "none" is none."""
    if not isinstance(given, str):
        return given
    return () if given == "none" else tuple(name.strip() for name in given.split(","))


class AuditSettings(Section):
    """What is written down of the calls to guarded routes, and for how long."""

    modes: Annotated[tuple[Mode, ...], BeforeValidator(_names)] = ("record", "auto", "passthrough", "verify")
    """The modes whose calls are written down; [] for none."""
    store: Annotated[str, Field(min_length=1)] = DEFAULT_STORE
    """The SQLite file that calls are written into; several processes of one machine may share it."""
    on_error: Literal["fail", "continue"] = "fail"
    """What becomes of a call that cannot be written down: it is answered with 503, or goes on and is missing here."""
    store_values: Values = "full"
    """What is kept of values: all, a hash that is the same for equal values, or nothing but their length."""
    store_values_of: dict[str, Values] = Field(default_factory=dict)
    """The same for single keys, such as {user_id = "hashed"}."""
    key_file: str = ""
    """A file with mode 0600 that holds the secret of hashed values; RUNPROXY_AUDIT_KEY comes before it."""
    max_age: Annotated[str, AfterValidator(checked_duration)] = ""
    """How long calls are kept, such as "90d"; empty for ever."""
    max_mb: Annotated[int, Field(ge=0)] = 0
    """How large the store may become, in MB (1,000,000 bytes), before the oldest calls are removed; 0 for any size."""
    archive: str = ""
    """A folder into which calls are exported before they are removed; empty for none."""

    @property
    def needs_key(self) -> bool:
        """Tell whether values are hashed, which needs a secret."""
        return "hashed" in (self.store_values, *self.store_values_of.values())
