"""One's own second factor: turned on with a code that proves it works, off with the password."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bot.console.audit import record
from bot.console.layout import render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.policy import list_required_roles
from bot.console.security.second_factor import (
    draw_qr,
    find_step,
    hash_recovery_code,
    make_recovery_codes,
    make_secret,
    read_code,
)
from bot.console.security.sessions import Signed, end_sessions
from bot.console.staff.account import PATH, check_own_password, show
from bot.db.models import StaffMember, StaffSession

SETUP = f"{PATH}/second-factor"

pages = Pages()


@pages.post("/account/second-factor/offer", allowed=EVERYBODY)
async def offer(request: Request, signed: SignedIn) -> Response:
    """Make a secret for this session, after the password: it counts for nothing until a code confirms it."""
    checked = await check_own_password(request, signed, (await read_form(request)).get("current", ""), "totp_current")
    if isinstance(checked, Response):
        return checked
    async with database(request).write() as session:
        held = await session.get_one(StaffSession, signed.session_id)
        held.totp_offer = make_secret()
    return RedirectResponse(SETUP, 303)


@pages.get("/account/second-factor", allowed=EVERYBODY)
async def show_offer(request: Request, signed: SignedIn) -> Response:
    """The QR code of the secret that was offered, with the form that confirms it."""
    return await _show(request, signed)


async def _show(request: Request, signed: Signed, status: int = 200, error: str | None = None) -> Response:
    async with database(request).read() as session:
        secret = (await session.get_one(StaffSession, signed.session_id)).totp_offer
    if secret is None:
        return RedirectResponse(PATH, 303)
    return render(
        request,
        "staff/second_factor.html",
        status,
        qr=draw_qr(secret, signed.email),
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        error=error,
    )


@pages.post("/account/second-factor/confirm", allowed=EVERYBODY)
async def confirm(request: Request, signed: SignedIn) -> Response:
    """Turn the second factor on, end the other sessions, and show the recovery codes: once."""
    code = read_code((await read_form(request)).get("code", ""))
    async with database(request).write() as session:
        held = await session.get_one(StaffSession, signed.session_id, with_for_update=True)
        secret = held.totp_offer
        step = find_step(secret, code, None) if secret is not None else None
        if step is not None:
            codes = make_recovery_codes()
            member = await session.get_one(StaffMember, signed.member_id, with_for_update=True, populate_existing=True)
            member.totp_secret, member.totp_last_step = secret, step
            member.recovery_hashes = [hash_recovery_code(code) for code in codes]
            held.totp_offer, held.enrol_by = None, None
            await end_sessions(session, member.id, but=held.id)
            record(session, member.id, "second_factor_on", f"staff:{member.id}")
    if step is None:
        return await _show(request, signed, 422, "second_factor.wrong")
    return render(request, "staff/recovery_codes.html", codes=[f"{code[:5]}-{code[5:]}" for code in codes])


@pages.post("/account/second-factor/off", allowed=EVERYBODY)
async def turn_off(request: Request, signed: SignedIn) -> Response:
    """Turn the second factor off, for who knows the password."""
    checked = await check_own_password(request, signed, (await read_form(request)).get("current", ""), "totp_current")
    if isinstance(checked, Response):
        return checked
    async with database(request).read() as session:
        is_required = signed.role in await list_required_roles(session)
    if is_required:
        return await show(request, signed, 422, errors={"totp_current": "second_factor.required"})
    async with database(request).write() as session:
        member = await session.get_one(StaffMember, signed.member_id, with_for_update=True, populate_existing=True)
        if member.totp_secret is not None:
            member.totp_secret, member.totp_last_step, member.recovery_hashes = None, None, []
            record(session, member.id, "second_factor_off", f"staff:{member.id}")
    return RedirectResponse(f"{PATH}?done=second_factor_off", 303)
