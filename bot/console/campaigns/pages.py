"""The list of campaigns, one campaign with what comes next or what came of it, and the buttons that hold or end it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.campaigns import changes
from bot.campaigns.changes import TITLE_CHARS, NotNow
from bot.campaigns.results import Results, read_results
from bot.campaigns.segments import read_segment
from bot.campaigns.writing import list_undecided
from bot.clock import utc_now
from bot.console.audit import record
from bot.console.campaigns import PATH, PREPARERS, RELEASERS, WRITERS
from bot.console.campaigns.showing import describe_segment, find_quiet, list_fallbacks
from bot.console.campaigns.writing import read_campaign, read_draft, refuse
from bot.console.ids import read_id
from bot.console.layout import find_language, render
from bot.console.members import name_members
from bot.console.people.showing import make_namer
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.console.security.sessions import Signed
from bot.console.words import load_words, translate
from bot.db.models import Campaign, ChannelPause
from bot.messages import LANGUAGE_NAMES, RIGHT_TO_LEFT, VARIETIES

#: Campaigns a page.
PAGE_SIZE = 30
STATES = ("draft", "scheduled", "sending", "paused", "done", "stopped")
_OVER = ("done", "stopped")

pages = Pages()


@pages.get("/campaigns", allowed=EVERYBODY)
async def list_campaigns(request: Request, signed: SignedIn) -> Response:
    """The newest first; who only reads results sees what was released."""
    asked = request.query_params.get("state", "")
    states = [each for each in STATES if signed.role in PREPARERS or each != "draft"]
    shown = [asked] if asked in states else states
    before = read_id(request.query_params.get("before", ""))
    query = select(Campaign).where(Campaign.state.in_(shown))
    if before is not None:
        query = query.where(Campaign.id < before)
    async with database(request).read() as session:
        found = list(await session.scalars(query.order_by(Campaign.id.desc()).limit(PAGE_SIZE + 1)))
        names = await name_members(session, (each.changed_by_id for each in found))
    filters = {"state": asked} if asked in states else {}
    more = len(found) > PAGE_SIZE
    return render(
        request,
        "campaigns/list.html",
        campaigns=found[:PAGE_SIZE],
        names=names,
        states=states,
        asked=asked if asked in states else "",
        older="?" + urlencode({**filters, "before": found[PAGE_SIZE - 1].id}) if more else "",
        newest="?" + urlencode(filters) if before is not None else "",
        may_write=signed.role in WRITERS,
        named=await make_namer(request),
    )


@pages.get("/campaigns/{campaign_id}", allowed=EVERYBODY)
async def show_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """A draft with what is missing, or what came of a campaign; with ``seen``, what is new of that since."""
    campaign = await read_campaign(request, campaign_id)
    if campaign.state == "draft":
        if signed.role not in PREPARERS:
            raise HTTPException(403)
        return await _show_draft(request, signed, campaign)
    values = await _read_state(request, campaign)
    seen = request.query_params.get("seen", "")
    is_news = bool(seen) and request.headers.get("HX-Request") == "true"
    if is_news and seen == values["digest"]:
        return Response(status_code=204)
    async with database(request).read() as session:
        names = await name_members(session, (campaign.released_by_id, campaign.changed_by_id))
    named = await make_namer(request)
    refused = request.query_params.get("refused", "")
    return render(
        request,
        "campaigns/state.html" if is_news else "campaigns/campaign.html",
        campaign=campaign,
        names=names,
        named=named,
        segment=describe_segment(read_segment(campaign), named),
        texts=_list_texts(campaign) if signed.role in PREPARERS else [],
        fallbacks=list_fallbacks(campaign),
        is_over=campaign.state in _OVER,
        may_release=signed.role in RELEASERS,
        may_write=signed.role in WRITERS,
        refused=refused if f"campaigns.refused.{refused}" in load_words("fr") else "",
        is_news=is_news,
        has_moved=request.query_params.get("state") != campaign.state,
        cause_words=_make_cause_namer(request),
        **values,
    )


async def _show_draft(request: Request, signed: Signed, campaign: Campaign) -> Response:
    async with database(request).read() as session:
        names = await name_members(session, (campaign.changed_by_id, campaign.created_by_id))
        results = await read_results(session, campaign)
    named = await make_namer(request)
    refused = request.query_params.get("refused", "")
    return render(
        request,
        "campaigns/draft.html",
        campaign=campaign,
        names=names,
        named=named,
        segment=describe_segment(read_segment(campaign), named),
        texts=_list_texts(campaign),
        fallbacks=list_fallbacks(campaign),
        undecided=[LANGUAGE_NAMES[each] for each in list_undecided(campaign)] if campaign.texts else [],
        tests=results.tests,
        may_write=signed.role in WRITERS,
        may_release=signed.role in RELEASERS,
        refused=refused if f"campaigns.refused.{refused}" in load_words("fr") else "",
    )


def _list_texts(campaign: Campaign) -> list[dict[str, str]]:
    return [
        {
            "name": each,
            "title": LANGUAGE_NAMES[each],
            "dir": "rtl" if each in RIGHT_TO_LEFT else "ltr",
            "text": campaign.texts[each],
        }
        for each in VARIETIES
        if campaign.texts.get(each)
    ]


async def _read_state(request: Request, campaign: Campaign) -> dict[str, Any]:
    """What came of a campaign and what it waits for, with the digest by which a look for news knows them."""
    now = utc_now()
    async with database(request).read() as session:
        results: Results = await read_results(session, campaign)
        paused = select(ChannelPause).where(ChannelPause.until > now).order_by(ChannelPause.channel)
        pauses = list(await session.scalars(paused))
    quiet_until = None
    if campaign.state == "sending" and not campaign.ignores_quiet:
        quiet_until = find_quiet(request).end_after(now)
    waits = [(pause.channel, pause.until) for pause in pauses] if campaign.state == "sending" else []
    looked = repr((campaign.state, campaign.is_gathered, results, quiet_until, waits))
    return {
        "results": results,
        "quiet_until": quiet_until,
        "pauses": waits,
        "digest": hashlib.sha256(looked.encode()).hexdigest()[:16],
    }


def _make_cause_namer(request: Request) -> Callable[[str], str]:
    """Words for why messages failed; a code of a provider that nobody knows stands for itself."""
    language = find_language(request)

    def name(code: str) -> str:
        key = f"campaigns.causes.{code}"
        return translate(language, key) if key in load_words(language) else code

    return name


Change = Callable[[AsyncSession, int], Awaitable[Campaign]]


async def _act(request: Request, signed: Signed, campaign_id: int, action: str, change: Change) -> Response:
    """Do one thing with a campaign and log it; what its messages wait for is looked at again at once."""
    try:
        async with database(request).write() as session:
            await change(session, campaign_id)
            flying = await changes.list_in_flight(session, campaign_id)
            # The actions' names are those of the five buttons below.
            record(session, signed.member_id, action, f"campaign:{campaign_id}", count=len(flying))
    except NotNow as error:
        return refuse(campaign_id, error)
    for contact_id in flying:
        request.app.state.assistant.outbox.campaign_lanes.wake(contact_id)
    return RedirectResponse(f"{PATH}/{campaign_id}?done={action}", 303)


@pages.post("/campaigns/{campaign_id}/pause", allowed=RELEASERS)
async def pause_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Hold it."""
    return await _act(request, signed, campaign_id, "campaign_paused", changes.pause)


