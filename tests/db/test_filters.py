"""Filters live in a page's address: what is written is read again, and what there is none of is refused in words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bot.db.cursors import read_cursor, read_time, write_cursor
from bot.db.filters import Filters

EVERYTHING = Filters(
    text='"formation gratuite" casa', intent="greet", confidence_min=0.25, confidence_max=0.5, channel="whatsapp",
    variety="ary-Arab", from_day=date(2026, 1, 2), to_day=date(2026, 3, 4), fallback=True, failed=True, annotated=True,
    undelivered=True, state="held", held_by="Équipe A", holder=3, rating="down", tag="à rappeler", unread=True,
    campaign=4, campaign_replied=5,
)  # fmt: skip


@pytest.mark.parametrize(
    "filters", [Filters(), EVERYTHING, Filters(text="شحال"), Filters(confidence_min=0.0), Filters(unread=True)]
)
def test_what_is_written_is_read(filters: Filters) -> None:
    assert Filters.parse(filters.as_parameters()) == filters


def test_every_filter_is_in_the_address() -> None:
    assert len(EVERYTHING.as_parameters()) == len(Filters.__slots__)
    assert EVERYTHING.as_parameters()["from"] == "2026-01-02"
    assert Filters().as_parameters() == {}


def test_other_parameters_are_somebody_else_s() -> None:
    """The page's own parameters, and fields left empty, say nothing."""
    assert Filters.parse({"after": "x", "lang": "ar", "intent": "", "text": "  ", "unread": "0"}) == Filters()


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"channel": "fax"}, "channel"),
        ({"variety": "de"}, "variety"),
        ({"state": "asleep"}, "state"),
        ({"rating": "5"}, "rating"),
        ({"unread": "yes"}, "unread"),
        ({"fallback": "2"}, "fallback"),
        ({"confidence_min": "high"}, "confidence_min"),
        ({"confidence_max": "1.5"}, "confidence_max"),
        ({"confidence_max": "nan"}, "confidence_max"),
        ({"confidence_min": "0.5", "confidence_max": "0.4"}, "confidence_min"),
        ({"from": "02/01/2026"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "from"),
        ({"intent": "Robert'); DROP"}, "intent"),
        ({"text": "?!"}, "text"),
        ({"text": '""'}, "text"),
        ({"text": "a" * 201}, "text"),
        ({"text": "a " * 13}, "text"),
        ({"tag": "x" * 65}, "tag"),
        ({"annotated": "yes"}, "annotated"),
        ({"campaign": "x"}, "campaign"),
        ({"campaign_replied": "-1"}, "campaign_replied"),
    ],
)
def test_what_there_is_none_of_is_refused(parameters: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Filters.parse(parameters)


def test_a_cursor_holds_its_keys() -> None:
    at = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
    keys = read_cursor(write_cursor("waiting", at, 7), "waiting", 2)
    assert (read_time(keys[0]), keys[1]) == (at, 7)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "....", write_cursor("hit", 5), write_cursor("last", 5, 6), "W10", "WyJsYXN0Iiwi4oKsIl0", "bnVsbA",
     write_cursor("last", 2**40), write_cursor("last", -1), "WyJsYXN0Iix0cnVlXQ"],
)  # fmt: skip
def test_a_cursor_of_nobody_s_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match=r"^after: "):
        read_cursor(cursor, "last", 1)
