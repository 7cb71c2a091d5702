"""Where an upstream is."""

import re
from dataclasses import dataclass

from yarl import URL

from runproxy.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Address:
    """Where an upstream is: `origin` (scheme, host, port) and the path that all its addresses start with."""

    origin: str
    base_path: str

    def __str__(self) -> str:
        return self.origin + self.base_path

    @property
    def is_encrypted(self) -> bool:
        """Tell whether it is spoken to over TLS."""
        return self.origin.startswith("https:")

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read the base URL that a person gave as the upstream; raises `ConfigError`."""
        try:
            return cls.read(text)
        except ValueError as error:
            raise ConfigError(f"upstream: {error}.") from None

    @classmethod
    def read(cls, text: str) -> "Address":
        """Read a base URL such as `https://host/prefix/v1`; raises `ValueError`, which repeats no secret of it."""
        try:
            url = URL(text)
            is_usable = url.scheme in ("http", "https") and bool(url.host)
        except ValueError:
            is_usable = False
        if not is_usable:
            shown = re.sub(r"//[^/]*@", "//…@", text)
            raise ValueError(f"{shown!r} is no base URL; one like 'https://host/v1' was expected")
        if url.user or url.password or url.raw_query_string or url.fragment:
            raise ValueError("a base URL has no user, password, query or fragment")
        return cls(str(url.origin()), url.raw_path.rstrip("/"))
