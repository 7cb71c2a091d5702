"""Match settings over real sockets: in the config, in the cassette, and in a session."""

import json
from pathlib import Path
from typing import Any

import pytest

from runproxy.cassettes.layout import HEAD, make_head
from runproxy.errors import ConfigError, CorruptCassette
from runproxy.matching import MatchSettings
from runproxy.messages import Request
from runproxy.stores.cassette_file import CassetteFile, Edit
from tests.flows.test_sessions import start
from tests.parts import ADDRESS, ScriptedUpstream, answer, ask, echo, modify, proxy, serving

AT = {"ignore_body": ["/metadata/at"]}


async def record(folder: Path, *requests: Request, **rules: Any) -> None:
    """Record calls, each answered with the metadata it carries."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(folder, "record", base_url, rules=rules) as on:
        await ask(on.url, *requests)


def say_in_file(folder: Path, match: dict[str, Any], indent: int | None = 4) -> None:
    """Write match settings into a cassette, as a person or another tool would."""
    path = folder / "default.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({"match": match, **document}, indent=indent))


async def outcomes(folder: Path, *requests: Request, **rules: Any) -> list[str]:
    """Tell what becomes of calls in replay."""
    async with proxy(folder, "replay", rules=rules) as on:
        return [got.headers["x-runproxy-outcome"] for got in await ask(on.url, *requests)]


async def test_the_config_says_what_does_not_count(tmp_path: Path) -> None:
    """A call that differs there alone is answered; without the setting it is a miss."""
    await record(tmp_path, modify({"at": "1", "a": "b"}))
    later = modify({"at": "2", "a": "b"})
    assert await outcomes(tmp_path, later, match=AT) == ["replayed"]
    assert await outcomes(tmp_path, later) == ["miss"]


@pytest.mark.parametrize("indent", [None, 2, 4])
async def test_the_cassette_says_what_does_not_count(tmp_path: Path, indent: int | None) -> None:
    """However it was printed, the setting travels with the fixture, whatever the config of the reader."""
    await record(tmp_path, modify({"at": "1", "a": "b"}))
    say_in_file(tmp_path, AT, indent)
    assert await outcomes(tmp_path, modify({"at": "2", "a": "b"})) == ["replayed"]


async def test_a_cassette_keeps_what_it_says_when_it_is_recorded_into(tmp_path: Path) -> None:
    """Appending and replacing leave its head as it is; a call that differs only there replaces its recording."""
    await record(tmp_path, modify({"at": "1", "a": "b"}))
    say_in_file(tmp_path, AT)
    await record(tmp_path, modify({"at": "2", "a": "b"}), modify({"other": "call"}))
    text = (tmp_path / "default.json").read_bytes()
    assert text.startswith(make_head(MatchSettings.model_validate(AT)))
    assert b'"match": {"ignore_body": ["/metadata/at"]},\n  "interactions"' in text
    sent = [held["request"]["body"]["json"]["metadata"] for held in json.loads(text)["interactions"]]
    assert sent == [{"at": "2", "a": "b"}, {"other": "call"}]


async def test_a_torn_write_behind_a_longer_head_is_mended(tmp_path: Path) -> None:
    """What stood before it is kept, and so is what the cassette says."""
    await record(tmp_path, modify({"at": "1"}), modify({"n": "2"}))
    say_in_file(tmp_path, AT)
    await record(tmp_path, modify({"n": "3"}))
    path = tmp_path / "default.json"
    path.write_bytes(path.read_bytes()[:-40])
    await record(tmp_path, modify({"n": "4"}))
    assert path.read_bytes().startswith(make_head(MatchSettings.model_validate(AT)))
    assert len(json.loads(path.read_bytes())["interactions"]) == 3


async def test_an_emptied_list_behind_a_longer_head_is_written_to(tmp_path: Path) -> None:
    """The first recording has no comma before it."""
    head = make_head(MatchSettings.model_validate(AT))
    (tmp_path / "default.json").write_bytes(head + b"\n  ]\n}\n")
    await record(tmp_path, modify({"at": "1"}), modify({"n": "2"}))
    assert len(json.loads((tmp_path / "default.json").read_bytes())["interactions"]) == 2


async def test_a_session_says_what_does_not_count(tmp_path: Path) -> None:
    """For its own calls alone."""
    await record(tmp_path, modify({"at": "1"}))
    async with proxy(tmp_path, "replay") as on:
        session = await start(on, match=AT)
        origin = session["base_url"].removesuffix("/v1")
        (inside,) = await ask(origin, modify({"at": "2"}))
        (outside,) = await ask(on.url, modify({"at": "2"}))
    assert (inside.headers["x-runproxy-outcome"], outside.headers["x-runproxy-outcome"]) == ("replayed", "miss")


async def test_a_tape_from_behind_one_prefix_answers_behind_another(tmp_path: Path) -> None:
    """Recorded behind /v1, replayed behind the prefix of another provider; any prefix that is not named is a miss."""
    await record(tmp_path, modify({"a": "b"}))
    calls = [modify({"a": "b"}, f"{prefix}{ADDRESS.removeprefix('/v1')}") for prefix in ("/openai/v1", "/else")]
    prefixes = {"prefixes": ["/v1", "/openai/v1"]}
    assert await outcomes(tmp_path, *calls, match=prefixes) == ["replayed", "miss"]


async def test_a_header_that_must_agree(tmp_path: Path) -> None:
    """The miss names it, with both values."""
    await record(tmp_path, modify({"a": "b"}))
    plain = modify({"a": "b"}, headers=[("Content-Type", "application/json"), ("OpenAI-Beta", "assistants=v1")])
    async with proxy(tmp_path, "replay", rules={"match": {"headers": ["OpenAI-Beta"]}}) as on:
        same, other = await ask(on.url, modify({"a": "b"}), plain)
    assert same.headers["x-runproxy-outcome"] == "replayed"
    (difference,) = json.loads(other.body)["error"]["nearest"]["differences"]
    assert difference == {"where": "header.openai-beta", "you_sent": '"assistants=v1"', "recorded": '"assistants=v2"'}


async def test_a_header_that_is_not_stored_cannot_be_asked_for(tmp_path: Path) -> None:
    """In the config at start-up, in a cassette when it is loaded; both name the header and the remedy."""
    with pytest.raises(ConfigError, match=r"match\.headers: 'x-team'.*redact\.request_headers"):
        await outcomes(tmp_path, match={"headers": ["X-Team"]})
    await record(tmp_path, modify({"a": "b"}))
    say_in_file(tmp_path, {"headers": ["x-team"]})
    with pytest.raises(CorruptCassette, match=r"default.*match\.headers: 'x-team'.*redact\.request_headers"):
        await outcomes(tmp_path, modify({"a": "b"}))


@pytest.mark.parametrize("indent", [None, 4])
async def test_a_wrong_setting_in_a_cassette_is_told_with_its_place(tmp_path: Path, indent: int | None) -> None:
    """File, path and reason."""
    await record(tmp_path, modify({"a": "b"}))
    say_in_file(tmp_path, {"ignore_body": ["/a", "b"]}, indent)
    with pytest.raises(CorruptCassette, match=r"default\.json: match\.ignore_body\[1\]: a JSON pointer was expected"):
        await outcomes(tmp_path, modify({"a": "b"}))


async def test_settings_that_are_too_long_for_a_head_are_told(tmp_path: Path) -> None:
    """When the cassette is loaded, and when it is recorded into, which leaves it as it is."""
    await record(tmp_path, modify({"a": "b"}))
    say_in_file(tmp_path, {"ignore_query": [f"name_{number}" for number in range(2000)]})
    before = (tmp_path / "default.json").read_bytes()
    with pytest.raises(CorruptCassette, match=r"default\.json: match: longer than 4096 characters"):
        await outcomes(tmp_path, modify({"a": "b"}))
    with pytest.raises(CorruptCassette):
        CassetteFile(tmp_path / "default.json").apply([Edit(None, b"\n    {\n    }")])
    assert (tmp_path / "default.json").read_bytes() == before


async def test_ids_are_rebound_where_asked_for(tmp_path: Path) -> None:
    """Off by default; on, the answer speaks of the ids of the call."""
    upstream = ScriptedUpstream(answer({"id": "run_abc123", "thread_id": "thread_abc123"}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, modify({"a": "b"}))
    fresh = modify({"a": "b"}, "/v1/threads/thread_fresh777/runs/run_fresh777")
    assert await outcomes(tmp_path, fresh) == ["miss"]
    async with proxy(tmp_path, "replay", rules={"match": {"rebind_ids": True}}) as on:
        (got,) = await ask(on.url, fresh)
    assert json.loads(got.body) == {"id": "run_fresh777", "thread_id": "thread_fresh777"}
    assert got.body == answer({"id": "run_fresh777", "thread_id": "thread_fresh777"}).body
    assert got.headers["x-runproxy-interaction"] == "default[0]"


def test_the_ordinary_head_is_unchanged() -> None:
    """A cassette that says nothing has the head it always had."""
    assert make_head(MatchSettings()) == HEAD
