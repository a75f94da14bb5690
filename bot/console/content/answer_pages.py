"""The pages of the answers: the list, one answer in its five varieties, and the editor of one text with its preview."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select

from bot.console.audit import record
from bot.console.content import EDITORS
from bot.console.content.kinds import KINDS
from bot.console.content.preview import Preview, make_preview
from bot.console.content.revisions import write_text
from bot.console.content.texts import (
    AUDIENCES,
    WARNINGS,
    Desk,
    Problem,
    describe,
    desk,
    find_audience,
    list_data,
    read_text,
)
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.content import load_shapes, load_words
from bot.db.models import AnswerText, ContentState
from bot.messages import LANGUAGE_NAMES, RIGHT_TO_LEFT, VARIETIES, Variety

PATH = "/console/content"
#: Answers a page.
PAGE_SIZE = 30
#: Bounds of the age from which a fact is called old, in months.
MONTHS = (1, 120)

pages = Pages()


def fold(text: str) -> str:
    """A text for searching: no capitals, no accents, no Arabic vowels."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )


async def read_months(request: Request) -> int:
    """From which age on, in months, a fact is called old."""
    async with database(request).read() as session:
        return await session.scalar(select(ContentState.stale_after_months)) or 12


def _read_names(key: str, variety: str | None = None) -> tuple[str, Variety]:
    """A key and a variety out of an address; 404 for what is none."""
    if key not in load_shapes():
        raise HTTPException(404)
    found = next((each for each in VARIETIES if each == variety), None)
    if variety is not None and found is None:
        raise HTTPException(404)
    return key, found or "fr"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


@pages.get("/content", allowed=EVERYBODY)
async def show_content(request: Request) -> Response:
    """Where everything is: the answers, each kind of row with how many there are, and the history."""
    async with database(request).read() as session:
        counts = {kind.path: await session.scalar(select(func.count()).select_from(kind.model)) for kind in KINDS}
    months = await read_months(request)
    findings = await desk(request).survey(months)
    warned = sum(any(found.code != "screen" for found in each) for each in findings.values())
    return render(
        request, "content/content.html", kinds=KINDS, counts=counts, answers=len(load_shapes()), warned=warned
    )


@pages.get("/content/answers", allowed=EVERYBODY)
async def list_answers(request: Request) -> Response:
    """The answers in order; ``q``, ``audience`` and ``warning`` filter, ``after`` is the page before's last key."""
    return await _show_list(request)


async def _show_list(request: Request, status: int = 200, **shown: Any) -> Response:
    language = find_language(request)
    asked = {name: request.query_params.get(name, "")[:100] for name in ("q", "audience", "warning")}
    months = await read_months(request)
    at_desk = desk(request)
    findings = await at_desk.survey(months)
    words = fold(asked["q"]).split()
    rows = []
    for key in load_shapes():
        audience = find_audience(key)
        codes = {found.code for found in findings[key]}
        if asked["audience"] in AUDIENCES and audience != asked["audience"]:
            continue
        if asked["warning"] == "any" and not codes:
            continue
        if asked["warning"] in WARNINGS and asked["warning"] not in codes:
            continue
        if asked["warning"] == "changed" and not any((key, variety) in at_desk.book.texts for variety in VARIETIES):
            continue
        texts = [at_desk.answers.text_of(key, variety) or "" for variety in VARIETIES]
        purpose = describe(key, language)
        if words:
            haystack = fold(" ".join([key, purpose, *texts]))
            if not all(word in haystack for word in words):
                continue
        excerpt = at_desk.answers.text_of(key, "ar" if language == "ar" else language) or texts[0]
        rows.append(
            {
                "key": key,
                "purpose": purpose,
                "audience": audience,
                "codes": [code for code in WARNINGS if code in codes],
                "changed": any((key, variety) in at_desk.book.texts for variety in VARIETIES),
                "excerpt": _excerpt(excerpt),
            }
        )
    keys = [row["key"] for row in rows]
    after = request.query_params.get("after", "")
    start = keys.index(after) + 1 if after in keys else 0
    page = rows[start : start + PAGE_SIZE]
    filters = {name: value for name, value in asked.items() if value}
    more = start + PAGE_SIZE < len(rows)
    values = {"months": months, "months_error": None} | shown
    return render(
        request,
        "content/answers.html",
        status,
        rows=page,
        total=len(rows),
        asked=asked,
        audiences=AUDIENCES,
        warnings=WARNINGS,
        next="?" + urlencode({**filters, "after": page[-1]["key"]}) if more else "",
        first="?" + urlencode(filters) if start else "",
        **values,
    )


