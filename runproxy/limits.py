"""The limits of the API on a metadata object, which are also those of `/conversations` and all its other endpoints.

Source: the API's own description of `metadata`; a character is a Unicode code point, nothing is normalised.
"""

from typing import Final

MAX_PAIRS: Final = 16
MAX_KEY_CHARS: Final = 64
MAX_VALUE_CHARS: Final = 512

MAX_FINDINGS: Final = 256
"""So many things that are wrong are found in one body, and no more: a million mistakes are not worth the time."""