@pages.post("/campaigns/{campaign_id}/resume", allowed=RELEASERS)
async def resume_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Let it go on."""
    return await _act(request, signed, campaign_id, "campaign_resumed", changes.resume)


@pages.post("/campaigns/{campaign_id}/stop", allowed=RELEASERS)
async def stop_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """End it for good."""
    return await _act(request, signed, campaign_id, "campaign_stopped", changes.stop)


@pages.post("/campaigns/{campaign_id}/withdraw", allowed=PREPARERS)
async def withdraw_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Make a draft again of what has not begun."""
    return await _act(request, signed, campaign_id, "campaign_withdrawn", changes.withdraw)


@pages.post("/campaigns/{campaign_id}/copy", allowed=WRITERS)
async def copy_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """A new draft like it."""
    async with database(request).write() as session:
        campaign = await session.get_one(Campaign, campaign_id)
        title = translate(find_language(request), "campaigns.copy_of", title=campaign.title)[:TITLE_CHARS]
        made = await changes.copy(session, campaign, title, signed.member_id)
        record(session, signed.member_id, "campaign_created", f"campaign:{made.id}", purpose=made.purpose)
    return RedirectResponse(f"{PATH}/{made.id}?done=campaign_copied", 303)


@pages.post("/campaigns/{campaign_id}/discard", allowed=WRITERS)
async def discard_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Throw a draft away."""
    await read_draft(request, campaign_id)
    try:
        async with database(request).write() as session:
            await changes.discard(session, campaign_id)
            record(session, signed.member_id, "campaign_discarded", f"campaign:{campaign_id}")
    except NotNow as error:
        return refuse(campaign_id, error)
    return RedirectResponse(f"{PATH}?done=campaign_discarded", 303)
