"""The page of the audit log: the newest first, by who and what, page by page by key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlalchemy import select

from bot.console.audit import list_actions
from bot.console.ids import read_id
from bot.console.layout import find_language, render
from bot.console.roles import ADMINISTRATORS
from bot.console.routing import Pages
from bot.console.security.guard import database
from bot.console.words import Language, load_words, translate
from bot.db.models import AuditEntry, StaffMember

#: Entries a page.
PAGE_SIZE = 50
#: What the filter says for entries of nobody who signed in.
TERMINAL = "terminal"

pages = Pages()


@pages.get("/audit", allowed=ADMINISTRATORS)
async def show_log(request: Request) -> Response:
    """The audit log; ``who`` is a member's id or ``terminal``, ``before`` the id that ended the page before."""
    asked = {name: request.query_params.get(name, "") for name in ("who", "action", "before")}
    query = select(AuditEntry, StaffMember).outerjoin(StaffMember, StaffMember.id == AuditEntry.member_id)
    if asked["who"] == TERMINAL:
        query = query.where(AuditEntry.member_id.is_(None))
    elif (member_id := read_id(asked["who"])) is not None:
        query = query.where(AuditEntry.member_id == member_id)
    if asked["action"] in list_actions():
        query = query.where(AuditEntry.action == asked["action"])
    if (before := read_id(asked["before"])) is not None:
        query = query.where(AuditEntry.id < before)
    async with database(request).read() as session:
        rows = (await session.execute(query.order_by(AuditEntry.id.desc()).limit(PAGE_SIZE + 1))).all()
        members = list(await session.scalars(select(StaffMember).order_by(StaffMember.name, StaffMember.email)))
    shown = rows[:PAGE_SIZE]
    filters = {name: asked[name] for name in ("who", "action") if asked[name]}
    older = ""
    if len(rows) > PAGE_SIZE:
        older = "?" + urlencode({**filters, "before": shown[-1].AuditEntry.id})
    language = find_language(request)
    return render(
        request,
        "audit/log.html",
        entries=[
            {
                "entry": entry,
                "member": member,
                # An action of an older release may have no words any more.
                "action": load_words(language).get(f"audit_actions.{entry.action}", entry.action),
                "details": _describe(language, entry.details),
            }
            for entry, member in shown
        ],
        names={f"staff:{member.id}": member.name or member.email for member in members},
        members=members,
        actions=list_actions(),
        asked=asked,
        older=older,
        newest="?" + urlencode(filters) if before is not None else "",
    )


def _describe(language: Language, details: dict[str, Any]) -> list[str]:
    """The details of an entry in words, as far as there are words for them."""
    words = load_words(language)

    def put(value: Any) -> str:
        if isinstance(value, bool):
            return words["yes" if value else "no"]
        if isinstance(value, list):
            return ", ".join(put(item) for item in value)
        return words.get(f"roles.{value}") or words.get(f"audit_values.{value}") or str(value)

    return [
        translate(language, "pair", name=words.get(f"audit_details.{key}", key), value=put(value))
        for key, value in sorted(details.items())
    ]
