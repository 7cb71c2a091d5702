"""Fingerprints: names for credentials that tell nothing of them without a secret (HMAC-SHA-256, RFC 2104)."""

import hmac
import os
import stat
from pathlib import Path
from typing import Final

from runproxy.errors import ConfigError

KEY_VARIABLE: Final = "RUNPROXY_FINGERPRINT_KEY"
FINGERPRINT: Final = r"^fp_[0-9a-f]{32}$"
_MIN_KEY_BYTES: Final = 16
_SHOWN_BYTES: Final = 16  # half of the digest; two credentials of one team list will not meet by chance
_HOW_TO_MAKE: Final = "(umask 077; head -c 32 /dev/urandom | base64 > runproxy.key)"


class Fingerprints:
    """Names credentials by a secret; raises `ConfigError` for one that is too short to be one."""

    def __init__(self, key: bytes, where: str) -> None:
        if len(key) < _MIN_KEY_BYTES:
            raise ConfigError(
                f"{where}: the secret of fingerprints needs at least {_MIN_KEY_BYTES} bytes. Make one: {_HOW_TO_MAKE}"
            )
        self._key = key

    def __repr__(self) -> str:
        return "Fingerprints(…)"

    @classmethod
    def from_file(cls, path: Path) -> "Fingerprints":
        """Read the secret from a file that nobody else may read; raises `ConfigError`."""
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise ConfigError(f"{path}: others may read the secret in it (mode {mode:04o}): chmod 600 {path}")
                return cls(file.read().strip(), str(path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "that is no name for a file"
            raise ConfigError(
                f"{path}: the secret of fingerprints cannot be read: {reason}. Make one: {_HOW_TO_MAKE}"
            ) from error

    def of(self, credential: str) -> str:
        """Give the name of a credential."""
        digest = hmac.digest(self._key, credential.encode("utf-8", "surrogateescape"), "sha256")
        return f"fp_{digest[:_SHOWN_BYTES].hex()}"
