"""What the team does in the terminal until they have the console: read requests, answer people, move applications."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import select

from bot.annotation.examples import REFUSALS
from bot.annotation.export import carry_out, list_ready, plan_export
from bot.clock import MOROCCO, utc_now
from bot.console.audit import record
from bot.db.engine import Database, open_database
from bot.db.models import Application, Contact, Identity, Message, StaffRequest
from bot.db.people import hand_back, hold
from bot.errors import AssistantError
from bot.journeys.preregistration import change_state
from bot.news import announce
from bot.settings import Settings
from bot.takeover import NotTaken, send_text

#: Why a person can't be written to now.
_REASONS = {
    "window": "WhatsApp takes no free text more than 24 hours after the person's last message",
    "blocked": "the person blocked us on the channel that they wrote on last",
    "erased": "the person had everything erased",
    "nowhere": "no address of the person is left",
}
#: The latest messages of a person that are shown beside their request.
SHOWN_MESSAGES = 3


class StaffError(AssistantError):
    """What was asked can't be done; the text says why and what would be right."""


async def export_examples(settings: Settings, *, check: bool) -> None:
    """Print what agreed annotations add to nlu/examples as a patch, and add it, unless it is only to be checked.

    Raises:
        ExamplesError: the files can't be read or written, or something changed meanwhile.
    """
    db = open_database(settings.database_url)
    try:
        async with db.read() as session:
            ready = await list_ready(session)
        plan = await plan_export(ready)
        print(plan.diff, end="")
        for each in plan.refusals:
            told = ": ".join(part for part in (REFUSALS[each.reason], each.place) if part)
            print(f"group {each.ready.group_id} stays out: {each.ready.text!r}: {told}", file=sys.stderr)
        known = len(plan.additions) - len(plan.new)
        told = f"{len(plan.new)} new, {known} there already, {len(plan.refusals)} refused"
        if not check and plan.additions:
            async with db.write() as session:
                files = await carry_out(session, plan)
                record(session, None, "examples_exported", "", count=len(plan.new), fields=files)
        print(f"{told}; {'nothing was written' if check else 'done'}", file=sys.stderr)
    finally:
        await db.aclose()


async def print_requests(settings: Settings) -> None:
    """Print every open request: when, what, who, and their last message."""
    db = open_database(settings.database_url)
    try:
        async with db.read() as session:
            query = select(StaffRequest).where(StaffRequest.closed_at.is_(None)).order_by(StaffRequest.opened_at)
            requests = list(await session.scalars(query))
            for request in requests:
                contact = await session.get_one(Contact, request.contact_id)
                identity = await session.scalar(
                    select(Identity).where(Identity.contact_id == contact.id).order_by(Identity.last_inbound_at.desc())
                )
                said = await session.scalars(
                    select(Message.text)
                    .where(Message.contact_id == contact.id, Message.direction == "in", Message.text != "")
                    .order_by(Message.id.desc())
                    .limit(SHOWN_MESSAGES)
                )
                last = " / ".join(reversed(said.all()))
                who = f"{identity.channel} {identity.profile.get('name') or identity.address}" if identity else "?"
                when = request.opened_at.astimezone(MOROCCO).strftime("%Y-%m-%d %H:%M")
                print(f"{when}  {request.kind:<14} {who} (contact {contact.id}, {contact.variety}): {last}")
                if request.reference:
                    print(f"  {request.reference}: " + "; ".join(f"{k}: {v}" for k, v in request.details.items()))
        print(f"{len(requests)} open")
    finally:
        await db.aclose()


async def take(settings: Settings, contact_id: int, name: str, hours: float) -> None:
    """Take a conversation over from the bot, which is silent for so long.

    Raises:
        StaffError: there is no such contact, or somebody else has the conversation.
    """
    async with _open(settings) as db, db.write() as session:
        if await session.get(Contact, contact_id) is None:
            raise StaffError(f"no contact {contact_id}; `python -m bot requests` names them")
        if not await hold(session, contact_id, name, utc_now() + timedelta(hours=hours)):
            contact = await session.get_one(Contact, contact_id)
            raise StaffError(f"{contact.held_by} has the conversation with contact {contact_id}")


async def say(settings: Settings, contact_id: int, text: str) -> None:
    """Write to a person whose conversation was taken over; the running app sends it.

    Raises:
        StaffError: nobody has the conversation, or the person can't be written to now.
    """
    async with _open(settings) as db, db.write() as session:
        contact = await session.get(Contact, contact_id)
        if contact is None or contact.held_until is None or contact.held_until <= utc_now():
            raise StaffError(f"take contact {contact_id} first: python -m bot take {contact_id} --name …")
        try:
            await send_text(session, contact, text)
        except NotTaken as error:
            raise StaffError(_REASONS[error.reason]) from None


async def give_back(settings: Settings, contact_id: int) -> None:
    """Give a conversation back to the bot, which tells the person so.

    Raises:
        StaffError: nobody has it.
    """
    async with _open(settings) as db, db.write() as session:
        if not await hand_back(session, contact_id):
            raise StaffError(f"nobody has the conversation with contact {contact_id}")


async def move_application(settings: Settings, reference: str, state: str, name: str) -> None:
    """Change where an application stands, and tell the person in their variety, if they agreed to be told.

    Raises:
        StaffError: there is no such application.
    """
    async with _open(settings) as db, db.write() as session:
        application = await session.scalar(select(Application).where(Application.reference == reference))
        if application is None:
            raise StaffError(f"no application {reference}")
        await change_state(session, application, state, name)


async def announce_news(settings: Settings, topic: str, slug: str, name: str, *, again: bool) -> None:
    """Tell subscribers of a row, and print how many they are.

    Raises:
        NewsError: there is no such row, or it was announced before.
    """
    async with _open(settings) as db, db.write() as session:
        print(f"{await announce(session, topic, slug, name, again=again)} people are told")


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Database]:
    db = open_database(settings.database_url)
    try:
        yield db
    finally:
        await db.aclose()
