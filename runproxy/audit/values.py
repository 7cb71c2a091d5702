"""What is kept of a value: all of it, a hash, or nothing but its length."""

import hmac
from collections.abc import Mapping
from typing import Final

from runproxy.audit.event import MAX_VALUE_KEPT_CHARS, Form
from runproxy.audit.settings import KEY_VARIABLE, AuditSettings, Values
from runproxy.errors import ConfigError
from runproxy.keyfile import HOW_TO_MAKE, find_secret

HASHED: Final = "h:"
_USE: Final = "hashed values"
_SHOWN_BYTES: Final = 16


class Keeping:
    """Keeps values as the settings say: `ordinary` ones, and those of `special` keys; `secret` is that of hashes."""

    def __init__(self, ordinary: Values, special: Mapping[str, Values], secret: bytes | None) -> None:
        self._ordinary = ordinary
        self._special = dict(special)
        self._secret = secret

    def __repr__(self) -> str:
        return "Keeping(…)"

    @classmethod
    def of(cls, settings: AuditSettings) -> "Keeping":
        """Make what the settings ask for; raises `ConfigError` where a secret is needed and missing, or unusable."""
        secret = find_secret(KEY_VARIABLE, settings.key_file, _USE)
        if settings.needs_key and secret is None:
            raise ConfigError(
                f"audit.store_values: 'hashed' needs a secret, so that nobody can try out values: set {KEY_VARIABLE}, "
                f"or audit.key_file. Make one: {HOW_TO_MAKE}"
            )
        return cls(settings.store_values, settings.store_values_of, secret.value if secret else None)

    @classmethod
    def for_asking(cls, settings: AuditSettings) -> "Keeping":
        """Make what looks for values, also for hashes where the secret of those is there."""
        return cls.of(settings.model_copy(update={"store_values": "full", "store_values_of": {}}))

    def keep(self, key: str, value: str) -> tuple[str | None, Form]:
        """Give what is kept of the value of a key."""
        way = self._special.get(key, self._ordinary)
        if way == "hashed" and self._secret is not None:
            return self._hash(value), "hashed"
        if way != "full":
            return None, "left_out"
        if len(value) > MAX_VALUE_KEPT_CHARS:
            return value[:MAX_VALUE_KEPT_CHARS], "cut"
        return value, "full"

    def forms_of(self, value: str) -> tuple[str, ...]:
        """Give the forms in which a value may be on file, to look for it."""
        plain = value[:MAX_VALUE_KEPT_CHARS]
        return (plain,) if self._secret is None else (plain, self._hash(value))

    def _hash(self, value: str) -> str:
        digest = hmac.digest(self._secret or b"", value.encode("utf-8", "surrogatepass"), "sha256")
        return f"{HASHED}{digest[:_SHOWN_BYTES].hex()}"
