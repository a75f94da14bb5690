"""What the pages of campaigns share: segments read from forms, people counted, texts shown as they will be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Answers
from bot.campaigns.segments import (
    APPLICATION_STATES,
    OBSTACLES,
    PURPOSES,
    Count,
    Purpose,
    Segment,
    Ways,
    count_people,
)
from bot.campaigns.writing import NOBODY, PLACEHOLDERS, compose, fit_template, read_as
from bot.clock import MOROCCO
from bot.console.content.preview import Preview, Shown, show_outbound
from bot.db.models import Campaign, City, Track
from bot.db.seed.fields import EVENT_TOPICS, PUBLICATION_TOPICS
from bot.hours import QuietHours
from bot.journeys.reading import UNDECIDED
from bot.messages import VARIETIES, Variety
from bot.news import NARROWED_BY
from bot.settings import Settings

#: What each narrowing of the news is called in `bot.news.NARROWED_BY`.
_ABOUT = {"about_city": "city", "about_track": "track", "about_topic": "topic"}


def find_settings(request: Request) -> Settings:
    """The app's settings."""
    settings: Settings = request.app.state.assistant.settings
    return settings


def find_answers(request: Request) -> Answers:
    """The app's renderer of answers."""
    answers: Answers = request.app.state.assistant.answers
    return answers


def find_ways(request: Request) -> Ways:
    """How the app reaches people."""
    templates = find_settings(request).whatsapp_notice_templates
    return Ways(tuple(request.app.state.assistant.channels), tuple(templates))


def find_quiet(request: Request) -> QuietHours:
    """When campaigns rest."""
    return QuietHours.parse(find_settings(request).campaign_quiet_hours)


@dataclass(frozen=True, slots=True)
class Choices:
    """What a segment can be narrowed by."""

    cities: tuple[str, ...]
    tracks: tuple[str, ...]
    topics: tuple[str, ...] = tuple(dict.fromkeys((*EVENT_TOPICS, *PUBLICATION_TOPICS)))
    states: tuple[str, ...] = APPLICATION_STATES


async def list_choices(session: AsyncSession) -> Choices:
    """The towns and trainings that there are, and the fixed codes."""
    cities = tuple(await session.scalars(select(City.slug).order_by(City.name)))
    return Choices(cities, (*await session.scalars(select(Track.slug).order_by(Track.name)), UNDECIDED))


@dataclass(frozen=True, slots=True)
class Asked:
    """A segment as somebody filled it in.

    Attributes:
        segment: what it says; None when it can't be one.
        typed: what was given, by field.
        errors: keys of the words of what is wrong, by field.
    """

    segment: Segment | None
    typed: Mapping[str, str]
    errors: Mapping[str, str]


def read_segment_form(given: Mapping[str, str], choices: Choices) -> Asked:
    """A segment out of a form or an address; a filter that the purpose does not know is an error, never left aside."""
    names = ("purpose", *_ABOUT, "state", "city", "track")
    typed = {name: given.get(name, "")[:64] for name in names}
    known = {
        "purpose": PURPOSES,
        "about_city": choices.cities,
        "about_track": choices.tracks,
        "about_topic": choices.topics,
        "state": choices.states,
        "city": choices.cities,
        "track": choices.tracks,
    }
    errors = {name: "campaigns.unknown_choice" for name in names if typed[name] and typed[name] not in known[name]}
    if not typed["purpose"]:
        errors["purpose"] = "campaigns.no_purpose"
    narrowed = NARROWED_BY.get(typed["purpose"], frozenset())
    for field, name in _ABOUT.items():
        if typed[field] and field not in errors and "purpose" not in errors and name not in narrowed:
            errors[field] = "campaigns.not_narrowed"
    if errors:
        return Asked(None, typed, errors)
    rest = {name: typed[name] for name in names[1:]}
    return Asked(Segment(cast(Purpose, typed["purpose"]), **rest), typed, {})


