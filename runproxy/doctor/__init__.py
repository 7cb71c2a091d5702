"""The doctor: whether runproxy can do here what its settings ask for, and what to do where it cannot.

`here` looks at this machine, `recordings` at what is on file, `redacting` at what would be stored, `reaching` at the
way to the upstream, `answering` at what the upstream says, and `examination` does all of it in order. Nothing is
changed, here or there, and no credential is sent unless that is asked for.
"""

from runproxy.doctor.examination import Examination
from runproxy.doctor.finding import Finding

__all__ = ["Examination", "Finding"]
