"""Each kind of upstream over real sockets: what a client sends, what is forwarded, recorded and replayed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest

from runproxy.attribution import Fingerprints
from runproxy.errors import ConfigError
from runproxy.messages import Request, Response, make_headers
from runproxy.sandbox import Sandbox, counted_ids, running_sandbox
from tests.parts import ScriptedUpstream, ask, modify, proxy, serving, stored

OURS = "team-credential-0123456789"
THEIRS = "client-credential-987654"
RUN = "/threads/thread_abc123/runs/run_abc123"
JSON = ("Content-Type", "application/json")
BETA = ("OpenAI-Beta", "assistants=v2")

# The SDK marks the whole API as deprecated, which is what this project is about.
sdk = pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning")


@dataclass(frozen=True)
class Dialect:
    """A kind of upstream: its prefix, what a client sends there, and the profile beside its URL."""

    kind: str
    prefix: str
    headers: tuple[tuple[str, str], ...]
    query: str = ""
    profile: dict[str, Any] = field(default_factory=dict)


OPENAI = Dialect("openai", "/v1", (JSON, ("Authorization", f"Bearer {THEIRS}"), BETA))
AZURE = Dialect("azure", "/openai", (JSON, ("api-key", THEIRS)), "?api-version=2024-08-01-preview")
FOUNDRY = Dialect(
    "foundry", "/api/projects/my-project", (JSON, ("Authorization", f"Bearer {THEIRS}")), "?api-version=2025-05-01"
)
SELF_HOSTED = Dialect(
    "self_hosted",
    "/assistants/v1",
    (JSON, ("X-Gateway-Key", THEIRS), BETA),
    profile={"credential_header": "X-Gateway-Key"},
)
DIALECTS = [pytest.param(one, id=one.kind) for one in (OPENAI, AZURE, FOUNDRY, SELF_HOSTED)]


def call(dialect: Dialect, metadata: dict[str, str], query: str | None = None) -> Request:
    """Make a modify-run as a client of this kind sends it."""
    target = dialect.prefix + RUN + (dialect.query if query is None else query)
    return modify(metadata, target, headers=dialect.headers)


def rules(dialect: Dialect, origin: str, **more: Any) -> dict[str, Any]:
    """Give the settings of a profile for an upstream that is really there."""
    profile = {"kind": dialect.kind, "url": origin + dialect.prefix, **dialect.profile, **more}
    return {"upstreams": {"here": profile}}


@asynccontextmanager
async def upstream_of(dialect: Dialect) -> AsyncIterator[tuple[ScriptedUpstream, str]]:
    """Run a sandbox behind a server that keeps what it was sent, and shows the sandbox the key where it looks."""
    sandbox = Sandbox(new_id=counted_ids(), now=lambda: 1_700_000_000)
    sandbox.add_documented_run()

    async def answered(request: Request) -> Response:
        key = request.headers.get("X-Gateway-Key")
        more = [("Authorization", f"Bearer {key}")] if key else []
        headers = make_headers([*request.headers.items(), *more])
        return await sandbox.answer(Request(request.method, request.target, headers, request.body))

    upstream = ScriptedUpstream(make=answered)
    async with serving(upstream) as base_url:
        yield upstream, base_url.removesuffix("/v1")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_call_passes_is_recorded_and_replayed(tmp_path: Path, dialect: Dialect) -> None:
    """With the client's own credential, which passes and is not stored; replay needs neither upstream nor profile."""
    wanted = call(dialect, {"user_id": "user_abc123"})
    async with (
        upstream_of(dialect) as (upstream, origin),
        proxy(tmp_path, "record", "here", rules=rules(dialect, origin)) as on,
    ):
        assert on.base_path == dialect.prefix
        (recorded,) = await ask(on.url, wanted)
    assert (recorded.status, recorded.headers["x-runproxy-outcome"]) == (200, "recorded")
    assert upstream.seen[0].target == wanted.target
    assert THEIRS in str(list(upstream.seen[0].headers.values()))
    text = (tmp_path / "default.json").read_text()
    assert THEIRS not in text
    async with proxy(tmp_path, "replay") as on:
        assert on.base_path == dialect.prefix
        (replayed,) = await ask(on.url, wanted)
    assert stored(replayed) == stored(recorded)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sent", ["none", "theirs"])
