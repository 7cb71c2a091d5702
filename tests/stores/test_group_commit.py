"""Group commit: what waits together is written together, and fails for its own reason."""

import asyncio
from collections.abc import Sequence

import pytest

from runproxy.stores.group_commit import GroupCommit


def never_at_once(_: Sequence[int]) -> bool:
    """Send every batch to the thread."""
    return False


async def test_those_who_wait_together_share_a_write() -> None:
    """The first write takes all that were waiting when it began."""
    batches: list[list[int]] = []
    commits: GroupCommit[int] = GroupCommit(lambda items: batches.append(list(items)), never_at_once)
    await asyncio.gather(*(commits.commit(number) for number in range(10)))
    assert batches == [list(range(10))]


async def test_after_a_crowd_the_next_batch_is_let_grow() -> None:
    """Where many call at a time, what comes a moment later shares a write."""
    written: list[list[int]] = []
    commits: GroupCommit[int] = GroupCommit(lambda items: written.append(list(items)), gather_s=0.2, crowd=4)
    await asyncio.gather(*(commits.commit(number) for number in range(5)))
    first = commits.put(5)
    await asyncio.sleep(0.01)
    await asyncio.gather(first, commits.commit(6))
    assert written == [[0, 1, 2, 3, 4], [5, 6]]


async def test_who_calls_alone_does_not_wait_for_others() -> None:
    """After a batch of a few, the next one is written at once."""
    written: list[list[int]] = []
    commits: GroupCommit[int] = GroupCommit(lambda items: written.append(list(items)), gather_s=3600, crowd=4)
    await asyncio.gather(*(commits.commit(number) for number in range(4)))
    await asyncio.wait_for(commits.commit(4), 60)
    assert written == [[0, 1, 2, 3], [4]]


async def test_what_can_be_written_at_once_goes_to_no_thread() -> None:
    """The quick way is taken when it says that it did the work."""
    at_once: list[int] = []

    def quick(items: Sequence[int]) -> bool:
        at_once.extend(items)
        return True

    def blocking(_: Sequence[int]) -> None:
        raise AssertionError("not needed")

    commits: GroupCommit[int] = GroupCommit(blocking, quick)
    await asyncio.gather(*(commits.commit(number) for number in range(3)))
    assert at_once == [0, 1, 2]


@pytest.mark.parametrize("is_quick", [True, False], ids=["at-once", "in-a-thread"])
async def test_a_batch_that_fails_is_tried_one_by_one(is_quick: bool) -> None:
    """Only the item that cannot be written fails."""
    written: list[int] = []

    def write(items: Sequence[int]) -> None:
        if 3 in items:
            raise ValueError("three")
        written.extend(items)

    def quick(items: Sequence[int]) -> bool:
        if is_quick:
            write(items)
        return is_quick

    commits: GroupCommit[int] = GroupCommit(write, quick)
    results = await asyncio.gather(*(commits.commit(number) for number in range(5)), return_exceptions=True)
    assert [str(result) for result in results] == ["None", "None", "None", "three", "None"]
    assert written == [0, 1, 2, 4]


async def test_a_caller_who_gives_up_does_not_stop_the_write() -> None:
    """What was handed over is written, whether or not its caller still waits."""
    written: list[int] = []
    commits: GroupCommit[int] = GroupCommit(written.extend, never_at_once)
    waiting = asyncio.create_task(commits.commit(1))
    await asyncio.sleep(0)
    waiting.cancel()
    await commits.commit(2)
    assert written == [1, 2]


async def test_what_concerns_a_whole_batch_is_not_tried_again() -> None:
    """Where the disk is full for all, waiting for it once is enough."""
    tries = 0

    def write(_: Sequence[int]) -> None:
        nonlocal tries
        tries += 1
        raise OSError("full")

    commits: GroupCommit[int] = GroupCommit(write, concerns_all=lambda error: isinstance(error, OSError))
    results = await asyncio.gather(*(commits.commit(number) for number in range(5)), return_exceptions=True)
    assert [str(result) for result in results] == ["full"] * 5
    assert tries == 1


async def test_what_was_put_is_written_before_it_is_over() -> None:
    """Nobody has to wait for an item, but can for all of them."""
    written: list[int] = []
    commits: GroupCommit[int] = GroupCommit(written.extend)
    await commits.until_written()
    ends = [commits.put(number) for number in range(3)]
    await commits.until_written()
    assert written == [0, 1, 2]
    assert all(end.done() for end in ends)
