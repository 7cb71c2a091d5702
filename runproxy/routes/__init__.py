"""The endpoints whose body carries metadata, and the only room that knows endpoints.

`route` says what a route is and where metadata stands in its body, `known` lists those of the API, `table` finds the
route of a path, and `paths` reads paths as lenient servers would.
"""

from runproxy.routes.closed import closed_template
from runproxy.routes.known import BY_NAME, CREATE_RUN, KNOWN, MODIFY_RUN
from runproxy.routes.paths import climbs
from runproxy.routes.pointers import Place, lenient_name
from runproxy.routes.route import ID_PATTERN, Route
from runproxy.routes.table import Lookalike, RouteTable

__all__ = [
    "BY_NAME",
    "CREATE_RUN",
    "ID_PATTERN",
    "KNOWN",
    "MODIFY_RUN",
    "Lookalike",
    "Place",
    "Route",
    "RouteTable",
    "climbs",
    "closed_template",
    "lenient_name",
]
