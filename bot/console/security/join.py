"""The page behind an invitation: one's name and password."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import select

from bot.console.audit import record
from bot.console.layout import find_language, render
from bot.console.roles import PUBLIC
from bot.console.routing import Pages
from bot.console.security.guard import HOME, database, read_form
from bot.console.security.invitations import Invited, find_invitation, read_email, use_invitation
from bot.console.security.passwords import find_weakness, hash_password
from bot.console.security.sessions import end_sessions
from bot.console.security.sign_in import enter
from bot.console.staff.members import clean_name
from bot.db.models import StaffMember

pages = Pages()


@pages.get("/invitation/{token}", allowed=PUBLIC)
async def show_invitation(request: Request, token: str) -> Response:
    """The form, or the news that the link is used up. Opening it uses nothing: link previews open links."""
    async with database(request).read() as session:
        invited = await find_invitation(session, token)
    return _show(request, invited) if invited is not None else _show_dead(request)


@pages.post("/invitation/{token}", allowed=PUBLIC)
async def accept_invitation(request: Request, token: str) -> Response:
    """Set the password, use the link up, end whatever sessions the account had, and begin one."""
    form = await read_form(request)
    db = database(request)
    async with db.read() as session:
        invited = await find_invitation(session, token)
    if invited is None:
        return _show_dead(request)
    member = invited.member
    email = member.email if member else (read_email(form.get("email", "")) or "")
    name = member.name if member and member.name else clean_name(form.get("name", ""))
    errors: dict[str, str] = {}
    if not email:
        errors["email"] = "email.wrong"
    elif member is None:
        async with db.read() as session:
            if await session.scalar(select(StaffMember.id).where(StaffMember.email == email)) is not None:
                errors["email"] = "email.taken"
    if not name:
        errors["name"] = "name.missing"
    weakness = find_weakness(form.get("password", ""), email=email, name=name)
    if weakness is not None:
        errors["password"] = f"password.{weakness}"
    elif form.get("password") != form.get("again"):
        errors["again"] = "password.differs"
    if errors:
        return _show(request, invited, errors, form, 422)
    hashed = await hash_password(form["password"])
    async with db.write() as session:
        used = await use_invitation(session, token)
        if used is None:
            return _show_dead(request)
        if used.member is None:
            kept = StaffMember(email=email, role="administrator", language=find_language(request))
            session.add(kept)
            await session.flush()
        else:
            kept = await session.get_one(StaffMember, used.member.id, with_for_update=True, populate_existing=True)
        is_new = kept.password_hash is None
        if is_new:
            kept.language = find_language(request)
        kept.name, kept.password_hash = name, hashed
        if used.clears_totp:
            kept.totp_secret, kept.totp_last_step, kept.recovery_hashes = None, None, []
        await end_sessions(session, kept.id)
        record(session, kept.id, "invitation_accepted" if is_new else "password_reset", f"staff:{kept.id}")
    return await enter(request, kept.id, HOME, checked_hash=hashed)


def _show(
    request: Request,
    invited: Invited,
    errors: dict[str, str] | None = None,
    form: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    form = form or {}
    return render(
        request,
        "security/invitation.html",
        status,
        member=invited.member,
        errors=errors or {},
        email=form.get("email", ""),
        name=form.get("name", ""),
    )


def _show_dead(request: Request) -> Response:
    return render(request, "security/dead_link.html", 410)
