"""Patterns: what they match, which are refused and why, and that no text makes one slow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.patterns import MAX_PATTERN_CHARS, compile_bytes, compile_text

ENGINE = "(patterns are RE2's: no look-around, no back-references)"


def reason(pattern: str) -> str:
    """Give what is said about a pattern that cannot be used."""
    with pytest.raises(ValueError, match="the pattern") as caught:
        compile_text(pattern)
    return str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        pytest.param("[a-z]+", "abc", True, id="all-of-it"),
        pytest.param("[a-z]+", "abc1", False, id="only-its-start"),
        pytest.param("[a-z]+", "1abc", False, id="only-its-end"),
        pytest.param("[a-z]+", "abc\n", False, id="line-break-at-the-end"),
        pytest.param("^abc$", "abc", True, id="anchors-change-nothing"),
        pytest.param("a|ab", "ab", True, id="second-choice"),
        pytest.param("", "", True, id="empty"),
        pytest.param(".", "\U0001f600", True, id="a-character-is-no-byte"),
        pytest.param(".", "\n", False, id="dot-is-no-line-break"),
        pytest.param("(?i)straSSe", "STRASSE", True, id="flag"),
        pytest.param(r"\pL+", "Äöü", True, id="letters-of-any-script"),
        pytest.param(r"\d+", "\uff11\uff12", False, id="digits-are-ascii"),
    ],
)
def test_a_whole_text_fits_or_does_not(pattern: str, text: str, fits: bool) -> None:
    """A full match takes the text from its first character to its last."""
    assert (compile_text(pattern).fullmatch(text) is not None) is fits


def test_a_pattern_is_searched_for_and_found_everywhere() -> None:
    """Searching takes any place, and every place can be listed with what stands there."""
    pattern = compile_text("b+")
    assert pattern.pattern == "b+"
    assert pattern.search("abba") is not None
    assert pattern.search("aca") is None
    assert [found[0] for found in pattern.finditer("é b \U0001f600 bbb")] == ["b", "bbb"]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        pytest.param("(?=a)b", "invalid perl operator: (?=", id="look-ahead"),
        pytest.param("(?!a)b", "invalid perl operator: (?!", id="negative-look-ahead"),
        pytest.param("(?<=a)b", "invalid perl operator: (?<=", id="look-behind"),
        pytest.param(r"(a)\1", r"invalid escape sequence: \1", id="back-reference"),
        pytest.param("(?P<n>a)(?P=n)", "invalid perl operator: (?P", id="named-back-reference"),
        pytest.param("(?>a)", "invalid perl operator: (?>", id="atomic-group"),
        pytest.param("a++", "bad repetition operator: ++", id="possessive"),
        pytest.param("(a{1000}){1000}", "invalid repetition size: {1000}", id="huge-repetition"),
        pytest.param("(", "missing ): (", id="open-group"),
        pytest.param("[z-a]", "invalid character class range: z-a", id="range"),
        pytest.param("\\", "trailing \\", id="backslash"),
    ],
)
def test_a_pattern_that_the_engine_does_not_know_is_refused_with_the_reason(pattern: str, told: str) -> None:
    """The message is the engine's reason, and says which kind of patterns there are."""
    assert reason(pattern) == f"the pattern cannot be used: {told} {ENGINE}"


def test_a_pattern_too_large_to_compile_is_refused() -> None:
    """A short pattern that comes to an enormous machine is no way to take memory."""
    assert reason(r"(?:\pL{1000}|\pN{999}|\pM{998}|\pS{997})").endswith(ENGINE)


def test_the_length_of_a_pattern_is_limited() -> None:
    """A thousand characters pass, one more is told."""
    assert compile_text("a" * MAX_PATTERN_CHARS).fullmatch("a" * 1000) is not None
    assert reason("a" * (MAX_PATTERN_CHARS + 1)) == "the pattern has more than 1000 characters"


def test_a_refused_pattern_writes_nothing_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    """The engine does not write to stderr past the message."""
    reason("(?=a)")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){30}$", "(a*)*b", "(?:a?){60}a{60}$", "([a-z]+)*[0-9]"]
)
def test_what_makes_other_engines_hang_ends_here(pattern: str) -> None:
    """Nested repetitions over a text that nearly fits come to their end, however long the text is."""
    text = "a" * 100_000 + "!"
    assert compile_text(pattern).fullmatch(text) is None


@settings(deadline=None, max_examples=200)
@given(pattern=st.text(r"ab(|)*+?{1,9}[^-]\dw.$=!<P", max_size=20), text=st.text("ab1\n!é", max_size=50))
def test_any_pattern_is_refused_or_answers(pattern: str, text: str) -> None:
    """Whatever is written as a pattern, it is refused with a `ValueError` or it can be used."""
    try:
        compiled = compile_text(pattern)
    except ValueError:
        return
    assert compiled.fullmatch(text) is None or compiled.search(text) is not None


def test_a_pattern_for_bytes_takes_bytes_that_are_no_text() -> None:
    """Bytes that are not UTF-8 are searched like any others."""
    pattern = compile_bytes(rb"(?:^|\xff)key")
    assert pattern.pattern == rb"(?:^|\xff)key"
    assert pattern.search(b"\x80\xffkey") is not None
    assert pattern.search(b"\x80key") is None
