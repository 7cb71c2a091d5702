"""What exports say that cassettes leave out: where calls go, and the words of a status."""

from http import HTTPStatus
from urllib.parse import urlsplit

from runproxy.errors import ConfigError


def absolute_url(base_url: str, target: str) -> str:
    """Put a recorded target behind a base URL; a path they share, such as `/v1`, stands once.

    Raises `ConfigError` for a base URL that is none.
    """
    origin, prefix = _parted(base_url)
    path = target.partition("?")[0]
    is_shared = path == prefix or path.startswith(f"{prefix}/")
    return f"{origin}{target}" if is_shared else f"{origin}{prefix}{target}"


def _parted(base_url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(base_url)
        has_place = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        has_place = False
    if not has_place or any(char.isspace() or not char.isprintable() for char in base_url):
        raise ConfigError("--base-url is no URL such as http://127.0.0.1:8787 or https://host.example/v1.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError("--base-url holds more than scheme, host, port and path; leave the rest away.")
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def reason(status: int) -> str:
    """Give the words of a status; empty for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
