"""An organisation's own rules on metadata, on top of the API's, per team.

`tables` is what people write, `ruleset` what it comes to for one team, `explain` the same in words.
"""

from runproxy.policy.explain import explain
from runproxy.policy.policies import NO_POLICY, Policies
from runproxy.policy.ruleset import Ruleset
from runproxy.policy.tables import KeyTable, PolicySettings

__all__ = ["NO_POLICY", "KeyTable", "Policies", "PolicySettings", "Ruleset", "explain"]
