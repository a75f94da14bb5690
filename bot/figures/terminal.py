"""Figures in a terminal: those of a period, and every day counted anew."""

from __future__ import annotations

from bot.clock import today
from bot.db.engine import open_database
from bot.figures.data import Figure
from bot.figures.keeping import keep_all, rebuild
from bot.figures.measuring import measure
from bot.figures.period import Period


async def print_figures(database_url: str, asked: dict[str, str], *, rebuilds: bool = False) -> None:
    """Count what is due, and print the main figures of a period.

    Args:
        database_url: of a database that is up to date.
        asked: the parameters that `Period.parse` reads.
        rebuilds: count every day anew first.

    Raises:
        PeriodError: there is no such period.
    """
    period = Period.parse(asked, today())
    db = open_database(database_url)
    try:
        if rebuilds:
            await rebuild(db, print)
        else:
            await keep_all(db)
        async with db.read() as session:
            figures = await measure(session, period)
    finally:
        await db.aclose()
    print(f"{period.first} to {period.last}, before: {figures.before.first} to {figures.before.last}")
    for figure in figures.headline:
        print(f"{figure.key:<24}{_write(figure, figure.value):>14}{_write(figure, figure.before):>14}")


def _write(figure: Figure, value: float | None) -> str:
    if value is None:
        return "no data"
    if figure.unit == "share":
        return f"{value:.1%}"
    return f"{value:.1f} s" if figure.unit == "seconds" else f"{value:,.0f}"
