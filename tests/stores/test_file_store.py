"""The contract of a cassette store, kept by the folder of files."""

import asyncio
import errno
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runproxy.cassettes import Interaction, decode, encode_interaction, layout
from runproxy.errors import CassetteNotFound, CassetteNotWritable, CorruptCassette, Refusal, SecretFound
from runproxy.messages import Request, Response
from runproxy.redaction import WriteGate, storable_request
from runproxy.stores.file import FileStore
from tests.parts import JSON_HEADERS, modify

MOMENT = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)


def interaction(number: int, size: int = 20) -> Interaction:
    """Make a recorded call that can be told from others."""
    body = b"x" * size
    return Interaction(
        storable_request(modify({"number": str(number)})), Response(200, JSON_HEADERS, body), MOMENT, number
    )


def numbers(store: FileStore, name: str = "tape") -> list[int]:
    """Tell which calls a cassette holds, in order."""
    return [held.elapsed_ms for held in store.load(name)]


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """Give a store on a new folder."""
    return FileStore(tmp_path / "cassettes", WriteGate())


async def test_what_is_appended_is_loaded_in_order(store: FileStore) -> None:
    """Interactions come back equal and in the order they were recorded."""
    tape = store.tape("tape")
    for number in range(3):
        await tape.append(interaction(number))
    assert tuple(store.load("tape")) == tuple(interaction(number) for number in range(3))


async def test_writers_at_the_same_time_all_get_in(store: FileStore) -> None:
    """A hundred appends that wait together are all recorded, in the order they were made."""
    tape = store.tape("tape")
    await asyncio.gather(*(tape.append(interaction(number)) for number in range(100)))
    assert numbers(store) == list(range(100))


async def test_two_tapes_on_one_file_do_not_disturb_each_other(store: FileStore) -> None:
    """Two writers on one cassette, each with its own descriptor, lose nothing of each other."""
    tapes = store.tape("tape"), store.tape("tape")
    for number in range(20):
        await tapes[number % 2].append(interaction(number))
    assert numbers(store) == list(range(20))


async def test_the_file_is_valid_json_after_every_append(store: FileStore) -> None:
    """At every instant between writes, any JSON reader can read the file, laid out as documented."""
    tape = store.tape("tape")
    for number in range(5):
        await tape.append(interaction(number))
        text = store.path("tape").read_bytes()
        assert len(list(decode(text, "tape"))) == number + 1
        assert layout.compose(layout.split(text)) == text


async def test_replacing_leaves_the_others_byte_identical(store: FileStore) -> None:
    """Only the replaced interaction changes; its neighbours keep their bytes and their places."""
    tape = store.tape("tape")
    for number in range(3):
        await tape.append(interaction(number))
    before = layout.split(store.path("tape").read_bytes())
    await tape.replace(interaction(1), interaction(7))
    after = layout.split(store.path("tape").read_bytes())
    assert numbers(store) == [0, 7, 2]
    assert (after[0], after[2]) == (before[0], before[2])


