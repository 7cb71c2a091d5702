"""The guard: what it admits has one reading, and in that reading keeps the limits and the rules.

`admission` decides on a call, `framing` on its headers and query, `judge` on what its body says.
"""

from runproxy.guard.admission import (
    MAX_METADATA_BODY_BYTES,
    VIOLATIONS_HEADER,
    Admitted,
    Guard,
    body_object,
    refusal_for,
)
from runproxy.guard.judge import Judge

__all__ = [
    "MAX_METADATA_BODY_BYTES",
    "VIOLATIONS_HEADER",
    "Admitted",
    "Guard",
    "Judge",
    "body_object",
    "refusal_for",
]
