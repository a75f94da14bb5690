"""Release a campaign: everything on one page, how many get it where and who does not and why; then the word to send."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bot.campaigns import changes
from bot.campaigns.changes import NotNow
from bot.campaigns.segments import read_segment
from bot.campaigns.writing import list_undecided
from bot.clock import utc_now
from bot.console.audit import record
from bot.console.campaigns import PATH, RELEASERS
from bot.console.campaigns.showing import (
    describe_segment,
    find_quiet,
    find_settings,
    list_fallbacks,
    preview_text,
    read_moment,
    tally,
)
from bot.console.campaigns.writing import read_draft, refuse
from bot.console.layout import render
from bot.console.members import name_members
from bot.console.people.showing import make_namer
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.db.models import Campaign
from bot.messages import LANGUAGE_NAMES, RIGHT_TO_LEFT, VARIETIES

pages = Pages()


@pages.get("/campaigns/{campaign_id}/release", allowed=RELEASERS)
async def show_release(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """What will be sent, to how many, when; nothing is sent by looking."""
    campaign = await read_draft(request, campaign_id)
    return await _show(request, signed, campaign, {"when": "now"})


@pages.post("/campaigns/{campaign_id}/release", allowed=RELEASERS)
async def release_campaign(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Let it be sent; refused when it is not what the page showed any more."""
    form = await read_form(request)
    campaign = await read_draft(request, campaign_id)
    starts_at: datetime | None = None
    if form.get("when") not in ("now", "later"):
        return await _show(request, signed, campaign, form, {"when": "campaigns.no_when"}, 422)
    if form["when"] == "later":
        moment = read_moment(form.get("starts_at", ""))
        if not isinstance(moment, datetime):
            return await _show(request, signed, campaign, form, {"starts_at": moment or "campaigns.no_time"}, 422)
        if moment <= utc_now():
            return await _show(request, signed, campaign, form, {"starts_at": "campaigns.past_time"}, 422)
        starts_at = moment
    seen = form.get("seen", "")
    ignores_quiet = form.get("ignores_quiet") == "yes"
    async with database(request).read() as session:
        # For the log; before the transaction, which others wait for.
        counted = await tally(request, session, read_segment(campaign), campaign)
    try:
        async with database(request).write() as session:
            released = await changes.release(
                session,
                campaign_id,
                signed.member_id,
                seen=int(seen) if seen.isdecimal() and len(seen) < 9 else 0,
                starts_at=starts_at,
                ignores_quiet=ignores_quiet,
            )
            own, subject = released.changed_by_id == signed.member_id, f"campaign:{campaign_id}"
            record(session, signed.member_id, "campaign_released", subject, count=counted.reached, own=own)
    except NotNow as error:
        if error.code != "changed":
            return refuse(campaign_id, error)
        return await _show(request, signed, await read_draft(request, campaign_id), form, is_stale=True, status=409)
    return RedirectResponse(f"{PATH}/{campaign_id}?done=campaign_released", 303)


async def _show(
    request: Request,
    signed: Signed,
    campaign: Campaign,
    typed: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
    *,
    is_stale: bool = False,
) -> Response:
    if not campaign.texts or list_undecided(campaign):
        return refuse(campaign.id, NotNow("undecided" if campaign.texts else "unwritten"))
    async with database(request).read() as session:
        counted = await tally(request, session, read_segment(campaign), campaign)
        names = await name_members(session, (campaign.changed_by_id,))
    named, settings = await make_namer(request), find_settings(request)
    now = utc_now()
    rates = {"telegram": settings.campaign_telegram_per_s, "whatsapp": settings.campaign_whatsapp_per_s}
    by_channel: dict[str, int] = {}
    for channel, _, number in counted.rows:
        by_channel[channel] = by_channel.get(channel, 0) + number
    longest_s = max((number / rates[channel] for channel, number in by_channel.items() if channel in rates), default=0)
    return render(
        request,
        "campaigns/release.html",
        status,
        campaign=campaign,
        names=names,
        named=named,
        segment=describe_segment(read_segment(campaign), named),
        counted=counted,
        fallbacks=list_fallbacks(campaign),
        previews=[
            {
                "title": LANGUAGE_NAMES[each],
                "dir": "rtl" if each in RIGHT_TO_LEFT else "ltr",
                "name": each,
                "preview": await preview_text(request, campaign.texts[each], each),
            }
            for each in VARIETIES
            if campaign.texts.get(each)
        ],
        typed=typed,
        errors=errors or {},
        is_stale=is_stale,
        is_own=campaign.changed_by_id == signed.member_id,
        quiet=find_quiet(request),
        quiet_until=find_quiet(request).end_after(now),
        minutes=-(-int(longest_s) // 60),
    )
