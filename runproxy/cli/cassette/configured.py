"""What commands on cassettes take from the settings file, so that they redact and connect as the proxy does."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loaded by the commands themselves
    from runproxy.config import Settings
    from runproxy.redaction import Redactor


def settings_redactor() -> "Redactor":
    """Give what redacts as the settings file says, if there is one."""
    from runproxy.composition.redactors import make_redactor

    return make_redactor(settings_here().redact)


def settings_here() -> "Settings":
    """Give what the settings file says, if there is one."""
    from runproxy.config import Settings, find_file, make_settings, read_file

    path = find_file(os.environ.get("RUNPROXY_CONFIG"))
    return make_settings(read_file(path), str(path)) if path else Settings()
