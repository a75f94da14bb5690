"""Ids of rows as they come from outside: none that a database would choke on gets as far as that."""

from __future__ import annotations

from fastapi import HTTPException, Request

#: The largest id that both databases hold.
_LIMIT = 2**31 - 1


def read_id(text: str) -> int | None:
    """An id out of an address or a form; None when it can't be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return number if (number := int(text)) <= _LIMIT else None


async def check_ids(request: Request) -> None:
    """A dependency of every route: its path names rows that there can be.

    Raises:
        HTTPException: 404, an id in the path is no id.
    """
    for name, value in request.path_params.items():
        if name.endswith("_id") and read_id(str(value)) is None:
            raise HTTPException(404)