def _excerpt(text: str) -> str:
    """The first words of a text, its tags as dots."""
    plain = " ".join(re.sub(r"\{[%{].*?[%}]\}", "…", text, flags=re.DOTALL).split())
    return plain if len(plain) <= 140 else plain[:139].rstrip() + "…"


@pages.post("/content/settings", allowed=EDITORS)
async def change_settings(request: Request, signed: SignedIn) -> Response:
    """From which age on a fact is called old."""
    typed = (await read_form(request)).get("months", "").strip()
    months = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
    if not MONTHS[0] <= months <= MONTHS[1]:
        return await _show_list(request, 422, months=typed, months_error="content.months_wrong")
    async with database(request).write() as session:
        state = await session.get_one(ContentState, 1)
        was, state.stale_after_months = state.stale_after_months, months
        record(session, signed.member_id, "content_settings_changed", "content:settings", was=was, months=months)
    return RedirectResponse(f"{PATH}/answers?done=saved", 303)


@pages.get("/content/answers/{key}", allowed=EVERYBODY)
async def show_answer(request: Request, signed: SignedIn, key: str) -> Response:
    """One answer: what it is for, its five texts side by side, the facts it cites and the buttons after it."""
    key, _ = _read_names(key)
    language = find_language(request)
    months = await read_months(request)
    at_desk = desk(request)
    findings = (await at_desk.survey(months))[key]
    shape = load_shapes()[key]
    return render(
        request,
        "content/answer.html",
        key=key,
        purpose=describe(key, language),
        audience=find_audience(key),
        varieties=[
            {
                "name": variety,
                "title": LANGUAGE_NAMES[variety],
                "dir": "rtl" if variety in RIGHT_TO_LEFT else "ltr",
                "text": at_desk.answers.text_of(key, variety),
                "changed": (key, variety) in at_desk.book.texts,
                "findings": [found for found in findings if found.variety == variety],
            }
            for variety in VARIETIES
        ],
        findings=[found for found in findings if found.variety is None],
        facts=[(slug, at_desk.book.facts.get(slug)) for slug in shape.facts],
        buttons=[load_words()[language].buttons.get(intent, intent) for intent in shape.next],
        data=list_data(key),
        may_edit=signed.role in EDITORS,
    )


@pages.get("/content/answers/{key}/{variety}", allowed=EDITORS)
async def edit_answer(request: Request, key: str, variety: str) -> Response:
    """The editor of one text."""
    key, name = _read_names(key, variety)
    at_desk = desk(request)
    await at_desk.book.refresh(now=True)
    text = at_desk.answers.text_of(key, name) or ""
    return _show_editor(request, at_desk, key, name, text, seen=_digest(text))


