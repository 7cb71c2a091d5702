"""Findings as GitHub Actions reads them on stdout: one workflow command per finding.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from collections.abc import Iterable, Iterator
from typing import Final

from runproxy.cli.findings.finding import Finding, path_of
from runproxy.cli.findings.rules import RULES

_IN_DATA: Final[dict[str, str | int | None]] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY: Final[dict[str, str | int | None]] = {**_IN_DATA, ":": "%3A", ",": "%2C"}


def as_annotations(findings: Iterable[Finding]) -> Iterator[str]:
    """Write each finding as an annotation, which GitHub shows beside its line."""
    for found in findings:
        properties = {} if found.file == "-" else {"file": str(path_of(found.file))}
        if properties and found.position:
            properties |= {"line": str(found.position.line), "col": str(found.position.column)}
        properties["title"] = RULES[found.rule].title
        told = ",".join(f"{name}={_escaped(value, _IN_PROPERTY)}" for name, value in properties.items())
        place = f" ({found.place})" if found.place and found.place not in found.message else ""
        yield f"::{found.level} {told}::{_escaped(f'{found.rule}: {found.message}{place}', _IN_DATA)}"


def _escaped(text: str, spellings: dict[str, str | int | None]) -> str:
    return text.translate(str.maketrans(spellings))
