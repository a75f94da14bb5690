"""The page of the accounts, for administrators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.layout import render
from bot.console.roles import ADMINISTRATORS, ROLES, Role
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.invitations import make_link, read_email
from bot.console.security.policy import GRACE, list_required_roles, require_second_factor
from bot.console.security.sessions import IDLE
from bot.console.staff.members import (
    RefusedChange,
    change_role,
    disable,
    enable,
    invite,
    renew_link,
    sign_out_everywhere,
)
from bot.db.models import StaffMember, StaffSession

PATH = "/console/staff"

pages = Pages()


@pages.get("/staff", allowed=ADMINISTRATORS)
async def show_staff(request: Request) -> Response:
    """Every account, those that are open first."""
    return await _show(request)


async def _show(request: Request, status: int = 200, **shown: Any) -> Response:
    now = utc_now()
    live = (
        select(StaffSession.member_id, func.count().label("sessions"), func.max(StaffSession.seen_at).label("seen_at"))
        .where(StaffSession.is_complete, StaffSession.expires_at > now, StaffSession.seen_at > now - IDLE)
        .group_by(StaffSession.member_id)
        .subquery()
    )
    query = (
        select(StaffMember, live.c.sessions, live.c.seen_at)
        .outerjoin(live, live.c.member_id == StaffMember.id)
        .order_by(StaffMember.disabled_at.is_not(None), func.lower(StaffMember.name), StaffMember.id)
    )
    async with database(request).read() as session:
        required = await list_required_roles(session)
        rows = (await session.execute(query)).all()
    values = {"email": "", "role": "adviser", "error": None, "refused": None, "member_id": None} | shown
    return render(
        request,
        "staff/list.html",
        status,
        members=[{"member": member, "sessions": sessions or 0, "seen_at": seen} for member, sessions, seen in rows],
        roles=ROLES,
        required=required,
        days=GRACE.days,
        **values,
    )


def read_role(typed: str | None) -> Role | None:
    """A role out of a form."""
    return next((role for role in ROLES if role == typed), None)


@pages.post("/staff/invitations", allowed=ADMINISTRATORS)
async def invite_member(request: Request, signed: SignedIn) -> Response:
    """Make an account, and show the link that lets its owner in: once, since only its hash is kept."""
    form = await read_form(request)
    typed, role = form.get("email", "")[:254], read_role(form.get("role"))
    email = read_email(typed)
    if email is None or role is None:
        return await _show(request, 422, email=typed, role=role or "adviser", error="email.wrong")
    try:
        async with database(request).write() as session:
            token = await invite(session, email, role, signed.member_id)
    except RefusedChange:
        return await _show(request, 422, email=typed, role=role, error="email.taken")
    return _show_link(request, email, token, is_new=True)


@pages.post("/staff/second-factor", allowed=ADMINISTRATORS)
async def set_second_factor(request: Request, signed: SignedIn) -> Response:
    """Say which roles need a second factor: from the next sign-in on, and with time to get one."""
    form = await request.form()
    roles = [role for role in ROLES if role in form.getlist("roles")]
    async with database(request).write() as session:
        if await require_second_factor(session, roles):
            record(session, signed.member_id, "second_factor_required", roles=roles)
    return RedirectResponse(f"{PATH}?done=second_factor_required", 303)


@pages.post("/staff/{member_id}/link", allowed=ADMINISTRATORS)
async def make_new_link(request: Request, signed: SignedIn, member_id: int) -> Response:
    """A new link for who lost theirs, their password or their phone."""
    clears_totp = (await read_form(request)).get("clears_totp") == "yes"
    try:
        async with database(request).write() as session:
            member, token = await renew_link(session, member_id, signed.member_id, clears_totp=clears_totp)
    except RefusedChange as error:
        return await _show(request, 422, refused=error.reason, member_id=member_id)
    return _show_link(request, member.email, token, is_new=member.password_hash is None)


def _show_link(request: Request, email: str, token: str, *, is_new: bool) -> Response:
    link = make_link(request.app.state.assistant.settings.base_url, token)
    return render(request, "staff/link.html", email=email, link=link, is_new=is_new)


@pages.post("/staff/{member_id}/role", allowed=ADMINISTRATORS)
async def set_role(request: Request, signed: SignedIn, member_id: int) -> Response:
    """Give another role; the member signs in again."""
    role = read_role((await read_form(request)).get("role"))
    if role is None:
        return await _show(request, 422, refused="role", member_id=member_id)
    return await _change(
        request, member_id, "role_changed", lambda session: change_role(session, member_id, role, signed.member_id)
    )


@pages.post("/staff/{member_id}/disable", allowed=ADMINISTRATORS)
async def disable_member(request: Request, signed: SignedIn, member_id: int) -> Response:
    """Shut the account."""
    return await _change(
        request, member_id, "member_disabled", lambda session: disable(session, member_id, signed.member_id)
    )


@pages.post("/staff/{member_id}/enable", allowed=ADMINISTRATORS)
async def enable_member(request: Request, signed: SignedIn, member_id: int) -> Response:
    """Open the account again."""
    return await _change(
        request, member_id, "member_enabled", lambda session: enable(session, member_id, signed.member_id)
    )


@pages.post("/staff/{member_id}/sign-out", allowed=ADMINISTRATORS)
async def sign_member_out(request: Request, signed: SignedIn, member_id: int) -> Response:
    """End each session of the account."""
    return await _change(
        request,
        member_id,
        "member_signed_out",
        lambda session: sign_out_everywhere(session, member_id, signed.member_id),
    )


async def _change(
    request: Request, member_id: int, done: str, work: Callable[[AsyncSession], Awaitable[object]]
) -> Response:
    try:
        async with database(request).write() as session:
            await work(session)
    except RefusedChange as error:
        return await _show(request, 422, refused=error.reason, member_id=member_id)
    return RedirectResponse(f"{PATH}?done={done}", 303)
