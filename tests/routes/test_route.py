"""Routes: what a template may be, and which places of metadata a body has on open, closed and creating routes."""

from typing import Any

import pytest

from runproxy.routes import MODIFY_RUN, Lookalike, Place, Route, RouteTable

OPEN = Route("open", "POST", "/items/{item_id}", ("/metadata", "/parts/*/metadata"))
CREATING = Route("creating", "POST", "/items", ("/metadata", "/parts/*/metadata"), creates=True)


def found(route: Route, body: dict[str, Any]) -> list[tuple[str, object]]:
    """List what stands in a body: a param with its value, or with the code of what is wrong."""
    places = route.find_places(body)
    return [(place.param, place.value if isinstance(place, Place) else place.code) for place in places]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        pytest.param("/items", ("items",), id="word"),
        pytest.param("/items/{item_id}", ("items", None), id="placeholder"),
        pytest.param("/{a}/{b}", (None, None), id="only-placeholders"),
        pytest.param("/chat/completions/{id}", ("chat", "completions", None), id="two-words"),
        pytest.param("/my-items_2/v1.0/~x", ("my-items_2", "v1.0", "~x"), id="signs"),
    ],
)
def test_a_template_is_fixed_words_and_placeholders(template: str, words: tuple[str | None, ...]) -> None:
    """Words stand as they are, placeholders as None."""
    assert Route("r", "POST", template).words == words


@pytest.mark.parametrize(
    "template",
    [
        "",
        "/",
        "items",
        "/items/",
        "//items",
        "/items//x",
        "/{}",
        "/{item id}",
        "/{item",
        "/x{id}",
        "/it%65ms",
        "/items?x",
        "/it ems",
        "/\u00e9",
        "/{\u00e9}",
        "/items\n",
    ],
    ids=ascii,
)
def test_what_is_no_template_is_refused(template: str) -> None:
    """The message shows what was written, and what a path looks like."""
    with pytest.raises(ValueError, match="is no path such as") as caught:
        Route("r", "POST", template)
    assert str(caught.value) == f"{template!r} is no path such as '/threads/{{thread_id}}/runs'"


@pytest.mark.parametrize("template", ["/..", "/.", "/items/../x", "/./items/{id}"])
def test_a_template_that_no_plain_path_has_is_refused(template: str) -> None:
    """A dot segment is never let through as an address, so a route cannot be at one."""
    with pytest.raises(ValueError, match="is no path such as"):
        Route("r", "POST", template)


def test_a_pointer_that_is_none_is_refused_by_the_route() -> None:
    """A route is checked as a whole when it is made."""
    with pytest.raises(ValueError, match="is no JSON pointer"):
        Route("r", "POST", "/items", ("metadata",))


def test_a_dot_in_a_word_is_only_a_dot() -> None:
    """A fixed word is no pattern."""
    table = RouteTable([Route("r", "POST", "/v1.0/items")])
    assert isinstance(table.find("/v1.0/items"), Route)
    assert table.find("/v1x0/items") is None


