"""The page of figures."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from fastapi import Request, Response

from bot.clock import today
from bot.console.figures.showing import Shower
from bot.console.figures.wording import write_period
from bot.console.layout import find_language, render, write_day
from bot.console.people import READERS
from bot.console.people.showing import make_namer
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.figures.measuring import measure
from bot.figures.period import MOVING, OWN, STEPS, Period, PeriodError, Step, read_step

PATH = "/console/figures"

pages = Pages()


@pages.get("/figures", allowed=EVERYBODY)
async def show_figures(request: Request, signed: SignedIn) -> Response:
    """The figures of the period in the address; where that names none, what is wrong with it, and the usual one."""
    asked = {name: value.replace("\x00", "")[:32] for name, value in request.query_params.items()}
    period, step, error = _read(asked)
    async with database(request).read() as session:
        figures = await measure(session, period, step)
    language = find_language(request)
    shower = Shower(language, figures, await make_namer(request), signed.role in READERS)
    kept = {"step": step} if asked.get("step") and error is None else {}
    return render(
        request,
        "figures/figures.html",
        422 if error is not None else 200,
        figures=figures,
        parts=shower.list_parts(),
        headline=shower.list_headline(),
        shown_period=write_period(language, figures.period),
        shown_before=write_period(language, figures.before),
        periods=[(name, f"{PATH}?{urlencode({'period': name} | kept)}") for name in MOVING],
        steps=[(name, f"{PATH}?{urlencode(period.as_parameters() | {'step': name})}") for name in STEPS],
        period=period,
        step=step,
        asked=asked,
        error=error,
        day_name=lambda day: write_day(language, day),
        is_own=period.name == OWN or period.name not in MOVING,
        is_running=period.last == today(),
        latest=today().isoformat(),
        earlier=_link(period.before, kept),
        later=_find_later(period, kept),
    )


def _read(asked: dict[str, str]) -> tuple[Period, Step, PeriodError | None]:
    try:
        period = Period.parse(asked, today())
        return period, read_step(asked.get("step", ""), period), None
    except PeriodError as error:
        usual = Period.parse({}, today())
        return usual, usual.step, error


def _link(period: Period, kept: dict[str, Step]) -> str:
    return f"{PATH}?{urlencode(_name(period).as_parameters() | kept)}"


def _name(period: Period) -> Period:
    """A whole month under its name, so that leafing on stays in months."""
    is_month = period.first.day == 1 and (period.last + timedelta(days=1)).day == 1
    if is_month and (period.first.year, period.first.month) == (period.last.year, period.last.month):
        return Period(f"{period.first:%Y-%m}", period.first, period.last)
    return period


def _find_later(period: Period, kept: dict[str, Step]) -> str:
    """The period after one, as long as it; none where that is not over yet."""
    if len(_name(period).name) == len("2026-11"):
        month = (period.last + timedelta(days=1)).replace(day=1)
        return f"{PATH}?{urlencode({'period': f'{month:%Y-%m}'} | kept)}" if month <= today() else ""
    later = Period(OWN, period.last + timedelta(days=1), period.last + timedelta(days=period.days))
    return _link(later, kept) if later.last <= today() else ""
