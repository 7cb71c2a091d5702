"""Which recording answers a call, and why none does.

Two requests are the same when method, path, query (as sorted pairs) and body agree. JSON bodies are compared by
value: the order of names does not matter, that of arrays does, `1` equals `1.0`. Other bodies are compared byte by
byte, but for the boundaries of multipart ones, and so are all of which only a digest is known. Headers do not count.
Settings say what does not count either, and which headers do.
"""

from runproxy.matching.key import MatchKey, address_parts, digested, match_key, may_be_of_digest
from runproxy.matching.matcher import Matcher
from runproxy.matching.nearest import ABSENT, MAX_ALIKE, MAX_DIFFERENCES, Difference, Nearest, nearest
from runproxy.matching.settings import MatchSettings

__all__ = [
    "ABSENT",
    "MAX_ALIKE",
    "MAX_DIFFERENCES",
    "Difference",
    "MatchKey",
    "MatchSettings",
    "Matcher",
    "Nearest",
    "address_parts",
    "digested",
    "match_key",
    "may_be_of_digest",
    "nearest",
]