async def test_a_credential_of_runproxys_own_takes_the_place_of_the_clients(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dialect: Dialect,
    sent: str,
) -> None:
    """Clients need none; what they send all the same goes nowhere; and runproxy's appears in nothing it writes."""
    monkeypatch.setenv("TEAM_KEY", OURS)
    wanted = call(dialect, {"user_id": "user_abc123"})
    if sent == "none":
        kept = [(name, value) for name, value in dialect.headers if THEIRS not in value]
        wanted = Request(wanted.method, wanted.target, make_headers(kept), wanted.body)
    echoing = call(dialect, {"note": OURS})
    async with (
        upstream_of(dialect) as (upstream, origin),
        proxy(tmp_path, "record", "here", rules=rules(dialect, origin, credential_env="TEAM_KEY")) as on,
    ):
        recorded, echoed = await ask(on.url, wanted, echoing)
    assert (recorded.status, recorded.headers["x-runproxy-outcome"]) == (200, "recorded")
    assert (echoed.status, OURS in echoed.body.decode()) == (502, False)
    for seen in upstream.seen:
        values = str(list(seen.headers.items())) + seen.target
        assert OURS in values
        assert THEIRS not in values
    written = (tmp_path / "default.json").read_text() + "".join(capsys.readouterr())
    assert OURS not in written
    assert THEIRS not in written


@pytest.mark.parametrize("dialect", [pytest.param(AZURE, id="azure"), pytest.param(FOUNDRY, id="foundry")])
async def test_an_api_version_is_added_for_the_upstream_and_is_no_part_of_the_recording(
    tmp_path: Path, dialect: Dialect
) -> None:
    """A client that names none is recorded so, and answered from that; one that names its own keeps it."""
    bare, versioned = call(dialect, {"a": "bare"}, ""), call(dialect, {"a": "own"}, "?api-version=v9")
    async with (
        upstream_of(dialect) as (upstream, origin),
        proxy(tmp_path, "record", "here", rules=rules(dialect, origin, api_version="2025-05-01")) as on,
    ):
        recorded = await ask(on.url, bare, versioned)
    assert [got.status for got in recorded] == [200, 200]
    assert [seen.target.partition("?")[2] for seen in upstream.seen] == ["api-version=2025-05-01", "api-version=v9"]
    async with proxy(tmp_path, "replay") as on:
        replayed = await ask(on.url, bare, versioned)
        (missed,) = await ask(on.url, call(dialect, {"a": "bare"}, "?api-version=2025-05-01"))
    assert [stored(got) for got in replayed] == [stored(got) for got in recorded]
    assert missed.status == 501


async def test_a_refused_call_reaches_no_upstream_of_any_kind(tmp_path: Path) -> None:
    """The guard stands in front of every prefix."""
    for dialect in (OPENAI, AZURE, FOUNDRY, SELF_HOSTED):
        too_many = call(dialect, {f"key_{number}": "x" for number in range(17)})
        async with (
            upstream_of(dialect) as (upstream, origin),
            proxy(tmp_path, "record", "here", rules=rules(dialect, origin)) as on,
        ):
            (refused,) = await ask(on.url, too_many)
        assert (refused.status, upstream.seen) == (400, [])


