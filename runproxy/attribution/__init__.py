"""Which team a call is of, told from its credential or from what it says of itself.

`settings` is what people write, `fingerprints` how a credential is named without being kept, `sources` what a call
tells, and `attribution` who is believed.
"""

from runproxy.attribution.attribution import UNKNOWN, Attribution, Caller
from runproxy.attribution.fingerprints import KEY_VARIABLE, Fingerprints
from runproxy.attribution.settings import AttributionSettings
from runproxy.attribution.sources import trusts_of

__all__ = ["KEY_VARIABLE", "UNKNOWN", "Attribution", "AttributionSettings", "Caller", "Fingerprints", "trusts_of"]
