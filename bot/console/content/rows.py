"""Changes of rows: saving, putting aside, deleting, bringing back; and who refers to a row."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Answers, FactBook, RenderError
from bot.clock import utc_now
from bot.console.content.forms import Wrong
from bot.console.content.kinds import BY_PATH, KINDS, Kind, list_columns
from bot.console.content.revisions import as_kept, note_change, raise_version
from bot.console.content.texts import Desk, as_problem
from bot.console.words import Language
from bot.content import load_shapes
from bot.db.models import Event, Fact, Registration
from bot.db.seed.fields import FIELDS, WrongColumnError, complete
from bot.messages import VARIETIES

#: States of registrations whose owners count on the event.
_COUNTING_ON_IT = ("registered", "waiting", "offered")


class RefusedError(Exception):
    """A row can't be put aside or brought back; `reason` is a key of ``content.cannot``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that refers to a row: an answer (kind ``answers``) or another row."""

    kind: str
    slug: str
    name: str


async def find_row(session: AsyncSession, kind: Kind, slug: str) -> Any | None:
    """A row, put aside or not."""
    query = select(kind.model).where(kind.model.slug == slug).execution_options(with_retired=True)
    return await session.scalar(query)


async def list_rows(session: AsyncSession, kind: Kind) -> list[Any]:
    """Every row of a kind by its slug, those put aside too. Content is hundreds of rows, not thousands."""
    query = select(kind.model).order_by(kind.model.slug).execution_options(with_retired=True)
    return list(await session.scalars(query))


async def list_references(session: AsyncSession, kind: Kind, slug: str, language: Language) -> list[Reference]:
    """What of the content refers to a row."""
    found = []
    if kind.model is Fact:
        found += [
            Reference("answers", key, key)
            for key, shape in load_shapes().items()
            if slug in (*shape.facts, *shape.links)
        ]
    for other in KINDS:
        columns = [name for name, rule in FIELDS[other.model].items() if rule.refers_to == kind.path]
        if not columns:
            continue
        for row in await session.scalars(select(other.model).order_by(other.model.slug)):
            if any(slug in _as_list(getattr(row, column)) for column in columns):
                found.append(Reference(other.path, row.slug, other.name(row, language)))
    return found


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def count_people(session: AsyncSession, kind: Kind, slug: str) -> int:
    """How many rows of people refer to a row."""
    count = 0
    for model, column in kind.people:
        query = select(func.count()).select_from(model).where(getattr(model, column) == slug)
        count += await session.scalar(query) or 0
    return count


def keep(kind: Kind, row: Any) -> dict[str, Any]:
    """A row as the history keeps it."""
    return as_kept({column: getattr(row, column) for column in [*list_columns(kind.model), "retired_at"]})


async def check_references(session: AsyncSession, kind: Kind, values: Mapping[str, Any]) -> dict[str, Wrong]:
    """What is wrong with the rows that some values refer to."""
    errors: dict[str, Wrong] = {}
    for column, rule in FIELDS[kind.model].items():
        if rule.refers_to is None or column not in values:
            continue
        model = BY_PATH[rule.refers_to].model
        wanted = [slug for slug in _as_list(values[column]) if slug is not None]
        known = set(await session.scalars(select(model.slug).where(model.slug.in_(wanted))))
        unknown = [slug for slug in wanted if slug not in known]
        if unknown:
            errors[column] = ("reference", {"item": unknown[0]})
    return errors


def check_answers(desk: Desk, slug: str, values: Mapping[str, Any]) -> dict[str, Wrong]:
    """Whether the answers that cite a fact can still be said with its new values."""
    present = desk.book.facts.get(slug)
    if present is None:
        return {}
    changed = Fact(**{column: values[column] for column in FIELDS[Fact] if column in values} | {"slug": slug})
    book = copy(desk.book)
    book.facts = {**book.facts, slug: changed}
    answers = Answers(FactBook(book.db, book.facts, book.names, book.texts))
    for key, shape in load_shapes().items():
        if slug not in shape.facts:
            continue
        for sample in desk.list_samples(key):
            for variety in VARIETIES:
                text = desk.answers.text_of(key, variety)
                try:
                    answers.write(sample, variety, text)
                except RenderError as error:
                    # What could not be said before either is not this change's fault.
                    if _can_be_said(desk, sample, variety, text):
                        return {"values": ("breaks", {"answer": key, "detail": as_problem(error).detail})}
    return {}


