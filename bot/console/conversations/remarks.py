"""What staff add to a conversation: tags, notes, that they read it; and the button that shows who the person is."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bot.console.audit import record
from bot.console.conversations import ANSWERING, PATH
from bot.console.conversations.privacy import reveal
from bot.console.conversations.thread import find_person, show_conversation
from bot.console.ids import read_id
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.db.threads import add_note, add_tag, mark_read, remove_tag

#: `Note.author` holds no longer name.
_AUTHOR_CHARS = 64

pages = Pages()


@pages.post("/conversations/{contact_id}/reveal", allowed=ANSWERING)
async def show_person(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Show personal data of this one person until the session ends; the log keeps that it was asked for."""
    async with database(request).write() as session:
        await find_person(session, contact_id)
        await reveal(session, signed, contact_id)
    return RedirectResponse(f"{PATH}/{contact_id}?done=revealed", 303)


@pages.post("/conversations/{contact_id}/read", allowed=ANSWERING)
async def mark_conversation_read(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Note that it was read, up to the last message that was shown."""
    upto = read_id((await read_form(request)).get("upto", ""))
    async with database(request).write() as session:
        await find_person(session, contact_id)
        await mark_read(session, contact_id, upto)
        record(session, signed.member_id, "conversation_read", f"contact:{contact_id}")
    return RedirectResponse(f"{PATH}/{contact_id}?done=read", 303)


@pages.post("/conversations/{contact_id}/tags", allowed=ANSWERING)
async def tag_conversation(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Add a tag."""
    name = (await read_form(request)).get("tag", "")[:200]
    try:
        async with database(request).write() as session:
            await find_person(session, contact_id)
            if await add_tag(session, contact_id, name):
                record(session, signed.member_id, "conversation_tagged", f"contact:{contact_id}")
    except ValueError:
        errors = {"tag": "conversations.wrong.tag"}
        return await show_conversation(request, signed, contact_id, 422, typed={"tag": name}, errors=errors)
    return RedirectResponse(f"{PATH}/{contact_id}?done=tagged#tags", 303)


@pages.post("/conversations/{contact_id}/untag", allowed=ANSWERING)
async def untag_conversation(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Take a tag off; one that somebody else took off is off."""
    name = (await read_form(request)).get("tag", "")
    async with database(request).write() as session:
        await find_person(session, contact_id)
        if await remove_tag(session, contact_id, name):
            record(session, signed.member_id, "conversation_untagged", f"contact:{contact_id}")
    return RedirectResponse(f"{PATH}/{contact_id}?done=untagged#tags", 303)


@pages.post("/conversations/{contact_id}/notes", allowed=ANSWERING)
async def note_conversation(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Add a note for colleagues."""
    text = (await read_form(request)).get("note", "")
    author = (signed.name or signed.email)[:_AUTHOR_CHARS]
    try:
        async with database(request).write() as session:
            await find_person(session, contact_id)
            note = await add_note(session, contact_id, text, author, signed.member_id)
            record(session, signed.member_id, "conversation_noted", f"contact:{contact_id}", note=note.id)
    except ValueError:
        errors = {"note": "conversations.wrong.note"}
        return await show_conversation(request, signed, contact_id, 422, typed={"note": text}, errors=errors)
    return RedirectResponse(f"{PATH}/{contact_id}?done=noted#notes", 303)
