"""What redacts and what compares, made of settings."""

from runproxy.errors import ConfigError
from runproxy.keyfile import find_secret
from runproxy.matching import Matcher, MatchSettings
from runproxy.redaction import KEY_VARIABLE, PLAIN, Redactor, RedactSettings


def make_redactor(settings: RedactSettings) -> Redactor:
    """Make what the settings ask for; raises `ConfigError` for a secret that is needed and missing, or unusable."""
    if settings == RedactSettings():
        return PLAIN
    return Redactor(settings, find_secret(KEY_VARIABLE, settings.key_file, "placeholders"))


def make_matcher(settings: MatchSettings, redactor: Redactor) -> Matcher:
    """Make what the settings ask for; raises `ConfigError` for a header that must agree and is not stored."""
    if why := why_unmatched(settings, redactor):
        raise ConfigError(why)
    return Matcher(redactor, settings)


def why_unmatched(settings: MatchSettings, redactor: Redactor) -> str:
    """Say why no call could ever agree with a recording by these settings; empty when it can."""
    unstored = redactor.unstored(settings.headers)
    if not unstored:
        return ""
    return f"match.headers: {unstored[0]!r} is not stored in recordings. Store it: redact.request_headers."
