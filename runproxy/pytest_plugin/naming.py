"""Which cassette belongs to a test: `cassettes/MODULE/TEST.json` in the folder of its file.

TEST is `function`, `Class.function`, and for one of several sets of parameters `function-ID`. An id is taken as it is
where it consists of lower-case letters, digits, `_`, `-` and dots. In any other, what stands out becomes `_`, and a
digest of the id is added, so that no two ids of a function share a cassette: on file systems without case, either.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

import pytest

from runproxy.pytest_plugin.flags import marked_by

FOLDER: Final = "cassettes"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_PLAIN_ID: Final = re.compile(r"[a-z0-9_-](?:[a-z0-9._-]*[a-z0-9_-])?")
_MOST_CHARS: Final = 90
_DIGEST_CHARS: Final = 8


def folder_of(item: pytest.Item) -> Path:
    """Give the folder for the cassettes of a test, unless it is told otherwise."""
    return item.path.parent / FOLDER


def cassette_of(item: pytest.Item) -> str:
    """Name the cassette of a test: the one that its marker names, else its own."""
    named = marked_by(item).get("cassette")
    return str(named) if named is not None else f"{_safe(item.path.stem)}/{_test_of(item)}"


def _test_of(item: pytest.Item) -> str:
    function = getattr(item, "originalname", None) or item.name.partition("[")[0]
    held_by = getattr(item, "cls", None)
    name = _safe(f"{held_by.__qualname__}.{function}" if held_by else function)
    if item.name == function:
        return name
    parameters = item.name.removeprefix(function).removeprefix("[").removesuffix("]")
    return f"{name}-{safe_id(parameters)}"


def safe_id(parameters: str) -> str:
    """Turn the id of a set of parameters into a part of a file name, another one for each."""
    is_plain = _PLAIN_ID.fullmatch(parameters) and not parameters.endswith(".json")
    if is_plain and len(parameters) <= _MOST_CHARS - _DIGEST_CHARS:
        return parameters
    return _with_digest(_UNSAFE.sub("_", parameters), parameters)


def _safe(name: str) -> str:
    """Turn the name of a module or a function into a part of a file name."""
    safe = _UNSAFE.sub("_", name)
    return safe if safe == name and len(name) <= _MOST_CHARS else _with_digest(safe, name)


def _with_digest(safe: str, whole: str) -> str:
    """Shorten a text, and add a digest of what it stands for; the '~' between them stands in no plain id."""
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return f"{safe[: _MOST_CHARS - _DIGEST_CHARS]}~{digest}"
