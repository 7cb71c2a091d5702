"""Catching up with what other processes record into the same cassette."""

from datetime import UTC, datetime
from pathlib import Path

from runproxy.backends import CatchUp
from runproxy.cassettes import Cassette, Interaction
from runproxy.matching import MatchSettings
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import answer, modify


def held(call: str, said: str) -> Interaction:
    """Make a recording."""
    sent = modify({"call": call}, headers=[("content-type", "application/json")])
    return Interaction(sent, answer({"said": said}), datetime(2026, 11, 26, tzinfo=UTC), 1)


def said(cassette: Cassette) -> list[bytes]:
    """Give the answers of a cassette."""
    return [interaction.response.body for interaction in cassette]


async def test_what_others_have_recorded_is_taken_in_once(tmp_path: Path) -> None:
    """Calls that are known stay as they are, and of a call that others have recorded twice, the first is taken."""
    store, cassette = FileStore(tmp_path, WriteGate()), Cassette()
    catch_up = CatchUp(store, "c", cassette, MatchSettings())
    await catch_up()
    assert said(cassette) == []
    tape = store.tape("c")
    cassette.add(held("mine", "mine"))
    for interaction in (held("theirs", "1"), held("mine", "other"), held("theirs", "2")):
        await tape.append(interaction)
    for _ in range(2):
        await catch_up()
        assert said(cassette) == [answer({"said": text}).body for text in ("mine", "1")]
    await tape.append(held("more", "3"))
    await catch_up()
    assert said(cassette) == [answer({"said": text}).body for text in ("mine", "1", "3")]


async def test_an_unchanged_cassette_is_not_read_again(tmp_path: Path) -> None:
    """Looking costs no more than asking the file how old it is."""

    class Counting(FileStore):
        loads = 0

        def load(self, name: str, match: MatchSettings = MatchSettings()) -> Cassette:  # noqa: B008 - as in the store
            self.loads += 1
            return super().load(name, match)

    store = Counting(tmp_path, WriteGate())
    await store.tape("c").append(held("a", "1"))
    catch_up = CatchUp(store, "c", Cassette(), MatchSettings())
    for _ in range(3):
        await catch_up()
    assert store.loads == 1
