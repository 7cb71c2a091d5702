"""Pointers: where metadata stands in a body, and what on the way there has more than one reading."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.routes.pointers import Place, find_places, lenient_name, tree_of
from runproxy.violations import Violation

MESSAGES = ("/metadata", "/messages/*/metadata")
DEEP = ("/metadata", "/thread/metadata", "/thread/messages/*/metadata", "/thread/stores/*/parts/*/metadata")


def found(body: object, pointers: Iterable[str] = ("/metadata",)) -> list[tuple[str, object]]:
    """List what stands in a body: a param with its value, or with the code of what is wrong."""
    places = find_places(tree_of(tuple(pointers)), body)
    return [(place.param, place.value if isinstance(place, Place) else place.code) for place in places]


@pytest.mark.parametrize(
    ("pointers", "tree"),
    [
        pytest.param((), {}, id="none"),
        pytest.param(("/metadata",), {"metadata": {}}, id="one"),
        pytest.param(("/a/b", "/a/c"), {"a": {"b": {}, "c": {}}}, id="two-below-one"),
        pytest.param(MESSAGES, {"metadata": {}, "messages": {"*": {"metadata": {}}}}, id="every-item"),
        pytest.param(("/*",), {"*": {}}, id="an-array-of-metadata"),
        pytest.param(("/a~1b/c~0d",), {"a/b": {"c~d": {}}}, id="escapes"),
        pytest.param(("/~01",), {"~1": {}}, id="an-escaped-tilde-escapes-nothing"),
        pytest.param(("/a b/\u00e9",), {"a b": {"\u00e9": {}}}, id="any-character"),
        pytest.param(("/0/-",), {"0": {"-": {}}}, id="a-number-is-a-name"),
    ],
)
def test_pointers_make_one_tree(pointers: tuple[str, ...], tree: dict[str, Any]) -> None:
    """Steps that pointers have in common are one step of the tree."""
    assert tree_of(pointers) == tree


@pytest.mark.parametrize(
    "pointer", ["", "/", "metadata", "/a/", "//a", "/a//b", "/a~", "/a~2", "~1a", "/a~/b", "#/a", "$.a"], ids=repr
)
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    """The message shows what was written, and what a pointer looks like."""
    with pytest.raises(ValueError, match="is no JSON pointer") as caught:
        tree_of((pointer,))
    assert str(caught.value) == f"{pointer!r} is no JSON pointer such as '/metadata' or '/messages/*/metadata'"


@pytest.mark.parametrize(
    "pointers",
    [
        pytest.param(("/a", "/a"), id="twice"),
        pytest.param(("/a", "/a/b"), id="below-the-other"),
        pytest.param(("/a/b/c", "/a/b"), id="above-the-other"),
        pytest.param(("/x", "/a/*", "/a/*/b"), id="below-an-item"),
        pytest.param(("/a~1b", "/a~1b"), id="escaped"),
    ],
)
def test_pointers_that_overlap_are_refused(pointers: tuple[str, ...]) -> None:
    """Metadata cannot stand inside metadata."""
    with pytest.raises(ValueError, match="overlap") as caught:
        tree_of(pointers)
    assert str(caught.value) == f"two pointers overlap: {', '.join(pointers)}"


@pytest.mark.parametrize(
    "pointers",
    [
        pytest.param(("/a/*/m", "/a/b/m"), id="below-a-name"),
        pytest.param(("/*", "/a"), id="at-the-top"),
        pytest.param(("/x", "/a/b/*", "/a/b/c"), id="deep"),
    ],
)
def test_a_value_that_would_be_array_and_object_is_refused(pointers: tuple[str, ...]) -> None:
    """No body could have both."""
    with pytest.raises(ValueError, match="array and an object") as caught:
        tree_of(pointers)
    assert str(caught.value) == f"one value is both an array and an object in the pointers {', '.join(pointers)}"


def test_names_that_only_begin_alike_do_not_overlap() -> None:
    """Pointers are compared step by step, not letter by letter."""
    assert tree_of(("/meta", "/metadata", "/meta-data/x")) == {"meta": {}, "metadata": {}, "meta-data": {"x": {}}}


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param({}, [], id="empty"),
        pytest.param({"metadata": {"a": "b"}}, [("metadata", {"a": "b"})], id="metadata"),
        pytest.param({"metadata": None}, [("metadata", None)], id="null"),
        pytest.param({"metadata": 5}, [("metadata", 5)], id="whatever-stands-there"),
        pytest.param({"model": "m", "metadata": {}, "tools": [{}]}, [("metadata", {})], id="beside-others"),
        pytest.param({"messages": []}, [], id="empty-array"),
        pytest.param({"messages": None}, [], id="null-for-an-array"),
        pytest.param({"messages": [{}, {"role": "user"}]}, [], id="items-without"),
        pytest.param({"messages": [None, {"metadata": {}}]}, [("messages[1].metadata", {})], id="null-for-an-item"),
        pytest.param(
            {"messages": [{"metadata": {"a": "b"}}, {"metadata": None}], "metadata": {}},
            [("messages[0].metadata", {"a": "b"}), ("messages[1].metadata", None), ("metadata", {})],
            id="in-the-order-of-the-body",
        ),
    ],
)
def test_every_place_of_metadata_is_found(body: dict[str, Any], places: list[tuple[str, object]]) -> None:
    """Each by its name in the service's notation, in the order of the body; what is not there is no place."""
    assert found(body, MESSAGES) == places


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        pytest.param(
            {"messages": {"metadata": {}}},
            "messages",
            "Invalid type for 'messages': expected an array of objects, but got an object instead.",
            id="object-for-an-array",
        ),
        pytest.param(
            {"messages": {"0": {"metadata": {}}}},
            "messages",
            "Invalid type for 'messages': expected an array of objects, but got an object instead.",
            id="object-of-numbers",
        ),
        pytest.param(
            {"messages": "[]"},
            "messages",
            "Invalid type for 'messages': expected an array of objects, but got a string instead.",
            id="text-for-an-array",
        ),
        pytest.param(
            {"messages": [["metadata"]]},
            "messages[0]",
            "Invalid type for 'messages[0]': expected an object, but got an array instead.",
            id="array-for-an-item",
        ),
        pytest.param(
            {"messages": [{}, 7]},
            "messages[1]",
            "Invalid type for 'messages[1]': expected an object, but got an integer instead.",
            id="number-for-an-item",
        ),
    ],
)
def test_another_type_on_the_way_is_refused(body: dict[str, Any], param: str, message: str) -> None:
    """A lenient reader could find metadata in it, so the place is named in the service's words."""
    assert list(find_places(tree_of(MESSAGES), body)) == [Violation("invalid_type", param, message)]


