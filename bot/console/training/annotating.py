"""One group: what it says, what was said around it, and the form by which a member says what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from bot.annotation.examples import list_intents
from bot.annotation.gathering import own_key, pick
from bot.annotation.marks import Mark, MarkError, add_mark, from_json, read_marks, write_marks
from bot.annotation.placeholders import hide_marked
from bot.console.audit import record
from bot.console.conversations.privacy import Sight
from bot.console.ids import read_id
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.console.training import ANNOTATING, PATH, SETTLING
from bot.console.training.queue import read_view
from bot.console.training.showing import (
    find_choice_after,
    list_kind_choices,
    list_likely,
    list_topic_groups,
    name_variety,
    show_context,
    show_looks,
    show_members,
    show_row,
    show_text,
)
from bot.db.annotation_queue import Look, QueueRow, list_looks, list_members, read_group
from bot.db.annotations import FOREIGN, ExportedError, Label, annotate, take_out, undo_last
from bot.db.models import Candidate, Message
from bot.db.people import list_known_names
from bot.db.threads import Thread, find_contact, read_thread
from bot.messages import VARIETIES

#: Messages of a group, and around the one that stands for it, that its page shows.
MEMBERS, AROUND = 50, 6

pages = Pages()


@dataclass(frozen=True, slots=True)
class _Typed:
    """What the form holds."""

    intent: str = ""
    variety: str = "fr"
    marks: tuple[Mark, ...] = ()
    letters: str = ""
    kind: str = ""


@pages.get("/training/groups/{group_id}", allowed=EVERYBODY)
async def show_group(request: Request, signed: SignedIn, group_id: int) -> Response:
    """The group, with what this member said of it before in the form."""
    return await _show(request, signed, group_id)


@pages.post("/training/groups/{group_id}/annotate", allowed=ANNOTATING)
async def annotate_group(request: Request, signed: SignedIn, group_id: int) -> Response:
    """Say what it means, or skip it; or mark a stretch of it, which changes the page alone."""
    return await _answer(request, signed, group_id, settles=False)


@pages.post("/training/groups/{group_id}/settle", allowed=SETTLING)
async def settle_group(request: Request, signed: SignedIn, group_id: int) -> Response:
    """End a disagreement, or accept one look where a second one was wanted."""
    return await _answer(request, signed, group_id, settles=True)


@pages.post("/training/groups/{group_id}/take-out", allowed=ANNOTATING)
async def take_message_out(request: Request, signed: SignedIn, group_id: int) -> Response:
    """Put a message that means something else into a group of its own, and go there."""
    message_id = read_id((await read_form(request)).get("message", ""))
    async with database(request).write() as session:
        candidate = await session.get(Candidate, message_id) if message_id is not None else None
        if message_id is None or candidate is None or candidate.group_id != group_id:
            raise HTTPException(404)
        try:
            alone = await take_out(session, message_id, own_key(message_id))
        except (ExportedError, ValueError):
            return RedirectResponse(f"{PATH}/groups/{group_id}", 303)
        record(session, signed.member_id, "annotation_message_taken_out", f"message:{message_id}")
    return RedirectResponse(f"{PATH}/groups/{alone}?done=message_taken_out", 303)


@pages.post("/training/undo", allowed=ANNOTATING)
async def undo(request: Request, signed: SignedIn) -> Response:
    """Take back what this member said last, and go to its group."""
    async with database(request).write() as session:
        try:
            group_id = await undo_last(session, signed.member_id)
        except ExportedError:
            return RedirectResponse(f"{PATH}?done=annotation_exported", 303)
        if group_id is None:
            return RedirectResponse(f"{PATH}?done=nothing_to_undo", 303)
        record(session, signed.member_id, "annotation_undone", f"group:{group_id}")
    return RedirectResponse(f"{PATH}/groups/{group_id}?done=annotation_undone", 303)


@pages.post("/training/messages/{message_id}", allowed=ANNOTATING)
async def pick_message(request: Request, signed: SignedIn, message_id: int) -> Response:
    """Have a message of a conversation labelled, and go to its group."""
    async with database(request).write() as session:
        if await find_contact(session, message_id) is None:
            raise HTTPException(404)
        group_id = await pick(session, message_id)
    if group_id is None:
        return RedirectResponse(f"{PATH}?done=no_example", 303)
    return RedirectResponse(f"{PATH}/groups/{group_id}", 303)


async def _answer(request: Request, signed: Signed, group_id: int, *, settles: bool) -> Response:
    form = await read_form(request)
    async with database(request).read() as session:
        row, text, _ = await _read(session, group_id)
    typed = _Typed(
        intent=form.get("intent", ""),
        variety=form.get("variety", row.variety),
        marks=read_marks(text, form.get("marks", "")),
        letters=form.get("letters", ""),
        kind=form.get("kind", ""),
    )
    verdict, errors = form.get("verdict", "topic"), dict[str, str]()
    unmarked = form.get("unmark", "")
    if unmarked:
        typed = replace(typed, marks=tuple(mark for mark in typed.marks if write_marks([mark]) != unmarked))
        return await _show(request, signed, group_id, typed, typed_text=text)
    if verdict == "mark" or (verdict == "topic" and typed.letters.strip()):
        other = ""
        try:
            marks = add_mark(text, typed.marks, typed.letters, typed.kind, read_id(form.get("at", "")))
            typed = replace(typed, marks=marks, letters="")
        except MarkError as error:
            errors["letters"], other = f"training.wrong.{error.reason}", error.other
        # htmx puts nothing of an error's answer into the page.
        is_part = request.headers.get("HX-Request") == "true"
        status = 422 if errors and not is_part else 200
        return await _show(request, signed, group_id, typed, errors, status, text, other)
    if verdict != "skip":
        intent = FOREIGN if verdict == "foreign" else typed.intent
        if intent not in list_intents():
            errors["intent"] = "training.wrong.intent"
        if typed.variety not in VARIETIES:
            errors["variety"] = "training.wrong.variety"
        if errors:
            return await _show(request, signed, group_id, typed, errors, 422, text)
        prepared = hide_marked(text, typed.marks)
        marks_json = [mark.as_json() for mark in prepared.marks]
        label = Label(intent, prepared.text, marks_json, typed.variety)
    else:
        label = Label(None, variety=row.variety)
    try:
        async with database(request).write() as session:
            await annotate(session, group_id, signed.member_id, label, settles=settles)
            done = "annotation_settled" if settles else "annotated" if label.intent else "annotation_skipped"
            details = {"intent": label.intent} if label.intent else {}
            record(session, signed.member_id, done, f"group:{group_id}", **details)
    except ExportedError:
        return await _show(request, signed, group_id, typed, {"group": "training.wrong.exported"}, 422, text)
    where = urlencode({"view": read_view(form.get("view", "")), "done": done})
    return RedirectResponse(f"{PATH}/next?{where}", 303)


async def _read(session: AsyncSession, group_id: int) -> tuple[QueueRow, str, list[Any]]:
    """A group with the text that is labelled and what is proposed to be marked in it."""
    row = await read_group(session, group_id)
    lead = await session.get(Candidate, row.group.lead_id) if row.group.lead_id is not None else None
    return (row, lead.text, lead.marks) if lead is not None else (row, row.text, [])


async def _show(
    request: Request,
    signed: Signed,
    group_id: int,
    typed: _Typed | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    typed_text: str | None = None,
    other: str = "",
) -> Response:
    language = find_language(request)
    async with database(request).read() as session:
        row, text, proposed = await _read(session, group_id)
        group = row.group
        looks = await list_looks(session, group_id)
        members = await list_members(session, group_id, MEMBERS)
        lead = await session.get(Message, group.lead_id) if group.lead_id is not None else None
        thread = Thread((), None, None)
        if lead is not None:
            thread = await read_thread(session, lead.contact_id, around=lead.id, limit=AROUND)
        contact_ids = {member.message.contact_id for member in members} | ({lead.contact_id} if lead else set())
        names = await list_known_names(session, contact_ids)
    # Labelling needs no names: they are dots for every role.
    sights = {contact_id: Sight(False, tuple(names.get(contact_id, ()))) for contact_id in contact_ids}
    own = next((each for each in reversed(looks) if _is_live(each) and _is_by(each, signed)), None)
    # Whoever sees what others said can't look freely any more, but can decide.
    decides = {"disputed": True, "second": own is not None, "agreed": own is None}
    is_settling = signed.role in SETTLING and decides.get(group.state, False)
    sees_looks = (
        group.state in ("agreed", "exported")
        or signed.role not in ANNOTATING
        or (group.state == "disputed" and signed.role in SETTLING)
    )
    chosen = find_choice_after(thread, lead.id) if lead is not None else None
    likely = list_likely(language, lead, chosen)
    if typed is None or typed_text != text:
        typed = _begin(row, text, proposed, own, likely)
    view = read_view(request.query_params.get("view", "") or ("disputed" if group.state == "disputed" else "open"))
    return render(
        request,
        "training/group.html",
        status,
        row=show_row(language, row),
        here_path=f"{PATH}/groups/{group_id}",
        view=view,
        pieces=show_text(language, text, typed.marks),
        marks=write_marks(typed.marks),
        typed=typed,
        direction="rtl" if row.variety in ("ar", "ary-Arab") else "ltr",
        likely=likely,
        topics=list_topic_groups(language),
        kinds=list_kind_choices(language),
        varieties=[(variety, name_variety(variety)) for variety in VARIETIES],
        errors={"group": "", "intent": "", "variety": "", "letters": ""} | dict(errors or {}),
        other=other,
        members=show_members(language, members, sights, group.lead_id),
        context=show_context(language, thread, sights[lead.contact_id], lead.id) if lead is not None else [],
        contact_id=lead.contact_id if lead is not None else None,
        looks=show_looks(language, [look for look in looks if sees_looks or _is_by(look, signed)], group.agreed_id),
        hidden_looks=sum(_is_look(look) and not _is_by(look, signed) for look in looks) if not sees_looks else 0,
        can_annotate=is_settling or (signed.role in ANNOTATING and _may_look(group.state, own)),
        is_settling=is_settling,
        can_take_back=signed.role in SETTLING and group.state == "exported",
    )


def _begin(row: QueueRow, text: str, proposed: list[Any], own: Look | None, likely: list[dict[str, Any]]) -> _Typed:
    """What the form holds at first: what this member said before; else what the machine understood."""
    if own is not None and own.annotation.intent is not None and own.annotation.text == text:
        said = own.annotation
        return _Typed(said.intent or "", said.variety, from_json(text, said.marks))
    known = [each["intent"] for each in likely]
    first = next((each["intent"] for each in likely if each["is_chosen"]), row.heard if row.heard in known else "")
    return _Typed(first or (known[0] if known else ""), row.variety, from_json(text, proposed))


def _may_look(state: str, own: Look | None) -> bool:
    return state in ("open", "second") or (state == "agreed" and own is not None)


def _is_live(look: Look) -> bool:
    return look.annotation.ended_at is None


def _is_look(look: Look) -> bool:
    return _is_live(look) and look.annotation.intent is not None and not look.annotation.settles


def _is_by(look: Look, signed: Signed) -> bool:
    return look.annotation.staff_id == signed.member_id
