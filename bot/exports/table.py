"""What a table for a spreadsheet is: typed columns with French headings, and where its rows come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: A cell before it is written: an aware time, a number, a truth, a text, or nothing.
Cell = str | int | float | bool | datetime | None
Kind = Literal["text", "number", "decimal", "moment", "flag"]
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        heading: what stands on top of it, in French.
        kind: what its cells are; ``moment`` is a day with its time in Morocco, ``flag`` yes or no.
        meaning: one sentence for the second sheet.
        width: in characters of the usual font, as Excel measures columns.
    """

    heading: str
    kind: Kind = "text"
    meaning: str = ""
    width: int = 14


@dataclass(frozen=True, slots=True)
class Table:
    """A table without its rows.

    Attributes:
        title: the name of the sheet, at most 31 characters.
        columns: in their order.
        about: what the reader has to know, as labels and texts: when it was made, of what period, with which filters.
    """

    title: str
    columns: tuple[Column, ...]
    about: tuple[tuple[str, str], ...] = ()

    @property
    def headings(self) -> list[str]:
        """The first row."""
        return [column.heading for column in self.columns]