async def test_replacing_what_is_gone_appends(store: FileStore) -> None:
    """What another writer has replaced already is not replaced a second time: nothing of theirs is lost."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    await tape.replace(interaction(0), interaction(1))
    await tape.replace(interaction(0), interaction(2))
    assert numbers(store) == [1, 2]


@pytest.mark.parametrize("syncs", [False, True], ids=["process", "power"])
async def test_what_has_not_changed_is_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syncs: bool
) -> None:
    """Recording a large cassette anew reads it once, and again only after somebody else has changed it."""
    store = FileStore(tmp_path, WriteGate(), syncs=syncs)
    tape, other = store.tape("tape"), store.tape("tape")
    held = [interaction(number, size=20_000) for number in range(5)]
    for one in held:
        await tape.append(one)
    read = counting(monkeypatch, "pread")
    for one in held:
        await tape.replace(one, one)
    size = store.path("tape").stat().st_size
    assert size < sum(read) < size + 5_000
    await tape.append(interaction(5))
    await tape.replace(interaction(5), interaction(5))
    assert sum(read) < size + 5_000
    await other.remove(held[0])
    read.clear()
    await tape.replace(held[0], held[0])
    assert sum(read) > size - 50_000
    assert numbers(store) == [1, 2, 3, 4, 5, 0]


def counting(monkeypatch: pytest.MonkeyPatch, call: str) -> list[int]:
    """Note how many bytes are read or written at a place, with every call."""
    counts: list[int] = []
    real = getattr(os, call)

    def counted(file: int, what: Any, offset: int) -> Any:
        done = real(file, what, offset)
        counts.append(done if isinstance(done, int) else len(done))
        return done

    monkeypatch.setattr(os, call, counted)
    return counts


async def test_appending_costs_the_same_whatever_the_cassette_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read and written for one interaction does not depend on how many there are: 10 or 10,000."""
    costs = []
    for count in (10, 10_000):
        store = FileStore(tmp_path / str(count), WriteGate())
        element = layout.element(encode_interaction(interaction(1)))
        store.path("tape").parent.mkdir()
        store.path("tape").write_bytes(layout.compose([element] * count))
        with monkeypatch.context() as patch:
            read, written = counting(patch, "pread"), counting(patch, "pwrite")
            await store.tape("tape").append(interaction(2))
        costs.append((read, written))
        assert len(numbers(store)) == count + 1
    assert costs[0] == costs[1]
    assert (sum(costs[0][0]), sum(costs[0][1])) < (200, 1000)


async def test_removing_takes_out_just_that_one(store: FileStore) -> None:
    """Removing an interaction leaves the rest; removing what is gone changes nothing."""
    tape = store.tape("tape")
    for number in range(3):
        await tape.append(interaction(number))
    await tape.remove(interaction(1))
    await tape.remove(interaction(1))
    assert numbers(store) == [0, 2]


async def test_a_file_edited_by_hand_can_be_appended_to(store: FileStore) -> None:
    """A valid cassette that another tool has printed is laid out anew before it is appended to."""
    path = store.path("tape")
    path.parent.mkdir()
    path.write_text(
        '{"format": "runproxy/1", "interactions": [{"recorded_at": "2026-11-22T17:00:00Z", "elapsed_ms": 5, '
        '"request": {"method": "GET", "path": "/v1/x"}, "response": {"status": 204}}]}'
    )
    await store.tape("tape").append(interaction(6))
    assert numbers(store) == [5, 6]


async def test_an_interaction_edited_by_hand_can_still_be_replaced(store: FileStore) -> None:
    """What is to be replaced is found by its content when its text was changed, such as by dropping defaults."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    path = store.path("tape")
    path.write_bytes(path.read_bytes().replace(b'        "query": "",\n', b""))
    await tape.replace(store.load("tape")[0], interaction(1))
    assert numbers(store) == [1]


@pytest.mark.parametrize("kept", [1, 3, 6, 7, 8, 100, 300], ids=lambda kept: f"{kept}-bytes")
async def test_a_torn_write_is_cut_back_and_kept(store: FileStore, kept: int) -> None:
    """After a write that was cut off, readers use the whole part, and the next writer keeps the rest beside it."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    path = store.path("tape")
    whole = path.read_bytes()
    await tape.append(interaction(1))
    end = len(whole) - len(layout.TAIL)
    written = path.read_bytes()[end:][:kept]
    path.write_bytes(whole[:end] + written + whole[end + kept :])
    assert numbers(store) == [0]
    await store.tape("tape").append(interaction(2))
    assert numbers(store) == [0, 2]
    (torn,) = path.parent.glob("*.torn")
    assert torn.read_bytes().startswith(written)


