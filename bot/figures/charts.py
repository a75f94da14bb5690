"""Draw figures as SVG: pure functions from values to markup, for pages and for paper.

Nothing is said by colour alone: the period before is dashed or hatched, and every bar has its number beside it. There
is no style attribute (pages forbid them): presentation attributes, and classes by which a style sheet may do otherwise.
In right-to-left languages time runs, and bars grow, from the right. A chart is one image to screen readers, with a
title and a description; the numbers are in the table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from bot.figures.data import Figure, Funnel, Point, Series

#: Width in the chart's own units; at this width in pixels its letters are 12 high.
WIDTH = 420
_HEIGHT, _TOP, _BOTTOM, _SIDE, _AXIS = 200, 26, 26, 8, 46
_INK, _SOFT, _GRID, _NOW, _BEFORE = "#1a2433", "#566172", "#d5dae1", "#143a66", "#8a3f12"
_ROW, _BAR, _THIN = 44, 12, 8
#: A curve of more points than this has no dots on it.
_MOST_DOTS = 40


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one chart, in the language of whoever reads it.

    Attributes:
        id: unique on its page, of letters, digits and hyphens.
        title, description: what a screen reader says.
        now, before: the names of both periods in the legend.
        number: writes a value of the chart's unit.
        days: writes the days of a point, short.
        is_rtl: whether the language runs from right to left.
    """

    id: str
    title: str
    description: str
    now: str
    before: str
    number: Callable[[float], str]
    days: Callable[[Point], str] = lambda point: point.first.isoformat()
    is_rtl: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a bar chart: its words, and its figure."""

    words: str
    figure: Figure


def draw_lines(series: Series, texts: Texts) -> str:
    """A curve over time, with that of the period before behind it, dashed; where there is no data it is broken."""
    known = [each.value for each in (*series.points, *series.before) if each.value is not None]
    ticks = _list_ticks(max(known, default=0), whole=series.unit == "count")
    count = max(len(series.points), len(series.before))
    left, right = _SIDE + _AXIS, WIDTH - _SIDE

    def place(number: int, value: float) -> tuple[float, float]:
        x = left + (right - left) * (number / (count - 1) if count > 1 else 0.5)
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / ticks[-1]
        return _mirror(x, texts), y

    parts = []
    for tick in ticks:
        _, y = place(0, tick)
        x1, x2 = _mirror(left, texts), _mirror(right, texts)
        parts.append(f'<line class="grid" x1="{x1:g}" x2="{x2:g}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GRID}"/>')
        parts.append(_text(left - 6, y + 4, texts.number(tick), texts, anchor="end", is_soft=True))
    for number in _choose_labels(len(series.points)):
        x = left + (right - left) * (number / (count - 1) if count > 1 else 0.5)
        anchor = "middle" if count == 1 else "start" if number == 0 else "end" if number == count - 1 else "middle"
        parts.append(_text(x, _HEIGHT - 8, texts.days(series.points[number]), texts, anchor=anchor, is_soft=True))
    parts += _draw_curve(series.before, place, "before", _BEFORE, 'stroke-width="1.5" stroke-dasharray="5 4"')
    parts += _draw_curve(series.points, place, "now", _NOW, 'stroke-width="2.5"')
    if len(series.points) <= _MOST_DOTS:
        for number, point in enumerate(series.points):
            if point.value is not None:
                x, y = place(number, point.value)
                parts.append(f'<circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{_NOW}"/>')
    parts += _draw_legend(texts, is_line=True, has_before=bool(series.before))
    return _wrap(parts, _HEIGHT, texts)


def _draw_curve(
    points: Sequence[Point], place: Callable[[int, float], tuple[float, float]], name: str, colour: str, how: str
) -> list[str]:
    """The stretches of a curve between gaps; a lone point is a short line, so that it is seen."""
    runs: list[list[tuple[float, float]]] = [[]]
    for number, point in enumerate(points):
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(place(number, point.value))
    drawn = []
    for run in runs:
        if len(run) == 1:
            run = [(run[0][0] - 2, run[0][1]), (run[0][0] + 2, run[0][1])]
        if run:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            drawn.append(f'<polyline class="{name}-line" points="{path}" fill="none" stroke="{colour}" {how}/>')
    return drawn


def draw_bars(bars: Sequence[Bar], texts: Texts) -> str:
    """Horizontal bars with their words above and their numbers beside them; under each, hatched, the period before."""
    largest = max((each for bar in bars for each in (bar.figure.value, bar.figure.before) if each), default=0) or 1
    room = WIDTH - 2 * _SIDE - 74
    has_before = any(bar.figure.before is not None for bar in bars)
    parts, y = [], float(_TOP)
    for bar in bars:
        value = bar.figure.value
        parts.append(_text(_SIDE, y + 10, _cut(bar.words), texts))
        length = room * (value or 0) / largest
        parts.append(_rectangle(_SIDE, y + 15, length, _BAR, f'class="now" fill="{_NOW}"', texts))
        shown = texts.number(value) if value is not None else "–"
        parts.append(_text(_SIDE + length + 6, y + 15 + _BAR - 2, shown, texts, is_strong=True))
        if bar.figure.before is not None:
            length = room * bar.figure.before / largest
            hatched = f'class="before" fill="url(#{texts.id}-hatch)" stroke="{_BEFORE}" stroke-width="0.75"'
            parts.append(_rectangle(_SIDE, y + 16 + _BAR, length, _THIN, hatched, texts))
        y += _ROW if has_before else _ROW - _THIN
    parts += _draw_legend(texts, is_line=False, has_before=has_before)
    return _wrap(parts, y + 4, texts)


def draw_columns(bars: Sequence[Bar], texts: Texts) -> str:
    """Upright bars side by side, as for the hours of a day; every third has its words below."""
    ticks = _list_ticks(max((bar.figure.value or 0 for bar in bars), default=0), whole=True)
    left, right, foot = _SIDE + _AXIS, WIDTH - _SIDE, _HEIGHT - _BOTTOM
    width = (right - left) / max(1, len(bars))
    parts = []
    for tick in ticks:
        y = foot - (foot - 12) * tick / ticks[-1]
        x1, x2 = _mirror(left, texts), _mirror(right, texts)
        parts.append(f'<line class="grid" x1="{x1:g}" x2="{x2:g}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GRID}"/>')
        parts.append(_text(left - 6, y + 4, texts.number(tick), texts, anchor="end", is_soft=True))
    for number, bar in enumerate(bars):
        height = (foot - 12) * (bar.figure.value or 0) / ticks[-1]
        x = left + number * width
        parts.append(
            _rectangle(x + width * 0.15, foot - height, width * 0.7, height, f'class="now" fill="{_NOW}"', texts)
        )
        if number % 3 == 0:
            parts.append(_text(x + width / 2, _HEIGHT - 8, bar.words, texts, anchor="middle", is_soft=True))
    return _wrap(parts, _HEIGHT, texts)


def draw_funnel(funnel: Funnel, words: Sequence[str], texts: Texts, percent: Callable[[float], str]) -> str:
    """The steps of a funnel, one below the other, each with its people and their share of the first step.

    Args:
        funnel: the steps.
        words: what each step is called.
        texts: of the chart; `Texts.number` writes how many people.
        percent: writes a share, 0 to 1.
    """
    largest = max((step.figure.value or 0 for step in funnel.steps), default=0) or 1
    room = WIDTH - 2 * _SIDE - 110
    parts, y = [], 6.0
    for number, (step, name) in enumerate(zip(funnel.steps, words, strict=True)):
        length = room * (step.figure.value or 0) / largest
        share = step.share_of(funnel.steps[0])
        shown = texts.number(step.figure.value or 0)
        if number and share is not None:
            shown = f"{shown} · {percent(share)}"
        parts.append(_text(_SIDE, y + 12, _cut(f"{number + 1}. {name}"), texts))
        # The whole way is drawn too, so that a short bar is seen for what is missing.
        outline = f'class="grid" fill="none" stroke="{_GRID}"'
        parts.append(_rectangle(_SIDE, y + 18, room, 18, outline, texts))
        parts.append(_rectangle(_SIDE, y + 18, length, 18, f'class="now" fill="{_NOW}"', texts))
        parts.append(_text(_SIDE + room + 6, y + 32, shown, texts, is_strong=True))
        y += 46
    return _wrap(parts, y + 2, texts)


def _list_ticks(largest: float, *, whole: bool) -> list[float]:
    """Three to six round numbers from 0 on, the last not below the largest value."""
    if largest <= 0:
        return [0, 1]
    rough = largest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]


def _choose_labels(count: int) -> list[int]:
    """Which points have their days below them: all of a few, else the first, the last, and some between."""
    if count <= 4:
        return list(range(count))
    return [0, round((count - 1) / 3), round((count - 1) * 2 / 3), count - 1]


def _cut(words: str, most: int = 58) -> str:
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def _mirror(x: float, texts: Texts) -> float:
    return WIDTH - x if texts.is_rtl else x


def _rectangle(x: float, y: float, width: float, height: float, how: str, texts: Texts) -> str:
    left = WIDTH - x - width if texts.is_rtl else x
    return f'<rect {how} x="{left:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"/>'


def _text(
    x: float,
    y: float,
    words: str,
    texts: Texts,
    *,
    anchor: str = "start",
    is_soft: bool = False,
    is_strong: bool = False,
) -> str:
    # With direction rtl the start of a text is its right end: the anchors keep their meaning when x is mirrored.
    direction = ' direction="rtl"' if texts.is_rtl else ""
    weight = ' font-weight="600"' if is_strong else ""
    name, colour = ("soft-ink", _SOFT) if is_soft else ("ink", _INK)
    return (
        f'<text class="{name}" x="{_mirror(x, texts):.1f}" y="{y:.1f}" text-anchor="{anchor}"{direction}{weight}'
        f' fill="{colour}">{escape(words)}</text>'
    )


def _draw_legend(texts: Texts, *, is_line: bool, has_before: bool) -> list[str]:
    if not has_before:
        return []
    parts = []
    for number, (name, words) in enumerate((("now", texts.now), ("before", texts.before))):
        x = _SIDE + number * (WIDTH - 2 * _SIDE) * 0.42
        if is_line:
            how = (
                f'stroke="{_NOW}" stroke-width="2.5"'
                if name == "now"
                else f'stroke="{_BEFORE}" stroke-width="1.5" stroke-dasharray="5 4"'
            )
            x1, x2 = _mirror(x, texts), _mirror(x + 18, texts)
            parts.append(f'<line class="{name}-line" x1="{x1:.1f}" x2="{x2:.1f}" y1="10" y2="10" {how}/>')
        else:
            fill = (
                f'fill="{_NOW}"'
                if name == "now"
                else f'fill="url(#{texts.id}-hatch)" stroke="{_BEFORE}" stroke-width="0.75"'
            )
            parts.append(_rectangle(x, 5, 18, 10, f'class="{name}" {fill}', texts))
        parts.append(_text(x + 24, 14, words, texts, is_soft=True))
    return parts


def _wrap(parts: Sequence[str], height: float, texts: Texts) -> str:
    hatch = (
        f'<defs><pattern id="{texts.id}-hatch" width="5" height="5" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><rect width="5" height="5" fill="#ffffff"/>'
        f'<line x1="0" x2="0" y1="0" y2="5" stroke="{_BEFORE}" stroke-width="2.5"/></pattern></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 {WIDTH} {height:g}"'
        f' aria-labelledby="{texts.id}-title {texts.id}-desc" font-size="12">'
        f'<title id="{texts.id}-title">{escape(texts.title)}</title>'
        f'<desc id="{texts.id}-desc">{escape(texts.description)}</desc>'
        f"{hatch if any('-hatch' in part for part in parts) else ''}{''.join(parts)}</svg>"
    )
