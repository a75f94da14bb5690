"""The tables of a report: each line with its numbers beside those of the month before, and bars where they help."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.console.reports.wording import Speaker
from bot.figures.counting import DEALT_WITH
from bot.figures.data import Figure, Figures, Funnel, Row, Table
from bot.figures.tables import OTHER
from bot.report.document import Bar, Bars, Block, Lines

#: Lines of a table in a document of few pages.
MOST_LINES = 12

Cells = Callable[[Row], tuple[str, ...]]


def make_blocks(speaker: Speaker, figures: Figures) -> dict[str, Block]:
    """The tables by name; those that have no line are left out."""
    say = speaker.say
    blocks: dict[str, Block | None] = {
        "channels": _bars(speaker, figures.table("channels"), "channel", "messages_in"),
        "varieties": _bars(speaker, figures.table("varieties"), "variety", "messages_in"),
        "topics": _bars(speaker, figures.table("topics"), "topic", "messages_in"),
        "cities": _bars(speaker, figures.table("cities"), "city", "messages_in"),
        "outcomes": _outcomes(speaker, figures),
        "rising": _rising(speaker, figures),
        "responses": _responses(speaker, figures.table("responses")),
        "requests": _bars(speaker, figures.table("requests"), "request", "requests", heading="requests"),
        "delivery": _lines(
            speaker, figures.table("delivery"), "cause",
            (say("columns.n"), say("columns.share"), say("before")),
            lambda row: (
                speaker.now(row.figures[0]), speaker.now(row.figures[1]), speaker.before(row.figures[1]),
            ),
        ),
        "satisfaction": _lines(
            speaker, figures.table("satisfaction"), "rated",
            (say("columns.asked"), say("columns.given"), say("columns.up"), say("before")),
            lambda row: (*map(speaker.now, row.figures), speaker.before(row.figures[2])),
        ),
        "application": _funnel(speaker, figures.funnel("application"), "application"),
        "events_way": _funnel(speaker, figures.funnel("events"), "events_way"),
        "events": _lines(
            speaker, figures.table("events"), "event",
            (say("columns.seen"), say("columns.registered"), say("columns.came")),
            lambda row: tuple(map(speaker.now, row.figures)),
        ),
        "programmes": _lines(
            speaker, figures.table("programmes"), "programme",
            (say("columns.proposed"), say("before"), say("columns.people"), say("columns.looked")),
            lambda row: (
                speaker.now(row.figures[0]), speaker.before(row.figures[0]),
                speaker.now(row.figures[1]), speaker.now(row.figures[2]),
            ),
        ),
        "matches": _matches(speaker, figures.table("matches")),
    }  # fmt: skip
    return {key: block for key, block in blocks.items() if block is not None}


def _bars(speaker: Speaker, table: Table, kind: str, column: str, *, heading: str = "") -> Bars | None:
    """The first lines of a table by one of its columns."""
    place = table.columns.index(column)
    rows = [row for row in table.rows if row.figures[place].value or row.figures[place].before]
    rows = sorted(rows, key=lambda row: (row.key == OTHER, -(row.figures[place].value or 0)))
    return _make_bars(
        speaker,
        speaker.say(f"tables.{heading or table.key}"),
        [(speaker.name(kind, row), row.figures[place]) for row in rows[:MOST_LINES]],
        _note(speaker, table, len(rows)),
    )


def _make_bars(speaker: Speaker, heading: str, lines: Sequence[tuple[str, Figure]], note: str = "") -> Bars | None:
    if not lines:
        return None
    longest = max(max(figure.value or 0, figure.before or 0) for _, figure in lines) or 1.0
    bars = tuple(
        Bar(
            label,
            None if figure.value is None else figure.value / longest,
            None if figure.before is None else figure.before / longest,
            (speaker.now(figure), speaker.before(figure), speaker.change(figure)),
        )
        for label, figure in lines
    )
    columns = (speaker.say("columns.n"), speaker.say("before"), speaker.say("change"))
    return Bars(heading, columns, bars, note)


def _outcomes(speaker: Speaker, figures: Figures) -> Bars | None:
    """The shares of what the bot dealt with, then how many were the team's."""
    shares = [(speaker.label(f"outcome.{each}"), figures.figure(f"share_{each}")) for each in DEALT_WITH]
    shown = [(label, figure) for label, figure in shares if figure.value is not None or figure.before is not None]
    made = _make_bars(speaker, speaker.say("tables.outcomes"), shown)
    if made is None:
        return None
    columns = (speaker.say("columns.share"), *made.columns[1:])
    return Bars(made.heading, columns, made.lines)