def _show_editor(
    request: Request,
    at_desk: Desk,
    key: str,
    variety: Variety,
    text: str,
    *,
    seen: str,
    status: int = 200,
    problem: Problem | None = None,
    example: int = 0,
    newer: str | None = None,
) -> Response:
    samples = at_desk.list_samples(key)
    other: Variety = "fr" if variety != "fr" else "en"
    shape = load_shapes()[key]
    return render(
        request,
        "content/editor.html",
        status,
        key=key,
        variety=variety,
        title=LANGUAGE_NAMES[variety],
        direction="rtl" if variety in RIGHT_TO_LEFT else "ltr",
        purpose=describe(key, find_language(request)),
        text=text,
        seen=seen,
        problem=problem,
        newer=newer,
        changed=(key, variety) in at_desk.book.texts,
        shipped=load_words()[variety].answers.get(key),
        other=(LANGUAGE_NAMES[other], at_desk.answers.text_of(key, other) or ""),
        others=[(each, LANGUAGE_NAMES[each]) for each in VARIETIES],
        data=list_data(key),
        facts=[(slug, at_desk.book.facts.get(slug)) for slug in shape.facts],
        examples=len(samples),
        example=example,
        preview=_preview(at_desk, key, variety, text, example),
    )


def _preview(at_desk: Desk, key: str, variety: Variety, text: str, example: int) -> Preview | Problem:
    read = read_text(text)
    return make_preview(at_desk, key, variety, read, example) if read else Problem("empty")


def _read_example(form: dict[str, str]) -> int:
    typed = form.get("example", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0


@pages.post("/content/answers/{key}/{variety}", allowed=EDITORS)
async def save_answer(request: Request, signed: SignedIn, key: str, variety: str) -> Response:
    """Put a text in force, unless it can't be said, or somebody changed it since the page was opened."""
    key, name = _read_names(key, variety)
    form = await read_form(request)
    text, seen = read_text(form.get("text", "")), form.get("seen", "")
    at_desk = desk(request)
    await at_desk.book.refresh(now=True)
    problem = await asyncio.to_thread(at_desk.find_problem, key, name, text)
    shown = {"seen": seen, "status": 422, "example": _read_example(form)}
    if problem is not None:
        return _show_editor(request, at_desk, key, name, text, problem=problem, **shown)  # type: ignore[arg-type]
    shipped = load_words()[name].answers.get(key) or ""
    async with database(request).write() as session:
        row = await session.get(AnswerText, (key, name))
        present = row.text if row else shipped
        is_newer = _digest(present) != seen and present != text
        if not is_newer and await write_text(session, key, name, text, signed.member_id):
            record(session, signed.member_id, "answer_changed", f"answer:{key}", variety=name)
    if is_newer:
        shown |= {"seen": _digest(present), "newer": present}
        return _show_editor(request, at_desk, key, name, text, **shown)  # type: ignore[arg-type]
    return await _leave(request, at_desk, key, "answer_saved")


@pages.post("/content/answers/{key}/{variety}/preview", allowed=EDITORS)
async def preview_answer(request: Request, key: str, variety: str) -> Response:
    """How a text that is being written will be seen; the whole page for who has no script."""
    key, name = _read_names(key, variety)
    form = await read_form(request)
    text, example = form.get("text", ""), _read_example(form)
    at_desk = desk(request)
    await at_desk.book.refresh()
    if request.headers.get("HX-Request") != "true":
        return _show_editor(request, at_desk, key, name, text, seen=form.get("seen", ""), example=example)
    return render(request, "content/preview.html", preview=_preview(at_desk, key, name, text, example))


@pages.post("/content/answers/{key}/{variety}/reset", allowed=EDITORS)
async def reset_answer(request: Request, signed: SignedIn, key: str, variety: str) -> Response:
    """Back to the shipped text."""
    key, name = _read_names(key, variety)
    async with database(request).write() as session:
        if await write_text(session, key, name, None, signed.member_id):
            record(session, signed.member_id, "answer_reset", f"answer:{key}", variety=name)
    return await _leave(request, desk(request), key, "answer_reset")


async def _leave(request: Request, at_desk: Desk, key: str, done: str) -> Response:
    """To the answer's page, which this process shows as it is from now on."""
    await at_desk.book.refresh(now=True)
    return RedirectResponse(f"{PATH}/answers/{key}?done={done}#content", 303)
