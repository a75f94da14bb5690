"""Draw a report as PDF pages: figures in large, bars and columns as vectors beside their numbers.

This month is filled dark and the month before is hollow, so that both are told apart on paper without colours too.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.pdf.letters import Line
from bot.pdf.pages import BLUE, GREY, INK, MARGIN, RULE, Color, Pages
from bot.report.document import Bars, Block, Day, Lines, Month, Report, Section, Tile

_PALE: Color = (240, 244, 250)
#: Columns of days: light enough for a line across them to be seen on paper.
_COLUMN: Color = (150, 172, 204)
#: Millimetres: what a label, a cell and a line of a table take; bars have what is left.
_LABEL, _CELL, _LINE = 62.0, 21.0, 7.0
_CHART_HEIGHT = 38.0
_TILES_IN_A_ROW, _TILE_HEIGHT = 4, 20.0
_GAP = 3.0


class _ReportPages(Pages):
    """The pages of one report."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.title} - {report.organisation}", report.organisation, report.language)
        self._report = report

    def draw(self) -> bytes:
        """Everything."""
        report, pdf = self._report, self.pdf
        pdf.start_section(self.letters.clean(report.title))
        self.write(report.title, 20, BLUE)
        self.write(report.organisation, 11, GREY)
        self.space(1)
        for line in report.about:
            self.write(line, 9, GREY)
        self.space(3)
        self._head(report.summary_heading, 30)
        self._draw_tiles(report.tiles)
        self._draw_sentences(report.summary)
        for section in report.sections:
            self._draw_section(section)
        if report.definitions:
            self._draw_definitions()
        self.number_pages(report.page)
        return bytes(pdf.output())

    def _head(self, heading: str, needed: float) -> None:
        """A heading that readers can jump to, never at the foot of a page."""
        self.space(4)
        self.make_room(needed + 12)
        self.pdf.start_section(self.letters.clean(heading), level=1)
        self.write(heading, 14, BLUE)
        self.rule()

    def _draw_section(self, section: Section) -> None:
        first = self._height_of(section.blocks[0]) if section.blocks else 0.0
        self._head(section.heading, min(first, 60.0) + self.line_height(10) * len(section.sentences))
        self._draw_sentences(section.sentences)
        for block in section.blocks:
            self._draw_block(block)

    def _draw_sentences(self, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            self.write(sentence, 10, INK)
            self.space(0.8)
        if sentences:
            self.space(1.5)

    # --- figures in large ---------------------------------------------------------------------------------------------

    def _draw_tiles(self, tiles: Sequence[Tile]) -> None:
        width = (self.room - _GAP * (_TILES_IN_A_ROW - 1)) / _TILES_IN_A_ROW
        for place in range(0, len(tiles), _TILES_IN_A_ROW):
            self.make_room(_TILE_HEIGHT + _GAP)
            top = self.pdf.y
            for column, tile in enumerate(tiles[place : place + _TILES_IN_A_ROW]):
                start = column * (width + _GAP)
                self._fill(start, top, width, _TILE_HEIGHT, _PALE)
                self._put(tile.label, 7.5, GREY, start + 2, width - 4, top + 1.5)
                self._put(tile.value, 15, BLUE, start + 2, width - 4, top + 6.2)
                self._put(tile.change, 8, INK, start + 2, width - 4, top + 14.6)
            self.pdf.y = top + _TILE_HEIGHT + _GAP
        self.space(1)

    # --- tables -------------------------------------------------------------------------------------------------------

    def _draw_block(self, block: Block) -> None:
        height = self._height_of(block)
        if height < self.end - MARGIN:
            self.make_room(height)
        if isinstance(block, Month):
            self._draw_month(block)
        elif isinstance(block, Bars):
            self._draw_bars(block)
        else:
            self._draw_lines(block)
        self.space(3)

    def _height_of(self, block: Block) -> float:
        if isinstance(block, Month):
            return _CHART_HEIGHT + 14 + _LINE * (len(_weeks(block)) + 1)
        rows = block.lines if isinstance(block, Bars) else block.rows
        return _LINE * (len(rows) + 1) + 4 + (5 if block.note else 0)

    def _draw_bars(self, block: Bars) -> None:
        """Each line: its label, both bars, its cells."""
        bars = self.room - _LABEL - _CELL * len(block.columns) - 4
        self._draw_headings(block.heading, block.columns, _LABEL - 3)
        self._draw_key(bars)
        for line in block.lines:
            self._begin_line()
            top = self.pdf.y
            self._put(line.label, 9, INK, 0, _LABEL - 3, top + 1)
            if line.length is not None:
                self._fill(_LABEL, top + 1.2, max(bars * line.length, 0.2), 2.6, BLUE)
            if line.before is not None:
                self._outline(_LABEL, top + 4.1, max(bars * line.before, 0.2), 1.5)
            self._put_cells(line.cells, top + 1)
            self._end_line(top)
        self._draw_note(block.note)

    def _draw_lines(self, block: Lines) -> None:
        self._draw_headings(block.heading, block.columns)
        for label, cells in block.rows:
            self._begin_line()
            top = self.pdf.y
            self._put(label, 9, INK, 0, self.room - _CELL * len(cells) - 3, top + 1)
            self._put_cells(cells, top + 1)
            self._end_line(top)
        self._draw_note(block.note)

    def _draw_key(self, room: float) -> None:
        """Which bar is which month, in the line of the headings, which was drawn just now."""
        below, top, half = self.pdf.y, self.pdf.y - _LINE, room / 2
        self._fill(_LABEL, top + 2.2, 2.4, 1.8, BLUE)
        self._put(self._report.now, 6.5, GREY, _LABEL + 3.4, half - 4, top + 1.6)
        self._outline(_LABEL + half, top + 2.2, 2.4, 1.8)
        self._put(self._report.before, 6.5, GREY, _LABEL + half + 3.4, half - 4, top + 1.6)
        self.pdf.y = below

    def _draw_headings(self, heading: str, columns: Sequence[str], room: float | None = None) -> None:
        """The line above a table; `room` is the width for its name, all that the columns leave if None."""
        self.make_room(_LINE * 2)
        top = self.pdf.y
        self._put(heading, 9.5, BLUE, 0, room or self.room - _CELL * len(columns) - 3, top + 0.8)
        self._put_cells(columns, top + 1, size=7.5, color=GREY)
        self._end_line(top, is_faint=False)

    def _draw_note(self, note: str) -> None:
        if note:
            self.write(note, 8, GREY)

    def _begin_line(self) -> None:
        self.make_room(_LINE)

    def _end_line(self, top: float, *, is_faint: bool = True) -> None:
        pdf = self.pdf
        pdf.y = top + _LINE
        pdf.set_draw_color(*(RULE if is_faint else GREY))
        pdf.set_line_width(0.1 if is_faint else 0.25)
        pdf.line(MARGIN, pdf.y, MARGIN + self.room, pdf.y)

    def _put_cells(self, cells: Sequence[str], top: float, *, size: float = 9, color: Color = INK) -> None:
        for place, cell in enumerate(cells):
            start = self.room - _CELL * (len(cells) - place)
            self._put(cell, size, color, start, _CELL, top, is_end=True)

    # --- a month day by day -------------------------------------------------------------------------------------------

    def _draw_month(self, month: Month) -> None:
        self.make_room(20)
        self._put(month.heading, 9.5, BLUE, 0, self.room, self.pdf.y)
        self.space(6)
        self._draw_legend()
        self._draw_columns(month)
        self._draw_calendar(month)

    def _draw_legend(self) -> None:
        top, report = self.pdf.y, self._report
        self._fill(0, top + 1, 4, 2.4, _COLUMN)
        self._put(report.now, 8, GREY, 6, 50, top)
        self._dot(60, top + 2.2)
        self._put(report.before, 8, GREY, 65, 50, top)
        self.space(5.5)

    def _draw_columns(self, month: Month) -> None:
        """A column for each day, with a line for the days of the month before."""
        pdf, top = self.pdf, self.pdf.y
        values = [value for value in (*(day.value for day in month.days), *month.before) if value is not None]
        most = max(values, default=0.0) or 1.0
        count = max(len(month.days), len(month.before), 28)
        step = self.room / count
        foot = top + _CHART_HEIGHT
        for place, day in enumerate(month.days):
            if day.value:
                height = _CHART_HEIGHT * day.value / most
                self._fill(place * step + step * 0.15, foot - height, step * 0.7, height, _COLUMN)
            if day.number == 1 or day.number % 5 == 0:
                self._put(str(day.number), 6.5, GREY, place * step - 2, step + 4, foot + 0.8, is_middle=True)
        points = [
            (self._x(place * step + step / 2, 0), foot - _CHART_HEIGHT * value / most)
            for place, value in enumerate(month.before)
            if value is not None
        ]
        pdf.set_draw_color(*INK)
        pdf.set_line_width(0.25)
        if len(points) > 1:
            pdf.polyline(points)
        for x, y in points:
            self._circle(x, y)
        pdf.set_draw_color(*GREY)
        pdf.line(MARGIN, foot, MARGIN + self.room, foot)
        pdf.y = foot + 6

    def _draw_calendar(self, month: Month) -> None:
        """The same as numbers, a week a line."""
        cell = self.room / 7
        top = self.pdf.y
        for place, name in enumerate(month.weekdays):
            self._put(name, 7.5, GREY, place * cell, cell - 2, top, is_end=True)
        self._end_line(top - 2, is_faint=False)
        for week in _weeks(month):
            self._begin_line()
            top = self.pdf.y
            for place, day in enumerate(week):
                if day is not None:
                    self._put(str(day.number), 6, GREY, place * cell + 2, 8, top + 1.8)
                    self._put(day.shown, 8.5, INK, place * cell + 6, cell - 8, top + 1, is_end=True)
            self._end_line(top)

    # --- definitions --------------------------------------------------------------------------------------------------

    def _draw_definitions(self) -> None:
        report = self._report
        self._head(report.definitions_heading, 20)
        for term, meaning in report.definitions:
            self.write(f"{term} : {meaning}" if report.language == "fr" else f"{term}: {meaning}", 8.5, INK)
            self.space(0.8)
        for note in report.notes:
            self.space(1)
            self.write(note, 8.5, GREY)

    # --- shapes -------------------------------------------------------------------------------------------------------

    def _x(self, start: float, width: float) -> float:
        """The left side of something that begins so far from where reading begins."""
        return MARGIN + (self.room - start - width if self.is_rtl else start)

    def _fill(self, start: float, top: float, width: float, height: float, color: Color) -> None:
        self.pdf.set_fill_color(*color)
        self.pdf.rect(self._x(start, width), top, width, height, style="F")

    def _outline(self, start: float, top: float, width: float, height: float) -> None:
        self.pdf.set_draw_color(*INK)
        self.pdf.set_line_width(0.2)
        self.pdf.rect(self._x(start, width), top, width, height, style="D")

    def _dot(self, start: float, y: float) -> None:
        self.pdf.set_draw_color(*INK)
        self.pdf.set_line_width(0.25)
        x = self._x(start, 0)
        self.pdf.line(x - 3, y, x + 3, y)
        self._circle(x, y)

    def _circle(self, x: float, y: float) -> None:
        self.pdf.set_fill_color(255, 255, 255)
        self.pdf.circle(x, y, 0.7, style="DF")

    def _put(
        self,
        text: str,
        size: float,
        color: Color,
        start: float,
        room: float,
        top: float,
        *,
        is_end: bool = False,
        is_middle: bool = False,
    ) -> None:
        """A text on one line: smaller where it is too wide, then cut; at the end of its room where it is a number."""
        line = self.letters.clean(text).replace("\n", " ")
        width = self.letters.measure(line, size)
        if width > room:
            size = max(size * room / width, size * 0.75)
            line = self._shorten(line, size, room)
            width = self.letters.measure(line, size)
        if is_middle:
            start, room = start + (room - width) / 2, width
        self.pdf.y = top
        ends_right = self.is_rtl != is_end
        self.put(Line(line, self.is_rtl), size, color, start, room, ends_right=ends_right)

    def _shorten(self, line: str, size: float, room: float) -> str:
        if self.letters.measure(line, size) <= room:
            return line
        while line and self.letters.measure(f"{line}…", size) > room:
            line = line[:-1]
        return f"{line.rstrip()}…"


def _weeks(month: Month) -> list[list[Day | None]]:
    """The days in weeks of seven; None where a week has no day of the month."""
    cells: list[Day | None] = [*[None] * month.first_weekday, *month.days]
    cells += [None] * (-len(cells) % 7)
    return [cells[place : place + 7] for place in range(0, len(cells), 7)]


def write_report(report: Report) -> bytes:
    """The report as a PDF file (A4)."""
    return _ReportPages(report).draw()
