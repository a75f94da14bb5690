"""The day in Morocco."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

#: Africa/Casablanca: UTC+1, and UTC+0 during Ramadan.
MOROCCO = ZoneInfo("Africa/Casablanca")


def today() -> date:
    """Today's date in Morocco."""
    return datetime.now(MOROCCO).date()