def _funnel(speaker: Speaker, funnel: Funnel, name: str) -> Bars | None:
    """The steps of a funnel with their share of the first; nothing where nobody took one, now or before."""
    if not any(step.figure.value or step.figure.before for step in funnel.steps):
        return None
    first = funnel.steps[0]
    made = _make_bars(
        speaker, speaker.say(f"tables.{name}"), [(speaker.label(f"name.{s.key}"), s.figure) for s in funnel.steps]
    )
    if made is None:
        return None
    lines = tuple(
        Bar(line.label, line.length, line.before, (line.cells[0], line.cells[1], _share(speaker, step.share_of(first))))
        for line, step in zip(made.lines, funnel.steps, strict=True)
    )
    return Bars(made.heading, (*made.columns[:2], speaker.say("columns.of_first")), lines)


def _share(speaker: Speaker, share: float | None) -> str:
    return speaker.say("unknown") if share is None else speaker.percent(share)


def _rising(speaker: Speaker, figures: Figures) -> Lines | None:
    if not figures.rising:
        return None
    rows = tuple(
        (
            speaker.topic(each.intent),
            (
                speaker.number(each.n),
                speaker.number(each.before_n),
                speaker.percent(each.share),
                speaker.percent(each.before_share),
            ),
        )
        for each in figures.rising
    )
    columns = (speaker.say("columns.n"), speaker.say("before"), speaker.say("columns.share"), speaker.say("before"))
    return Lines(speaker.say("tables.rising"), columns, rows)


def _responses(speaker: Speaker, table: Table) -> Lines | None:
    """Times by channel, and those of the team; without lines that nothing was answered on."""
    rows = tuple(
        (
            speaker.name("channel", row),
            (
                speaker.now(row.figures[0]),
                speaker.now(row.figures[1]),
                speaker.before(row.figures[1]),
                speaker.now(row.figures[2]),
                speaker.before(row.figures[2]),
            ),
        )
        for row in table.rows
        if row.figures[0].value or row.figures[0].before
    )
    if not rows:
        return None
    half, most, before = speaker.say("columns.half"), speaker.say("columns.most"), speaker.say("before")
    return Lines(speaker.say("tables.responses"), (speaker.say("columns.n"), half, before, most, before), rows)


def _lines(speaker: Speaker, table: Table, kind: str, columns: tuple[str, ...], cells: Cells) -> Lines | None:
    if not table.rows:
        return None
    rows = tuple((speaker.name(kind, row), cells(row)) for row in table.rows[:MOST_LINES])
    return Lines(speaker.say(f"tables.{table.key}"), columns, rows, _note(speaker, table, len(table.rows)))


def _matches(speaker: Speaker, table: Table) -> Lines | None:
    if not table.rows and not table.folded:
        return None
    rows = []
    for row in table.rows[:MOST_LINES]:
        _, city, need = row.key.split("|")
        programme = (row.name or row.key).partition(" – ")[0]
        where = speaker.named("city", city, city) if city else ""
        what = speaker.named("offer", need, need) if need else speaker.say("needs.none")
        label = " · ".join(part for part in (programme, where, what) if part)
        rows.append((label, (speaker.now(row.figures[0]), speaker.before(row.figures[0]))))
    columns = (speaker.say("columns.people"), speaker.say("before"))
    return Lines(speaker.say("tables.matches"), columns, tuple(rows), _note(speaker, table, len(table.rows)))


def _note(speaker: Speaker, table: Table, count: int) -> str:
    """What is not among the lines."""
    notes = []
    if count > MOST_LINES:
        notes.append(speaker.say("sentences.cut", count=MOST_LINES))
    if table.folded:
        notes.append(speaker.say("sentences.folded", count=table.folded))
    return " ".join(notes)
