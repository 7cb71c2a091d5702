"""Routes: which raw paths are guarded, which only look it, and which have nothing to do with it."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.routes import MODIFY_RUN, Lookalike, Route, RouteTable, climbs

TABLE = RouteTable((MODIFY_RUN,))
IDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=128)
PREFIXES = st.lists(st.text(string.ascii_letters + string.digits + "_~-", min_size=1, max_size=12), max_size=3).map(
    lambda segments: "".join(f"/{segment}" for segment in segments)
)


def test_a_template_is_taken_apart_into_its_words() -> None:
    """Fixed words stand as they are, placeholders as None."""
    assert MODIFY_RUN.words == ("threads", None, "runs", None)
    assert (MODIFY_RUN.name, MODIFY_RUN.method) == ("modify_run", "POST")


@pytest.mark.parametrize(
    ("path", "base_path"),
    [
        pytest.param("/v1/threads/thread_abc123/runs/run_abc123", "/v1", id="the service itself"),
        pytest.param("/openai/threads/t/runs/r", "/openai", id="Azure"),
        pytest.param("/api/projects/my.project/threads/t/runs/r", "/api/projects/my.project", id="Foundry"),
        pytest.param("/threads/t/runs/r", "", id="no prefix"),
        pytest.param("/a/b/c/d/e/threads/t/runs/r", "/a/b/c/d/e", id="long prefix"),
        pytest.param("/v1/threads/threads/runs/runs", "/v1", id="ids that are words"),
        pytest.param("/threads/t/runs/threads/t/runs/r", "/threads/t/runs", id="words in the prefix"),
        pytest.param("/threads/x/runs/y/threads/t/runs/r", "/threads/x/runs/y", id="a route in the prefix"),
        pytest.param("/v1/threads/-/runs/_", "/v1", id="ids of one sign"),
        pytest.param(f"/v1/threads/{'t' * 128}/runs/{'r' * 128}", "/v1", id="ids of 128"),
        pytest.param("/.../threads/t/runs/r", "/...", id="three dots are a name"),
    ],
)
def test_a_guarded_address_is_found_below_any_prefix(path: str, base_path: str) -> None:
    """The template matches the end of a path; what stands before it is the base path."""
    assert TABLE.find(path) is MODIFY_RUN
    assert TABLE.base_path(path) == base_path


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="root"),
        pytest.param("", id="empty"),
        pytest.param("/v1/threads/t/runs", id="create run"),
        pytest.param("/v1/threads/runs", id="create thread and run"),
        pytest.param("/v1/threads/t/runs/r/cancel", id="cancel"),
        pytest.param("/v1/threads/t/runs/r/submit_tool_outputs", id="submit tool outputs"),
        pytest.param("/v1/threads/t/runs/r/steps/s", id="steps"),
        pytest.param("/v1/threads/t/messages/m", id="messages"),
        pytest.param("/v1/assistants/a", id="assistants"),
        pytest.param("/v1/my-threads/t/runs/r", id="a longer word"),
        pytest.param("/v1/threads/t/runs2/r", id="another word"),
        pytest.param("/v1/files/a%20b", id="encoded, but of other words"),
        pytest.param("/v1/threads/t%20x/messages", id="encoded, one of the words"),
        pytest.param("/v1/files/", id="trailing slash elsewhere"),
        pytest.param("/../v1/files", id="dots elsewhere"),
    ],
)
def test_other_addresses_are_none_of_the_routes_business(path: str) -> None:
    """What is not guarded and does not look it is None of both, and has no base path."""
    assert TABLE.find(path) is None
    assert TABLE.base_path(path) is None


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v1/threads/t/runs/r%2Fcancel", id="encoded slash in an id"),
        pytest.param("/v1/threads/t%2F..%2Fx/runs/r", id="encoded way up in an id"),
        pytest.param("/v1/threads/%2e%2e/runs/r", id="encoded dots as an id"),
        pytest.param("/v1/threads/t/runs/%2e", id="encoded dot as an id"),
        pytest.param("/v1/threads/../runs/r", id="dots as an id"),
        pytest.param("/v1/threads/./t/runs/r", id="dot segment"),
        pytest.param("/v1/threads/t/runs/r/..", id="dots at the end"),
        pytest.param("/v1/threads/t/runs/r/.", id="dot at the end"),
        pytest.param("/v1/../v1/threads/t/runs/r", id="dots in the prefix"),
        pytest.param("/v1/threads/t;x=1/runs/r", id="path parameter"),
        pytest.param("/v1/threads/t/runs/r;x", id="path parameter at the end"),
        pytest.param("/v1/threads/t/runs/r%00", id="NUL"),
        pytest.param("/v1/threads/t/runs/r%0d%0aX:1", id="line break"),
        pytest.param("/v1/threads/t/runs/%ff", id="no UTF-8"),
        pytest.param("/v1/threads/t/runs/\udcff", id="raw byte that is no UTF-8"),
        pytest.param("/v1/%74hreads/t/runs/r", id="encoded word"),
        pytest.param("/v1/%2574hreads/t/runs/r", id="word encoded twice"),
        pytest.param("/v1/%252574hreads/t/runs/r", id="word encoded three times"),
        pytest.param("/v1/%54HREADS/t/RUNS/r", id="encoded word in capitals"),
        pytest.param("//v1/threads/t/runs/r", id="two slashes in front"),
        pytest.param("/v1//threads/t/runs/r", id="two slashes inside"),
        pytest.param("/v1/threads/t//runs/r", id="two slashes after an id"),
        pytest.param("/v1/threads//runs/r", id="empty id"),
        pytest.param("/v1/threads/t/runs/", id="empty last id"),
        pytest.param("/v1/threads/t/runs/r/", id="trailing slash"),
        pytest.param("/v1\\threads\\t\\runs\\r", id="backslashes"),
        pytest.param("/v1/threads/t/runs\\r", id="one backslash"),
        pytest.param("/v1/threads%5Ct/runs/r", id="encoded backslash"),
        pytest.param("/v1/threads/t/runs/r ", id="trailing space"),
        pytest.param("/v1/threads/t/runs/r\n", id="trailing line break"),
        pytest.param("/v1/threads/t/runs/r%", id="lone percent sign"),
        pytest.param("/v1/threads/t/runs/r#frag", id="fragment"),
        pytest.param("http://evil/v1/threads/t/runs/r", id="whole URL"),
        pytest.param("v1/threads/t/runs/r", id="no slash in front"),
        pytest.param("/v1/\uff54hreads/t/runs/r", id="full-width letter"),
        pytest.param("/v1/threads/t/run\u017f/r", id="long s"),
        pytest.param("/v1/%EF%BD%94hreads/t/runs/r", id="encoded full-width letter"),
        pytest.param("/v1/threads/é/runs/r", id="letter beyond ASCII in an id"),
    ],
)
def test_an_address_that_a_lenient_server_would_read_as_guarded_is_a_disguise(path: str) -> None:
    """No path turns into a guarded one by decoding, normalising or ignoring a part of it."""
    assert TABLE.find(path) is Lookalike.DISGUISED
    assert TABLE.base_path(path) is None


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/v1/threads/{'t' * 129}/runs/r", id="thread id of 129"),
        pytest.param(f"/v1/threads/t/runs/{'r' * 200}", id="run id of 200"),
        pytest.param("/v1/threads/t.x/runs/r", id="dot in an id"),
        pytest.param("/v1/threads/t/runs/r~1", id="tilde in an id"),
        pytest.param("/v1/threads/t,u/runs/r", id="comma in an id"),
        pytest.param("/v1/threads/t/runs/r:cancel", id="colon in an id"),
        pytest.param("/v1/threads/t/runs/@r", id="at sign in an id"),
        pytest.param("/v1/threads/t/runs/...", id="three dots as an id"),
    ],
)
def test_a_plain_path_of_the_guarded_shape_with_an_unusable_id_is_a_lookalike(path: str) -> None:
    """What has the words in their places, but no id the service could have given, is told apart."""
    assert TABLE.find(path) is Lookalike.BAD_ID
    assert TABLE.base_path(path) is None


@pytest.mark.parametrize("path", ["/v1/Threads/t/runs/r", "/v1/THREADS/t/RUNS/r", "/v1/threads/t/Runs/r.x"])
def test_a_plain_path_with_the_words_in_another_case_is_a_lookalike(path: str) -> None:
    """A server that ignores case would take it for the guarded address."""
    assert TABLE.find(path) is Lookalike.OTHER_CASE
    assert TABLE.base_path(path) is None


def test_a_lookalike_says_in_words_what_is_wrong() -> None:
    """The value of a lookalike ends up in the refusal, so it names the rule."""
    assert Lookalike.DISGUISED.value == "it reads as a guarded address once decoded or normalised"
    assert Lookalike.BAD_ID.value == "an id in it is not made of 1 to 128 of the characters [A-Za-z0-9_-]"
    assert Lookalike.OTHER_CASE.value == "it is a guarded address but for upper and lower case"


def test_a_table_of_several_routes_tells_them_apart() -> None:
    """Each path finds its own route, and lookalikes of any of them are seen."""
    thread = Route("modify_thread", "POST", "/threads/{thread_id}")
    table = RouteTable((MODIFY_RUN, thread))
    assert table.find("/v1/threads/t") is thread
    assert table.find("/v1/threads/t/runs/r") is MODIFY_RUN
    assert table.find("/v1/threads/t.x") is Lookalike.BAD_ID
    assert table.find("/v1/%74hreads/t") is Lookalike.DISGUISED
    assert table.find("/v1/threads") is None
    assert (table.base_path("/a/threads/t"), table.base_path("/b/threads/t/runs/r")) == ("/a", "/b")


def test_an_empty_table_guards_nothing() -> None:
    """Without routes there is nothing to look like."""
    table = RouteTable(())
    assert table.find("/v1/threads/t/runs/r") is None
    assert table.find("/v1/%74hreads/t/runs/r") is None
    assert table.base_path("/v1/threads/t/runs/r") is None


@settings(deadline=None, max_examples=100)
@given(prefix=PREFIXES, thread=IDS, run=IDS)
def test_every_id_below_every_plain_prefix_is_guarded(prefix: str, thread: str, run: str) -> None:
    """The guarded set is all prefixes times all ids."""
    path = f"{prefix}/threads/{thread}/runs/{run}"
    assert TABLE.find(path) is MODIFY_RUN
    assert TABLE.base_path(path) == prefix


@settings(deadline=None, max_examples=200)
@given(data=st.data(), rounds=st.integers(1, 4), is_lower=st.booleans())
def test_a_guarded_path_with_any_character_encoded_is_a_disguise(
    data: st.DataObject, rounds: int, is_lower: bool
) -> None:
    """Encoding one character, up to four times over, never makes the path pass as an ordinary one."""
    path = "/v1/threads/thread_1/runs/run_1"
    place = data.draw(st.integers(0, len(path) - 1))
    code = f"{ord(path[place]):02X}"
    encoded = f"%{'25' * (rounds - 1)}{code.lower() if is_lower else code}"
    assert TABLE.find(path[:place] + encoded + path[place + 1 :]) is Lookalike.DISGUISED


@pytest.mark.parametrize("extra", ["%00", "%2e", "\\", ";", "\t", "%20", "\u00ad", "%C2%AD", "|", "^"], ids=repr)
def test_no_odd_character_lets_a_guarded_path_pass(extra: str) -> None:
    """Wherever an odd character stands, as long as the fixed words are whole, the path is a disguise."""
    path = "/v1/threads/t/runs/r"
    odd = [path[:place] + extra + path[place:] for place in range(len(path) + 1)]
    whole = [text for text in odd if "threads" in text and "runs" in text]
    assert len(whole) == len(path) + 1 - len("hreads") - len("uns")
    assert {TABLE.find(text) for text in whole} == {Lookalike.DISGUISED}


@pytest.mark.parametrize("rounds", range(1, 12))
def test_no_number_of_encodings_hides_a_route(rounds: int) -> None:
    """A word that is encoded again and again is a disguise, however often."""
    path = f"/v1/%{'25' * (rounds - 1)}74hreads/t/runs/r"
    assert RouteTable((MODIFY_RUN,)).find(path) is Lookalike.DISGUISED


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v1/%u0074hreads/t/runs/r", id="escape of another kind"),
        pytest.param("/v1/%c1%b4hreads/t/runs/r", id="overlong"),
        pytest.param("/v1/t%00hreads/t/runs/r", id="control character"),
        pytest.param("/v1/thr%C2%ADeads/t/runs/r", id="soft hyphen"),
        pytest.param("/v1/100%", id="escape without digits"),
    ],
)
def test_what_has_no_plain_reading_is_a_disguise(path: str) -> None:
    """Paths that servers would decode in ways of their own are not let through as ordinary ones."""
    assert RouteTable((MODIFY_RUN,)).find(path) is Lookalike.DISGUISED


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/../admin", True),
        ("/v1/..", True),
        ("/v1/./x", True),
        ("/v1/..%2fadmin", True),
        ("/v1/%2e%2e/x", True),
        ("/v1/%252e%252e/x", True),
        ("/v1/..;x/y", True),
        ("/v1/x\\..\\y", True),
        ("/v1/%c0%ae%c0%ae/x", True),
        ("/v1/a..b/.well-known/...", False),
        ("/v1/files/a%20b", False),
    ],
)
def test_a_segment_of_dots_is_seen_in_every_disguise(path: str, expected: bool) -> None:
    """A path that may leave its prefix is told from one that only has dots in it."""
    assert climbs(path) is expected