def test_routes_with_the_same_settings_are_equal() -> None:
    """What was derived from the settings is no part of the comparison, nor of the repr."""
    assert Route("open", "POST", "/items/{item_id}", ("/metadata", "/parts/*/metadata")) == OPEN
    assert "_tree" not in repr(OPEN)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param({}, [], id="empty"),
        pytest.param({"metadata": {"a": "b"}}, [("metadata", {"a": "b"})], id="what-sdks-send"),
        pytest.param({"metadata": None}, [("metadata", None)], id="null"),
        pytest.param(
            {"metadata": {}, "status": "x"}, [("status", "unknown_parameter"), ("metadata", {})], id="another-member"
        ),
        pytest.param({"status": "x"}, [("status", "unknown_parameter")], id="only-another"),
        pytest.param({"Metadata": {}}, [("Metadata", "unknown_parameter")], id="a-lookalike-is-told-once"),
        pytest.param(
            {"a": 1, "metadata": 5, "b": 2},
            [("a", "unknown_parameter"), ("b", "unknown_parameter"), ("metadata", 5)],
            id="unknown-members-first",
        ),
    ],
)
def test_a_closed_route_takes_nothing_but_metadata(body: dict[str, Any], places: list[tuple[str, object]]) -> None:
    """Every other member is told, before what stands in the place of metadata."""
    assert found(MODIFY_RUN, body) == places


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param({}, [], id="empty"),
        pytest.param({"name": "x", "metadata": {}}, [("metadata", {})], id="another-member"),
        pytest.param({"metadata": None}, [("metadata", None)], id="null"),
        pytest.param({"Metadata": {}}, [("Metadata", "unknown_parameter")], id="lookalike"),
        pytest.param({"parts": [{"metadata": {}}]}, [("parts[0].metadata", {})], id="below"),
    ],
)
def test_an_open_route_may_have_other_members(body: dict[str, Any], places: list[tuple[str, object]]) -> None:
    """What the guard does not know stands in the body as it came."""
    assert found(OPEN, body) == places


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param({}, [("metadata", None)], id="empty"),
        pytest.param({"name": "x"}, [("metadata", None)], id="without"),
        pytest.param({"metadata": None}, [("metadata", None)], id="null"),
        pytest.param({"metadata": {}}, [("metadata", {})], id="with"),
        pytest.param({"parts": [{}]}, [("metadata", None)], id="nothing-stands-for-an-item"),
        pytest.param({"parts": None}, [("metadata", None)], id="nothing-stands-below"),
        pytest.param(
            {"parts": [{"metadata": 1}]}, [("parts[0].metadata", 1), ("metadata", None)], id="what-is-there-first"
        ),
        pytest.param(
            {"Metadata": {}}, [("Metadata", "unknown_parameter"), ("metadata", None)], id="a-lookalike-does-not-count"
        ),
    ],
)
def test_a_creating_route_has_a_place_even_where_the_body_has_none(
    body: dict[str, Any], places: list[tuple[str, object]]
) -> None:
    """What is made without metadata has none, so that rules can ask for keys."""
    assert found(CREATING, body) == places


def mains(route: Route, body: dict[str, Any]) -> list[str]:
    """Name the places of what a call is about."""
    return [place.param for place in route.find_places(body) if isinstance(place, Place) and place.is_main]


@pytest.mark.parametrize(
    ("pointers", "body", "main"),
    [
        pytest.param(("/metadata",), {"metadata": {}}, ["metadata"], id="top"),
        pytest.param(
            ("/metadata", "/parts/*/metadata"), {"metadata": {}, "parts": [{"metadata": {}}]}, ["metadata"], id="parts"
        ),
        pytest.param(("/metadata", "/thread/metadata"), {"thread": {"metadata": {}}}, [], id="only-inside"),
        pytest.param(
            ("/notes/*/labels",),
            {"notes": [{"labels": {}}, {"labels": {}}]},
            ["notes[0].labels", "notes[1].labels"],
            id="nothing-but-inside",
        ),
        pytest.param(("/a/m", "/b/m"), {"a": {"m": {}}, "b": {"m": 1, "M": 2}}, ["a.m", "b.m"], id="two-inside"),
        pytest.param(("/labels/*",), {"labels": [{}, {}]}, ["labels[0]", "labels[1]"], id="items-at-the-top"),
        pytest.param(("/app.labels",), {"app.labels": {}}, ["app.labels"], id="dot-in-a-name"),
    ],
)
def test_the_metadata_of_what_a_call_is_about_is_told_from_that_of_things_inside(
    pointers: tuple[str, ...], body: dict[str, Any], main: list[str]
) -> None:
    """That at the top counts as its own; where there can be none at the top, all of it does."""
    assert mains(Route("r", "POST", "/items", pointers), body) == main


def test_what_is_created_without_metadata_is_what_the_call_is_about() -> None:
    """The place that a body does not have is a main one."""
    assert mains(CREATING, {"parts": [{"metadata": {}}]}) == ["metadata"]


@pytest.mark.parametrize(
    ("pointers", "members"),
    [
        pytest.param(("/metadata",), ["metadata"], id="one"),
        pytest.param(("/metadata", "/parts/*/metadata", "/parts/*/labels"), ["metadata", "parts"], id="two"),
        pytest.param((), [], id="none"),
    ],
)
def test_the_members_of_a_route_are_the_first_steps_to_metadata(pointers: tuple[str, ...], members: list[str]) -> None:
    """A query must not name them; a route without pointers has none."""
    assert list(Route("r", "POST", "/items", pointers).members) == members


