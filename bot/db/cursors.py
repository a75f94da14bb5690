"""Where a page of a list ended, as an opaque string that goes into the next page's address."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

#: Ids are 32-bit numbers on PostgreSQL.
_LARGEST = 2**31 - 1


def write_cursor(kind: str, *keys: int | datetime) -> str:
    """The cursor of a list of some kind, whose last row has these keys."""
    written = [int(key.timestamp() * 1_000_000) if isinstance(key, datetime) else key for key in keys]
    return base64.urlsafe_b64encode(json.dumps([kind, *written], separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kind: str, count: int) -> tuple[int, ...]:
    """The keys in a cursor; a time is in microseconds (`read_time`).

    Raises:
        ValueError: nobody wrote it, or for another list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != count + 1 or found[0] != kind:
        raise ValueError("after: this is no place in this list; begin again at its first page")
    keys = found[1:]
    if not all(type(key) is int and key >= 0 for key in keys) or keys[-1] > _LARGEST:
        raise ValueError("after: this is no place in this list; begin again at its first page")
    return tuple(keys)


def read_time(microseconds: int) -> datetime:
    """A time in a cursor.

    Raises:
        ValueError: it is none.
    """
    try:
        return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)
    except (OverflowError, OSError, ValueError):
        raise ValueError("after: this is no place in this list; begin again at its first page") from None
