"""The first page after signing in: what waits for one, and what one's role may open."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import func, select

from bot.clock import utc_now
from bot.console.conversations import ANSWERING, PATH
from bot.console.layout import render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.db.conversations import count_waiting
from bot.db.models import Contact

pages = Pages()


@pages.get("/", allowed=EVERYBODY)
async def show_home(request: Request, signed: SignedIn) -> Response:
    """How many wait, are one's own and are unread, and a link for each page of the role."""
    own = (Contact.held_until > utc_now()) & (Contact.held_by_id == signed.member_id)
    async with database(request).read() as session:
        waiting = await count_waiting(session)
        mine = await session.scalar(select(func.count()).select_from(Contact).where(own)) or 0
        unread = await session.scalar(select(func.count()).select_from(Contact).where(Contact.unread > 0)) or 0
    numbers = [("waiting", waiting), ("mine", mine), ("unread", unread)]
    shown = [(name, count, f"{PATH}?view={name}") for name, count in numbers]
    if signed.role not in ANSWERING:
        shown = [each for each in shown if each[0] != "mine"]
    return render(request, "home.html", numbers=shown)
