"""What a person may ask for under law 09-08: a copy of their data, no more messages, to be erased.

The erasure is the assistant's own (`bot.db.erasure`), and so is what is left of it: a receipt without a name.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from bot.console.audit import record
from bot.console.layout import find_language, render
from bot.console.people import KEEPERS
from bot.console.people.persons import PATH, find_reference, show
from bot.console.people.showing import find_answers, make_namer, make_veil
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.db.erasure import describe_receipt, erase_contact, lock_person
from bot.db.held import collect
from bot.db.models import Contact, Erasure
from bot.db.people import unsubscribe
from bot.db.requests import lock_contact
from bot.export import describe
from bot.export_pdf import write_pdf
from bot.messages import Answer

#: Seconds of work for somebody who wrote much: beside the others, and one at a time.
_ONE_AT_A_TIME: Final = asyncio.Semaphore(1)

pages = Pages()


@pages.post("/people/{contact_id}/export.json", allowed=KEEPERS)
async def export_json(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Everything that is held about one person, for machines."""
    async with database(request).write() as session:
        held = await collect(session, contact_id)
        record(session, signed.member_id, "person_exported", f"contact:{contact_id}", format="json")
    body = json.dumps(held, ensure_ascii=False, indent=2)
    return Response(body, media_type="application/json", headers=_name_file(contact_id, "json"))


@pages.post("/people/{contact_id}/export.pdf", allowed=KEEPERS)
async def export_pdf(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Everything that is held about one person, to be read by them: in their variety."""
    async with database(request).write() as session:
        held = await collect(session, contact_id)
        record(session, signed.member_id, "person_exported", f"contact:{contact_id}", format="pdf")
    answers = find_answers(request)
    await answers.refresh()
    document = await describe(held, answers)
    async with _ONE_AT_A_TIME:
        content = await asyncio.to_thread(write_pdf, document)
    return Response(content, media_type="application/pdf", headers=_name_file(contact_id, "pdf"))


def _name_file(contact_id: int, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="donnees-{contact_id}.{kind}"'}


@pages.post("/people/{contact_id}/unsubscribe", allowed=KEEPERS)
async def end_messages(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """End every subscription, and tell the person nothing more of our own accord, as STOP does."""
    async with database(request).write() as session:
        await lock_contact(session, contact_id)
        await unsubscribe(session, contact_id)
        record(session, signed.member_id, "person_unsubscribed", f"contact:{contact_id}")
    return RedirectResponse(f"{PATH}/{contact_id}?done=person_unsubscribed", 303)


@pages.post("/people/{contact_id}/erase", allowed=KEEPERS)
async def erase(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Erase everything about a person, if the reference on their page was typed: it can't be undone."""
    typed = (await read_form(request)).get("reference", "").strip()
    secret = request.app.state.assistant.settings.rasa_secret.get_secret_value()
    async with database(request).write() as session:
        contact: Contact = await lock_person(session, contact_id)
        receipt: Erasure | None = None
        if contact.erased_at is not None:
            again = select(Erasure).where(Erasure.reference == contact.erasure_reference)
            receipt = (await session.scalars(again)).one()
        elif typed.upper() == (await find_reference(session, contact_id)).upper():
            receipt = await erase_contact(session, contact_id, None, secret)
            record(session, signed.member_id, "person_erased", f"contact:{contact_id}", receipt=receipt.reference)
    if receipt is None:
        error = "people.wrong_reference"
        return await show(request, signed, contact_id, make_veil(signed), 422, typed=typed[:40], error=error)
    return RedirectResponse(f"/console/erasures/{receipt.reference}", 303)


@pages.get("/erasures/{reference}", allowed=KEEPERS)
async def show_receipt(request: Request, reference: str) -> Response:
    """The receipt of an erasure: nothing in it leads to the person."""
    async with database(request).read() as session:
        receipt = (await session.scalars(select(Erasure).where(Erasure.reference == reference))).one()
    told = await find_answers(request).render(Answer("data_erased", describe_receipt(receipt)), find_language(request))
    named = await make_namer(request)
    rows = sorted((table, count) for table, count in receipt.counts.items() if count)
    return render(request, "people/receipt.html", receipt=receipt, rows=rows, text=told.text, named=named)
