"""Write the report of a month out of its figures: sentences say what the figures say, and nothing beyond them."""

from __future__ import annotations

import calendar

from babel.dates import get_day_names

from bot import wording
from bot.answers import Answers
from bot.clock import utc_now
from bot.console.reports.tables import make_blocks
from bot.console.reports.wording import Speaker
from bot.console.words import Language, translate
from bot.figures.data import Figures, Funnel
from bot.report.document import Block, Day, Month, Report, Section, Tile

_TILES = (
    "messages_in", "people", "conversations", "share_answered",
    "response_median_s", "share_satisfied", "applications", "messages_out",
)  # fmt: skip
_TERMS = (
    "conversation", "person", "to_deal_with", "time", "team_time", "rising_topic", "journey", "change_meaning",
)  # fmt: skip


def write_text(figures: Figures, language: Language, answers: Answers) -> Report:
    """The report of a month, in a language.

    Args:
        figures: of a calendar month.
        language: of its words.
        answers: what names towns, as after their last refresh.
    """
    speaker = Speaker(language, answers)
    month = wording.day(f"{figures.period.first:%Y-%m}", language)
    before = wording.day(f"{figures.before.first:%Y-%m}", language)
    is_empty = not figures.figure("messages_in").value and not figures.figure("messages_out").value
    return Report(
        language=language,
        title=speaker.say("title", month=month),
        organisation=translate(language, "organisation"),
        about=tuple(_describe(speaker, figures, month, before)),
        now=month,
        before=before,
        summary_heading=speaker.say("summary"),
        summary=(speaker.say("empty"),) if is_empty else tuple(_summarise(speaker, figures)),
        tiles=() if is_empty else tuple(_make_tile(speaker, figures, key) for key in _TILES),
        sections=() if is_empty else tuple(_make_sections(speaker, figures)),
        definitions_heading=speaker.say("definitions"),
        definitions=()
        if is_empty
        else tuple((speaker.say(f"terms.{term}"), speaker.say(f"meanings.{term}")) for term in _TERMS),
        page=speaker.say("page"),
    )


def name_month(month: str, language: Language) -> str:
    """``2026-11`` in words."""
    return wording.day(month, language)


def _describe(speaker: Speaker, figures: Figures, month: str, before: str) -> list[str]:
    period, language = figures.period, speaker.language
    about = [
        speaker.say("about", month=month, before=before),
        speaker.say("made", time=wording.moment(utc_now(), language)),
    ]
    if period.days < calendar.monthrange(period.first.year, period.first.month)[1]:
        about.append(speaker.say("running", last=wording.day(period.last, language)))
    if figures.covered != "whole":
        about.append(speaker.say(f"covered_{figures.covered}"))
    if figures.pending:
        about.append(speaker.say("pending", days=figures.pending))
    return about


def _make_tile(speaker: Speaker, figures: Figures, key: str) -> Tile:
    figure = figures.figure(key)
    return Tile(speaker.say(f"figures.{key}"), speaker.now(figure), speaker.beside(figure))


def _summarise(speaker: Speaker, figures: Figures) -> list[str]:
    said = []
    messages = figures.figure("messages_in")
    if messages.before is None:
        said.append(speaker.say("sentences.messages_alone", value=speaker.now(messages)))
    else:
        said.append(speaker.say("sentences.messages", value=speaker.now(messages), change=speaker.change(messages)))
    people, conversations = figures.figure("people"), figures.figure("conversations")
    said.append(speaker.say("sentences.people", people=speaker.now(people), conversations=speaker.now(conversations)))
    if figures.figure("share_answered").value is not None:
        shares = {
            outcome: speaker.now(figures.figure(f"share_{outcome}"))
            for outcome in ("answered", "asked_back", "not_understood", "handed_over")
        }
        said.append(speaker.say("sentences.answered", **shares))
    return said


def _make_sections(speaker: Speaker, figures: Figures) -> list[Section]:
    """The sections that have something to say."""
    blocks = make_blocks(speaker, figures)

    def some(*keys: str) -> tuple[Block, ...]:
        return tuple(blocks[key] for key in keys if key in blocks)

    made = [
        ("activity", (), (_make_month(speaker, figures), *some("channels", "varieties"))),
        ("topics", _say_topics(speaker, figures), some("topics", "rising")),
        ("answers", _say_times(speaker, figures), some("outcomes", "responses", "requests")),
        ("delivery", _say_delivery(speaker, figures), some("delivery")),
        ("satisfaction", _say_satisfaction(speaker, figures), some("satisfaction")),
        (
            "journeys",
            [_say_funnel(speaker, each) for each in figures.funnels[:1]],
            some("application", "events_way", "events"),
        ),
        ("support", (), some("cities", "programmes", "matches")),
    ]
    return [
        Section(speaker.say(f"sections.{key}"), tuple(sentences), shown)
        for key, sentences, shown in made
        if sentences or shown
    ]


def _make_month(speaker: Speaker, figures: Figures) -> Month:
    series = figures.curve("messages_in")
    days = tuple(Day(point.first.day, point.value, speaker.value(point.value, series.unit)) for point in series.points)
    names = get_day_names("abbreviated", locale=wording.LOCALES[speaker.language])
    return Month(
        speaker.say("tables.days"),
        tuple(str(names[number]) for number in range(7)),
        figures.period.first.weekday(),
        days,
        tuple(point.value for point in series.before),
    )


def _say_topics(speaker: Speaker, figures: Figures) -> list[str]:
    rows = figures.table("topics").rows
    if not rows:
        return []
    first = rows[0]
    said = [speaker.say("sentences.topic", topic=speaker.name("topic", first), share=speaker.now(first.figures[1]))]
    if figures.covered != "whole":
        return said
    if not figures.rising:
        return [*said, speaker.say("sentences.rising_none")]
    rising = figures.rising[0]
    return [
        *said,
        speaker.say(
            "sentences.rising",
            topic=speaker.topic(rising.intent),
            before=speaker.percent(rising.before_share),
            now=speaker.percent(rising.share),
        ),
    ]


def _say_times(speaker: Speaker, figures: Figures) -> list[str]:
    said = []
    for key, sentence in (("response", "times"), ("staff", "staff_times")):
        median, p95 = figures.figure(f"{key}_median_s"), figures.figure(f"{key}_p95_s")
        if median.value is not None:
            said.append(speaker.say(f"sentences.{sentence}", median=speaker.now(median), p95=speaker.now(p95)))
    return said


def _say_delivery(speaker: Speaker, figures: Figures) -> list[str]:
    share = figures.figure("share_undelivered")
    return [] if share.value is None else [speaker.say("sentences.delivered", share=speaker.now(share))]


def _say_satisfaction(speaker: Speaker, figures: Figures) -> list[str]:
    share = figures.figure("share_satisfied")
    if share.value is None:
        return [speaker.say("sentences.satisfied_none")]
    return [speaker.say("sentences.satisfied", share=speaker.now(share), n=speaker.number(share.n))]


def _say_funnel(speaker: Speaker, funnel: Funnel) -> str:
    """How many people of a funnel went all the way."""
    first, last = funnel.steps[0].figure, funnel.steps[-1].figure
    if not first.value:
        return speaker.say("sentences.funnel_none")
    return speaker.say("sentences.funnel", first=speaker.now(first), last=speaker.now(last))
