"""Secrets of runproxy's own: from a variable of the environment, or from a file that nobody else may read."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runproxy.errors import ConfigError

HOW_TO_MAKE: Final = "(umask 077; head -c 32 /dev/urandom | base64 > runproxy.key)"
MIN_BYTES: Final = 16
ADMIN_TOKEN_VARIABLE: Final = "RUNPROXY_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
"""Where the token of the admin API is read from, by the server and by commands that ask one."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and where it is from; raises `ConfigError` for one that is too short. `use` names it in errors."""

    value: bytes
    where: str
    use: str

    def __post_init__(self) -> None:
        if len(self.value) < MIN_BYTES:
            raise ConfigError(
                f"{self.where}: the secret of {self.use} needs at least {MIN_BYTES} bytes. Make one: {HOW_TO_MAKE}"
            )

    def __repr__(self) -> str:
        return "Secret(…)"


def find_secret(variable: str, key_file: str, use: str) -> Secret | None:
    """Give the secret in a variable, else the one in a file; None where there is neither. Raises `ConfigError`."""
    value = os.environ.get(variable, "").strip()
    if value:
        return Secret(value.encode("utf-8", "surrogateescape"), variable, use)
    return secret_in(Path(key_file), use) if key_file else None


def secret_in(path: Path, use: str) -> Secret:
    """Read a secret from a file that nobody else may read; raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ConfigError(f"{path}: others may read the secret in it (mode {mode:04o}): chmod 600 {path}")
            return Secret(file.read().strip(), str(path), use)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is no name for a file"
        raise ConfigError(f"{path}: the secret of {use} cannot be read: {reason}. Make one: {HOW_TO_MAKE}") from error
