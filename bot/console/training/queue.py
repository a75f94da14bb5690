"""The queue: what is worth a look, what waits for a second one, what is ready; and how far members agree."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from bot.annotation.agreement import measure, unite
from bot.console.layout import find_language, render
from bot.console.members import name_members
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.console.training import ANNOTATING, PATH, SETTLING
from bot.console.training.showing import show_row
from bot.db.annotation_queue import STATES, State, count_groups, count_pairs, find_next, list_groups

#: Groups a page.
PAGE_SIZE = 30
View = State | Literal["skipped"]
VIEWS: tuple[View, ...] = (*STATES, "skipped")

pages = Pages()


def read_view(text: str) -> View:
    """The view of an address; the first for what is none."""
    return next((view for view in VIEWS if view == text), "open")


@pages.get("/training", allowed=EVERYBODY)
async def show_queue(request: Request, signed: SignedIn) -> Response:
    """The groups of a view, what weighs most first."""
    view, after = read_view(request.query_params.get("view", "")), request.query_params.get("after")
    language = find_language(request)
    async with database(request).read() as session:
        try:
            rows, following = await list_groups(session, view, signed.member_id, after, PAGE_SIZE)
        except ValueError:
            # A cursor of another list, out of an address that somebody changed: from the beginning.
            rows, following = await list_groups(session, view, signed.member_id, None, PAGE_SIZE)
            after = None
        counts = await count_groups(session)
        agreement = await _describe_agreement(session)
    own = {"view": view}
    return render(
        request,
        "training/queue.html",
        rows=[show_row(language, row) for row in rows],
        view=view,
        views=[(each, f"{PATH}?view={each}", counts.get(each)) for each in VIEWS if _may_see(signed.role, each)],
        first=f"{PATH}?{urlencode(own)}" if after else "",
        following=f"{PATH}?{urlencode(own | {'after': following})}" if following else "",
        can_annotate=signed.role in ANNOTATING,
        can_settle=signed.role in SETTLING,
        ready=counts["agreed"],
        agreement=agreement,
    )


@pages.get("/training/next", allowed=ANNOTATING)
async def show_next(request: Request, signed: SignedIn) -> Response:
    """To the group that weighs most of what is left to do; back to the list when nothing is."""
    view = read_view(request.query_params.get("view", ""))
    done = request.query_params.get("done", "")
    async with database(request).read() as session:
        found = await find_next(session, view, signed.member_id)
    said = {"view": view} | ({"done": done} if done else {})
    if found is None:
        return RedirectResponse(f"{PATH}?{urlencode(said)}", 303)
    return RedirectResponse(f"{PATH}/groups/{found}?{urlencode(said)}", 303)


def _may_see(role: str, view: View) -> bool:
    return view != "skipped" or role in ANNOTATING


async def _describe_agreement(session: AsyncSession) -> dict[str, Any]:
    """Of everybody the observed agreement, and of each two their Cohen's kappa."""
    pairs = await count_pairs(session)
    ids = {member_id for pair in pairs for member_id in pair}
    names = await name_members(session, ids)
    total = unite(pairs.values())
    measured = [(pair, each) for pair, labels in pairs.items() if (each := measure(labels)) is not None]
    return {
        "count": total[0] if total else 0,
        "share": total[1] if total else None,
        "pairs": [
            {"names": (names[one], names[other]), "count": each.count, "share": each.share, "kappa": each.kappa}
            for (one, other), each in sorted(measured, key=lambda item: -item[1].count)
        ],
    }
