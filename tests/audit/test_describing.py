"""What is kept of a call: bounded, whatever was sent, and without what the settings leave out."""

import json
from typing import Any

import pytest

from runproxy.audit.describing import Describer
from runproxy.audit.event import AuditEvent
from runproxy.audit.settings import AuditSettings
from runproxy.audit.values import Keeping
from runproxy.calls import Call
from runproxy.errors import ConfigError, Refusal
from runproxy.guard import Guard, Judge, MetadataRefused
from runproxy.messages import Request, make_headers
from runproxy.redaction import WriteGate
from runproxy.routes import KNOWN, RouteTable
from tests.parts import ADDRESS, CREDENTIAL, HEADERS, modify

GUARD = Guard(RouteTable(KNOWN), Judge())


def described(request: Request, keeping: Keeping | None = None, gate: WriteGate | None = None) -> AuditEvent:
    """Let the guard look at a call, as the service does, and describe it."""
    call = Call(request, "passthrough", guarded=GUARD.route_of(request.path))
    try:
        call.body = GUARD.admit(request).body
    except Refusal as error:
        call.error = error
        call.body = error.body if isinstance(error, MetadataRefused) else None
    return Describer(keeping or Keeping("full", {}, None), gate or WriteGate()).describe(call, 5)


def test_a_call_of_any_size_is_kept_in_bounded_space() -> None:
    """Pairs, keys, values, findings and objects are cut; their true number and length are told."""
    huge = {f"{'k' * 300}{number}": "v" * 2_000 for number in range(400)}
    event = described(modify(huge))
    assert len(event.pairs) == 256
    assert {(len(pair.key), len(pair.value or ""), pair.chars, pair.form) for pair in event.pairs} == {
        (256, 512, 2_000, "cut")
    }
    assert event.objects[0].pairs == event.most_pairs == 400
    assert len(event.findings) == 256
    assert max(len(found.param) for found in event.findings) <= 512
    assert event.findings[0].actual == 400
    messages = [{"role": "user", "content": "x", "metadata": {"n": str(number)}} for number in range(300)]
    many = Request("POST", "/v1/threads", modify().headers, json.dumps({"messages": messages}).encode())
    assert len(described(many).objects) == 64


def test_long_paths_and_agents_are_cut() -> None:
    """A path of the longest ids, and a user agent that is a book."""
    event = described(
        modify({}, f"/v1/threads/{'t' * 128}/runs/{'r' * 128}", headers=(*HEADERS, ("User-Agent", "u" * 9_000)))
    )
    assert event.thread_id == "t" * 128
    assert len(event.user_agent) == 512
    assert len(described(modify({}, f"/{'x/' * 600}v1/threads/t/runs/r")).path) == 512


def test_a_user_agent_that_is_no_utf_8_is_spelled_out() -> None:
    """The edge hands bytes on as lone surrogates, which no database takes."""
    assert described(modify({}, headers=(*HEADERS, ("User-Agent", "caf\udce9 ü")))).user_agent == "caf\\udce9 ü"


@pytest.mark.parametrize("body", [b'{"metadata": "text"}', b'{"metadata": null}', b'{"metadata": [1]}', b"{}"])
def test_metadata_that_is_no_object_has_no_pairs(body: bytes) -> None:
    """Its place is told all the same."""
    event = described(Request("POST", ADDRESS, modify().headers, body))
    assert event.pairs == ()
    assert [held.pairs for held in event.objects] == ([None] if b"metadata" in body else [])


def test_a_credential_of_another_call_is_masked() -> None:
    """The gate remembers what it has seen; one credential in one value masks this value only."""
    gate = WriteGate()
    gate.learn(modify({}))
    event = described(modify({"a": CREDENTIAL, "b": "fine"}, headers=HEADERS[:1]), gate=gate)
    assert [(pair.key, pair.value, pair.form, pair.chars) for pair in event.pairs] == [
        ("a", None, "masked", len(CREDENTIAL)),
        ("b", "fine", "full", 4),
    ]


def test_secrets_are_masked_also_where_values_are_hashed_or_cut() -> None:
    """A hash of a secret would be a secret to be tried out, and a secret behind the cut must not show its start."""
    keeping = Keeping("hashed", {"long": "full"}, b"a secret of some length")
    value = "x" * 500 + " " + CREDENTIAL
    event = described(modify({"short": CREDENTIAL, "long": value, "fine": "f"}), keeping)
    assert [(pair.key, pair.form) for pair in event.pairs] == [
        ("short", "masked"),
        ("long", "masked"),
        ("fine", "hashed"),
    ]


def test_a_call_with_too_many_credentials_tells_nothing_of_its_texts() -> None:
    """There are more than can be looked for."""
    headers = (*HEADERS, *((f"X-Token-{number}", f"credential-{number:04d}") for number in range(80)))
    event = described(modify({"user": "a"}, headers=headers))
    assert [(pair.key, pair.value, pair.form) for pair in event.pairs] == [("(holds a credential)", None, "masked")]
    assert event.path == "(holds a credential)"
    assert event.user_agent == ""


def test_hashes_are_told_by_their_secret() -> None:
    """Equal values have equal hashes under one secret, and others under another; a search knows both forms."""
    one, other = (Keeping("hashed", {}, secret) for secret in (b"a secret of some length", b"another of the kind"))
    assert one.keep("k", "v") == one.keep("l", "v") != other.keep("k", "v")
    assert one.forms_of("v") == ("v", one.keep("k", "v")[0])
    assert Keeping("full", {}, None).forms_of("v") == ("v",)
    assert "secret" not in repr(one)


def test_hashing_needs_a_secret() -> None:
    """The error says which variable to set, and how to make one."""
    with pytest.raises(ConfigError, match="RUNPROXY_AUDIT_KEY") as caught:
        Keeping.of(AuditSettings(store_values_of={"user": "hashed"}))
    assert "head -c 32 /dev/urandom" in caught.value.message


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("record, auto", ("record", "auto"), id="text"),
        pytest.param("none", (), id="none"),
        pytest.param(["replay"], ("replay",), id="list"),
    ],
)
def test_modes_come_as_a_list_or_as_one_text(given: Any, expected: tuple[str, ...]) -> None:
    """Flags and variables are text; `none` is none."""
    assert AuditSettings(modes=given).modes == expected


def test_ids_of_other_routes_are_not_taken_for_runs() -> None:
    """A thread alone has no run, and an assistant neither."""
    headers = make_headers([("Content-Type", "application/json")])
    thread = described(Request("POST", "/v1/threads/thread_1", headers, b"{}"))
    assistant = described(Request("POST", "/v1/assistants/asst_1", headers, b"{}"))
    assert (thread.thread_id, thread.run_id) == ("thread_1", "")
    assert (assistant.thread_id, assistant.run_id) == ("", "")
