"""The list of conversations: filters that stand in the address, pages by key, and a look for news every few seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.conversations import ANSWERING, PATH
from bot.console.conversations.privacy import Sight, find_sights
from bot.console.conversations.wording import (
    describe_duration,
    describe_textless,
    find_direction,
    list_topics,
    name_topic,
)
from bot.console.exports import PATH as EXPORTS_PATH
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.console.security.sessions import Signed
from bot.console.words import Language, load_words, translate
from bot.db.conversations import ConversationRow, Said, count_waiting, list_conversations
from bot.db.filters import CHANNELS, RATINGS, STATES, Filters
from bot.db.threads import list_tags
from bot.masking import leads_to_person
from bot.messages import LANGUAGE_NAMES, VARIETIES

#: Conversations a page.
PAGE_SIZE = 30
#: How much of a message a row shows.
EXCERPT_CHARS = 160
VIEWS: Final = ("all", "waiting", "mine", "unread")
#: How often a page asks for what is new; a search costs more than the list.
POLL_S, POLL_SEARCH_S = 4, 15

pages = Pages()


@pages.get("/conversations", allowed=EVERYBODY)
async def show_conversations(request: Request, signed: SignedIn) -> Response:
    """The list; with ``seen`` and asked by htmx, its rows alone, or nothing while they are what was seen."""
    given = {name: value.replace("\x00", "") for name, value in request.query_params.items()}
    view = given.get("view", "all") if given.get("view") in VIEWS else "all"
    asked = {name: value for name, value in given.items() if name not in ("view", "after", "seen", "done") and value}
    is_answering = signed.role in ANSWERING
    is_refused = not is_answering and leads_to_person(asked.get("text", ""))
    filters, errors = read_filters({name: value for name, value in asked.items() if name != "text" or not is_refused})
    if is_refused:
        errors["text"] = "conversations.wrong.text_personal"
    async with database(request).read() as session:
        shown = await _read(session, request, signed, view, filters, given.get("after") or None)
        # Others type a tag that they know: its name may name somebody.
        tags = await list_tags(session) if is_answering else []
    if "seen" in given and request.headers.get("HX-Request") == "true":
        if given["seen"] == shown["digest"]:
            return Response(status_code=204)
        return render(request, "conversations/rows.html", **shown)
    language = find_language(request)
    return render(
        request,
        "conversations/list.html",
        422 if errors else 200,
        errors=errors,
        asked=asked,
        chips=_list_chips(language, filters, view),
        tags=tags,
        topics=list_topics(language),
        channels=_name(language, "channel", CHANNELS),
        states=_name(language, "state", STATES),
        varieties=[(variety, LANGUAGE_NAMES[variety]) for variety in VARIETIES],
        ratings=_name(language, "rating", RATINGS),
        views=[(name, f"{PATH}?view={name}" if name != "all" else PATH) for name in VIEWS],
        **shown,
    )


def read_filters(asked: Mapping[str, str]) -> tuple[Filters, dict[str, str]]:
    """The filters of an address, and what is wrong with those that can't be read, by parameter; the others count."""
    left, errors = dict(asked), dict[str, str]()
    while True:
        try:
            return Filters.parse(left), errors
        except ValueError as error:
            name = str(error).partition(":")[0]
            if name not in left:
                raise
            errors[name] = f"conversations.wrong.{_WRONG.get(name, 'value')}"
            if name in ("from", "confidence_min") and _is_order(str(error)):
                errors[name] = f"conversations.wrong.{name}_order"
            del left[name]


#: What is said of a filter that can't be read.
_WRONG = {"text": "text", "from": "day", "to": "day", "confidence_min": "share", "confidence_max": "share"}


def _is_order(error: str) -> bool:
    return "must not be" in error


def narrow(filters: Filters, view: str, signed: Signed) -> Filters:
    """The filters with what a view of the list asks for beside them."""
    of_view = {
        "mine": {"state": "held", "holder": str(signed.member_id)},
        "unread": {"unread": "1"},
        "waiting": {"state": "waiting"},
    }
    return Filters.parse({**filters.as_parameters(), **of_view.get(view, {})})


