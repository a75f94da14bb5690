"""Prepare a campaign: for whom, what it says in each variety, how it will be seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from bot.campaigns import changes
from bot.campaigns.changes import TITLE_CHARS, NotNow
from bot.campaigns.segments import read_segment
from bot.campaigns.writing import NOBODY, Fault, find_fault, list_placeholders
from bot.console.audit import record
from bot.console.campaigns import PATH, WRITERS
from bot.console.campaigns.showing import (
    Asked,
    count_by_variety,
    find_answers,
    list_choices,
    preview_text,
    read_segment_form,
    tally,
)
from bot.console.content.texts import read_text
from bot.console.layout import render
from bot.console.people.showing import make_namer
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.db.models import Campaign
from bot.messages import LANGUAGE_NAMES, RIGHT_TO_LEFT, VARIETIES

pages = Pages()


@pages.get("/campaigns/new", allowed=WRITERS)
async def show_new(request: Request) -> Response:
    """The form of a new campaign; with a purpose in the address, how many people it is for."""
    return await _show_segment(request, None, dict(request.query_params), is_sent=False)


@pages.post("/campaigns/new", allowed=WRITERS)
async def create_campaign(request: Request, signed: SignedIn) -> Response:
    """A new draft, then its texts."""
    form = await read_form(request)
    async with database(request).write() as session:
        asked = read_segment_form(form, await list_choices(session))
        title = form.get("title", "").strip()
        if asked.segment is not None and 0 < len(title) <= TITLE_CHARS:
            campaign = await changes.create(session, title, asked.segment, signed.member_id)
            record(session, signed.member_id, "campaign_created", f"campaign:{campaign.id}", purpose=campaign.purpose)
            return_to = f"{PATH}/{campaign.id}/texts"
        else:
            return_to = ""
    if not return_to:
        return await _show_segment(request, None, form, is_sent=True)
    return RedirectResponse(return_to, 303)


@pages.get("/campaigns/{campaign_id}/segment", allowed=WRITERS)
async def show_segment(request: Request, campaign_id: int) -> Response:
    """For whom a draft is."""
    campaign = await read_draft(request, campaign_id)
    given = {"title": campaign.title, "purpose": campaign.purpose, **read_segment(campaign).as_json()}
    return await _show_segment(request, campaign, given | dict(request.query_params), is_sent=False)


@pages.post("/campaigns/{campaign_id}/segment", allowed=WRITERS)
async def change_segment(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Say anew for whom it is."""
    form = await read_form(request)
    campaign = await read_draft(request, campaign_id)
    async with database(request).read() as session:
        asked = read_segment_form(form, await list_choices(session))
    title = form.get("title", "").strip()
    if asked.segment is None or not 0 < len(title) <= TITLE_CHARS:
        return await _show_segment(request, campaign, form, is_sent=True)
    try:
        async with database(request).write() as session:
            await changes.change_segment(session, campaign_id, title, asked.segment, signed.member_id, _read_seen(form))
            subject = f"campaign:{campaign_id}"
            record(session, signed.member_id, "campaign_segment_changed", subject, purpose=asked.segment.purpose)
    except NotNow as error:
        if error.code == "changed":
            # What they typed stays, and counts as typed over the newer one: who saves again does so knowingly.
            newer = await read_draft(request, campaign_id)
            given = form | {"seen": str(newer.version)}
            return await _show_segment(request, newer, given, is_sent=True, is_changed=True)
        if error.code != "named":
            return refuse(campaign_id, error)
        return await _show_segment(request, campaign, form, is_sent=True, named_in_texts=error.names)
    return RedirectResponse(f"{PATH}/{campaign_id}?done=saved", 303)


@pages.get("/campaigns/count", allowed=WRITERS)
async def count_segment(request: Request) -> Response:
    """How many people a segment that is being filled in is for, as a part of its page; by itself it is no page."""
    if request.headers.get("HX-Request") != "true":
        return RedirectResponse(f"{PATH}/new?{request.url.query}", 303)
    async with database(request).read() as session:
        asked = read_segment_form(request.query_params, await list_choices(session))
        counted = await tally(request, session, asked.segment) if asked.segment is not None else None
    named = await make_namer(request)
    return render(request, "campaigns/counts.html", counted=counted, asked=asked, named=named, is_fragment=True)


def _read_seen(form: Mapping[str, str]) -> int:
    """The version that the form was opened with; 0, which none has, where it does not say."""
    seen = form.get("seen", "")
    return int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 9 else 0


async def _show_segment(
    request: Request,
    campaign: Campaign | None,
    given: dict[str, str],
    *,
    is_sent: bool,
    named_in_texts: tuple[str, ...] = (),
    is_changed: bool = False,
) -> Response:
    title = given.get("title", "").strip()
    async with database(request).read() as session:
        choices = await list_choices(session)
        asked = read_segment_form(given, choices)
        is_counted = asked.segment is not None
        counted = await tally(request, session, asked.segment) if asked.segment is not None else None
    errors = dict(asked.errors)
    if not (is_sent or given.get("purpose")):
        errors = {}
    if is_sent and not title:
        errors["title"] = "campaigns.no_title"
    if len(title) > TITLE_CHARS:
        errors["title"] = "campaigns.long_title"
    if named_in_texts:
        errors["purpose"] = "campaigns.named_in_texts"
    return render(
        request,
        "campaigns/segment.html",
        409 if is_changed else 422 if is_sent else 200,
        campaign=campaign,
        seen=_read_seen(given) or (campaign.version if campaign is not None else 0),
        is_changed=is_changed,
        title_typed=title,
        asked=Asked(asked.segment, asked.typed, errors),
        errors=errors,
        choices=choices,
        counted=counted if is_counted else None,
        limit=TITLE_CHARS,
        names_in_texts=", ".join(named_in_texts),
        named=await make_namer(request),
        is_fragment=False,
    )


