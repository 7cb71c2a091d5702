"""Bodies of requests that come as streams, with no more of them in memory than is said.

`whole` reads one that must be known before anything else is done, `heard` notes what passes, `spool` keeps one until
it is known where it goes, and `outgoing` is one on its way to the upstream.
"""

from runproxy.uploads.heard import Upload, gathered
from runproxy.uploads.outgoing import Outgoing
from runproxy.uploads.spool import spooled
from runproxy.uploads.whole import BodyReader

__all__ = ["BodyReader", "Outgoing", "Upload", "gathered", "spooled"]
