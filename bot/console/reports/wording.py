"""Figures in words: numbers, shares, lengths of time, and what became of them, in the language of a report."""

from __future__ import annotations

from dataclasses import dataclass

from bot import wording
from bot.answers import Answers
from bot.console.conversations.wording import name_topic
from bot.console.words import Language, load_words, translate
from bot.figures.counting import NO_VARIETY
from bot.figures.data import Figure, Row, Unit
from bot.figures.tables import OTHER
from bot.messages import LANGUAGE_NAMES

#: A change of less than so many is told as a difference: "+100 %" of one is no news.
_FEW = 20


@dataclass(frozen=True, slots=True)
class Speaker:
    """What says things in one language; `answers` name what the database names."""

    language: Language
    answers: Answers

    def say(self, key: str, **values: object) -> str:
        """Words under ``report``."""
        return translate(self.language, f"report.{key}", **values)

    def label(self, key: str) -> str:
        """Words under ``figures``, which the page of figures has too."""
        return translate(self.language, f"figures.{key}")

    def number(self, value: float) -> str:
        """A number with the separators of the language."""
        return wording.number(value, self.language)

    def percent(self, share: float) -> str:
        """A share from 0 to 1: whole percents, with a decimal below ten."""
        points = share * 100
        shown = self.number(round(points, 1) if abs(points) < 10 else round(points))
        return f"{shown}\u00a0%" if self.language == "fr" else f"{shown}%"

    def duration(self, seconds: float) -> str:
        """A length of time in one or two units."""
        if seconds < 59.5:
            value = round(seconds, 1) if seconds < 9.95 else round(seconds)
            return self.say("units.seconds", value=self.number(value))
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.say("units.minutes", value=minutes)
        return self.say("units.hours", hours=self.number(minutes // 60), minutes=f"{minutes % 60:02}")

    def value(self, value: float | None, unit: Unit) -> str:
        """A value in its unit; what is not known is a dash."""
        if value is None:
            return self.say("unknown")
        if unit == "share":
            return self.percent(value)
        return self.duration(value) if unit == "seconds" else self.number(round(value))

    def now(self, figure: Figure) -> str:
        """What a figure came to."""
        return self.value(figure.value, figure.unit)

    def before(self, figure: Figure) -> str:
        """What it was in the month before."""
        return self.value(figure.before, figure.unit)

    def change(self, figure: Figure) -> str:
        """What became of it since: ``+12 %``, ``−3,1 pts``, ``+4`` where there were few, or a word."""
        if figure.direction in ("unknown", "same", "new") or figure.value is None or figure.before is None:
            return self.say(figure.direction if figure.direction in ("same", "new") else "unknown")
        difference = figure.value - figure.before
        if figure.unit == "share":
            points = round(difference * 100, 1)
            return self.say("points", points=self._signed(points)) if points else self.say("same")
        if figure.unit == "count" and figure.before < _FEW:
            return self._signed(round(difference))
        share = round(difference / figure.before * 100) if figure.before else 0
        if not share:
            return self.say("same")
        return f"{self._signed(share)}\u00a0%" if self.language == "fr" else f"{self._signed(share)}%"

    def beside(self, figure: Figure) -> str:
        """The change with what it was; only a dash where nothing was."""
        if figure.before is None:
            return self.say("unknown")
        return self.say("beside", change=self.change(figure), before=self.before(figure))

    def _signed(self, value: float) -> str:
        # In Arabic by a shape: signs before numbers change their side with what is around them.
        return self.say("more" if value > 0 else "less", value=self.number(abs(value)))

    # --- names --------------------------------------------------------------------------------------------------------

    def name(self, kind: str, row: Row) -> str:
        """What the line of a table is called, as the page of figures calls it; `kind` is what its keys are."""
        words = load_words(self.language)
        if row.key == OTHER:
            return words["figures.other"]
        if kind == "channel":
            return self._channel(row.key)
        if kind == "variety":
            if row.key == NO_VARIETY:
                return words["figures.no_words"]
            return LANGUAGE_NAMES.get(row.key, row.key)  # type: ignore[call-overload, no-any-return]  # as stored
        if kind == "topic":
            return self.topic(row.key)
        if kind == "city":
            return self.named("city", row.key, row.name)
        if kind == "cause":
            channel, _, cause = row.key.partition("|")
            known = words.get(f"figures.cause.{cause}") or translate(self.language, "figures.cause_code", code=cause)
            return f"{self._channel(channel)} · {known}"
        if kind == "request":
            return words.get(f"people_names.request_kind.{row.key}", row.key)
        return row.name or words.get(f"figures.{kind}.{row.key}", row.key)

    def _channel(self, code: str) -> str:
        if code == "staff":
            return translate(self.language, "figures.by_staff")
        return load_words(self.language).get(f"people_names.channel.{code}", code)

    def topic(self, intent: str) -> str:
        """What a topic is called."""
        return name_topic(self.language, intent)

    def named(self, kind: str, code: str, otherwise: str | None) -> str:
        """What the bot calls a code in this language, else what the database calls it."""
        try:
            return self.answers.name(kind, code, self.language)
        except ValueError:
            return otherwise or code