def test_a_closed_route_has_metadata_at_the_top_only() -> None:
    """A body of nothing but metadata has no way further down."""
    with pytest.raises(ValueError, match="a body of nothing but metadata has no metadata further down"):
        Route("r", "POST", "/items", ("/metadata", "/parts/*/metadata"), is_closed=True)


def test_a_closed_route_that_creates_has_a_place_in_an_empty_body() -> None:
    """Both properties go together."""
    route = Route("r", "POST", "/items", is_closed=True, creates=True)
    assert found(route, {}) == [("metadata", None)]
    assert found(route, {"x": 1}) == [("x", "unknown_parameter"), ("metadata", None)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("/v1/items/x", "item", id="placeholder"),
        pytest.param("/v1/items/all", "all", id="fixed-word-before-placeholder"),
        pytest.param("/v1/items/x/parts/y", "part", id="longest"),
        pytest.param("/v1/parts/y", "lone_part", id="shorter"),
        pytest.param("/v1/items/all/parts/y", "part", id="longest-before-fixed-word"),
        pytest.param("/v1/items", "items", id="shortest"),
    ],
)
@pytest.mark.parametrize("is_reversed", [False, True], ids=["as-written", "reversed"])
def test_the_longest_and_most_literal_template_is_found(path: str, name: str, is_reversed: bool) -> None:
    """Whatever order the routes were written in, most segments win, and then most fixed words."""
    templates = {
        "items": "/items",
        "item": "/items/{item_id}",
        "all": "/items/all",
        "lone_part": "/parts/{part_id}",
        "part": "/items/{item_id}/parts/{part_id}",
    }
    routes = [Route(one, "POST", template) for one, template in templates.items()]
    route = RouteTable(reversed(routes) if is_reversed else routes).find(path)
    assert isinstance(route, Route)
    assert route.name == name


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        pytest.param((("a", "/items/{x}"), ("b", "/items/{y}")), "address: a, b", id="one-address"),
        pytest.param((("a", "/items"), ("a", "/items")), "address: a, a", id="one-address-and-one-name"),
        pytest.param((("a", "/items"), ("a", "/parts")), "name: a, a", id="one-name"),
        pytest.param((("c", "/other"), ("a", "/items/{x}"), ("b", "/items/{y}")), "address: a, b", id="beside-another"),
        pytest.param((("c", "/other"), ("a", "/items"), ("a", "/parts")), "name: a, a", id="one-name-beside-another"),
        pytest.param((("a", "/Items/{x}"), ("b", "/items/{y}")), "address: a, b", id="but-for-case"),
    ],
)
def test_routes_that_cannot_be_told_apart_are_refused(routes: tuple[tuple[str, str], ...], told: str) -> None:
    """Two of one address, or of one name, are told by their names, and no other route is."""
    with pytest.raises(ValueError, match="two routes") as caught:
        RouteTable([Route(name, "POST", template) for name, template in routes])
    assert str(caught.value) == f"two routes have one {told}"


def test_the_table_lists_its_routes_in_the_order_in_which_they_are_tried() -> None:
    """Longest first, and among those of one length the most literal."""
    templates = ("/items", "/items/{x}", "/items/all", "/items/{x}/parts")
    table = RouteTable([Route(f"r{number}", "POST", template) for number, template in enumerate(templates)])
    assert [route.template for route in table.routes] == ["/items/{x}/parts", "/items/all", "/items/{x}", "/items"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param("/v1/items/a", Lookalike.OTHER_CASE, id="small-letters"),
        pytest.param("/v1/ITEMS/a", Lookalike.OTHER_CASE, id="capitals"),
        pytest.param("/v1/%49tems/a", Lookalike.DISGUISED, id="encoded"),
        pytest.param("/v1/Items/a%2Fb", Lookalike.DISGUISED, id="encoded-slash"),
        pytest.param("/v1/Items/a;x=1", Lookalike.DISGUISED, id="path-parameter"),
        pytest.param("/v1/Items/a.b", Lookalike.BAD_ID, id="bad-id"),
    ],
)
def test_a_template_with_capitals_has_lookalikes_too(path: str, why: Lookalike) -> None:
    """A route of your own may have capitals in it, and is guarded like any other."""
    assert RouteTable([Route("r", "POST", "/Items/{item_id}")]).find(path) is why
