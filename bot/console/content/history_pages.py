"""The page of the history: every version of a text or row, as a difference, with a way back to it."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from bot.console.audit import record
from bot.console.content import EDITORS
from bot.console.content.answer_pages import PATH
from bot.console.content.kinds import BY_PATH, name_code
from bot.console.content.revisions import ANSWERS, write_text
from bot.console.content.rows import RefusedError, check_answers, restore
from bot.console.content.texts import describe, desk
from bot.console.ids import read_id
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.words import Language, load_words
from bot.content import load_shapes
from bot.content import load_words as load_content
from bot.db.models import ContentRevision, Fact, StaffMember
from bot.messages import LANGUAGE_NAMES, VARIETIES, Variety

#: Versions a page.
PAGE_SIZE = 20

Part = tuple[Literal["same", "gone", "new"], str]

pages = Pages()


def compare(before: str, after: str) -> list[Part]:
    """Two texts as parts that stayed, went and came, word by word."""
    old, new = re.findall(r"\s+|[^\s]+", before), re.findall(r"\s+|[^\s]+", after)
    parts: list[Part] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(("same", "".join(old[a:b])))
            continue
        if a < b:
            parts.append(("gone", "".join(old[a:b])))
        if c < d:
            parts.append(("new", "".join(new[c:d])))
    return parts


@pages.get("/content/history", allowed=EVERYBODY)
async def show_history(request: Request, signed: SignedIn) -> Response:
    """The newest first; ``kind`` and ``key`` narrow it to one text or row, ``before`` is the id that ended the page."""
    return await _show(request, may_edit=signed.role in EDITORS)


async def _show(request: Request, *, may_edit: bool, status: int = 200, refused: str | None = None) -> Response:
    language = find_language(request)
    asked = {name: request.query_params.get(name, "")[:64] for name in ("kind", "key")}
    query = select(ContentRevision, StaffMember).join(StaffMember, StaffMember.id == ContentRevision.member_id)
    if asked["kind"]:
        query = query.where(ContentRevision.kind == asked["kind"])
    if asked["key"]:
        query = query.where(ContentRevision.key == asked["key"])
    before = read_id(request.query_params.get("before", ""))
    if before is not None:
        query = query.where(ContentRevision.id < before)
    async with database(request).read() as session:
        rows = (await session.execute(query.order_by(ContentRevision.id.desc()).limit(PAGE_SIZE + 1))).all()
    shown = rows[:PAGE_SIZE]
    filters = {name: value for name, value in asked.items() if value}
    await desk(request).book.refresh()
    return render(
        request,
        "content/history.html",
        status,
        entries=[
            {
                "revision": revision,
                "author": member.name or member.email,
                "kind": revision.kind if revision.kind == ANSWERS or revision.kind in BY_PATH else "",
                "link": _link(revision),
                "name": _name(revision, language),
                "changes": list(_list_changes(revision, language)),
            }
            for revision, member in shown
        ],
        asked=asked,
        kinds=[ANSWERS, *BY_PATH],
        older="?" + urlencode({**filters, "before": shown[-1][0].id}) if len(rows) > PAGE_SIZE else "",
        newest="?" + urlencode(filters) if before is not None else "",
        refused=refused,
        may_edit=may_edit,
    )


def _link(revision: ContentRevision) -> str:
    if revision.kind == ANSWERS:
        return f"{PATH}/answers/{revision.key.partition('/')[0]}"
    return f"{PATH}/rows/{revision.kind}/{revision.key}" if revision.after is not None else ""


def _name(revision: ContentRevision, language: Language) -> str:
    if revision.kind == ANSWERS:
        key, _, variety = revision.key.partition("/")
        names: Mapping[str, str] = {str(each): title for each, title in LANGUAGE_NAMES.items()}
        return f"{describe(key, language)} · {names.get(variety, variety)}"
    values = revision.after or revision.before or {}
    for column in ("name", "title", "statement_fr", "reason"):
        value = values.get(column)
        if isinstance(value, Mapping):
            value = value.get(language) or value.get("fr")
        if value:
            return str(value)[:120]
    return revision.key


def _list_changes(revision: ContentRevision, language: Language) -> Iterator[tuple[str, list[Part]]]:
    """What changed: the words for the column (empty for an answer's text), and the difference."""
    if revision.kind == ANSWERS:
        key, _, variety = revision.key.partition("/")
        shipped = load_content()[variety].answers.get(key, "") if variety in VARIETIES else ""
        texts = [shipped if side is None else str(side.get("text", "")) for side in (revision.before, revision.after)]
        yield "", compare(texts[0], texts[1])
        return
    words = load_words(language)
    before, after = revision.before or {}, revision.after or {}
    for column in dict.fromkeys([*after, *before]):
        old, new = before.get(column), after.get(column)
        if old == new or column == "slug":
            continue
        label = words.get(f"content.columns.{column}", column)
        if isinstance(old or new, Mapping) and set(old or {}) | set(new or {}) <= set(VARIETIES):
            for variety in VARIETIES:
                sides = [str((side or {}).get(variety, "")) for side in (old, new)]
                if sides[0] != sides[1]:
                    yield f"{label} – {LANGUAGE_NAMES[variety]}", compare(*sides)
        else:
            yield label, compare(_put(column, old, words, language), _put(column, new, words, language))


def _put(column: str, value: Any, words: Mapping[str, str], language: Language) -> str:
    """A value of a row as a reader understands it."""
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(value, list):
        return ", ".join(_put(column, item, words, language) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_put(str(name), item, words, language)}" for name, item in value.items())
    return name_code(column, str(value), language)


@pages.post("/content/history/{revision_id}/restore", allowed=EDITORS)
async def restore_version(request: Request, signed: SignedIn, revision_id: int) -> Response:
    """Bring back what was after a change, or with ``side=before`` what was before it; that is a change itself."""
    side = "before" if (await read_form(request)).get("side") == "before" else "after"
    async with database(request).read() as session:
        revision = await session.get(ContentRevision, revision_id)
    if revision is None:
        raise HTTPException(404)
    kept = revision.before if side == "before" else revision.after
    try:
        if revision.kind == ANSWERS:
            await _restore_text(request, signed.member_id, revision, kept)
        else:
            await _restore_row(request, signed.member_id, revision, kept)
    except RefusedError as error:
        return await _show(request, may_edit=True, status=422, refused=error.reason)
    await desk(request).book.refresh(now=True)
    narrowed = urlencode({"kind": revision.kind, "key": revision.key})
    return RedirectResponse(f"{PATH}/history?done=restored&{narrowed}", 303)


async def _restore_text(
    request: Request, member_id: int, revision: ContentRevision, kept: Mapping[str, Any] | None
) -> None:
    key, _, name = revision.key.partition("/")
    variety: Variety | None = next((each for each in VARIETIES if each == name), None)
    at_desk = desk(request)
    await at_desk.book.refresh(now=True)
    if variety is None or key not in load_shapes():
        raise RefusedError("gone")
    text = None if kept is None else str(kept["text"])
    if text is not None and at_desk.find_problem(key, variety, text) is not None:
        raise RefusedError("broken")
    async with database(request).write() as session:
        if await write_text(session, key, variety, text, member_id, restored_id=revision.id):
            record(session, member_id, "answer_restored", f"answer:{key}", variety=variety, version=revision.id)


async def _restore_row(
    request: Request, member_id: int, revision: ContentRevision, kept: Mapping[str, Any] | None
) -> None:
    kind = BY_PATH.get(revision.kind)
    if kind is None or kept is None:
        raise RefusedError("gone")
    if kind.model is Fact:
        at_desk = desk(request)
        await at_desk.book.refresh(now=True)
        if await asyncio.to_thread(check_answers, at_desk, revision.key, kept):
            raise RefusedError("shown")
    async with database(request).write() as session:
        if await restore(session, kind, revision.key, kept, member_id, revision.id):
            record(session, member_id, "row_restored", f"{kind.path}:{revision.key}", version=revision.id)
