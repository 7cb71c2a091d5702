"""The guard: what it admits has one reading, and in that reading keeps the limits and the rules.

`admission` decides on a call, `framing` on its headers and query, `judge` on what its body says.
"""

from runproxy.guard.admission import (
    MAX_METADATA_BODY_BYTES,
    VIOLATIONS_HEADER,
    Admitted,
    Guard,
    MetadataRefused,
    body_object,
)
from runproxy.guard.judge import Judge

__all__ = [
    "MAX_METADATA_BODY_BYTES",
    "VIOLATIONS_HEADER",
    "Admitted",
    "Guard",
    "Judge",
    "MetadataRefused",
    "body_object",
]
