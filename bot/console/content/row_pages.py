"""The pages of rows: the list of a kind, its form, putting aside, and telling subscribers."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from bot.answers import RenderError
from bot.console.audit import record
from bot.console.content import EDITORS
from bot.console.content.answer_pages import PATH, fold, read_months
from bot.console.content.forms import Wrong, make_controls, read_sent, read_values, show_row, show_sent
from bot.console.content.kinds import BY_PATH, Kind
from bot.console.content.rows import (
    RefusedError,
    bring_back,
    check_answers,
    check_references,
    count_people,
    find_row,
    keep,
    list_references,
    list_rows,
    remove,
    save,
)
from bot.console.content.texts import desk, is_stale
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.console.words import load_words
from bot.db.models import Announcement, Fact
from bot.db.seed import hash_values
from bot.db.seed.checks import WrongValueError, check_slug
from bot.news import NewsError, announce, foresee

#: Rows a page.
PAGE_SIZE = 30

pages = Pages()


def _read_kind(path: str) -> Kind:
    """A kind out of an address; 404 for what is none."""
    kind = BY_PATH.get(path)
    if kind is None:
        raise HTTPException(404)
    return kind


@pages.get("/content/rows/{kind_path}", allowed=EVERYBODY)
async def show_rows(request: Request, signed: SignedIn, kind_path: str) -> Response:
    """The rows of a kind; ``q`` searches all words, ``aside`` shows those put aside, ``after`` is the last slug."""
    kind, language = _read_kind(kind_path), find_language(request)
    asked = {name: request.query_params.get(name, "")[:100] for name in ("q", "aside")}
    after = request.query_params.get("after", "")
    async with database(request).read() as session:
        rows = await list_rows(session, kind)
    months = await read_months(request)
    words = fold(asked["q"]).split()
    found = []
    for row in rows:
        if bool(asked["aside"]) != (row.retired_at is not None):
            continue
        haystack = fold(" ".join([row.slug, *(str(getattr(row, column)) for column in kind.columns)])) if words else ""
        if all(word in haystack for word in words):
            found.append(row)
    page = [row for row in found if row.slug > after][: PAGE_SIZE + 1]
    filters = {name: value for name, value in asked.items() if value}
    return render(
        request,
        "content/rows.html",
        kind=kind,
        rows=[
            {
                "row": row,
                "name": kind.name(row, language),
                "stale": kind.model is Fact and is_stale(row, months),
                "edited": row.seed_hash is None,
            }
            for row in page[:PAGE_SIZE]
        ],
        total=len(found),
        asked=asked,
        next="?" + urlencode({**filters, "after": page[PAGE_SIZE - 1].slug}) if len(page) > PAGE_SIZE else "",
        first="?" + urlencode(filters) if after else "",
        may_edit=signed.role in EDITORS and not kind.is_fixed,
    )


@pages.get("/content/rows/{kind_path}/new", allowed=EDITORS)
async def show_new(request: Request, kind_path: str) -> Response:
    """The form of a new row."""
    kind = _read_kind(kind_path)
    if kind.is_fixed:
        raise HTTPException(404)
    return await _show_form(request, kind, None, show_row(kind, None), may_edit=True)


@pages.post("/content/rows/{kind_path}/new", allowed=EDITORS)
async def create_row(request: Request, signed: SignedIn, kind_path: str) -> Response:
    """Write a new row."""
    kind, sent = _read_kind(kind_path), await read_sent(request)
    if kind.is_fixed:
        raise HTTPException(404)
    values, errors = read_values(kind, sent)
    slug = sent.one("slug")
    try:
        check_slug(slug)
    except WrongValueError as error:
        errors = {"slug": (error.code, error.values), **errors}
    if not errors:
        async with database(request).write() as session:
            errors = await check_references(session, kind, values)
            if await find_row(session, kind, slug) is not None:
                errors["slug"] = ("taken", {})
            if not errors:
                await save(session, kind, slug, values, signed.member_id)
                record(session, signed.member_id, "row_created", f"{kind.path}:{slug}")
    if errors:
        return await _show_form(
            request, kind, None, show_sent(kind, sent), errors, slug=slug, status=422, may_edit=True
        )
    return RedirectResponse(f"{PATH}/rows/{kind.path}/{slug}?done=row_created", 303)


@pages.get("/content/rows/{kind_path}/{slug}", allowed=EVERYBODY)
async def show_one(request: Request, signed: SignedIn, kind_path: str, slug: str) -> Response:
    """One row: its form, what refers to it, and what can be done with it."""
    kind = _read_kind(kind_path)
    row = await _get(request, kind, slug)
    may_edit = signed.role in EDITORS and not kind.is_fixed and row.retired_at is None
    return await _show_form(request, kind, row, show_row(kind, row), may_edit=may_edit)


@pages.post("/content/rows/{kind_path}/{slug}", allowed=EDITORS)
async def change_row(request: Request, signed: SignedIn, kind_path: str, slug: str) -> Response:
    """Write what the form says."""
    kind, sent = _read_kind(kind_path), await read_sent(request)
    row = await _get(request, kind, slug)
    if kind.is_fixed or row.retired_at is not None:
        raise HTTPException(404)
    values, errors = read_values(kind, sent)
    if not errors and kind.model is Fact:
        at_desk = desk(request)
        await at_desk.book.refresh(now=True)
        errors = await asyncio.to_thread(check_answers, at_desk, slug, values)
    if not errors:
        async with database(request).write() as session:
            errors = await check_references(session, kind, values)
            if not errors and _digest(await find_row(session, kind, slug), kind) != sent.one("seen"):
                errors["seen"] = ("newer", {})
            if not errors and await save(session, kind, slug, values, signed.member_id):
                record(session, signed.member_id, "row_changed", f"{kind.path}:{slug}")
    if errors:
        row = await _get(request, kind, slug)
        return await _show_form(request, kind, row, show_sent(kind, sent), errors, status=422, may_edit=True)
    return RedirectResponse(f"{PATH}/rows/{kind.path}/{slug}?done=saved", 303)


@pages.post("/content/rows/{kind_path}/{slug}/remove", allowed=EDITORS)
async def remove_row(request: Request, signed: SignedIn, kind_path: str, slug: str) -> Response:
    """Delete a row, or put it aside."""
    kind = _read_kind(kind_path)
    row = await _get(request, kind, slug)
    if kind.is_fixed:
        raise HTTPException(404)
    try:
        async with database(request).write() as session:
            done = await remove(session, kind, slug, signed.member_id, find_language(request))
            action = "row_deleted" if done == "row_deleted" else "row_retired"
            record(session, signed.member_id, action, f"{kind.path}:{slug}")
    except RefusedError as error:
        return await _show_form(
            request, kind, row, show_row(kind, row), refused=error.reason, status=422, may_edit=row.retired_at is None
        )
    return RedirectResponse(f"{PATH}/rows/{kind.path}?done={done}", 303)


@pages.post("/content/rows/{kind_path}/{slug}/bring-back", allowed=EDITORS)
async def bring_row_back(request: Request, signed: SignedIn, kind_path: str, slug: str) -> Response:
    """Show a row to people again that was put aside."""
    kind = _read_kind(kind_path)
    row = await _get(request, kind, slug)
    try:
        async with database(request).write() as session:
            if await bring_back(session, kind, slug, signed.member_id):
                record(session, signed.member_id, "row_brought_back", f"{kind.path}:{slug}")
    except RefusedError as error:
        return await _show_form(
            request, kind, row, show_row(kind, row), refused=error.reason, status=422, may_edit=False
        )
    return RedirectResponse(f"{PATH}/rows/{kind.path}/{slug}?done=row_brought_back", 303)


@pages.get("/content/rows/{kind_path}/{slug}/announce", allowed=EDITORS)
async def confirm_announcing(request: Request, kind_path: str, slug: str) -> Response:
    """What would be told, and to how many."""
    return await _show_announcing(request, _read_kind(kind_path), slug)


async def _show_announcing(
    request: Request, kind: Kind, slug: str, *, status: int = 200, error: str | None = None
) -> Response:
    if kind.topic is None:
        raise HTTPException(404)
    async with database(request).read() as session:
        try:
            count, answer = await foresee(session, kind.topic, slug)
        except NewsError:
            raise HTTPException(404) from None
        query = select(Announcement).where(Announcement.topic == kind.topic, Announcement.slug == slug)
        before = list(await session.scalars(query.order_by(Announcement.id.desc())))
        name = kind.name(await find_row(session, kind, slug), find_language(request))
    at_desk = desk(request)
    try:
        text = (await at_desk.answers.render(answer, find_language(request))).text
    except RenderError:
        raise HTTPException(404) from None
    return render(
        request,
        "content/announce.html",
        status,
        kind=kind,
        slug=slug,
        name=name,
        count=count,
        before=before[0] if before else None,
        text=text,
        error=error,
    )


@pages.post("/content/rows/{kind_path}/{slug}/announce", allowed=EDITORS)
async def announce_row(request: Request, signed: SignedIn, kind_path: str, slug: str) -> Response:
    """Plan the notices; a second time only when the box for that is ticked."""
    kind, sent = _read_kind(kind_path), await read_sent(request)
    if kind.topic is None:
        raise HTTPException(404)
    try:
        async with database(request).write() as session:
            told = await announce(
                session, kind.topic, slug, f"staff:{signed.member_id}", again=sent.one("again") == "yes"
            )
            record(session, signed.member_id, "row_announced", f"{kind.path}:{slug}", told_count=told)
    except NewsError:
        return await _show_announcing(request, kind, slug, status=422, error="content.announced_before")
    return RedirectResponse(f"{PATH}/rows/{kind.path}/{slug}?done=row_announced", 303)


async def _get(request: Request, kind: Kind, slug: str) -> Any:
    async with database(request).read() as session:
        row = await find_row(session, kind, slug)
    if row is None:
        raise HTTPException(404)
    return row


def _digest(row: Any, kind: Kind) -> str:
    """What tells that a row is still the one that a form was made from."""
    return hash_values(keep(kind, row))[:16]


async def _show_form(
    request: Request,
    kind: Kind,
    row: Any | None,
    shown: dict[str, Any],
    errors: dict[str, Wrong] | None = None,
    *,
    slug: str = "",
    refused: str | None = None,
    status: int = 200,
    may_edit: bool,
) -> Response:
    language = find_language(request)
    words = load_words(language)
    async with database(request).read() as session:
        choices = {}
        for path in ("cities", "operators", "tracks"):
            other = BY_PATH[path]
            others = list(await session.scalars(select(other.model).order_by(other.model.name)))
            choices[path] = [(each.slug, each.name) for each in others]
        facts = [(each.slug, each.statement_fr) for each in await session.scalars(select(Fact).order_by(Fact.slug))]
        references = await list_references(session, kind, row.slug, language) if row is not None else []
        people = await count_people(session, kind, row.slug) if row is not None else 0
    errors = errors or {}
    return render(
        request,
        "content/row.html",
        status,
        kind=kind,
        row=row,
        slug=row.slug if row is not None else slug,
        name=kind.name(row, language) if row is not None else "",
        controls=make_controls(kind, shown, errors, choices, language, (words["yes"], words["no"])),
        errors=errors,
        facts=facts,
        seen=_digest(row, kind) if row is not None else "",
        references=references,
        people=people,
        t_or=lambda key: words.get(key, ""),
        refused=refused,
        may_edit=may_edit,
        may_change=row is not None and not kind.is_fixed,
    )
