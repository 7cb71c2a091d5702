"""What a check finds."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from runproxy.errors import ConfigError

State: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found; where it is not well, what that means, and what to do about it."""

    check: str
    state: State
    found: str
    means: str = ""
    do: str = ""


def unusable(check: str, error: ConfigError, more: str = "") -> Finding:
    """Tell of a setting with which runproxy does not start."""
    means = f"runproxy does not start. {more}".rstrip()
    return fail(check, error.message.rstrip("."), means, "Mend the setting, or what it names.")


def ok(check: str, found: str) -> Finding:
    """Tell that all is well."""
    return Finding(check, "ok", found)


def warn(check: str, found: str, means: str, do: str) -> Finding:
    """Tell of what may become a trouble."""
    return Finding(check, "warn", found, means, do)


def fail(check: str, found: str, means: str, do: str) -> Finding:
    """Tell of what keeps runproxy from doing what is asked of it."""
    return Finding(check, "fail", found, means, do)
