"""The documents: what they list is what there is. What they show is tried in tests/docs."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runproxy import strictjson
from runproxy.admin.sessions import Wanted
from runproxy.coding import CODINGS
from runproxy.config import FaultSettings
from runproxy.config.faults import KINDS_OF, Kind
from runproxy.messages import Request, make_headers
from runproxy.routes import KNOWN
from runproxy.server import protocol
from runproxy.upstream import failures
from tests.docs.page import ROOT, pages
from tests.parts import ask, proxy

GUARD = (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")
FAULTS = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
HTTP = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
UPSTREAMS = (ROOT / "docs" / "upstreams.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
NOT_OF_THE_GUARD = re.compile(
    "answer_too_long|audit_unavailable|cassette_error|cassette_miss|client_gone|fault|internal_error|invalid_config|"
    "invalid_filter|opaque_body|secret_found|stopped|needs_one_process|sunset|too_many_(calls|connections|credentials)|"
    "unredactable_body|upload_.*|upstream_.*|workers_failed"
)
"""Codes that say something other than that the guard or the edge refused a call."""


def codes_in_the_source() -> set[str]:
    """List what stands as a code in a call in the package: `code="…"`, and the first argument of Violation.

    Those of the sandbox are the service's.
    """
    found = set()
    for path in (path for path in (ROOT / "runproxy").rglob("*.py") if "sandbox" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                named = [word.value for word in node.keywords if word.arg == "code"]
                is_finding = isinstance(node.func, ast.Name) and node.func.id == "Violation"
                is_length = isinstance(node.func, ast.Attribute) and node.func.attr == "_length"
                values = named + (node.args[:1] if is_finding or is_length else [])
                found |= {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found | strictjson.REFUSALS.keys()


def test_the_table_of_routes_is_the_one_in_the_code() -> None:
    """Names, methods, templates and pointers of all routes stand in docs/guard.md, in their order."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+) (/\S+)` \| (.*) \|$", GUARD, re.MULTILINE)
    expected = [
        (
            route.name,
            route.method,
            route.template,
            ", ".join(f"`{pointer}`" for pointer in route.pointers) + ", nothing else in the body" * route.is_closed,
        )
        for route in KNOWN
    ]
    assert rows == expected


def test_the_table_of_faults_is_the_one_in_the_code() -> None:
    """Every kind stands in docs/faults.md with the settings that go with it, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| (.*) \|$", FAULTS.partition("## Which calls")[0], re.MULTILINE)
    fields = FaultSettings.model_fields.keys()
    listed = {kind: set(re.findall(r"`(\w+)`", settings)) & fields for kind, settings in rows if kind in get_args(Kind)}
    assert listed == {kind: {name for name, kinds in KINDS_OF.items() if kind in kinds} for kind in get_args(Kind)}


def test_the_session_with_faults_can_be_started() -> None:
    """Whoever copies the call gets a session."""
    (body,) = re.findall(r"-d '(\{.*\})'", FAULTS)
    assert Wanted.model_validate_json(body).faults


def test_every_code_of_the_guard_is_explained_and_no_other() -> None:
    """What a client can be told is listed in docs/guard.md, and what is listed there can happen."""
    section = GUARD.partition("## Codes")[2]
    listed = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", "\n".join(re.findall(r"^\| ([^|]*)\|", section, re.MULTILINE))))
    assert listed == {code for code in codes_in_the_source() if not NOT_OF_THE_GUARD.fullmatch(code)}


def test_every_code_of_an_upstream_that_fails_is_explained_and_no_other() -> None:
    """What can go wrong on the way to an upstream stands in docs/upstreams.md."""
    listed = re.findall(r"^\| `(upstream_\w+)` \|", UPSTREAMS, re.MULTILINE)
    assert sorted(listed) == sorted(code for code in codes_in_the_source() if code.startswith("upstream_"))


def test_the_limits_of_http_are_those_in_the_code() -> None:
    """What stands in docs/http.md is what is taken, from clients and from upstreams."""
    rows = re.findall(
        r"^\| (?:the target|a header|the number of headers) of .* \| (\d+)(?: KiB)? \|", HTTP, re.MULTILINE
    )
    assert [int(row) for row in rows[:4]] == [
        protocol.MAX_TARGET_BYTES // 1024,
        protocol.MAX_HEADER_BYTES // 1024,
        protocol.MAX_HEADERS,
        failures.MAX_HEADER_BYTES // 1024,
    ]
    assert all(f"`{coding}`" in HTTP or f'"{coding}"' in HTTP for coding in CODINGS)


async def test_the_table_of_figures_is_what_is_told(tmp_path: Path) -> None:
    """Every metric stands in docs/reference/metrics.md under the name that Prometheus reads, and no other."""
    async with proxy(tmp_path, "replay") as on:
        (answer,) = await ask(on.admin_url, Request("GET", "/metrics", make_headers()))
    told = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    listed = re.findall(r"^\| `(\w+)`", FIGURES, re.MULTILINE)
    assert {name.removesuffix("_total") for name in listed} == told


def anchors_of(page: Path) -> set[str]:
    """Give what links to the headings of a page end in."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page: Path) -> None:
    """Relative links name files that are there, and anchors name headings of the page."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), target
        assert not anchor or anchor in anchors_of(other), target