async def test_a_team_is_told_by_the_credential_in_the_header_of_its_profile(tmp_path: Path) -> None:
    """Where an upstream has a header of its own for it, attribution looks there too."""
    key = tmp_path / "fingerprints.key"
    key.write_text("a-secret-of-the-fingerprints")
    key.chmod(0o600)
    fingerprint = Fingerprints.from_file(key).of(THEIRS)
    teams = {"attribution": {"key_file": str(key), "teams": {"search": {"credentials": [fingerprint]}}}}
    policy = {"policy": {"teams": {"search": {"required": ["ticket"]}}}}
    async with (
        upstream_of(SELF_HOSTED) as (_, origin),
        proxy(tmp_path, "record", "here", rules={**rules(SELF_HOSTED, origin), **teams, **policy}) as on,
    ):
        (refused,) = await ask(on.url, call(SELF_HOSTED, {"a": "b"}))
    assert refused.status == 400
    assert "policy_missing_key" in refused.headers["x-runproxy-violations"]


@sdk
async def test_the_sdk_for_azure_records_and_replays(tmp_path: Path) -> None:
    """It takes the origin alone, adds /openai and the API version, and sends its key as api-key."""

    def update(endpoint: str) -> str:
        with openai.AzureOpenAI(azure_endpoint=endpoint, api_key=THEIRS, api_version="2024-08-01-preview") as client:
            return client.beta.threads.runs.update("run_abc123", thread_id="thread_abc123", metadata={"a": "b"}).id

    async with (
        upstream_of(AZURE) as (upstream, origin),
        proxy(tmp_path, "record", "here", rules=rules(AZURE, origin)) as on,
    ):
        assert await asyncio.to_thread(update, on.url) == "run_abc123"
    assert upstream.seen[0].target == f"/openai{RUN}?api-version=2024-08-01-preview"
    assert upstream.seen[0].headers["api-key"] == THEIRS
    async with proxy(tmp_path, "replay") as on:
        assert await asyncio.to_thread(update, on.url) == "run_abc123"


@sdk
async def test_the_sdk_reaches_foundry_agents_below_their_prefix(tmp_path: Path) -> None:
    """The plain SDK with the project as its base URL; runproxy adds the API version that it does not know of."""

    def update(base_url: str) -> str:
        with openai.OpenAI(base_url=base_url, api_key=THEIRS) as client:
            return client.beta.threads.runs.update("run_abc123", thread_id="thread_abc123", metadata={"a": "b"}).id

    async with (
        upstream_of(FOUNDRY) as (upstream, origin),
        proxy(tmp_path, "record", "here", rules=rules(FOUNDRY, origin, api_version="2025-05-01")) as on,
    ):
        assert await asyncio.to_thread(update, on.base_url) == "run_abc123"
    assert upstream.seen[0].target == f"/api/projects/my-project{RUN}?api-version=2025-05-01"


async def test_a_variable_that_is_not_set_keeps_a_forwarding_mode_from_starting_and_replay_not(tmp_path: Path) -> None:
    """Replay needs no credential, whatever the profile says."""
    settings = rules(OPENAI, "http://127.0.0.1:9", credential_env="NO_SUCH_VARIABLE")
    with pytest.raises(ConfigError, match=r"upstreams\.here\.credential_env: .* NO_SUCH_VARIABLE"):
        async with proxy(tmp_path, "passthrough", "here", rules=settings):
            pass
    async with proxy(tmp_path, "replay", "here", rules=settings) as on:
        assert on.base_path == "/v1"


async def test_what_the_sandbox_takes_as_azure_and_foundry_do() -> None:
    """An api-key is as good as a bearer token, and who names an API version need not name the beta."""
    sandbox = Sandbox(api_key=THEIRS)
    sandbox.add_documented_run()
    async with running_sandbox(sandbox) as url:
        got = await ask(
            url,
            call(AZURE, {"a": "b"}),
            call(AZURE, {"a": "b"}, ""),
            modify({"a": "b"}, "/openai" + RUN, headers=[JSON, ("api-key", "wrong-key-0123456789"), BETA]),
        )
    assert [one.status for one in got] == [200, 400, 401]
