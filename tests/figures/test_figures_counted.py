"""Figures of logs that are small enough to count on paper, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from small_talk import Log, at

from bot.clock import running_on
from bot.db.engine import Database
from bot.figures.data import Figures
from bot.figures.keeping import keep_all
from bot.figures.measuring import measure
from bot.figures.period import Period

TODAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """It is 20 November 2026, noon in UTC."""
    with running_on(lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)):
        yield


async def measured(db: Database, *days: str, step: str | None = None) -> Figures:
    """The figures of a period from its first to its last day, after everything was counted."""
    await keep_all(db)
    async with db.read() as session:
        period = Period.parse({"from": days[0], "to": days[-1]}, TODAY)
        return await measure(session, period, step)  # type: ignore[arg-type]


async def test_a_log_of_two_days(db: Database) -> None:
    """Conversations, people, messages and outcomes, beside the days before."""
    log = Log(db)
    amal, badr = await log.person("telegram", "web"), await log.person("whatsapp")
    # The day before: one message.
    await log.says(amal, "telegram", at("2026-11-09 10:00"))
    # Amal on two channels is one person; half an hour later is the same conversation, three hours later another one.
    await log.says(amal, "telegram", at("2026-11-10 09:00"), took_s=1)
    await log.says(amal, "web", at("2026-11-10 09:30"), key="did_you_mean", took_s=3)
    await log.says(amal, "telegram", at("2026-11-10 12:30"), key="not_understood", variety="ary-Latn", took_s=4)
    await log.says(badr, "whatsapp", at("2026-11-10 15:00"), key="human_requested", took_s=5, intent="request_human")
    await log.says(badr, "whatsapp", at("2026-11-10 15:01"), key=None, variety=None, intent=None)
    await log.says(badr, "whatsapp", at("2026-11-10 15:02"), key="apology", state="failed", took_s=60)
    figures = await measured(db, "2026-11-10")
    value = {each.key: each.value for each in figures.headline}
    before = {each.key: each.before for each in figures.headline}
    assert (value["conversations"], value["people"], value["messages_in"], value["messages_out"]) == (3, 2, 6, 5)
    assert (before["conversations"], before["people"], before["messages_in"], before["messages_out"]) == (1, 1, 1, 1)
    shares = ("share_answered", "share_asked_back", "share_not_understood", "share_handed_over", "share_failed")
    assert [value[key] for key in shares] == [pytest.approx(1 / 5)] * 5
    assert value["share_out_of_scope"] == 0 and figures.figure("share_answered").n == 5
    assert value["to_staff"] == 1
    assert figures.covered == "whole" and figures.pending == 0
