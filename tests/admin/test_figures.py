"""Figures of several processes as one."""

from prometheus_client.parser import text_string_to_metric_families

from runproxy.admin.figures import Figures

ONE = """# HELP runproxy_requests_total Calls.
# TYPE runproxy_requests_total counter
runproxy_requests_total{outcome="miss"} 1.0
runproxy_requests_total{outcome="replayed"} 2.0
# HELP runproxy_request_seconds Times.
# TYPE runproxy_request_seconds histogram
runproxy_request_seconds_bucket{le="0.1"} 2.0
runproxy_request_seconds_bucket{le="+Inf"} 3.0
runproxy_request_seconds_count 3.0
runproxy_request_seconds_sum 1.5
# HELP runproxy_calls_in_flight Now.
# TYPE runproxy_calls_in_flight gauge
runproxy_calls_in_flight 4.0
# HELP runproxy_info The version.
# TYPE runproxy_info gauge
runproxy_info{version="1"} 1.0
"""
OTHER = ONE.replace('outcome="miss"', 'outcome="refused"').replace("4.0", "1.0")


def read(text: bytes) -> dict[str, float]:
    """Read what a scrape finds, by name and first label."""
    families = text_string_to_metric_families(text.decode())
    return {
        "/".join([sample.name.removeprefix("runproxy_"), *list(sample.labels.values())[:1]]): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_all_tell_is_added_up() -> None:
    """Counters, histograms and gauges; that there is a version is said once, and how many tell is told, too."""
    found = read(Figures().summed({"a": ONE, "b": OTHER}, ["a", "b"], restarts=3))
    assert found == {
        "requests_total/miss": 1,
        "requests_total/refused": 1,
        "requests_total/replayed": 4,
        "request_seconds_bucket/0.1": 4,
        "request_seconds_bucket/+Inf": 6,
        "request_seconds_count": 6,
        "request_seconds_sum": 3,
        "calls_in_flight": 5,
        "info/1": 1,
        "workers": 2,
        "worker_restarts_total": 3,
    }


def test_what_has_ended_had_counted_stays_in_the_sum() -> None:
    """Or it would fall, which would be taken for a new beginning; what it was doing is over."""
    figures = Figures()
    figures.summed({"a": ONE, "b": OTHER}, ["a", "b"])
    found = read(figures.summed({"b": OTHER, "c": ONE}, ["b", "c"]))
    assert found["requests_total/replayed"] == 6
    assert found["request_seconds_count"] == 9
    assert found["calls_in_flight"] == 5
    assert read(figures.summed({"c": ONE}, ["c"]))["requests_total/replayed"] == 6


def test_one_that_does_not_answer_keeps_its_figures() -> None:
    """When it answers again, they are not counted twice."""
    figures = Figures()
    figures.summed({"a": ONE}, ["a"])
    assert read(figures.summed({}, ["a"]))["requests_total/replayed"] == 2
    assert read(figures.summed({"a": ONE}, ["a"]))["requests_total/replayed"] == 2
