"""What `/metrics` tells, as a Prometheus server reads it."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from runproxy.messages import Request, make_headers
from tests.parts import ScriptedUpstream, ask, echo, modify, proxy, serving

VALUE = "a value that no metric shows"


async def samples(admin_url: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read all samples, by name and labels."""
    (answer,) = await ask(admin_url, Request("GET", "/metrics", make_headers()))
    assert VALUE not in answer.body.decode()
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def labels(route: str, mode: str, outcome: str, status: str) -> tuple[tuple[str, str], ...]:
    """Give the labels of a count of calls."""
    return (("mode", mode), ("outcome", outcome), ("route", route), ("status_class", status), ("team", ""))


async def test_calls_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    """Route, mode, outcome and class of status tell calls apart; the upstream's time is counted on its own."""
    upstream = ScriptedUpstream(make=echo)
    too_many = modify({f"k{number}": VALUE for number in range(17)})
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, modify({"k": VALUE}), modify({"k": VALUE}), too_many, modify(target="/v1/other"))
        found = await samples(on.admin_url)
    assert found["runproxy_requests_total", labels("modify_run", "record", "recorded", "2xx")] == 2
    assert found["runproxy_requests_total", labels("modify_run", "record", "refused", "4xx")] == 1
    assert found["runproxy_requests_total", labels("other", "record", "recorded", "2xx")] == 1
    assert found["runproxy_violations_total", (("code", "object_above_max_properties"),)] == 1
    assert found["runproxy_request_seconds_count", ()] == 4
    assert found["runproxy_upstream_seconds_count", ()] == 3
    assert found["runproxy_calls_in_flight", ()] == 0
    assert found["runproxy_record_queue_depth", ()] == 0


async def test_misses_are_counted_by_reason(tmp_path: Path) -> None:
    """In replay nothing is counted for an upstream, for there is none."""
    async with proxy(tmp_path, "replay") as on:
        await ask(on.url, modify({"k": VALUE}))
        found = await samples(on.admin_url)
    assert found["runproxy_misses_total", (("reason", "no_cassette"),)] == 1
    assert found["runproxy_requests_total", labels("modify_run", "replay", "miss", "5xx")] == 1
    assert found["runproxy_upstream_seconds_count", ()] == 0