async def _read(
    session: AsyncSession, request: Request, signed: Signed, view: str, filters: Filters, after: str | None
) -> dict[str, Any]:
    """What the rows of a page show."""
    narrowed = filters if view == "waiting" else narrow(filters, view, signed)
    is_lost = False
    order: Any = "waiting" if view == "waiting" else "newest"
    try:
        page = await list_conversations(session, narrowed, after, PAGE_SIZE, order)
    except ValueError:
        # A cursor of another list, out of an address that somebody changed: from the beginning.
        is_lost, after = True, None
        page = await list_conversations(session, narrowed, None, PAGE_SIZE, order)
    sights = await find_sights(session, signed, [row.contact_id for row in page.rows])
    language = find_language(request)
    rows = [_show(language, row, sights[row.contact_id]) for row in page.rows]
    waiting = await count_waiting(session)
    parameters = filters.as_parameters() | ({"view": view} if view != "all" else {})
    digest = hashlib.sha256(repr([rows, waiting]).encode()).hexdigest()[:16]
    poll = urlencode(parameters | ({"after": after} if after else {}) | {"seen": digest})
    return {
        "view": view,
        "rows": rows,
        "waiting": waiting,
        "digest": digest,
        "poll": f"{PATH}?{poll}",
        "poll_s": POLL_SEARCH_S if narrowed.is_about_messages else POLL_S,
        "first": f"{PATH}?{urlencode(parameters)}" if after or is_lost else "",
        "next": f"{PATH}?{urlencode(parameters | {'after': page.after})}" if page.after else "",
        "is_filtered": bool(filters.as_parameters()),
        "export": f"{EXPORTS_PATH}?{urlencode(parameters)}" if parameters else EXPORTS_PATH,
    }


def _show(language: Language, row: ConversationRow, sight: Sight) -> dict[str, Any]:
    said = row.hit or row.last
    at = f"?around={row.hit.message_id}#m{row.hit.message_id}" if row.hit else ""
    waited = (utc_now() - row.waiting_since).total_seconds() if row.waiting_since else 0
    return {
        "id": row.contact_id,
        "path": f"{PATH}/{row.contact_id}{at}",
        "name": sight.name(row.name) if row.name else "",
        "channels": row.channels,
        "variety": row.variety,
        "variety_name": LANGUAGE_NAMES.get(row.variety, row.variety),  # type: ignore[call-overload]  # any text is asked
        "excerpt": _excerpt(language, said, sight) if said else "",
        "direction": find_direction(said.variety) if said else "auto",
        "is_ours": said is not None and said.direction == "out",
        "at": said.at if said else None,
        "topic": name_topic(language, row.topic) if row.topic else "",
        "state": row.state,
        "held_by": row.held_by or "",
        "unread": row.unread,
        "waits": describe_duration(language, waited) if row.state == "waiting" else "",
        "tags": [sight.text(tag) for tag in row.tags],
        "rating": row.rating,
    }


def _excerpt(language: Language, said: Said, sight: Sight) -> str:
    """The beginning of a message on one line; what is hidden is hidden before anything is cut."""
    text = " ".join(sight.text(said.text).split())
    if not text:
        return describe_textless(language, said.payload, said.attachments)
    return text if len(text) <= EXCERPT_CHARS else text[:EXCERPT_CHARS].rstrip() + "…"


def _name(language: Language, kind: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """Values of a filter with their words."""
    return [(value, translate(language, f"conversations.filter_values.{kind}.{value}")) for value in values]


def describe_filters(language: Language, filters: Filters) -> list[dict[str, str]]:
    """The filters that count, in words: the parameter's name, its label, and its value (``1`` of one without)."""
    words = load_words(language)
    described = []
    for name, value in filters.as_parameters().items():
        shown = words.get(f"conversations.filter_values.{name}.{value}", value)
        if name == "intent":
            shown = name_topic(language, value)
        if name.startswith("campaign"):
            shown = translate(language, "campaigns.one", number=value)
        if name == "variety":
            shown = LANGUAGE_NAMES[value]  # type: ignore[index]  # `Filters` lets no other through
        described.append({"name": name, "label": words[f"conversations.filter.{name}"], "value": shown})
    return described


def _list_chips(language: Language, filters: Filters, view: str) -> list[dict[str, str]]:
    """The filters that count, each with the address of the list without it."""
    parameters = filters.as_parameters()
    chips = []
    for each in describe_filters(language, filters):
        others = {key: kept for key, kept in parameters.items() if key != each["name"]} | {"view": view}
        chips.append({**each, "without": f"{PATH}?{urlencode(others)}"})
    return chips
