"""The first page after signing in: what waits for one, and what one's role may open."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import func, select

from bot.clock import utc_now
from bot.console import training
from bot.console.conversations import ANSWERING, PATH
from bot.console.layout import render
from bot.console.people import READERS
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.db import requests
from bot.db.annotation_queue import count_groups
from bot.db.conversations import count_waiting
from bot.db.models import Contact

pages = Pages()


@pages.get("/", allowed=EVERYBODY)
async def show_home(request: Request, signed: SignedIn) -> Response:
    """How much waits for the role, each number with a link to it, and a link for each page of the role."""
    own = (Contact.held_until > utc_now()) & (Contact.held_by_id == signed.member_id)
    async with database(request).read() as session:
        numbers = [("waiting", await count_waiting(session), f"{PATH}?view=waiting")]
        if signed.role in ANSWERING:
            mine = await session.scalar(select(func.count()).select_from(Contact).where(own)) or 0
            numbers.append(("mine", mine, f"{PATH}?view=mine"))
        unread = await session.scalar(select(func.count()).select_from(Contact).where(Contact.unread > 0)) or 0
        numbers.append(("unread", unread, f"{PATH}?view=unread"))
        if signed.role in READERS:
            numbers.append(("requests", await requests.count_waiting(session), "/console/requests"))
        groups = await count_groups(session)
        if signed.role in training.ANNOTATING:
            numbers.append(("annotate", groups["open"], training.PATH))
        if signed.role in training.SETTLING and groups["disputed"]:
            numbers.append(("disputed", groups["disputed"], f"{training.PATH}?view=disputed"))
    return render(request, "home.html", numbers=numbers)
