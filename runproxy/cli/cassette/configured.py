"""What commands on cassettes take from the settings file, so that they redact as the proxy does."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loaded by the commands themselves
    from runproxy.redaction import Redactor


def settings_redactor() -> "Redactor":
    """Give what redacts as the settings file says, if there is one."""
    from runproxy.cli.reading import settings_here
    from runproxy.composition.redactors import make_redactor

    return make_redactor(settings_here().redact)
