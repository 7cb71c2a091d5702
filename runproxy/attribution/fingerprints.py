"""Fingerprints: names for credentials that tell nothing of them without a secret (HMAC-SHA-256, RFC 2104)."""

import hmac
from pathlib import Path
from typing import Final

from runproxy.keyfile import Secret, find_secret, secret_in

KEY_VARIABLE: Final = "RUNPROXY_FINGERPRINT_KEY"
FINGERPRINT: Final = r"^fp_[0-9a-f]{32}$"
_USE: Final = "fingerprints"
_SHOWN_BYTES: Final = 16  # half of the digest; two credentials of one team list will not meet by chance


class Fingerprints:
    """Names credentials by a secret; raises `ConfigError` for one that is too short to be one."""

    def __init__(self, key: bytes, where: str) -> None:
        self._key = Secret(key, where, _USE).value

    def __repr__(self) -> str:
        return "Fingerprints(…)"

    @classmethod
    def find(cls, key_file: str) -> "Fingerprints | None":
        """Take the secret from the environment, else from a file; None where there is none. Raises `ConfigError`."""
        secret = find_secret(KEY_VARIABLE, key_file, _USE)
        return cls(secret.value, secret.where) if secret else None

    @classmethod
    def from_file(cls, path: Path) -> "Fingerprints":
        """Read the secret from a file that nobody else may read; raises `ConfigError`."""
        secret = secret_in(path, _USE)
        return cls(secret.value, secret.where)

    def of(self, credential: str) -> str:
        """Give the name of a credential."""
        digest = hmac.digest(self._key, credential.encode("utf-8", "surrogateescape"), "sha256")
        return f"fp_{digest[:_SHOWN_BYTES].hex()}"