def test_a_body_is_searched_as_deep_as_the_pointers_go() -> None:
    """Objects and arrays of any depth, with what is wrong on one way and right on another."""
    body = {
        "thread": {
            "stores": [{"parts": [{"metadata": 1}, {"metadata": 2}]}, {"parts": {}}, {"parts": None}],
            "messages": [{"metadata": 3, "Metadata": 4}],
            "metadata": 5,
        }
    }
    assert found(body, DEEP) == [
        ("thread.stores[0].parts[0].metadata", 1),
        ("thread.stores[0].parts[1].metadata", 2),
        ("thread.stores[1].parts", "invalid_type"),
        ("thread.messages[0].metadata", 3),
        ("thread.messages[0].Metadata", "unknown_parameter"),
        ("thread.metadata", 5),
    ]


@pytest.mark.parametrize("body", [[], "x", 5, True])
def test_a_body_that_is_no_object_is_told(body: object) -> None:
    """Where an object is expected at the top, another type has no place."""
    assert found(body) == [("", "invalid_type")]


def test_a_body_that_is_null_has_no_place() -> None:
    """Null says nothing, at the top as below it."""
    assert found(None) == []


LOOKALIKES = [
    "Metadata",
    "METADATA",
    "metadata ",
    " metadata",
    "meta data",
    "metadata\n",
    "metadata\0",
    "\ufeffmetadata",
    "metadata\u200b",
    "meta\u00addata",
    "metadata\u00a0",
    "metadata\u2028",
    "\uff4d\uff45\uff54\uff41\uff44\uff41\uff54\uff41",
    "metad\u00aat\u00aa",
    "metadata[k]",
    "meta_data",
    "Meta-Data",
    "_metadata",
    "metadata\0x",
    "\0metadata",
    "metadata[]",
    "metadata[",
    "[metadata",
    "metadata.k",
    "metadata.",
    "metadata\uff3bk\uff3d",
    "Metadata [k]",
    "__proto__",
]


@pytest.mark.parametrize("name", LOOKALIKES, ids=ascii)
def test_a_name_that_a_lenient_reader_takes_for_a_step_is_refused(name: str) -> None:
    """Beside metadata or in its place, below the top or at it, whatever its value."""
    message = f"Unknown parameter: '{name}'."
    assert list(find_places(tree_of(("/metadata",)), {name: {}})) == [Violation("unknown_parameter", name, message)]
    assert found({"metadata": {}, name: None}) == [("metadata", {}), (name, "unknown_parameter")]
    assert found({"messages": [{name: 1}]}, MESSAGES) == [(f"messages[0].{name}", "unknown_parameter")]


