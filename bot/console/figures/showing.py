"""What the page shows of figures: charts, the tables beside them, and links to the conversations behind a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from markupsafe import Markup

from bot.console.conversations import PATH as CONVERSATIONS
from bot.console.conversations.wording import name_topic
from bot.console.figures.wording import Shown, show, write_days, write_foot, write_number, write_stretch
from bot.console.people.showing import Namer
from bot.console.words import RIGHT_TO_LEFT, Language, load_words, translate
from bot.figures.charts import Bar, Texts, draw_bars, draw_columns, draw_funnel, draw_lines
from bot.figures.counting import NO_VARIETY
from bot.figures.data import Figure, Figures, Funnel, Row, Series, Table, Unit
from bot.figures.period import Period
from bot.figures.tables import OTHER
from bot.messages import LANGUAGE_NAMES

#: Lines of a table that its chart draws; the table has them all.
_MOST_BARS = 10
#: What a bar is as long as, where it is not the first column of the table.
_DRAWN = {"responses": 1, "satisfaction": 2}
#: Tables without a chart: their names are long, or what they say is no length.
_UNDRAWN = frozenset({"matches"})
#: Parts of the page with their charts, in order: curves, tables, funnels, by their keys.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("activity", ("people", "conversations", "messages_in", "hours")),
    ("who", ("channels", "varieties", "cities")),
    ("answers", ("outcomes", "share_answered")),
    ("topics", ("topics", "rising")),
    ("speed", ("responses", "delivery")),
    ("people_say", ("satisfaction", "requests")),
    ("journeys", ("application", "events_funnel", "events")),
    ("programmes", ("programmes", "matches")),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: its words, the address behind it (or none), and its cells."""

    words: str
    href: str
    cells: tuple[Shown, ...]
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A chart with its table.

    Attributes:
        key: of the chart; title and hint are its words.
        svg: the chart; empty where there is only a table.
        head: what the columns are called, the first being that of the lines.
        lines: empty where there is no data.
        note: what must be known of it besides.
    """

    key: str
    title: str
    hint: str
    svg: Markup
    head: tuple[str, ...]
    lines: tuple[Line, ...]
    note: str = ""
    href: str = ""


@dataclass(slots=True)
class Shower:
    """Shows the figures of a period in one language.

    Attributes:
        named: names codes of the content (needs, kinds of requests).
        sees_people: whether who reads may open the pages about people and events.
    """

    language: Language
    figures: Figures
    named: Namer
    sees_people: bool
    _words: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._words = load_words(self.language)

    def list_parts(self) -> list[tuple[str, list[Exhibit]]]:
        """The parts of the page with what stands in them."""
        return [(part, [self._exhibit(key) for key in keys]) for part, keys in PARTS]

    def list_headline(self) -> list[tuple[str, str, Shown, str]]:
        """The main figures: key, words, number, the address behind it."""
        behind = {
            "share_not_understood": self._conversations(fallback="1"),
            "share_failed": self._conversations(failed="1"),
            "share_handed_over": self._conversations(intent="request_human"),
            "share_out_of_scope": self._conversations(intent="out_of_scope"),
            "share_asked_back": self._conversations(intent="nlu_fallback"),
            "messages_in": self._conversations(),
            "people": self._conversations(),
        }
        if self.sees_people:
            behind |= {
                "applications": "/console/applications",
                "requests": "/console/requests",
                "registrations": "/console/events",
                "came": "/console/events",
            }
        return [
            (each.key, self._t(f"name.{each.key}"), show(self.language, each), behind.get(each.key, ""))
            for each in self.figures.headline
        ]

    def _exhibit(self, key: str) -> Exhibit:
        if key == "rising":
            return self._show_rising()
        if key in ("application", "events_funnel"):
            return self._show_funnel(self.figures.funnel(key.removesuffix("_funnel")), key)
        if any(series.key == key for series in self.figures.series):
            return self._show_series(self.figures.curve(key))
        return self._show_table(self.figures.table(key))

    def _t(self, key: str, **values: object) -> str:
        return translate(self.language, f"figures.{key}", **values)

    def _texts(self, key: str, unit: Unit) -> Texts:
        title = self._t(f"chart.{key}")
        step = self.figures.step
        return Texts(
            id=f"chart-{key.replace('_', '-')}",
            title=title,
            description=self._t("described"),
            now=self._describe(self.figures.period),
            before=self._describe(self.figures.before),
            number=lambda value: write_number(self.language, value, unit),
            days=lambda point: write_foot(self.language, point.first, step),
            is_rtl=self.language in RIGHT_TO_LEFT,
        )

    def _describe(self, period: Period) -> str:
        with_year = self.figures.period.first.year != self.figures.before.first.year
        return write_days(self.language, period.first, period.last, with_year=with_year)

    def _show_series(self, series: Series) -> Exhibit:
        """A curve; its table pairs each stretch with the one at the same place in the period before."""
        lines = []
        for number, point in enumerate(series.points):
            before = series.before[number].value if number < len(series.before) else None
            figure = Figure(series.key, series.unit, point.value, 0, before)
            shown = show(self.language, figure)
            days = write_stretch(self.language, point.first, point.last, self.figures.step)
            plain = Shown(shown.value, shown.before, shown.arrow, shown.change, shown.direction, "")
            lines.append(Line(days, self._conversations(first=point.first, last=point.last), (plain,)))
        has_data = any(point.value for point in (*series.points, *series.before))
        return Exhibit(
            key=series.key,
            title=self._t(f"chart.{series.key}"),
            hint=self._t(f"hint.{series.key}"),
            svg=Markup(draw_lines(series, self._texts(series.key, series.unit))),  # noqa: S704  # words are escaped there
            head=(self._t(f"step.{self.figures.step}"), self._t(f"name.{series.key}")),
            lines=tuple(lines) if has_data else (),
        )

    def _show_table(self, table: Table) -> Exhibit:
        lines = tuple(
            Line(
                self._name_row(table.key, row),
                self._find_behind(table.key, row),
                tuple(show(self.language, each) for each in row.figures),
                is_name=row.name is not None,
            )
            for row in table.rows
        )
        has_data = any(figure.value for row in table.rows for figure in row.figures)
        note = self._t("folded", count=table.folded) if table.folded else ""
        if table.key == "matches" and table.folded:
            note = self._t("untold", count=table.folded)
        return Exhibit(
            key=table.key,
            title=self._t(f"chart.{table.key}"),
            hint=self._t(f"hint.{table.key}"),
            svg=self._draw_table(table) if has_data and table.key not in _UNDRAWN else Markup(""),
            head=(self._t(f"head.{table.key}"), *(self._t(f"name.{column}") for column in table.columns)),
            lines=lines if has_data else (),
            note=note,
            href=self._conversations(rating="down") if table.key == "satisfaction" else "",
        )

    def _draw_table(self, table: Table) -> Markup:
        place = _DRAWN.get(table.key, 0)
        drawn = [row for row in table.rows if row.figures[place].value is not None]
        # At the foot of a column there is room for the number of its hour alone.
        is_hours = table.key == "hours"
        bars = [Bar(row.key if is_hours else self._name_row(table.key, row), row.figures[place]) for row in drawn]
        texts = self._texts(table.key, table.rows[0].figures[place].unit)
        drawing = draw_columns(bars, texts) if is_hours else draw_bars(bars[:_MOST_BARS], texts)
        return Markup(drawing)  # noqa: S704  # words are escaped there

    def _show_funnel(self, funnel: Funnel, key: str) -> Exhibit:
        words = [self._t(f"name.{step.key}") for step in funnel.steps]
        first, lines = funnel.steps[0], []
        for step, name in zip(funnel.steps, words, strict=True):
            was = None
            if step.figure.before is not None and first.figure.before:
                was = step.figure.before / first.figure.before
            share = Figure("share_of_first", "share", step.share_of(first), first.figure.n, was, first.figure.before_n)
            lines.append(Line(name, "", (show(self.language, step.figure), show(self.language, share))))
        has_data = bool(first.figure.value or first.figure.before)
        texts = self._texts(key, "count")

        def percent(value: float) -> str:
            return write_number(self.language, value, "share")

        return Exhibit(
            key=key,
            title=self._t(f"chart.{key}"),
            hint=self._t(f"hint.{key}"),
            svg=Markup(draw_funnel(funnel, words, texts, percent)) if has_data else Markup(""),  # noqa: S704
            head=(self._t(f"head.{key}"), self._t("name.people"), self._t("name.share_of_first")),
            lines=tuple(lines) if has_data else (),
        )

    def _show_rising(self) -> Exhibit:
        lines = []
        for topic in self.figures.rising:
            share = Figure("share_of_topics", "share", topic.share, topic.n, topic.before_share, topic.before_n)
            count = Figure("messages_in", "count", topic.n, topic.n, topic.before_n, topic.before_n)
            score = Figure("score", "score", topic.score, topic.n)
            cells = tuple(show(self.language, each) for each in (count, share))
            certainty = show(self.language, score)
            plain = Shown(certainty.value, "", "", "", "unknown", "")
            name = name_topic(self.language, topic.intent)
            lines.append(Line(name, self._conversations(intent=topic.intent), (*cells, plain)))
        return Exhibit(
            key="rising",
            title=self._t("chart.rising"),
            hint=self._t("hint.rising"),
            svg=Markup(""),
            head=(
                self._t("head.topics"),
                *(self._t(f"name.{key}") for key in ("messages_in", "share_of_topics", "score")),
            ),
            lines=tuple(lines),
            note="" if lines else self._t("none_rising"),
        )

    def _name_row(self, table: str, row: Row) -> str:
        if row.key == OTHER and row.name is None:
            return self._t("other")
        if table == "matches":
            need = row.key.split("|")[2]
            return f"{row.name} – {self.named('offer', need)}" if need else row.name or row.key
        if row.name is not None:
            return row.name
        namer = self._namers().get(table)
        return namer(row.key) if namer is not None else row.key

    def _namers(self) -> dict[str, Callable[[str], str]]:
        return {
            "channels": self._name_channel,
            "responses": lambda key: self._t("by_staff") if key == "staff" else self._name_channel(key),
            "varieties": self._name_variety,
            "outcomes": lambda key: self._t(f"outcome.{key}"),
            "topics": lambda key: name_topic(self.language, key),
            "delivery": self._name_cause,
            "satisfaction": lambda key: self._words.get(f"figures.rated.{key}", key.replace("_", " ")),
            "requests": lambda key: self.named("request_kind", key),
            "hours": lambda key: self._t("hour", hour=key),
        }

    def _name_channel(self, key: str) -> str:
        return self._words.get(f"people_names.channel.{key}", key)

    def _name_variety(self, key: str) -> str:
        return self._t("no_words") if key == NO_VARIETY else LANGUAGE_NAMES.get(key, key)  # type: ignore[call-overload]

    def _name_cause(self, key: str) -> str:
        channel, _, cause = key.partition("|")
        named = self._words.get(f"figures.cause.{cause}") or self._t("cause_code", code=cause)
        return f"{self._name_channel(channel)} – {named}"

    def _find_behind(self, table: str, row: Row) -> str:
        """The conversations that a line counts, where the list of conversations can be narrowed down to them."""
        if row.key == OTHER and row.name is None:
            return ""
        if table == "topics":
            return self._conversations(intent=row.key)
        if table == "channels":
            return self._conversations(channel=row.key)
        if table == "varieties" and row.key != NO_VARIETY:
            return self._conversations(variety=row.key)
        if table == "outcomes":
            asked = {
                "not_understood": {"fallback": "1"},
                "out_of_scope": {"intent": "out_of_scope"},
                "asked_back": {"intent": "nlu_fallback"},
                "failed": {"failed": "1"},
            }.get(row.key)
            return self._conversations(**asked) if asked else ""
        return f"/console/events/{row.key}" if table == "events" and self.sees_people else ""

    def _conversations(self, first: object = None, last: object = None, **asked: str) -> str:
        period = self.figures.period
        days = {"from": f"{first or period.first}", "to": f"{last or period.last}"}
        return f"{CONVERSATIONS}?{urlencode(asked | days)}"