def _can_be_said(desk: Desk, sample: Any, variety: Any, text: str | None) -> bool:
    try:
        desk.answers.write(sample, variety, text)
    except RenderError:
        return False
    return True


async def save(
    session: AsyncSession,
    kind: Kind,
    slug: str,
    values: Mapping[str, Any],
    member_id: int,
    *,
    restored_id: int | None = None,
) -> bool:
    """Write a row; `values` are checked. A row of the release that differs from now on is left alone by seeding.

    Returns:
        Whether that changed anything.
    """
    row = await find_row(session, kind, slug)
    before = keep(kind, row) if row is not None else None
    if row is None:
        row = kind.model(slug=slug, **values)
        session.add(row)
    else:
        for column, value in values.items():
            if not _is_same(kind, column, getattr(row, column), value):
                setattr(row, column, value)
    after = keep(kind, row)
    if before == after:
        return False
    note_change(session, kind.path, slug, before, after, member_id, restored_id=restored_id)
    await raise_version(session)
    return True


def _is_same(kind: Kind, column: str, before: Any, after: Any) -> bool:
    """Whether a value says the same; boxes have an order of their own, which the row's need not be."""
    rule = FIELDS[kind.model].get(column)
    if rule is not None and rule.refers_to != "facts" and isinstance(before, list) and isinstance(after, list):
        return sorted(before) == sorted(after)
    return bool(before == after)


async def remove(session: AsyncSession, kind: Kind, slug: str, member_id: int, language: Language) -> str:
    """Take a row away from people: delete it, or put it aside where it ships with the product or people's rows need it.

    Returns:
        ``row_deleted`` or ``row_retired``.

    Raises:
        NoResultFound: there is no such row.
        RefusedError: content refers to it, or people count on it.
    """
    row = await find_row(session, kind, slug)
    if row is None or row.retired_at is not None:
        raise RefusedError("gone")
    if await list_references(session, kind, slug, language):
        raise RefusedError("referred")
    if kind.model is Event and row.status != "past":
        query = select(func.count()).where(Registration.event_slug == slug, Registration.state.in_(_COUNTING_ON_IT))
        if await session.scalar(query):
            raise RefusedError("registered")
    before = keep(kind, row)
    is_needed = row.seed_hash is not None or await count_people(session, kind, slug) > 0
    if is_needed:
        row.retired_at = utc_now()
        note_change(session, kind.path, slug, before, keep(kind, row), member_id)
    else:
        await session.delete(row)
        note_change(session, kind.path, slug, before, None, member_id)
    await raise_version(session)
    return "row_retired" if is_needed else "row_deleted"


async def bring_back(session: AsyncSession, kind: Kind, slug: str, member_id: int) -> bool:
    """Use a row again that was put aside; False: it is in use.

    Raises:
        RefusedError: what it refers to was put aside meanwhile.
    """
    row = await find_row(session, kind, slug)
    if await check_references(session, kind, {column: getattr(row, column) for column in FIELDS[kind.model]}):
        raise RefusedError("reference")
    return await save(session, kind, slug, {"retired_at": None}, member_id)


async def restore(
    session: AsyncSession, kind: Kind, slug: str, kept: Mapping[str, Any], member_id: int, restored_id: int
) -> bool:
    """Bring the values of a version back, and the row into use.

    Raises:
        RefusedError: it refers to what is gone, or ends before it begins.
    """
    values: dict[str, Any] = {}
    for column in list_columns(kind.model):
        if column != "slug" and column in kept:
            values[column] = _as_column(kind, column, kept[column])
    if await check_references(session, kind, values):
        raise RefusedError("reference")
    try:
        complete(kind.model, values)
    except WrongColumnError:
        raise RefusedError("broken") from None
    values["retired_at"] = None
    return await save(session, kind, slug, values, member_id, restored_id=restored_id)


def _as_column(kind: Kind, column: str, value: Any) -> Any:
    """A value of the history as the column takes it."""
    attribute = kind.model.__table__.c[column].type.python_type
    if value is None:
        return None
    if attribute is datetime:
        return _as_moment(value)
    if attribute is date:
        return date.fromisoformat(value)
    return value


def _as_moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
