"""What time it is: the one place that asks the machine, so that a test can move on by days without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

#: Africa/Casablanca: UTC+1, and UTC+0 during Ramadan.
MOROCCO = ZoneInfo("Africa/Casablanca")


def _read_machine() -> datetime:
    return datetime.now(UTC)


_read: Callable[[], datetime] = _read_machine


def utc_now() -> datetime:
    """The present moment, aware and in UTC."""
    return _read()


def today() -> date:
    """Today's date in Morocco."""
    return utc_now().astimezone(MOROCCO).date()


@contextmanager
def running_on(read: Callable[[], datetime]) -> Iterator[None]:
    """Ask another clock than the machine's, for as long as the context lasts; it gives aware times in UTC."""
    global _read
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before
