"""When somebody of the team is there, and when people are left in peace: hours in Morocco's time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.clock import MOROCCO

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a week: for each weekday (0 is Monday) from when to when, or nothing."""

    days: tuple[tuple[time, time] | None, ...]

    @classmethod
    def parse(cls, text: str) -> Hours:
        """From ``mon-fri 09:00-17:00, sat 09:00-12:00``.

        Raises:
            ValueError: it is written otherwise, or a day ends before it begins.
        """
        days: list[tuple[time, time] | None] = [None] * len(_DAYS)
        for part in text.lower().split(","):
            match = _SPAN.fullmatch(part.strip())
            names = (match["first"], match["last"] or match["first"]) if match else ()
            if match is None or any(name not in _DAYS for name in names):
                raise ValueError('must look like "mon-fri 09:00-17:00, sat 09:00-12:00"')
            opens, closes = time.fromisoformat(match["opens"]), time.fromisoformat(match["closes"])
            first, last = (_DAYS.index(name) for name in names)
            if closes <= opens or last < first:
                raise ValueError(f"{part.strip()!r} ends before it begins")
            for day in range(first, last + 1):
                days[day] = (opens, closes)
        return cls(tuple(days))

    def closes_at(self, now: datetime) -> datetime | None:
        """Until when somebody is there now; None when nobody is."""
        here = now.astimezone(MOROCCO)
        hours = self.days[here.weekday()]
        if hours is None or not hours[0] <= here.time() < hours[1]:
            return None
        return datetime.combine(here.date(), hours[1], MOROCCO)

    def opens_at(self, now: datetime) -> datetime:
        """When somebody is there next, after now."""
        here = now.astimezone(MOROCCO)
        for ahead in range(8):
            day = here.date() + timedelta(days=ahead)
            hours = self.days[day.weekday()]
            if hours is not None and (opens := datetime.combine(day, hours[0], MOROCCO)) > here:
                return opens
        raise AssertionError("a week has a day with hours: parse lets none through without")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of each day in which nobody is written to of our own accord; they may go over midnight."""

    begins: time
    ends: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """From ``21:00-09:00``.

        Raises:
            ValueError: it is written otherwise, or is all day.
        """
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", text.strip())
        if match is None or match.group(1, 2) == match.group(3, 4):
            raise ValueError('must look like "21:00-09:00", and begin and end at different times')
        hours = [int(part) for part in match.groups()]
        return cls(time(hours[0], hours[1]), time(hours[2], hours[3]))

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet hours end in which a moment lies; None when it lies in none."""
        here = now.astimezone(MOROCCO)
        clock = here.time()
        if self.begins < self.ends:
            is_quiet, day = self.begins <= clock < self.ends, here.date()
        else:
            is_quiet = clock >= self.begins or clock < self.ends
            day = here.date() + timedelta(days=1 if clock >= self.begins else 0)
        return datetime.combine(day, self.ends, MOROCCO) if is_quiet else None
