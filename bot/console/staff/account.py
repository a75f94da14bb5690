"""One's own account: name, language, password, and where one is signed in."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bot.console.audit import record
from bot.console.layout import render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.limits import TooManyAttempts, begin_attempt, find_address, forgive
from bot.console.security.passwords import find_weakness, hash_password, verify_password
from bot.console.security.sessions import (
    Signed,
    begin_session,
    end_sessions,
    list_sessions,
    write_session_cookie,
)
from bot.console.staff.members import clean_name
from bot.console.words import is_language
from bot.db.models import StaffMember

PATH = "/console/account"

pages = Pages()


async def show(
    request: Request, signed: Signed, status: int = 200, *, errors: dict[str, str] | None = None, minutes: int = 0
) -> Response:
    """The page; `errors` holds the keys of what is wrong by field, `minutes` how long to wait before another try."""
    async with database(request).read() as session:
        member = await session.get_one(StaffMember, signed.member_id)
        sessions = await list_sessions(session, signed.member_id)
    return render(
        request,
        "staff/account.html",
        status,
        member=member,
        sessions=sessions,
        errors=errors or {},
        minutes=minutes,
    )


@pages.get("/account", allowed=EVERYBODY)
async def show_account(request: Request, signed: SignedIn) -> Response:
    """The account of who is signed in."""
    return await show(request, signed)


@pages.post("/account/profile", allowed=EVERYBODY)
async def save_profile(request: Request, signed: SignedIn) -> Response:
    """Keep the name and the language."""
    form = await read_form(request)
    name, language = clean_name(form.get("name", "")), form.get("language", "")
    errors: dict[str, str] = {}
    if not name:
        errors["name"] = "name.missing"
    if not is_language(language):
        errors["language"] = "language.unknown"
    if errors:
        return await show(request, signed, 422, errors=errors)
    async with database(request).write() as session:
        member = await _lock(session, signed)
        changed = [field for field, new in (("name", name), ("language", language)) if getattr(member, field) != new]
        member.name, member.language = name, language
        if changed:
            record(session, member.id, "profile_changed", f"staff:{member.id}", fields=changed)
    return RedirectResponse(f"{PATH}?done=saved", 303)


@pages.post("/account/password", allowed=EVERYBODY)
async def change_password(request: Request, signed: SignedIn) -> Response:
    """Set a new password for who knows the old one; every other session ends, and this one gets a new token."""
    form = await read_form(request)
    new = form.get("password", "")
    checked = await check_own_password(request, signed, form.get("current", ""))
    if isinstance(checked, Response):
        return checked
    errors: dict[str, str] = {}
    weakness = find_weakness(new, email=signed.email, name=signed.name)
    if weakness is not None:
        errors["password"] = f"password.{weakness}"
    elif new != form.get("again"):
        errors["again"] = "password.differs"
    if errors:
        return await show(request, signed, 422, errors=errors)
    hashed = await hash_password(new)
    async with database(request).write() as session:
        member = await _lock(session, signed)
        if member.password_hash != checked:
            return await show(request, signed, 422, errors={"current": "password.wrong"})
        member.password_hash = hashed
        await end_sessions(session, member.id)
        token = await begin_session(
            session, member, request.headers.get("user-agent", ""), is_complete=True, enrol_by=signed.enrol_by
        )
        record(session, member.id, "password_changed", f"staff:{member.id}")
    response = RedirectResponse(f"{PATH}?done=password_changed", 303)
    write_session_cookie(request, response, token)
    return response


async def check_own_password(request: Request, signed: Signed, typed: str, field: str = "current") -> str | Response:
    """The hash that the typed password is right for, or the page that says that it is wrong.

    Wrong tries count as at the sign-in: who finds an open browser can't try passwords in it.
    """
    db = database(request)
    try:
        attempt = await begin_attempt(db, signed.email, find_address(request))
    except TooManyAttempts as error:
        return await show(request, signed, 429, errors={field: "password.too_many"}, minutes=error.minutes)
    async with db.read() as session:
        password_hash = (await session.get_one(StaffMember, signed.member_id)).password_hash
    if not await verify_password(password_hash, typed) or password_hash is None:
        return await show(request, signed, 422, errors={field: "password.wrong"})
    async with db.write() as session:
        await forgive(session, attempt, whole_account=False)
    return password_hash


@pages.post("/account/sessions/{session_id}/end", allowed=EVERYBODY)
async def end_session(request: Request, signed: SignedIn, session_id: int) -> Response:
    """Sign one of one's own browsers out."""
    async with database(request).write() as session:
        await end_sessions(session, signed.member_id, only=session_id)
        record(session, signed.member_id, "session_ended", f"staff:{signed.member_id}")
    return RedirectResponse(f"{PATH}?done=session_ended", 303)


async def _lock(session: Any, signed: Signed) -> StaffMember:
    member: StaffMember = await session.get_one(
        StaffMember, signed.member_id, with_for_update=True, populate_existing=True
    )
    return member
