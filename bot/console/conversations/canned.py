"""The ready answers of a member of staff: each keeps their own."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.audit import record
from bot.console.conversations import ANSWERING
from bot.console.layout import render
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.db.models import CannedAnswer
from bot.takeover import ANSWER_LIMIT_CHARS

TITLE_LIMIT_CHARS = 60
#: More than anybody looks through.
MOST = 100

pages = Pages()


async def list_canned(session: AsyncSession, staff_id: int) -> list[CannedAnswer]:
    """Somebody's ready answers, by title."""
    query = select(CannedAnswer).where(CannedAnswer.staff_id == staff_id).order_by(CannedAnswer.title)
    return list(await session.scalars(query))


@pages.get("/conversations/ready", allowed=ANSWERING)
async def show_canned(request: Request, signed: SignedIn) -> Response:
    """One's ready answers, and a form for another."""
    return await _show(request, signed)


@pages.post("/conversations/ready", allowed=ANSWERING)
async def keep_canned(request: Request, signed: SignedIn) -> Response:
    """Keep a ready answer; one of the same title is replaced."""
    form = await read_form(request)
    title = " ".join(form.get("title", "").split())
    text = form.get("text", "").replace("\r\n", "\n").strip()
    errors = {}
    if not title or len(title) > TITLE_LIMIT_CHARS or not title.isprintable():
        errors["title"] = "conversations.wrong.canned_title"
    if not text or len(text) > ANSWER_LIMIT_CHARS:
        errors["text"] = "conversations.wrong.canned_text"
    if not errors:
        async with database(request).write() as session:
            kept = {each.title: each for each in await list_canned(session, signed.member_id)}
            if title in kept:
                kept[title].text = text
            elif len(kept) < MOST:
                session.add(CannedAnswer(staff_id=signed.member_id, title=title, text=text))
            else:
                errors["title"] = "conversations.wrong.canned_many"
            if not errors:
                record(session, signed.member_id, "canned_kept", f"staff:{signed.member_id}")
    if errors:
        return await _show(request, signed, 422, {"title": title, "text": text}, errors)
    return RedirectResponse("/console/conversations/ready?done=canned_kept", 303)


@pages.post("/conversations/ready/{answer_id}/delete", allowed=ANSWERING)
async def drop_canned(request: Request, signed: SignedIn, answer_id: int) -> Response:
    """Delete one of one's own ready answers; of others' there is none for them."""
    own = (CannedAnswer.id == answer_id) & (CannedAnswer.staff_id == signed.member_id)
    async with database(request).write() as session:
        if await session.scalar(delete(CannedAnswer).where(own).returning(CannedAnswer.id)) is not None:
            record(session, signed.member_id, "canned_dropped", f"staff:{signed.member_id}")
    return RedirectResponse("/console/conversations/ready?done=canned_dropped", 303)


async def _show(
    request: Request,
    signed: Signed,
    status: int = 200,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    async with database(request).read() as session:
        canned = await list_canned(session, signed.member_id)
    shown = {"canned": canned, "typed": typed or {}, "errors": errors or {}}
    return render(request, "conversations/ready.html", status, **shown)
