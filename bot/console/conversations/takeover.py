"""Take a conversation over, answer live, and hand it back."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bot.channels.whatsapp_templates import VARIABLE_LIMIT_CHARS, fits_variable
from bot.clock import utc_now
from bot.console.audit import record
from bot.console.conversations import ANSWERING, PATH
from bot.console.conversations.canned import list_canned
from bot.console.conversations.privacy import reveal
from bot.console.conversations.state import find_state, list_templates
from bot.console.conversations.thread import find_person, show_conversation
from bot.console.layout import find_language, render
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.db.people import hand_back
from bot.db.threads import mark_read
from bot.messages import Inbound
from bot.takeover import (
    ANSWER_LIMIT_CHARS,
    HOLD,
    HeldByOther,
    Holder,
    NotHeld,
    NotTaken,
    answer,
    claim,
    find_address,
    lock_held,
)

#: Event that the browser hears after an answer was stored, to look for news at once.
SAID = "said"

pages = Pages()


@pages.post("/conversations/{contact_id}/claim", allowed=ANSWERING)
async def claim_conversation(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Take the conversation; from a colleague only where the form says from whom, as it was shown."""
    instead_of = (await read_form(request)).get("instead_of", "")
    holder = Holder(signed.member_id, signed.name or signed.email)
    subject = f"contact:{contact_id}"
    try:
        async with database(request).write() as session:
            await find_person(session, contact_id)
            before = await claim(session, contact_id, holder, instead_of)
            details = {} if before is None else {"was": f"staff:{before}" if before.isdigit() else "terminal"}
            record(session, signed.member_id, "conversation_taken", subject, **details)
            # Who answers somebody reads what they write.
            await reveal(session, signed, contact_id)
            await mark_read(session, contact_id)
    except HeldByOther as error:
        return await show_conversation(request, signed, contact_id, 409, refused=("other", error.name))
    return RedirectResponse(f"{PATH}/{contact_id}?done=taken", 303)


@pages.post("/conversations/{contact_id}/extend", allowed=ANSWERING)
async def extend_hold(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Have the conversation for longer, from now on."""
    try:
        async with database(request).write() as session:
            await find_person(session, contact_id)
            contact = await lock_held(session, contact_id, signed.member_id)
            contact.held_until = utc_now() + HOLD
            record(session, signed.member_id, "conversation_extended", f"contact:{contact_id}")
    except (HeldByOther, NotHeld) as error:
        return await show_conversation(request, signed, contact_id, 409, refused=_refuse(error))
    return RedirectResponse(f"{PATH}/{contact_id}?done=extended", 303)


@pages.post("/conversations/{contact_id}/hand-back", allowed=ANSWERING)
async def hand_conversation_back(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Give the conversation back to the bot, which tells the person."""
    try:
        async with database(request).write() as session:
            await find_person(session, contact_id)
            await lock_held(session, contact_id, signed.member_id)
            await hand_back(session, contact_id)
            record(session, signed.member_id, "conversation_handed_back", f"contact:{contact_id}")
    except (HeldByOther, NotHeld) as error:
        return await show_conversation(request, signed, contact_id, 409, refused=_refuse(error))
    return RedirectResponse(f"{PATH}/{contact_id}?done=handed_back", 303)


@pages.post("/conversations/{contact_id}/typing", allowed=ANSWERING)
async def show_typing(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Show the person that somebody writes, where their channel can, and have the conversation for longer meanwhile.

    Not in the log: it changes nothing but until when the conversation is theirs, which they have already.
    """
    assistant = request.app.state.assistant
    try:
        async with database(request).write() as session:
            await find_person(session, contact_id)
            contact = await lock_held(session, contact_id, signed.member_id)
            contact.held_until = utc_now() + HOLD
            address = await find_address(session, contact, assistant.channels)
    except (HeldByOther, NotHeld):
        return Response(status_code=204)
    if address.identity is not None and address.takes_text and address.identity.channel in assistant.channels:
        channel, to = assistant.channels[address.identity.channel], address.identity.address
        typing = channel.acknowledge(Inbound(channel.name, to, "typing", "", utc_now()))
        task = asyncio.create_task(typing)
        assistant.loose_tasks.add(task)
        task.add_done_callback(assistant.loose_tasks.discard)
    return Response(status_code=204)


@pages.post("/conversations/{contact_id}/say", allowed=ANSWERING)
async def say(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Write to the person; what can't be sent comes back with what was typed."""
    form = await read_form(request)
    # Browsers send line breaks as CR LF.
    text = form.get("text", "").replace("\r\n", "\n").strip()
    variety = form.get("template", "")
    assistant = request.app.state.assistant
    templates = assistant.settings.whatsapp_notice_templates
    errors = _check(text, variety, templates)
    refused: tuple[str, str] | None = None
    if not errors:
        try:
            async with database(request).write() as session:
                await find_person(session, contact_id)
                message = await answer(
                    session,
                    contact_id,
                    signed.member_id,
                    text,
                    template=templates[variety] if variety else None,
                    variety=variety or None,
                    channels=assistant.channels,
                )
                record(session, signed.member_id, "conversation_answered", f"contact:{contact_id}", message=message.id)
        except (HeldByOther, NotHeld, NotTaken) as error:
            refused = _refuse(error)
        else:
            assistant.outbox.lanes.wake(contact_id)
    failed: dict[str, Any] = {"typed": {"text": text, "template": variety}, "errors": errors, "refused": refused}
    if request.headers.get("HX-Request") == "true":
        return await _show_composer(request, signed, contact_id, failed if errors or refused else {})
    if errors or refused:
        return await show_conversation(request, signed, contact_id, 409 if refused else 422, **failed)
    return RedirectResponse(f"{PATH}/{contact_id}?done=said", 303)


def _check(text: str, variety: str, templates: dict[str, str]) -> dict[str, str]:
    """What is wrong with an answer, by field."""
    if not text:
        return {"text": "conversations.wrong.empty"}
    if len(text) > ANSWER_LIMIT_CHARS:
        return {"text": "conversations.wrong.too_long"}
    if variety and variety not in templates:
        return {"template": "conversations.wrong.template"}
    if variety and not fits_variable(text):
        too_long = len(text) > VARIABLE_LIMIT_CHARS
        return {"text": f"conversations.wrong.{'variable_long' if too_long else 'variable'}"}
    return {}


def _refuse(error: HeldByOther | NotHeld | NotTaken) -> tuple[str, str]:
    """Why it was refused, a key below ``conversations.refused``, and the name that it says."""
    if isinstance(error, HeldByOther):
        return "other", error.name
    return ("free", "") if isinstance(error, NotHeld) else (error.reason, "")


async def _show_composer(request: Request, signed: Signed, contact_id: int, failed: dict[str, Any]) -> Response:
    """The composer alone: empty after an answer, which the next look for news shows; else filled, with its errors."""
    language = find_language(request)
    async with database(request).read() as session:
        contact = await find_person(session, contact_id)
        state = await find_state(request, session, signed, language, contact)
        canned = await list_canned(session, signed.member_id)
    response = render(
        request,
        "conversations/composer.html",
        contact_id=contact_id,
        here_path=f"{PATH}/{contact_id}",
        live=state,
        canned=canned,
        templates=list_templates(request),
        is_fragment=True,
        **{"typed": {}, "errors": {}, "refused": None} | failed,
    )
    response.headers["HX-Trigger"] = SAID if not failed else "refused"
    return response