async def test_torn_bytes_that_cannot_be_kept_leave_nothing_behind(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk is full, nothing is cut off and no empty file piles up; it is mended once there is room."""
    tape = store.tape("tape")
    for number in range(2):
        await tape.append(interaction(number))
    path = store.path("tape")
    torn = path.read_bytes()[:-20]
    path.write_bytes(torn)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", full)
        for _ in range(2):
            with pytest.raises(CassetteNotWritable, match="No space left on device"):
                await tape.append(interaction(2))
    assert ([held.name for held in path.parent.iterdir()], path.read_bytes()) == (["tape.json"], torn)
    await tape.append(interaction(2))
    assert numbers(store) == [0, 2]
    assert (path.parent / "tape.json.1.torn").read_bytes().endswith(torn[-100:])


def full(_: int) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="not-json"),
        pytest.param(layout.EMPTY.replace(b"[", b"[ {,", 1), id="closed-but-wrong-inside"),
        pytest.param(b'{"format": "runproxy/1", "interactions": [{}]}', id="wrong-interaction"),
        pytest.param(layout.EMPTY + b'{"x": 1}\n', id="something-behind-the-end"),
    ],
)
async def test_a_corrupt_file_is_an_error_and_is_left_alone(store: FileStore, text: bytes) -> None:
    """What is no cassette is never read as an empty one, nor written to."""
    path = store.path("tape")
    path.parent.mkdir()
    path.write_bytes(text)
    with pytest.raises(CorruptCassette, match=str(path)):
        store.load("tape")
    with pytest.raises(CorruptCassette, match=str(path)):
        await store.tape("tape").append(interaction(0))
    assert path.read_bytes() == text


async def test_a_full_disk_leaves_the_file_as_it_was(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When half a write fails, the closing brackets are put back, the caller is told, and recording goes on later."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    before = store.path("tape").read_bytes()
    real = os.pwrite
    calls = 0

    def full(file: int, data: memoryview, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            return real(file, data[:50], offset)
        if calls == 2:
            raise OSError(28, "No space left on device")
        return real(file, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(CassetteNotWritable, match="No space left on device"):
        await tape.append(interaction(1))
    assert store.path("tape").read_bytes() == before
    await tape.append(interaction(2))
    assert numbers(store) == [0, 2]


async def test_a_file_deleted_underneath_is_begun_again(store: FileStore) -> None:
    """A cassette that somebody deletes comes back with the next interaction."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    store.path("tape").unlink()
    await tape.append(interaction(1))
    assert numbers(store) == [1]


async def test_a_secret_is_not_written(store: FileStore) -> None:
    """The gate stands in front of every write; what it stops leaves the file alone."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    leaking = Interaction(interaction(1).request, Response(200, JSON_HEADERS, b"\xff sk-" + b"a" * 30), MOMENT, 1)
    with pytest.raises(SecretFound, match="the body of the response"):
        await tape.append(leaking)
    assert numbers(store) == [0]


async def test_a_secret_in_the_place_of_a_method_is_not_written(store: FileStore) -> None:
    """An import may bring any method."""
    method = "sk-" + "a" * 30
    odd = Interaction(Request(method, "/v1/x", JSON_HEADERS), Response(200, JSON_HEADERS, b"{}"), MOMENT, 1)
    with pytest.raises(SecretFound, match="the address"):
        await store.tape("tape").append(odd)
    assert store.names() == []


async def test_one_bad_interaction_does_not_fail_its_neighbours(store: FileStore) -> None:
    """Writers that share a write fail for their own reasons only."""
    tape = store.tape("tape")
    leaking = Interaction(interaction(1).request, Response(200, JSON_HEADERS, b"sk-" + b"a" * 30), MOMENT, 1)
    results = await asyncio.gather(
        tape.append(interaction(0)), tape.append(leaking), tape.append(interaction(2)), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), SecretFound, type(None)]
    assert numbers(store) == [0, 2]


def test_there_is_no_cassette(store: FileStore) -> None:
    """The error names the cassette and those that are there."""
    with pytest.raises(CassetteNotFound, match=r"no cassette 'tape' .* holds no cassette yet"):
        store.load("tape")


async def test_names_are_listed_with_folders(store: FileStore) -> None:
    """Names are sorted, with slashes for sub-folders; hidden files and other files do not count."""
    for name in ("b", "a/c", "a/b"):
        await store.tape(name).append(interaction(0))
    (store.path("b").parent / ".hidden.json").write_text("{}")
    (store.path("b").parent / "notes.txt").write_text("")
    assert store.names() == ["a/b", "a/c", "b"]


def test_a_link_out_of_the_folder_is_refused(store: FileStore, tmp_path: Path) -> None:
    """A name that leaves the folder by way of a symbolic link is refused as one with dots is."""
    (tmp_path / "cassettes").mkdir()
    (tmp_path / "cassettes" / "out").symlink_to(tmp_path)
    with pytest.raises(Refusal, match="leaves the cassette folder"):
        store.path("out/elsewhere")


@pytest.mark.parametrize("read", [FileStore.load, FileStore.version])
def test_a_link_in_a_circle_is_told(store: FileStore, read: Callable[[FileStore, str], object]) -> None:
    """As what it is, or, from Python 3.13 on, as a file that cannot be read."""
    store.path("tape").parent.mkdir()
    store.path("tape").symlink_to("tape.json")
    with pytest.raises((Refusal, CassetteNotWritable), match=r"link in a circle|symbolic links"):
        read(store, "tape")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder below a regular file cannot be made, and the error says what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CassetteNotWritable, match="--dir"):
        FileStore(tmp_path / "file" / "cassettes", WriteGate()).check_writable()


def _write_many(folder: Path, first: int, count: int) -> None:
    async def write() -> None:
        tape = FileStore(folder, WriteGate()).tape("tape")
        for number in range(first, first + count):
            await tape.append(interaction(number, size=20 + 5000 * (number % 3)))

    asyncio.run(write())


def _in_processes(count: int, work: Callable[[Path, int, int], None], folder: Path, each: int) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(folder, number * each, each)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_several_processes_write_one_cassette(tmp_path: Path) -> None:
    """Four processes that append at the same time lose nothing, from the making of the file on."""
    _in_processes(4, _write_many, tmp_path, each=100)
    store = FileStore(tmp_path, WriteGate())
    assert sorted(numbers(store)) == list(range(400))
    text = store.path("tape").read_bytes()
    assert layout.compose(layout.split(text)) == text
    assert [path.name for path in tmp_path.iterdir()] == ["tape.json"]


@pytest.mark.parametrize(
    "inner",
    [b"[\n\n  ]\n}\n", b"[ \n  ]\n}\n", b"[]}", b"[ ]\n}\n\n"],
    ids=["blank-line", "space", "compact", "lines-after"],
)
async def test_an_emptied_file_can_be_appended_to(store: FileStore, inner: bytes) -> None:
    """However the last entry was deleted by hand, what is appended makes valid JSON."""
    path = store.path("tape")
    path.parent.mkdir()
    path.write_bytes(layout.HEAD[:-1] + inner)
    await store.tape("tape").append(interaction(0))
    assert numbers(store) == [0]


async def test_a_link_to_a_cassette_stays_a_link(store: FileStore, tmp_path: Path) -> None:
    """Writing through a link inside the folder changes its target, even one that is not there yet."""
    folder = tmp_path / "cassettes"
    folder.mkdir()
    (folder / "alias.json").symlink_to("tape.json")
    tape = store.tape("alias")
    await tape.append(interaction(0))
    await tape.replace(interaction(0), interaction(1))
    assert (folder / "alias.json").is_symlink()
    assert numbers(store) == numbers(store, "alias") == [1]


@pytest.mark.parametrize("status", [101, 600, 999])
async def test_what_could_not_be_read_back_is_not_written(store: FileStore, status: int) -> None:
    """An answer that no cassette can hold is refused, instead of spoiling the file for all others."""
    tape = store.tape("tape")
    await tape.append(interaction(0))
    odd = Interaction(interaction(1).request, Response(status, JSON_HEADERS, b"{}"), MOMENT, 1)
    with pytest.raises(CorruptCassette):
        await tape.append(odd)
    assert numbers(store) == [0]


async def test_replacing_in_a_file_with_a_broken_neighbour_is_told(store: FileStore) -> None:
    """An interaction that was broken by hand is named with its file and place, and nothing is changed."""
    tape = store.tape("tape")
    for number in range(2):
        await tape.append(interaction(number))
    path = store.path("tape")
    broken = path.read_bytes().replace(b'"elapsed_ms": 0,', b'"elapsed_ms": 0,,', 1)
    path.write_bytes(broken)
    with pytest.raises(CorruptCassette, match=r"tape\.json: interactions\[0\]: not valid JSON"):
        await tape.replace(interaction(7), interaction(8))
    assert path.read_bytes() == broken
