"""From what the service calls a parameter to the way there in a body."""

import re
from typing import Final

from runproxy.positions import Steps

_ITEM: Final = re.compile(r"\[([0-9]+)\]")


def steps_of(param: str, value: object) -> Steps:
    """Follow a parameter such as `messages[0].metadata.a.b` into a value, as far as there is something.

    Keys of metadata may hold dots and brackets; where several fit, the longest is taken.
    """
    if isinstance(value, dict):
        fitting = [name for name in value if name and (param == name or param.startswith((f"{name}.", f"{name}[")))]
        if not fitting:
            return ()
        name = max(fitting, key=len)
        return (name, *steps_of(param[len(name) :].removeprefix("."), value[name]))
    found = _ITEM.match(param)
    if isinstance(value, list) and found and int(found[1]) < len(value):
        position = int(found[1])
        return (position, *steps_of(param[found.end() :].removeprefix("."), value[position]))
    return ()
