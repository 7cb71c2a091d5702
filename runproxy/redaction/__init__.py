"""What may be stored, and the gate in front of everything that is written.

Default-deny: only allow-listed headers are kept (`headers`), every other name is dropped. Values that are secret by
their name or by the settings are replaced (`query`, `bodies`, `ids`), the same way for recording and for looking up
(`redactor`). What is left is scanned (`gate`). On a hit nothing is written.
"""

from runproxy.redaction.forms import MIN_CREDENTIAL_CHARS, NO_CREDENTIALS, is_told_apart
from runproxy.redaction.gate import (
    MAX_OF_A_REQUEST,
    MAX_REMEMBERED,
    CredentialSearch,
    WriteGate,
    loggable,
    loggable_path,
)
from runproxy.redaction.headers import (
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    carries_credential,
    dropped_names,
    kept_request_headers,
    kept_response_headers,
)
from runproxy.redaction.placeholders import ID
from runproxy.redaction.query import REDACTED, scrub, secrets_in_query, without_secrets
from runproxy.redaction.redactor import PLAIN, Redactor, storable_request, storable_response
from runproxy.redaction.settings import KEY_VARIABLE, BodyRule, RedactSettings

__all__ = [
    "ID",
    "KEY_VARIABLE",
    "MAX_OF_A_REQUEST",
    "MAX_REMEMBERED",
    "MIN_CREDENTIAL_CHARS",
    "NO_CREDENTIALS",
    "PLAIN",
    "REDACTED",
    "REQUEST_HEADERS",
    "RESPONSE_HEADERS",
    "BodyRule",
    "CredentialSearch",
    "RedactSettings",
    "Redactor",
    "WriteGate",
    "carries_credential",
    "dropped_names",
    "is_told_apart",
    "kept_request_headers",
    "kept_response_headers",
    "loggable",
    "loggable_path",
    "scrub",
    "secrets_in_query",
    "storable_request",
    "storable_response",
    "without_secrets",
]
