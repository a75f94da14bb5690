"""One conversation: its messages, the person beside it, and what is new of it every two seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.conversations import ANSWERING, PATH
from bot.console.conversations.bubbles import begin_of, list_writers, show_delivery, show_messages
from bot.console.conversations.canned import list_canned
from bot.console.conversations.persons import describe_person
from bot.console.conversations.privacy import find_sights
from bot.console.conversations.state import find_state, list_templates
from bot.console.conversations.wording import name_topic
from bot.console.ids import read_id
from bot.console.layout import find_language, render
from bot.console.members import name_members
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.console.security.sessions import Signed
from bot.console.training import ANNOTATING
from bot.console.training import PATH as TRAINING
from bot.console.words import Language
from bot.db.annotation_queue import find_labelled
from bot.db.conversations import count_waiting
from bot.db.models import Contact
from bot.db.threads import ThreadMessage, find_contact, list_notes, list_tags, read_thread

#: Messages a page.
PAGE_SIZE = 40
#: The latest messages that a look for news reads.
LOOKED_THROUGH = 30
_UNSETTLED = ("received", "queued", "sent", "delivered")

pages = Pages()


@pages.get("/conversations/{contact_id}", allowed=EVERYBODY)
async def show_thread(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """The conversation at its end, around a message, or before or after one; with ``seen``, what is new since."""
    given = request.query_params
    if "seen" in given and request.headers.get("HX-Request") == "true":
        return await _show_news(request, signed, contact_id)
    return await show_conversation(request, signed, contact_id)


@pages.get("/messages/{message_id}", allowed=EVERYBODY)
async def find_message(request: Request, message_id: int) -> Response:
    """The permanent address of a message: to where it stands now."""
    async with database(request).read() as session:
        found = await find_contact(session, message_id)
    if found is None:
        raise HTTPException(404)
    return RedirectResponse(f"{PATH}/{found}?around={message_id}#m{message_id}", 303)


async def show_conversation(
    request: Request, signed: Signed, contact_id: int, status: int = 200, **shown: Any
) -> Response:
    """The page of a conversation.

    Args:
        request: whose address says which messages.
        signed: who looks.
        contact_id: the person.
        status: the HTTP status.
        shown: of a form that was refused, what was typed and what is wrong (``typed``, ``errors``, ``refused``).

    Raises:
        HTTPException: 404, there is no such conversation, or the message is not in it.
    """
    place = {name: read_id(request.query_params.get(name, "")) for name in ("around", "before", "after")}
    place = dict([next(((name, at) for name, at in place.items() if at is not None), ("before", None))])
    language = find_language(request)
    async with database(request).read() as session:
        contact = await find_person(session, contact_id)
        sight = (await find_sights(session, signed, [contact_id]))[contact_id]
        try:
            thread = await read_thread(session, contact_id, **place, limit=PAGE_SIZE)
        except LookupError:
            raise HTTPException(404) from None
        staff = await name_members(session, list_writers(thread.messages))
        state = await find_state(request, session, signed, language, contact)
        person = await describe_person(request, session, signed, contact, sight)
        tags = await list_tags(session, contact_id)
        known = [tag for tag in await list_tags(session) if tag not in tags]
        notes = await list_notes(session, contact_id)
        canned = await list_canned(session, signed.member_id) if signed.role in ANSWERING else []
        waiting = await count_waiting(session)
        labels = await _read_labels(session, language, thread.messages)
    is_end = thread.after is None
    messages = thread.messages
    return render(
        request,
        "conversations/thread.html",
        status,
        contact_id=contact_id,
        here_path=f"{PATH}/{contact_id}",
        person=person,
        messages=show_messages(language, messages, sight, staff),
        older=f"{PATH}/{contact_id}?before={thread.before}" if thread.before else "",
        newer=f"{PATH}/{contact_id}?after={thread.after}" if thread.after else "",
        is_end=is_end,
        poll=_poll(contact_id, messages, state["mode"], "") if is_end else "",
        live=state,
        sight=sight,
        can_answer=signed.role in ANSWERING,
        tags=[(tag, sight.text(tag)) for tag in tags],
        known_tags=known if signed.role in ANSWERING else [],
        notes=[{"text": sight.text(note.text), "author": note.author, "at": note.created_at} for note in notes],
        canned=canned,
        templates=list_templates(request),
        waiting=waiting,
        is_fragment=False,
        labels=labels,
        can_label=signed.role in ANNOTATING,
        **{"typed": {}, "errors": {}, "refused": None} | shown,
    )


async def find_person(session: AsyncSession, contact_id: int) -> Contact:
    """The person of an address.

    Raises:
        HTTPException: 404, there is none.
    """
    contact = await session.get(Contact, contact_id)
    if contact is None:
        raise HTTPException(404)
    return contact


async def _show_news(request: Request, signed: Signed, contact_id: int) -> Response:
    """What came after a message, what became of those that were on their way, and who has the conversation now.

    Nothing (204) when all of it is what was seen.
    """
    given = request.query_params
    last = read_id(given.get("last", "")) or 0
    pending = {read_id(number) for number in given.get("pending", "").split(".")[:LOOKED_THROUGH]}
    language = find_language(request)
    async with database(request).read() as session:
        contact = await find_person(session, contact_id)
        thread = await read_thread(session, contact_id, limit=LOOKED_THROUGH)
        if thread.before is not None and thread.before > last:
            # More came than is looked through: in their order, and the rest with the next look.
            thread = await read_thread(session, contact_id, after=last, limit=LOOKED_THROUGH)
        state = await find_state(request, session, signed, language, contact)
        waiting = await count_waiting(session)
        digest = _digest(thread.messages, state, waiting)
        if given.get("seen") == digest:
            return Response(status_code=204)
        sight = (await find_sights(session, signed, [contact_id]))[contact_id]
        staff = await name_members(session, list_writers(thread.messages))
        canned = await list_canned(session, signed.member_id) if state["mode"] == "mine" else []
        labels = await _read_labels(session, language, thread.messages)
    new = [message for message in thread.messages if message.id > last]
    settled = [message for message in thread.messages if message.id in pending and message.id <= last]
    return render(
        request,
        "conversations/news.html",
        contact_id=contact_id,
        here_path=f"{PATH}/{contact_id}",
        messages=show_messages(language, new, sight, staff, _read_day(given.get("day", ""))),
        answered=[
            bubble | {"begins_day": False}
            for message in settled
            if message.direction == "in" and message.state != "received"
            for bubble in show_messages(language, [message], sight, staff)
        ],
        deliveries=[show_delivery(message, sight) for message in settled if message.direction == "out"],
        poll=_poll(contact_id, thread.messages, state["mode"], digest, last, given.get("day", "")),
        live=state,
        sight=sight,
        has_composer=given.get("mode") == state["mode"],
        canned=canned,
        templates=list_templates(request),
        waiting=waiting,
        is_fragment=True,
        labels=labels,
        can_label=signed.role in ANNOTATING,
        typed={},
        errors={},
        refused=None,
    )


def _poll(
    contact_id: int, messages: Iterable[ThreadMessage], mode: str, digest: str, last: int = 0, day: str = ""
) -> str:
    """The address of the next look for news: what is shown already, and what of it is not over."""
    known = list(messages)
    if known:
        last, day = known[-1].id, begin_of(known[-1].created_at)
    pending = [message.id for message in known[-LOOKED_THROUGH:] if message.state in _UNSETTLED]
    asked = {"last": last, "day": day, "mode": mode, "pending": ".".join(map(str, pending)), "seen": digest}
    return f"{PATH}/{contact_id}?{urlencode(asked)}"


def _digest(messages: Iterable[ThreadMessage], state: dict[str, Any], waiting: int) -> str:
    """What a look for news is compared by; the end of a hold moves with each minute that is shown."""
    steps = [(message.id, message.state, message.attempts) for message in messages]
    shown = {name: value for name, value in state.items() if name not in ("held_until", "window_ends_at")}
    return hashlib.sha256(repr([steps, sorted(shown.items()), waiting]).encode()).hexdigest()[:16]


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _read_labels(
    session: AsyncSession, language: Language, messages: Iterable[ThreadMessage]
) -> dict[int, dict[str, str]]:
    """Of messages that are worth a look, or were looked at, where they are annotated and what they mean.

    What only one of two members said is not told: it would sway the other one.
    """
    rows = await find_labelled(session, [message.id for message in messages if message.direction == "in"])
    return {
        number: {
            "path": f"{TRAINING}/groups/{row.group.id}",
            "topic": name_topic(language, row.label) if row.label else "",
        }
        for number, row in rows.items()
    }
