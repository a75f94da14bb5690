"""Keyed work side by side."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from scripted import eventually

from bot import lanes
from bot.lanes import Lanes


async def test_one_key_never_runs_twice_at_once() -> None:
    """However often a key is woken, its work never overlaps itself, while other keys go on beside it."""
    running: Counter[int] = Counter()
    most = 0
    overlapped = []
    done: Counter[int] = Counter()

    async def work(key: int) -> float | None:
        nonlocal most
        if running[key]:
            overlapped.append(key)
        running[key] += 1
        most = max(most, running.total())
        await asyncio.sleep(0.005)
        running[key] -= 1
        done[key] += 1
        return None

    opened = Lanes("test", work, 4)
    opened.start()
    for _ in range(20):
        for key in range(6):
            opened.wake(key)
        await asyncio.sleep(0.001)

    async def idle() -> bool:
        return len(done) == 6 and not running.total()

    await eventually(idle)
    await opened.aclose()
    assert overlapped == []
    assert 1 < most <= 4


async def test_a_wake_up_during_the_work_is_not_lost() -> None:
    """A key that is woken while its work runs is looked at once more."""
    started, go_on, runs = asyncio.Event(), asyncio.Event(), []

    async def work(key: int) -> float | None:
        runs.append(key)
        started.set()
        await go_on.wait()
        return None

    opened = Lanes("test", work, 2)
    opened.start()
    opened.wake(1)
    await started.wait()
    opened.wake(1)
    opened.wake(1)
    go_on.set()

    async def twice() -> bool:
        return len(runs) == 2

    await eventually(twice)
    await opened.aclose()
    assert runs == [1, 1]


async def test_work_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error ends neither the lane nor the key."""
    monkeypatch.setattr(lanes, "ERROR_PAUSE_S", 0.01)
    runs = []

    async def work(key: int) -> float | None:
        runs.append(key)
        if len(runs) < 3:
            raise RuntimeError("the database is away")
        return None

    opened = Lanes("test", work, 1)
    opened.start()
    opened.wake(7)

    async def thrice() -> bool:
        return len(runs) == 3

    await eventually(thrice)
    await opened.aclose()


async def test_a_pause_is_kept_unless_the_key_is_woken() -> None:
    """`work` says when to look again; a wake-up in the meantime comes first, and no timer is left behind."""
    pauses = iter([0.05, 60.0, None])
    runs = []

    async def work(key: int) -> float | None:
        runs.append(asyncio.get_running_loop().time())
        return next(pauses)

    opened = Lanes("test", work, 1)
    opened.start()
    opened.wake(1)

    async def count_is(number: int) -> bool:
        return len(runs) == number

    await eventually(lambda: count_is(2))
    assert runs[1] - runs[0] >= 0.04
    opened.wake(1)
    await eventually(lambda: count_is(3))
    await opened.aclose()


async def test_closing_lets_the_work_in_hand_finish() -> None:
    """What runs at the close is finished, not cut off."""
    started, finished = asyncio.Event(), []

    async def work(key: int) -> float | None:
        started.set()
        await asyncio.sleep(0.05)
        finished.append(key)
        return None

    opened = Lanes("test", work, 1)
    opened.start()
    opened.wake(1)
    await started.wait()
    await opened.aclose()
    assert finished == [1]


async def test_closing_does_not_wait_for_ever() -> None:
    """Work that hangs is cancelled when the grace is over."""
    started, cancelled = asyncio.Event(), []

    async def work(key: int) -> float | None:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(key)
            raise
        return None

    opened = Lanes("test", work, 1)
    opened.start()
    opened.wake(1)
    await started.wait()
    await opened.aclose(grace_s=0.05)
    assert cancelled == [1]
