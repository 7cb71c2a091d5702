"""Findings as SARIF 2.1.0 (OASIS), which code scanners and editors read."""

import os
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from re import sub
from typing import Any, Final
from urllib.parse import quote

from runproxy.cli.findings.finding import Finding, path_of
from runproxy.cli.findings.rules import RULES

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "runproxy/v1"
"""The name of our fingerprints; another way of making them gets another name."""

_STDIN: Final = "-"


def as_sarif(findings: Sequence[Finding], *, version: str, trouble: Sequence[str] = ()) -> dict[str, Any]:
    """Make a log of one run; `version` is that of runproxy, `trouble` says what could not be looked into."""
    ids = sorted({found.rule for found in findings})
    prints = _fingerprints(findings)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "runproxy", "version": version, "rules": [_rule(code) for code in ids]}},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(trouble)],
                "results": [
                    _result(found, ids.index(found.rule), mark) for found, mark in zip(findings, prints, strict=True)
                ],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
        "properties": {"tags": ["security"] if rule.is_security else ["correctness"]},
    }


def _invocation(trouble: Sequence[str]) -> dict[str, Any]:
    told = [{"level": "error", "message": {"text": message}} for message in trouble]
    return {"executionSuccessful": not trouble, **({"toolExecutionNotifications": told} if told else {})}


def _result(found: Finding, index: int, fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": found.level,
        "message": {"text": found.message},
        "locations": [_location(found)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }


def _location(found: Finding) -> dict[str, Any]:
    place = [{"fullyQualifiedName": found.place}] if found.place else []
    if found.file == _STDIN:
        return {"logicalLocations": place or [{"fullyQualifiedName": "stdin"}]}
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri_of(found.file)}}
    if found.position:
        physical["region"] = {"startLine": found.position.line, "startColumn": found.position.column}
    return {"physicalLocation": physical, **({"logicalLocations": place} if place else {})}


def uri_of(file: str) -> str:
    """Write a file below the current folder as a relative reference, any other as a URL (RFC 3986)."""
    path = path_of(file)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path))


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """Tell findings apart by what lasts: not by their lines, nor by how many interactions stand before theirs.

    Of several that are alike in this, each has its number. Nothing of what was found goes into it.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    for found in findings:
        place = sub(r"^(interactions)\[[0-9]+\]|^line [0-9]+$", r"\1", found.place)
        lasting = (found.rule, found.file if found.file == _STDIN else uri_of(found.file), place, found.message)
        made.append(sha256("\n".join([*lasting, str(seen[lasting])]).encode("utf-8", "surrogateescape")).hexdigest())
        seen[lasting] += 1
    return made
