"""Raw paths, and how servers that decode and normalise would read them. Nothing here is ever used as a path."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

# A segment that every server reads alike: nothing encoded, no parameters, and not `.` or `..`. What it has taken it
# never gives back (`++`), so that matching takes linear time.
PLAIN_SEGMENT: Final = r"/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_~!$&'()*+,=:@.-]++"
PLAIN_PATH: Final = re.compile(f"(?:{PLAIN_SEGMENT})+")
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # control and format characters, and what is no character
_MAX_DECODINGS: Final = 4  # a path that is still encoded after so many rounds is no honest path


def climbs(path: str) -> bool:
    """Tell whether a path holds a `.` or `..` segment, in whatever disguise, and so may leave the prefix it shows."""
    if "%" not in path and "/." not in path and "\\" not in path:
        return False
    reading = _decoded(path)
    if reading is None:
        return True
    segments = reading.replace("\\", "/").split("/")
    return any(segment.partition(";")[0] in (".", "..") for segment in segments)


def most_lenient_reading(path: str) -> str | None:
    """Read a path as the most obliging server would; None when that cannot be told, or says something invisible."""
    reading = _decoded(path)
    if reading is None or any(unicodedata.category(char) in _INVISIBLE for char in reading):
        return None
    return unicodedata.normalize("NFKC", reading).casefold()


def _decoded(path: str) -> str | None:
    """Decode for as long as there is something to decode; None when it does not end, or is not valid UTF-8."""
    for _ in range(_MAX_DECODINGS):
        if _BAD_ESCAPE.search(path):
            return None
        try:
            decoded = unquote(path, errors="strict")
        except UnicodeDecodeError:
            return None
        if decoded == path:
            return path
        path = decoded
    return None
