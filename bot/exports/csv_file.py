"""CSV as a French Excel opens it with two clicks: semicolons, decimal commas, UTF-8 with its mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime

from bot.clock import MOROCCO
from bot.exports.inert import neutralise, show_controls
from bot.exports.table import Cell, Row, Table

MEDIA_TYPE = "text/csv; charset=utf-8"
#: By this mark Excel knows UTF-8.
_MARK = "\ufeff"
_FLAGS = {True: "oui", False: "non"}


def write_head(table: Table) -> bytes:
    """The beginning of the file: the mark and the headings."""
    return (_MARK + _write([[neutralise(heading) for heading in table.headings]])).encode()


def write_rows(rows: Iterable[Row]) -> bytes:
    """Rows in their order, each ended as RFC 4180 says."""
    return _write([_format(cell) for cell in row] for row in rows).encode()


def _write(rows: Iterable[list[str]]) -> str:
    sheet = io.StringIO()
    # All in quotes: a text then ends where it ends, whatever is in it, and Excel still sees numbers and dates.
    csv.writer(sheet, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return sheet.getvalue()


def _format(cell: Cell) -> str:
    """A cell as text. Only what somebody wrote is neutralised: a negative number stays one."""
    match cell:
        case None:
            return ""
        case bool():
            return _FLAGS[cell]
        case int():
            return str(cell)
        case float():
            return f"{cell:.10g}".replace(".", ",")
        case datetime():
            return f"{cell.astimezone(MOROCCO):%Y-%m-%d %H:%M:%S}"
        case _:
            return neutralise(show_controls(cell))
