"""Change the state of one application or of many: first what people will be told, then the change.

Nothing happens on the first page. What it shows is what the second does, or it says what changed in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.audit import record
from bot.console.ids import read_id
from bot.console.layout import render
from bot.console.people import KEEPERS
from bot.console.people.applications import PATH
from bot.console.people.showing import NOTE_CHARS, clean_text, find_answers, find_reach, make_namer, make_veil
from bot.console.people.telling import Outlook, Preview, find_variety, foresee_agreed, preview
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, own_path
from bot.db.applications import STATES, find_agreements, find_contacts, list_live_elsewhere
from bot.db.models import Application
from bot.journeys.preregistration import OVER, change_state, tell_state
from bot.messages import Variety

#: So many at once: a page of the list, and a bit.
MOST = 100

pages = Pages()


@dataclass(frozen=True, slots=True)
class Move:
    """One application on its way to another state.

    Attributes:
        application: as it is now.
        variety: how its person is written to.
        outlook: whether they will hear of it.
        obstacle: why it can't be moved: ``same``, ``live`` (another one is), ``changed`` (meanwhile); or nothing.
    """

    application: Application
    variety: Variety
    outlook: Outlook
    obstacle: str

    @property
    def is_told(self) -> bool:
        """Whether the person will hear of it."""
        return not self.obstacle and bool(self.outlook.channel)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for.

    Attributes:
        picks: the state in which each application was seen, by id.
        state: where to; empty when it is none.
        note: a sentence for the people, cleaned.
        typed: the sentence as it was typed.
        back: the page to go back to.
    """

    picks: dict[int, str]
    state: str
    note: str
    typed: str
    back: str

    @property
    def error(self) -> str:
        """A key of what is wrong, or nothing."""
        if not self.picks:
            return "moves.none"
        if len(self.picks) > MOST:
            return "moves.many"
        return "" if self.state else "moves.no_state"

    @property
    def note_error(self) -> str | None:
        """The same of the sentence."""
        return "moves.long" if len(self.note) > NOTE_CHARS else None


async def _read(request: Request) -> Asked:
    form = await request.form()

    def text(name: str) -> str:
        value = form.get(name, "")
        return value.replace("\x00", "") if isinstance(value, str) else ""

    picks = {}
    for given in form.getlist("pick"):
        number, _, state = given.partition(".") if isinstance(given, str) else ("", "", "")
        if (application_id := read_id(number)) is not None and state in STATES:
            picks[application_id] = state
    state = text("state") if text("state") in STATES else ""
    back = own_path(text("back"))
    return Asked(picks, state, clean_text(text("note")), text("note"), back if back.startswith(PATH) else PATH)


@pages.post("/applications/move", allowed=KEEPERS)
async def show_move(request: Request, signed: SignedIn) -> Response:
    """What a change of state will do and say; nothing is changed."""
    return await _show(request, signed, await _read(request))


@pages.post("/applications/move/confirm", allowed=KEEPERS)
async def move(request: Request, signed: SignedIn) -> Response:
    """Change the states, and tell the people who agreed to be told; all of it or, when something changed, nothing."""
    asked = await _read(request)
    if asked.error or asked.note_error:
        return await _show(request, signed, asked)
    async with database(request).write() as session:
        moves = await _plan(request, session, asked, is_locked=True)
        is_stale = any(move.obstacle == "changed" for move in moves) or len(moves) != len(asked.picks)
        ready = [] if is_stale else [move for move in moves if not move.obstacle]
        for each in ready:
            application = each.application
            await change_state(session, application, asked.state, signed.name[:64], asked.note)
            subject = f"application:{application.id}"
            record(session, signed.member_id, "application_moved", subject, state=asked.state, told=each.is_told)
    if not ready:
        return await _show(request, signed, asked, is_stale=is_stale)
    joint = "&" if "?" in asked.back else "?"
    return RedirectResponse(f"{asked.back}{joint}done=application{'s' if len(ready) > 1 else ''}_moved", 303)


async def _plan(request: Request, session: AsyncSession, asked: Asked, *, is_locked: bool = False) -> list[Move]:
    query = select(Application).where(Application.id.in_(asked.picks)).order_by(Application.id)
    if is_locked:
        query = query.with_for_update()
    applications: Sequence[Application] = (await session.scalars(query)).all()
    ids = {application.contact_id for application in applications}
    contacts, agreements = await find_contacts(session, ids), await find_agreements(session, ids)
    elsewhere = await list_live_elsewhere(session, applications) if asked.state not in OVER else set()
    reach = find_reach(request)
    moves = []
    for application in applications:
        contact, identities = contacts[application.contact_id]
        if application.state != asked.picks[application.id]:
            obstacle = "changed"
        elif application.state == asked.state:
            obstacle = "same"
        else:
            obstacle = "live" if application.id in elsewhere else ""
        outlook = foresee_agreed(reach, contact, identities, agreements.get(contact.id))
        moves.append(Move(application, find_variety(contact), outlook, obstacle))
    return moves


async def _show(request: Request, signed: SignedIn, asked: Asked, *, is_stale: bool = False) -> Response:
    moves: list[Move] = []
    previews: list[tuple[Preview, int]] = []
    if asked.picks and len(asked.picks) <= MOST:
        async with database(request).read() as session:
            moves = await _plan(request, session, asked)
    if asked.state and not asked.note_error:
        previews = await _preview(request, moves, asked)
    ready = [move for move in moves if not move.obstacle]
    values: dict[str, Any] = {
        "asked": asked,
        "moves": moves,
        "ready": ready,
        "told": sum(move.is_told for move in moves),
        "previews": previews,
        "is_stale": is_stale,
        "states": STATES,
        "limit": NOTE_CHARS,
        "most": MOST,
        "named": await make_namer(request),
        "veil": make_veil(signed),
    }
    is_wrong = bool(asked.error or asked.note_error or is_stale)
    return render(request, "people/move.html", 422 if is_wrong else 200, **values)


async def _preview(request: Request, moves: Sequence[Move], asked: Asked) -> list[tuple[Preview, int]]:
    """The message once for each channel and variety, as the first person there gets it, and how many get it so."""
    groups: dict[tuple[str, Variety], list[Move]] = {}
    for each in moves:
        if each.is_told:
            groups.setdefault((each.outlook.channel, each.variety), []).append(each)
    answers = find_answers(request)
    return [
        (
            await preview(
                answers, tell_state(group[0].application.reference, asked.state, asked.note), channel, variety
            ),
            len(group),
        )
        for (channel, variety), group in sorted(groups.items())
    ]
