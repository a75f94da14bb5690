"""Do keyed work side by side: many keys at once, one key never twice at the same time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

#: After an unexpected error the key is tried again this much later; its rows are still in the database.
ERROR_PAUSE_S = 5.0


class Lanes:
    """A bounded number of lanes that call `work(key)` for every key that was woken.

    `work` does what is due for the key and returns None when nothing is left, or the seconds after which to look
    again. A key that is woken while its work runs is looked at once more afterwards, so no wake-up is lost.
    """

    def __init__(self, name: str, work: Callable[[int], Awaitable[float | None]], width: int) -> None:
        self._name = name
        self._work = work
        self._width = width
        self._ready: asyncio.Queue[int] = asyncio.Queue()
        self._waiting: set[int] = set()
        self._running: set[int] = set()
        self._again: set[int] = set()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self) -> None:
        """Open the lanes on the running loop."""
        self._tasks = [asyncio.create_task(self._lane(), name=f"{self._name}-{n}") for n in range(self._width)]

    def wake(self, key: int) -> None:
        """Look at a key as soon as a lane is free."""
        if self._closing:
            return
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    async def aclose(self, grace_s: float = 10.0) -> None:
        """Finish what is in hand, at most `grace_s` seconds, and close; what is left is taken up at the next start."""
        self._closing = True
        while not self._ready.empty():
            self._ready.get_nowait()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        deadline = asyncio.get_running_loop().time() + grace_s
        while self._running and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _lane(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._running.add(key)
            try:
                after_s = await self._work(key)
            except Exception:  # a lane must outlive whatever happens to one key
                logger.exception("%s: work for contact %s failed", self._name, key)
                after_s = ERROR_PAUSE_S
            finally:
                self._running.discard(key)
            if key in self._again or after_s == 0:
                self._again.discard(key)
                self.wake(key)
            elif after_s is not None and not self._closing:
                loop = asyncio.get_running_loop()
                self._timers[key] = loop.call_later(after_s, self.wake, key)
