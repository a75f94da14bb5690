"""Make examples of what staff agree on: a plan that can be looked at, then the files and the marks that it was done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.annotation.examples import ExampleFiles, ExamplesError, RefusedError
from bot.annotation.marks import from_json
from bot.clock import utc_now
from bot.db.annotations import find_group, recount_group
from bot.db.models import Annotation, CandidateGroup

#: Examples of one export: as many as somebody reviews.
MOST_EXPORTED = 500


@dataclass(frozen=True, slots=True)
class Ready:
    """A group that is agreed, with the annotation that counts."""

    group_id: int
    annotation_id: int
    intent: str
    variety: str
    text: str
    marks: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Addition:
    """One group's example: the file it goes into and how it is written; no line: the same is at `place` already."""

    ready: Ready
    file: str
    line: str | None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One group that can't become an example: a key of ``training.refusals``, and what stands in the way."""

    ready: Ready
    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export would do; `diff` is a patch."""

    files: ExampleFiles | None
    additions: tuple[Addition, ...]
    refusals: tuple[Refusal, ...]
    diff: str

    @property
    def new(self) -> tuple[Addition, ...]:
        """The additions that add a line."""
        return tuple(each for each in self.additions if each.line is not None)


async def list_ready(session: AsyncSession) -> list[Ready]:
    """The first groups that wait for the export, by their ids."""
    query = (
        select(CandidateGroup.id, Annotation)
        .join(Annotation, Annotation.id == CandidateGroup.agreed_id)
        .where(CandidateGroup.state == "agreed", Annotation.intent.is_not(None))
    )
    rows = await session.execute(query.order_by(CandidateGroup.id).limit(MOST_EXPORTED))
    return [Ready(group_id, said.id, said.intent or "", said.variety, said.text, said.marks) for group_id, said in rows]


async def plan_export(ready: Sequence[Ready], files: ExampleFiles | None = None) -> Plan:
    """What an export of these groups would add to the files, and what it refuses; nothing is changed.

    Raises:
        ExamplesError: the files can't be read.
    """
    if not ready:
        return Plan(None, (), (), "")
    # Reading and comparing takes seconds at first, in which others are served.
    return await asyncio.to_thread(_plan, ready, files)


def _plan(ready: Sequence[Ready], files: ExampleFiles | None) -> Plan:
    files = files or ExampleFiles()
    additions, refusals = list[Addition](), list[Refusal]()
    for each in ready:
        try:
            place = files.check(each.intent, each.variety, each.text)
        except RefusedError as refused:
            refusals.append(Refusal(each, refused.reason, refused.place))
            continue
        if place is not None:
            additions.append(Addition(each, place.partition(":")[0], None, place))
            continue
        name, written = files.add(each.intent, each.variety, each.text, from_json(each.text, each.marks))
        additions.append(Addition(each, name, written))
    return Plan(files, tuple(additions), tuple(refusals), files.diff())


async def carry_out(session: AsyncSession, plan: Plan) -> list[str]:
    """Write the files of a plan and mark its groups as exported, in one transaction; the names of the files.

    The files are written last: if the transaction then fails to commit, the next export finds the lines there and adds
    nothing twice.

    Raises:
        ExamplesError: a group was labelled anew or a file changed since the plan was made, or a file can't be written.
    """
    now = utc_now()
    for each in plan.additions:
        is_same = (CandidateGroup.id == each.ready.group_id) & (CandidateGroup.agreed_id == each.ready.annotation_id)
        values = {
            "state": "exported",
            "exported_at": now,
            "exported_file": each.file,
            "exported_line": each.line,
        }
        statement = update(CandidateGroup).where(is_same, CandidateGroup.state == "agreed").values(**values)
        if await session.scalar(statement.returning(CandidateGroup.id)) is None:
            raise ExamplesError("an annotation changed meanwhile; nothing was exported, begin again")
    return await asyncio.to_thread(plan.files.write) if plan.files is not None else []


async def take_back(session: AsyncSession, group_id: int, files: ExampleFiles) -> bool:
    """Take an exported group's example out of the files; False when the line was not there (any more).

    A group of which every message was erased goes with it.

    Raises:
        ExamplesError: a file can't be written.
        ValueError: the group was not exported.
        sqlalchemy.exc.NoResultFound: there is no such group.
    """
    group = await find_group(session, group_id)
    if group.state != "exported":
        raise ValueError(f"group {group_id} was not exported")
    line, name = group.exported_line, group.exported_file or ""
    group.state = "agreed"
    group.exported_at = group.exported_file = group.exported_line = None
    # Without any message left, its person was erased meanwhile: nothing is to be exported again.
    await recount_group(session, group)
    was_there = line is not None and files.remove(name, line)
    await asyncio.to_thread(files.write)
    return was_there
