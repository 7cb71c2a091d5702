"""Names of cassettes: safe in every file system, and another one for every set of parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.addressing import checked_name
from runproxy.pytest_plugin.naming import safe_id

IDS = st.text(max_size=150) | st.text("aA.-_/~", max_size=6)


@pytest.mark.parametrize("plain", ["a", "gpt-4o", "3", "a_b-c.d", "1.5", "asyncio", "x.yaml"])
def test_plain_ids_are_taken_as_they_are(plain: str) -> None:
    """So that the file is found by who looks for it."""
    assert safe_id(plain) == plain


@given(IDS)
def test_every_id_gives_a_name(parameters: str) -> None:
    """One that is accepted for a cassette as it stands, and none that is too long."""
    name = f"test_module/{'f' * 90}-{safe_id(parameters)}"
    assert checked_name(name) == name


@given(IDS, IDS)
def test_no_two_ids_share_a_name(one: str, two: str) -> None:
    """On file systems without case, either."""
    assert (safe_id(one).casefold() == safe_id(two).casefold()) == (one == two)