@pytest.mark.parametrize("name", ["Thread", "thread.metadata", "thread[metadata]", "\uff54hread", "THREAD "])
def test_a_step_on_the_way_has_lookalikes_too(name: str) -> None:
    """Not only metadata itself may not be written in another way."""
    assert found({name: {"metadata": {}}}, ("/thread/metadata",)) == [(name, "unknown_parameter")]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "model",
        "meta",
        "metadatas",
        "my_metadata",
        "metadata_filter",
        "x.metadata",
        "x[metadata]",
        "proto",
        "constructor",
        "\u043cetadata",
        "*",
    ],
    ids=ascii,
)
def test_other_names_are_none_of_the_guards_business(name: str) -> None:
    """A body may have members that the guard does not know, as long as nobody reads them as metadata."""
    assert found({name: {"metadata": 1}}) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("metadata[" + "k" * 1000 + "]", id="brackets"),
        pytest.param("metadata[" + "\u00e9" * 1000 + "]", id="brackets-around-other-letters"),
        pytest.param("metadata." + "\u00e9" * 1000, id="dot"),
        pytest.param("\uff4detadata[" + "x" * 1000, id="full-width"),
        pytest.param("Metadata\0" + "\u00e9" * 1000, id="end-of-a-text-in-c"),
        pytest.param("metadata" + "\u200b" * 1000, id="nothing-to-see"),
    ],
)
def test_a_lookalike_may_be_as_long_as_it_likes(name: str) -> None:
    """What stands behind a bracket or a dot does not hide what stands before it."""
    assert found({name: {}}) == [(name, "unknown_parameter")]


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        pytest.param("metadata", "metadata", id="plain"),
        pytest.param(" Meta-Data_ ", "metadata", id="blanks-dashes-case"),
        pytest.param("\uff4detadata.k", "metadata", id="full-width-and-dot"),
        pytest.param("a[b][c]", "a", id="brackets"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_most_obliging_reading_of_a_name(name: str, reading: str) -> None:
    """Without case, blanks, dashes, and what stands in brackets."""
    assert lenient_name(name) == reading


@pytest.mark.parametrize("name", ["usermetadata", "UserMetadata", "userMetadata ", "userMetadata[k]"])
def test_a_step_with_capitals_has_lookalikes_too(name: str) -> None:
    """A pointer of your own may have capitals in it, and is guarded like any other."""
    assert found({name: {}}, ("/userMetadata",)) == [(name, "unknown_parameter")]


def test_a_step_that_is_spelled_exactly_so_is_no_lookalike() -> None:
    """What a pointer names is found, even where its name has brackets, blanks or capitals."""
    assert found({"a.b": {"C d": {"__proto__": 1}}}, ("/a.b/C d/__proto__",)) == [("a.b.C d.__proto__", 1)]


def test_what_stands_inside_metadata_is_not_looked_at() -> None:
    """Keys of metadata may have any names: the place is given as a whole."""
    metadata = {"Metadata": 1, "__proto__": {"metadata": 2}}
    assert found({"metadata": metadata}) == [("metadata", metadata)]


NAMES = st.sampled_from(["metadata", "messages", "thread", "model", "Metadata", "__proto__"])
VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(NAMES, values, max_size=4),
    max_leaves=15,
)


@settings(deadline=None, max_examples=200)
@given(body=st.dictionaries(NAMES, VALUES, max_size=5))
def test_every_place_has_its_own_name_and_any_body_is_searched(body: dict[str, Any]) -> None:
    """No body ends in an error, no two findings have one name, and a body without odd names has only places."""
    everything = found(body, DEEP)
    assert len({param for param, _ in everything}) == len(everything)
    codes = {code for param, code in everything if param.rpartition(".")[2] in {"Metadata", "__proto__"}}
    assert codes <= {"unknown_parameter"}


def test_a_body_with_many_members_is_searched_to_its_end() -> None:
    """Fifty thousand names that are nearly metadata are each looked at once."""
    body = {f"meta{number}d\u00e4ta": number for number in range(50_000)}
    assert found(body) == []


def test_a_name_of_combining_marks_is_searched_to_its_end() -> None:
    """Marks in an order that normalising has to turn round are not turned round one by one."""
    assert found({"metadata" + "\u0301" * 50_000 + "\u0316" * 50_000: 1}) == []
