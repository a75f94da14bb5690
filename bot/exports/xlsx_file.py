"""An Excel workbook, written row by row: its memory does not grow with its rows, which wait in a temporary file.

XlsxWriter (3.3) takes a text that begins with ``<r>`` and ends with ``</r>`` for XML of its own and writes it as it is:
who sends us such a message could put cells into the workbook, formulas among them. So texts never reach it like that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from bot.clock import MOROCCO, utc_now
from bot.exports.inert import show_controls
from bot.exports.table import Cell, Column, Kind, Row, Table

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Rows of a sheet, its headings among them, and UTF-16 units of a cell (Excel's specifications and limits).
MOST_ROWS, MOST_UNITS = 1_048_576, 32_767
_CUT = " […]"
_FORMATS: dict[Kind, str] = {"number": "0", "decimal": "0.00", "moment": "yyyy-mm-dd hh:mm:ss", "text": "@"}
_NOTES = "Lisez-moi"


class SheetFull(ValueError):
    """A sheet of Excel has no room for more rows."""


class XlsxFile:
    """A workbook of one table and a sheet that explains it: begun, filled, then finished or abandoned.

    Every method waits for the disk: call them in a thread.
    """

    def __init__(self, path: Path, table: Table) -> None:
        """Begin the file at a path; beside it stands, while it is written, what waits to be packed."""
        self._table = table
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties({"title": table.title, "company": "Maroc Numeric Cluster", "created": utc_now()})
        self._head = self._book.add_format({"bold": True, "bg_color": "#E4EEFA", "bottom": 1, "text_wrap": True})
        self._lines = self._book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        self._formats = {kind: self._book.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
        self._sheet = self._book.add_worksheet(table.title)
        self._notes = self._book.add_worksheet(_NOTES)
        for number, column in enumerate(table.columns):
            self._sheet.set_column(number, number, column.width)
            self._write_text(self._sheet, 0, number, column.heading, self._head)
        self._sheet.freeze_panes(1, 0)
        self._sheet.repeat_rows(0)
        self._sheet.set_landscape()
        self._sheet.set_paper(9)  # A4
        self._sheet.fit_to_pages(1, 0)
        #: Rows below the headings, and cells that had more than one holds.
        self.rows, self.cut = 0, 0

    def write_rows(self, rows: Iterable[Row]) -> None:
        """Add rows.

        Raises:
            SheetFull: there are more than a sheet holds.
        """
        for row in rows:
            if self.rows + 2 > MOST_ROWS:
                raise SheetFull(f"a sheet of Excel holds {MOST_ROWS - 1} rows below its headings")
            self.rows += 1
            for number, (column, cell) in enumerate(zip(self._table.columns, row, strict=True)):
                self._write(self.rows, number, column, cell)

    def _write(self, row: int, number: int, column: Column, cell: Cell) -> None:
        sheet, shape = self._sheet, self._formats.get(column.kind)
        match cell:
            case None | "":
                return
            case bool():
                sheet.write_boolean(row, number, cell)
            case int() | float():
                sheet.write_number(row, number, cell, shape)
            case datetime():
                sheet.write_datetime(row, number, cell.astimezone(MOROCCO).replace(tzinfo=None), shape)
            case _:
                self._write_text(sheet, row, number, cell, self._formats["text"])

    def _write_text(self, sheet: Any, row: int, number: int, text: str, shape: Any) -> None:
        """A text, as a text and nothing else."""
        text = show_controls(text)
        if text.startswith("<r>"):
            text = f" {text}"
        if len(text) > MOST_UNITS // 2 and _count_units(text) > MOST_UNITS:
            text = _cut(text, MOST_UNITS - len(_CUT)) + _CUT
            self.cut += 1
        sheet.write_string(row, number, text, shape)

    def finish(self) -> None:
        """Explain the table on the second sheet, and pack the file."""
        if self._table.columns:
            self._sheet.autofilter(0, 0, self.rows, len(self._table.columns) - 1)
        about = [*self._table.about, ("Lignes", str(self.rows))]
        if self.cut:
            said = f"{self.cut} cellules avaient plus de {MOST_UNITS} caractères ; elles finissent par « […] »."
            about.append(("Textes coupés", f"{said} Le fichier CSV les a en entier."))
        self._notes.set_column(0, 0, 28)
        self._notes.set_column(1, 1, 100)
        self._notes.set_paper(9)
        self._notes.fit_to_pages(1, 0)
        place = 0
        for label, text in about:
            self._write_text(self._notes, place, 0, label, self._head)
            self._write_text(self._notes, place, 1, text, self._lines)
            place += 1
        place += 1
        self._write_text(self._notes, place, 0, "Colonne", self._head)
        self._write_text(self._notes, place, 1, "Ce qu'elle contient", self._head)
        for column in self._table.columns:
            place += 1
            self._write_text(self._notes, place, 0, column.heading, self._lines)
            self._write_text(self._notes, place, 1, column.meaning, self._lines)
        self._book.close()

    def abandon(self) -> None:
        """Close what is open; what the file holds then is of no use."""
        self._book.close()


def _count_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, units: int) -> str:
    """As much of the beginning as has so many UTF-16 units; no pair is parted."""
    return text.encode("utf-16-le")[: units * 2].decode("utf-16-le", "ignore")
