"""What redacts, made of settings."""

from runproxy.keyfile import find_secret
from runproxy.redaction import KEY_VARIABLE, PLAIN, Redactor, RedactSettings


def make_redactor(settings: RedactSettings) -> Redactor:
    """Make what the settings ask for; raises `ConfigError` for a secret that is needed and missing, or unusable."""
    if settings == RedactSettings():
        return PLAIN
    return Redactor(settings, find_secret(KEY_VARIABLE, settings.key_file, "placeholders"))
