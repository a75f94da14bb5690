"""A report as a document: words and shapes of figures, in the order of reading, without how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Tile:
    """A main figure in large: what it is, what it came to, and how that is beside the month before."""

    label: str
    value: str
    change: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a table with its bars.

    Attributes:
        label: what it is.
        length, before: 0 to 1, of the longest bar of the table; None: no data, no bar.
        cells: what stands in the columns, texts.
    """

    label: str
    length: float | None
    before: float | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """A table of which each line is drawn as a bar too, with the month before as another one below it.

    Attributes:
        heading: what the lines are.
        columns: the headings of the cells.
        note: what has to be said of it, or nothing.
    """

    heading: str
    columns: tuple[str, ...]
    lines: tuple[Bar, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a month: its number, and what was counted, as number and as text; None: not counted yet."""

    number: int
    value: float | None
    shown: str


@dataclass(frozen=True, slots=True)
class Month:
    """What was counted day by day, as columns with the month before as a line, and as the leaf of a calendar.

    Attributes:
        heading: what was counted.
        weekdays: seven names, Monday first.
        first_weekday: that of the first day, 0 for Monday.
        days: of the month, from the first on; `before`: of the month before, without texts that anybody reads.
    """

    heading: str
    weekdays: tuple[str, ...]
    first_weekday: int
    days: tuple[Day, ...]
    before: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A plain table.

    Attributes:
        heading: what the lines are.
        columns: the headings of the cells.
        rows: a label and as many cells each.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    note: str = ""


Block = Bars | Month | Lines


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a heading that readers can jump to: sentences, then tables and charts."""

    heading: str
    sentences: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The whole.

    Attributes:
        language: of its words and its direction.
        title: ``Rapport de novembre 2026``.
        about: lines below the title: what of, compared with what, as it stood when.
        now, before: the names of both months, for the legend.
        summary: sentences on top; `tiles` the main figures.
        definitions: what figures mean, as terms and sentences.
        page: the word for page.
        is_empty: there was nothing to count.
    """

    language: Literal["fr", "ar", "en"]
    title: str
    organisation: str
    about: tuple[str, ...]
    now: str
    before: str
    summary_heading: str
    summary: tuple[str, ...]
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    definitions_heading: str
    definitions: tuple[tuple[str, str], ...]
    page: str
    is_empty: bool = False
    notes: tuple[str, ...] = field(default=())
