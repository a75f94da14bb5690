"""Signing in and out: the password, the second factor, and the language before that."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.layout import LANGUAGE_COOKIE, LANGUAGE_COOKIE_S, render
from bot.console.roles import EVERYBODY, PUBLIC
from bot.console.routing import Pages
from bot.console.security.guard import (
    HOME,
    SIGN_IN,
    SignedIn,
    database,
    find_half_signed,
    find_signed,
    own_path,
    read_form,
    safe_next,
)
from bot.console.security.invitations import read_email
from bot.console.security.limits import WINDOW, Attempt, TooManyAttempts, begin_attempt, find_address, forgive
from bot.console.security.passwords import hash_password, needs_rehash, verify_password
from bot.console.security.policy import find_enrolment_end
from bot.console.security.second_factor import accept_code
from bot.console.security.sessions import (
    begin_session,
    clear_session_cookie,
    end_sessions,
    read_session_cookie,
    set_cookie,
    write_session_cookie,
)
from bot.console.words import is_language
from bot.db.models import AuditEntry, StaffMember

SECOND_FACTOR = "/console/second-factor"

pages = Pages()


@pages.get("/sign-in", allowed=PUBLIC)
async def show_sign_in(request: Request) -> Response:
    """The form, or the page that one wanted for who is signed in."""
    wanted = safe_next(request.query_params.get("next", ""))
    if await find_signed(request) is not None:
        return RedirectResponse(wanted, 303)
    return render(request, "security/sign_in.html", next=wanted, email="", error=None, minutes=0)


@pages.post("/sign-in", allowed=PUBLIC)
async def sign_in(request: Request) -> Response:
    """Check the password. Nothing tells an account that does not exist from a wrong password."""
    form = await read_form(request)
    wanted = safe_next(form.get("next", ""))
    typed = form.get("email", "")[:254]
    email = read_email(typed) or typed.strip().lower()

    def refuse(status: int, error: str, minutes: int = 0) -> Response:
        response = render(
            request, "security/sign_in.html", status, next=wanted, email=typed, error=error, minutes=minutes
        )
        if minutes:
            response.headers["Retry-After"] = str(60 * minutes)
        return response

    db = database(request)
    async with db.read() as session:
        member = await session.scalar(select(StaffMember).where(StaffMember.email == email))
    try:
        attempt = await begin_attempt(db, email, find_address(request))
    except TooManyAttempts as error:
        if member is not None:
            async with db.write() as session:
                await _note_block(session, member.id)
        return refuse(429, "too_many", error.minutes)
    usable = member.password_hash if member is not None and member.disabled_at is None else None
    if not await verify_password(usable, form.get("password", "")) or member is None or usable is None:
        return refuse(401, "wrong")
    rehashed = await hash_password(form["password"]) if needs_rehash(usable) else None
    return await enter(request, member.id, wanted, attempt=attempt, checked_hash=usable, rehashed=rehashed)


async def _note_block(session: AsyncSession, member_id: int) -> None:
    """One line an account and window: strangers must not be able to fill a log that nobody can empty."""
    subject = f"staff:{member_id}"
    query = select(AuditEntry.id).where(
        AuditEntry.action == "sign_in_blocked", AuditEntry.subject == subject, AuditEntry.done_at > utc_now() - WINDOW
    )
    if await session.scalar(query.limit(1)) is None:
        record(session, None, "sign_in_blocked", subject)


async def enter(
    request: Request,
    member_id: int,
    wanted: str,
    *,
    attempt: Attempt | None = None,
    checked_hash: str | None = None,
    rehashed: str | None = None,
) -> Response:
    """Begin a session for who gave a right password, complete unless a second factor is missing.

    Args:
        request: the request.
        member_id: who signs in.
        wanted: where to go then.
        attempt: the try that was right.
        checked_hash: the hash that the password was checked against; if it changed meanwhile nobody enters.
        rehashed: the hash to keep from now on.
    """
    async with database(request).write() as session:
        member = await session.get_one(StaffMember, member_id, with_for_update=True, populate_existing=True)
        if member.disabled_at is not None or (checked_hash is not None and member.password_hash != checked_hash):
            return RedirectResponse(SIGN_IN, 303)
        if rehashed is not None:
            member.password_hash = rehashed
        is_complete = member.totp_secret is None
        if attempt is not None:
            await forgive(session, attempt, whole_account=is_complete)
        token = await begin_session(
            session,
            member,
            request.headers.get("user-agent", ""),
            is_complete=is_complete,
            replaces=read_session_cookie(request),
            enrol_by=await find_enrolment_end(session, member),
        )
        if is_complete:
            record(session, member.id, "signed_in", f"staff:{member.id}")
    response = RedirectResponse(wanted if is_complete else f"{SECOND_FACTOR}?{urlencode({'next': wanted})}", 303)
    write_session_cookie(request, response, token)
    return response


@pages.get("/second-factor", allowed=PUBLIC)
async def show_second_factor(request: Request) -> Response:
    """The form for the code, for who gave the right password."""
    wanted = safe_next(request.query_params.get("next", ""))
    half = await find_half_signed(request)
    if half is None or half.is_complete:
        return RedirectResponse(SIGN_IN if half is None else wanted, 303)
    return render(request, "security/second_factor.html", next=wanted, error=None, minutes=0)


@pages.post("/second-factor", allowed=PUBLIC)
async def check_second_factor(request: Request) -> Response:
    """Check the code; right, it makes a new session with a new token."""
    half = await find_half_signed(request)
    if half is None or half.is_complete:
        return RedirectResponse(SIGN_IN if half is None else HOME, 303)
    form = await read_form(request)
    wanted = safe_next(form.get("next", ""))
    db = database(request)
    try:
        attempt = await begin_attempt(db, half.email, find_address(request))
    except TooManyAttempts as error:
        return render(request, "security/second_factor.html", 429, next=wanted, error="too_many", minutes=error.minutes)
    async with db.write() as session:
        member = await session.get_one(StaffMember, half.member_id, with_for_update=True, populate_existing=True)
        kind = accept_code(member, form.get("code", ""))
        if kind is not None:
            await forgive(session, attempt, whole_account=True)
            token = await begin_session(
                session,
                member,
                request.headers.get("user-agent", ""),
                is_complete=True,
                replaces=read_session_cookie(request),
            )
            left = {"codes_left": len(member.recovery_hashes)} if kind == "recovery" else {}
            record(session, member.id, "signed_in", f"staff:{member.id}", second_factor=kind, **left)
    if kind is None:
        return render(request, "security/second_factor.html", 401, next=wanted, error="wrong", minutes=0)
    response = RedirectResponse(wanted, 303)
    write_session_cookie(request, response, token)
    return response


@pages.post("/sign-out", allowed=EVERYBODY)
async def sign_out(request: Request, signed: SignedIn) -> Response:
    """End this session, or with ``everywhere`` each of the member's."""
    everywhere = (await read_form(request)).get("everywhere") == "yes"
    async with database(request).write() as session:
        await end_sessions(session, signed.member_id, only=None if everywhere else signed.session_id)
        action = "signed_out_everywhere" if everywhere else "signed_out"
        record(session, signed.member_id, action, f"staff:{signed.member_id}")
    response = RedirectResponse(f"{SIGN_IN}?done={action}", 303)
    clear_session_cookie(request, response)
    return response


@pages.post("/language", allowed=PUBLIC)
async def choose_language(request: Request) -> Response:
    """Keep the language of the pages before the sign-in."""
    form = await read_form(request)
    # Back to the page with the chooser: a link to an invitation too.
    response = RedirectResponse(own_path(form.get("back", "")), 303)
    if is_language(form.get("language")):
        set_cookie(request, response, LANGUAGE_COOKIE, form["language"], LANGUAGE_COOKIE_S)
    return response