@dataclass(frozen=True, slots=True)
class Tally:
    """People of a segment, added up for a page.

    Attributes:
        reached: how many will get it; `held` of them after a member of staff is done, `templated` by a template.
        rows: those by channel and variety of theirs.
        lost: how many get nothing, by reason.
    """

    reached: int
    held: int
    templated: int
    rows: tuple[tuple[str, str, int], ...]
    lost: tuple[tuple[str, int], ...]

    @property
    def people(self) -> int:
        """All of them."""
        return self.reached + sum(number for _, number in self.lost)


def add_up(counts: Iterable[Count]) -> Tally:
    """The counts of `count_people` as a page shows them."""
    rows: dict[tuple[str, str], int] = {}
    lost: dict[str, int] = {}
    held = templated = 0
    for each in counts:
        if each.obstacle:
            lost[each.obstacle] = lost.get(each.obstacle, 0) + each.people
            continue
        rows[each.channel, each.variety] = rows.get((each.channel, each.variety), 0) + each.people
        held += each.people if each.is_held else 0
        templated += each.people if each.needs_template else 0
    return Tally(
        sum(rows.values()),
        held,
        templated,
        tuple((channel, variety, number) for (channel, variety), number in sorted(rows.items())),
        tuple((name, lost[name]) for name in OBSTACLES if name in lost),
    )


async def tally(request: Request, session: AsyncSession, segment: Segment, campaign: Campaign | None = None) -> Tally:
    """Count a segment; before anything is written as if each variety had a text."""
    as_written: dict[str, str] = {each: each for each in VARIETIES}
    if campaign is not None and campaign.texts:
        as_written = read_as(campaign)
    return add_up(await count_people(session, segment, find_ways(request), as_written))


def count_by_variety(counted: Tally) -> dict[str, int]:
    """How many read each variety."""
    numbers: dict[str, int] = dict.fromkeys(VARIETIES, 0)
    for _, variety, number in counted.rows:
        numbers[variety] += number
    return numbers


@dataclass(frozen=True, slots=True)
class TextPreview:
    """A text on each channel, and the line that an approved template takes.

    Attributes:
        shown: as the content's pages show an answer.
        line: what stands in the template.
        is_cut: whether something was left out for it.
        has_template: whether there is a template for this variety.
    """

    shown: Preview
    line: Shown
    is_cut: bool
    has_template: bool


async def preview_text(request: Request, text: str, variety: Variety) -> TextPreview:
    """How people will see a text that has no fault."""
    answers, settings = find_answers(request), find_settings(request)
    await answers.refresh()
    outbound = compose(answers, text, variety, PLACEHOLDERS)
    line, is_cut = fit_template(outbound)
    shown = show_outbound(outbound, settings.whatsapp_templates)
    return TextPreview(shown, Shown(line), is_cut, variety in settings.whatsapp_notice_templates)


def read_moment(typed: str) -> datetime | str | None:
    """A time as a browser's field gives it, in Morocco's time; None: nothing was given; or a key of what is wrong."""
    if not typed.strip():
        return None
    try:
        local = datetime.fromisoformat(typed.strip())
    except ValueError:
        return "campaigns.no_time"
    if local.tzinfo is not None:
        return "campaigns.no_time"
    at = local.replace(tzinfo=MOROCCO).astimezone(UTC)
    # When clocks go forward an hour does not exist.
    return at if at.astimezone(MOROCCO).replace(tzinfo=None) == local else "campaigns.skipped_time"


def describe_segment(segment: Segment, named: Any) -> list[tuple[str, str]]:
    """What narrows a segment, as the field's name and the value in words."""
    kinds = {"about_city": "city", "about_track": "track", "about_topic": "topic", "state": "application_state"}
    kinds |= {"city": "city", "track": "track"}
    return [(name, named(kinds[name], value)) for name, value in segment.as_json().items()]


def list_fallbacks(campaign: Campaign) -> list[tuple[str, str]]:
    """For each variety without a text, what its people get: a variety, `NOBODY`, or nothing yet."""
    chosen = read_as(campaign)
    return [
        (each, chosen.get(each, "") or (NOBODY if campaign.fallbacks.get(each) == NOBODY else ""))
        for each in VARIETIES
        if not campaign.texts.get(each)
    ]
