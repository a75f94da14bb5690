"""Send a campaign to oneself before anybody gets it: to one's own conversation, shown by a code, the real way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.campaigns import changes
from bot.campaigns.changes import NotNow
from bot.clock import utc_now
from bot.console.audit import record
from bot.console.campaigns import PATH, PREPARERS
from bot.console.campaigns.writing import read_campaign, refuse
from bot.console.layout import render
from bot.console.people.showing import make_namer
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.db.linking import find_code
from bot.db.models import AuditEntry, CampaignRecipient, Identity, Message
from bot.messages import LANGUAGE_NAMES, VARIETIES

#: So many wrong codes of one member of staff within this time, and no further one is looked at.
MOST_WRONG = 5
WRONG_WITHIN = timedelta(hours=1)
#: Tests of a campaign that its page lists.
LISTED = 10

pages = Pages()


@pages.get("/campaigns/{campaign_id}/test", allowed=PREPARERS)
async def show_test(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """One's own addresses, the texts to try, and what became of the last tests."""
    return await _show(request, signed, campaign_id)


@pages.post("/campaigns/{campaign_id}/test", allowed=PREPARERS)
async def send_test(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Send one text to one of one's own addresses."""
    form = await read_form(request)
    campaign = await read_campaign(request, campaign_id)
    variety = form.get("variety", "")
    async with database(request).read() as session:
        addresses = await changes.list_test_addresses(session, signed.member_id)
    identity = next((each for each in addresses if str(each.id) == form.get("address")), None)
    errors = {} if identity is not None else {"address": "campaigns.no_address"}
    if variety not in VARIETIES or not campaign.texts.get(variety):
        errors["variety"] = "campaigns.no_text_there"
    if errors or identity is None:
        return await _show(request, signed, campaign_id, errors, 422, typed=form)
    try:
        async with database(request).write() as session:
            locked = await changes.lock_campaign(session, campaign_id)
            await changes.plan_test(session, locked, identity, variety)
            record(session, signed.member_id, "campaign_tested", f"campaign:{campaign_id}", variety=variety)
    except NotNow as error:
        return refuse(campaign_id, error)
    return RedirectResponse(f"{PATH}/{campaign_id}/test?done=campaign_tested", 303)


@pages.post("/campaigns/{campaign_id}/testers", allowed=PREPARERS)
async def link_tester(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Take a conversation for one's own by the code that it shows; wrong ones are counted, so that none is guessed."""
    await read_campaign(request, campaign_id)
    typed = (await read_form(request)).get("code", "").strip().upper()
    code = find_code(typed if typed.startswith("LINK-") else f"LINK-{typed}")
    async with database(request).write() as session:
        if await _count_wrong(session, signed.member_id) >= MOST_WRONG:
            error = "campaigns.code_blocked"
        elif code is None or await changes.link_tester(session, signed.member_id, code) is None:
            error = "campaigns.code_wrong"
            record(session, signed.member_id, "tester_refused")
        else:
            error = ""
            record(session, signed.member_id, "tester_linked", f"staff:{signed.member_id}")
    if error:
        return await _show(request, signed, campaign_id, {"code": error}, 422, typed={"code": typed})
    return RedirectResponse(f"{PATH}/{campaign_id}/test?done=tester_linked", 303)


@pages.post("/campaigns/{campaign_id}/testers/{contact_id}/remove", allowed=PREPARERS)
async def unlink_tester(request: Request, signed: SignedIn, campaign_id: int, contact_id: int) -> Response:
    """Have no more tests go to a conversation of one's own."""
    await read_campaign(request, campaign_id)
    async with database(request).write() as session:
        addresses = await changes.list_test_addresses(session, signed.member_id)
        if contact_id not in {each.contact_id for each in addresses}:
            raise HTTPException(404)
        await changes.unlink_tester(session, signed.member_id, contact_id)
        record(session, signed.member_id, "tester_unlinked", f"staff:{signed.member_id}")
    return RedirectResponse(f"{PATH}/{campaign_id}/test?done=tester_unlinked", 303)


async def _count_wrong(session: AsyncSession, member_id: int) -> int:
    own = (AuditEntry.member_id == member_id) & (AuditEntry.action == "tester_refused")
    recent = own & (AuditEntry.done_at > utc_now() - WRONG_WITHIN)
    return await session.scalar(select(func.count()).select_from(AuditEntry).where(recent)) or 0


async def _show(
    request: Request,
    signed: Signed,
    campaign_id: int,
    errors: dict[str, str] | None = None,
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    campaign = await read_campaign(request, campaign_id)
    async with database(request).read() as session:
        addresses = await changes.list_test_addresses(session, signed.member_id)
        sent = await _list_sent(session, campaign_id)
    named = await make_namer(request)
    return render(
        request,
        "campaigns/test.html",
        status,
        campaign=campaign,
        addresses=[
            (each.id, each.contact_id, _name_address(each, named("channel", each.channel))) for each in addresses
        ],
        texts=[(each, LANGUAGE_NAMES[each]) for each in VARIETIES if campaign.texts.get(each)],
        sent=sent,
        errors=errors or {},
        typed=typed or {},
        named=named,
        names=LANGUAGE_NAMES,
    )


def _name_address(identity: Identity, channel: str) -> str:
    shown = str(identity.profile.get("username") or identity.profile.get("name") or "")
    return f"{channel} · {shown}" if shown else channel


async def _list_sent(session: AsyncSession, campaign_id: int) -> list[dict[str, Any]]:
    query = (
        select(CampaignRecipient, Message.state)
        .outerjoin(Message, Message.id == CampaignRecipient.message_id)
        .where(CampaignRecipient.campaign_id == campaign_id, CampaignRecipient.is_test)
        .order_by(CampaignRecipient.id.desc())
        .limit(LISTED)
    )
    found = await session.execute(query)
    return [
        {
            "at": row.created_at,
            "channel": row.channel,
            "variety": row.variety,
            "state": state or row.state,
            "outcome": row.outcome,
        }
        for row, state in found
    ]