@pages.get("/campaigns/{campaign_id}/texts", allowed=WRITERS)
async def show_texts(request: Request, campaign_id: int) -> Response:
    """The texts of a draft, side by side."""
    campaign = await read_draft(request, campaign_id)
    return await _show_texts(request, campaign, campaign.texts, campaign.fallbacks, {}, seen=campaign.version)


@pages.post("/campaigns/{campaign_id}/texts", allowed=WRITERS)
async def change_texts(request: Request, signed: SignedIn, campaign_id: int) -> Response:
    """Keep the texts, unless one can't be sent or somebody else wrote meanwhile; what was typed is never lost."""
    form = await read_form(request)
    campaign = await read_campaign(request, campaign_id)
    texts: dict[str, str] = {each: read_text(form.get(f"text-{each}", "")) for each in VARIETIES}
    fallbacks: dict[str, str] = {each: form.get(f"instead-{each}", "") for each in VARIETIES}
    answers = find_answers(request)
    await answers.refresh()
    faults: dict[str, Fault] = {}
    for variety in VARIETIES:
        fault = find_fault(answers, texts[variety], variety, campaign.purpose) if texts[variety] else None
        if fault is not None:
            faults[variety] = fault
    seen = _read_seen(form)
    if faults:
        return await _show_texts(request, campaign, texts, fallbacks, faults, seen=seen, status=422)
    try:
        async with database(request).write() as session:
            written = await changes.change_texts(session, campaign_id, texts, fallbacks, signed.member_id, seen)
            subject, varieties = f"campaign:{campaign_id}", list(written.texts)
            record(session, signed.member_id, "campaign_written", subject, variety=", ".join(varieties))
    except NotNow as error:
        # Theirs is shown beside, and counts as seen from now on: who saves again does so knowingly.
        newer = await read_campaign(request, campaign_id)
        theirs = newer.texts if error.code == "changed" else None
        return await _show_texts(request, newer, texts, fallbacks, {}, seen=newer.version, status=409, theirs=theirs)
    return RedirectResponse(f"{PATH}/{campaign_id}?done=saved", 303)


async def _show_texts(
    request: Request,
    campaign: Campaign,
    texts: dict[str, Any],
    fallbacks: dict[str, Any],
    faults: dict[str, Fault],
    *,
    seen: int,
    status: int = 200,
    theirs: dict[str, Any] | None = None,
) -> Response:
    async with database(request).read() as session:
        segment = read_segment(campaign)
        # As if all was written: how many there are of each variety.
        numbers = count_by_variety(await tally(request, session, segment))
    previews = {
        variety: await preview_text(request, texts[variety], variety)
        for variety in VARIETIES
        if texts.get(variety) and variety not in faults
    }
    return render(
        request,
        "campaigns/texts.html",
        status,
        campaign=campaign,
        varieties=[
            {
                "name": variety,
                "title": LANGUAGE_NAMES[variety],
                "dir": "rtl" if variety in RIGHT_TO_LEFT else "ltr",
                "text": texts.get(variety, ""),
                "instead": fallbacks.get(variety, ""),
                "others": [each for each in VARIETIES if each != variety],
                "fault": faults.get(variety),
                "theirs": None if theirs is None else theirs.get(variety, ""),
                "people": numbers[variety],
                "preview": previews.get(variety),
            }
            for variety in VARIETIES
        ],
        placeholders=list_placeholders(campaign.purpose),
        named=await make_namer(request),
        nobody=NOBODY,
        seen=seen,
        has_newer=theirs is not None,
        # Released while it was written: nothing can be kept, and nothing of what was typed is lost either.
        is_over=campaign.state != "draft",
    )


@pages.post("/campaigns/{campaign_id}/preview/{variety}", allowed=WRITERS)
async def preview_campaign(request: Request, campaign_id: int, variety: str) -> Response:
    """How a text that is being written will be seen, as a part of the page."""
    if variety not in VARIETIES:
        raise HTTPException(404)
    name = next(each for each in VARIETIES if each == variety)
    campaign = await read_draft(request, campaign_id)
    text = read_text((await read_form(request)).get(f"text-{name}", ""))
    answers = find_answers(request)
    await answers.refresh()
    fault = find_fault(answers, text, name, campaign.purpose) if text else None
    preview = await preview_text(request, text, name) if text and fault is None else None
    return render(request, "campaigns/preview.html", fault=fault, preview=preview, name=name)


async def read_campaign(request: Request, campaign_id: int) -> Campaign:
    """A campaign.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none.
    """
    async with database(request).read() as session:
        return await session.get_one(Campaign, campaign_id)


async def read_draft(request: Request, campaign_id: int) -> Campaign:
    """A campaign that can still be written.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such campaign.
        HTTPException: 404, it is no draft any more.
    """
    campaign = await read_campaign(request, campaign_id)
    if campaign.state != "draft":
        raise HTTPException(404)
    return campaign


def refuse(campaign_id: int, error: NotNow) -> Response:
    """Back to the campaign, which says why nothing was done."""
    return RedirectResponse(f"{PATH}/{campaign_id}?{urlencode({'refused': error.code})}", 303)
